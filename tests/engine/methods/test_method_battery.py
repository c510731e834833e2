"""Properties that every registered method must have."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from method_problem import BATCH, CLASSES, PER_CLASS, images, original, problem, quick, run, weights

from engine import registry
from engine.errors import Cancelled
from engine.runtime.device_samples import Samples
from engine.runtime.progress import Reporter
from engine.training.sgd import Resume

METHODS = registry.names("method")
MODELS = ["cnn", "mlp", "resnet20", "vit-tiny"]
SOME = [0, 1, 2, 3, 4]
CLASS_0 = list(range(PER_CLASS))
MANY = [i for i in range(CLASSES * PER_CLASS) if i % PER_CLASS < 5]  # 20: more than two batches


class Memory(Resume):
    """Stores the last epoch in memory, as checkpoints do on disk."""

    def __init__(self) -> None:
        self.state: dict[str, Any] | None = None
        self.kept = 0

    def load(self) -> dict[str, Any] | None:
        return copy.deepcopy(self.state)

    def keep(self, state: dict[str, Any]) -> None:
        self.state = state
        self.kept += 1


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_every_method_has_a_settings_class_a_cost_and_a_source(method: str) -> None:
    entry = registry.get("method", method)
    assert entry.config is not None
    assert entry.label
    assert "Cost" in entry.help
    assert entry.facts["source"]
    assert entry.facts["cost"](quick(method), 40, 8, problem("mlp", SOME).train) > 0


def test_the_same_seed_gives_the_same_weights_and_leaves_the_original_alone(
    method: str, model: str
) -> None:
    before = copy.deepcopy(original(model).state_dict())
    torch.manual_seed(1)
    first = weights(run(method, problem(model, SOME)))
    torch.manual_seed(2)  # global random state must not matter
    second = weights(run(method, problem(model, SOME)))
    assert torch.equal(first, second)
    assert torch.isfinite(first).all()
    after = original(model).state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(weight.requires_grad for weight in original(model).parameters())


def test_another_seed_gives_other_weights_where_the_method_is_random(
    method: str, model: str
) -> None:
    entry = registry.get("method", method)
    first, second = (weights(run(method, problem(model, MANY, seed=s))) for s in (131, 42))
    assert torch.equal(first, second) == bool(entry.facts.get("deterministic"))


def test_samples_that_are_neither_retained_nor_forgotten_change_nothing(method: str) -> None:
    first, second = problem("mlp", MANY), problem("mlp", MANY)
    held = second.retain[::4]
    x, y = first.samples.x.clone(), first.samples.y.clone()
    x[held], y[held] = 255 - x[held], (y[held] + 1) % CLASSES
    second = replace(second, samples=Samples(x, y, CLASSES))
    assert not torch.equal(first.samples.x, x)
    learned = first.retain[~torch.isin(first.retain, held)]
    made = [weights(run(method, replace(one, retain=learned))) for one in (first, second)]
    assert torch.equal(*made)


@pytest.mark.parametrize("forget", [SOME, CLASS_0, [7], MANY], ids=["some", "class", "one", "many"])
def test_any_forget_set_gives_a_usable_model(method: str, model: str, forget: list[int]) -> None:
    task = problem(model, forget)
    made = run(method, task)
    assert not made.training
    assert all(weight.requires_grad for weight in made.parameters())
    x = task.samples.pixels()
    logits = made(x)
    assert logits.shape == (len(x), CLASSES)
    assert torch.isfinite(logits).all()
    assert len(made.features(x)) == len(x)


def test_the_weights_alone_rebuild_the_model(method: str, model: str) -> None:
    task = problem(model, SOME)
    made = run(method, task)
    rebuilt = task.fresh("rebuilt")
    adapt = registry.get("method", method).facts.get("adapt")
    if adapt:
        adapt(rebuilt, quick(method))
    rebuilt.load_state_dict(made.state_dict())
    x = task.samples.pixels()
    assert torch.equal(rebuilt(x), made(x))
    assert torch.equal(rebuilt.features(x), made.features(x))


@pytest.mark.parametrize("look", [1, 2, 5])
def test_cancel_takes_effect_within_one_batch(method: str, model: str, look: int) -> None:
    task = problem(model, MANY, cancel_at=look)
    looks: list[int] = task.samples.looks  # type: ignore[attr-defined]
    try:
        run(method, task)
    except Cancelled:
        assert sum(looks[look:]) <= 2 * BATCH  # a step accesses no more after its first samples
    else:
        assert len(looks) < look, "the method went on after it was told to stop"


def test_progress_adds_up_to_the_announced_cost(method: str) -> None:
    task = problem("mlp", MANY)
    done: list[float] = []
    task.report.on_progress = lambda progress: done.append(progress.fraction)  # type: ignore[method-assign]
    cost = registry.get("method", method).facts["cost"]
    task.report.expect(cost(quick(method), len(task.retain), len(task.forget), task.train))
    run(method, task)
    task.report.stage("done")
    assert done[-1] == pytest.approx(1, abs=0.02)


def test_an_interrupted_run_continues_to_the_same_weights(method: str) -> None:
    whole = Memory()
    expected = weights(run(method, problem("cnn", MANY, resume=whole)))
    if whole.kept < 2:
        pytest.skip("done in less than two epochs: there is nothing to continue")
    memory = Memory()
    task = problem("cnn", MANY, resume=memory)
    first = memory.keep

    def stop_after_first_epoch(state: dict[str, Any]) -> None:
        first(state)
        task.report.cancel()

    memory.keep = stop_after_first_epoch  # type: ignore[method-assign]
    with pytest.raises(Cancelled):
        run(method, task)
    again = Memory()
    again.state = memory.state
    assert torch.equal(weights(run(method, problem("cnn", MANY, resume=again))), expected)


def test_the_task_has_four_classes_of_equal_size() -> None:
    assert images()[1].tolist() == [c for c in range(CLASSES) for _ in range(PER_CLASS)]
    assert isinstance(problem("mlp", SOME).report, Reporter)
