"""Networks trained side by side: the bits of training alone, whatever the company."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from engine.errors import Cancelled, OutOfMemory, TrainingError
from engine.models.base import Classifier, Dropout, build
from engine.runtime.device_samples import Samples
from engine.runtime.progress import Reporter
from engine.runtime.seeds import generator
from engine.spec import BFLOAT16, TrainSpec
from engine.training import ensemble
from engine.training.ensemble import Member, is_eligible, train_together
from engine.training.sgd import History, Resume, train_from_scratch
from engine.training.stack import Stack

N = 45
SPEC = TrainSpec(epochs=4, lr=0.1, batch=16)  # three steps of 15
UNEVEN = replace(SPEC, batch=20, epochs=3)
ADAMW = replace(SPEC, lr=0.01, optimizer="adamw", warmup=0.3, weight_decay=0.1)
PLAIN = replace(SPEC, momentum=0.0, weight_decay=0.0, schedule="constant")


pytestmark = pytest.mark.usefixtures("one_thread")


def data(classes: int = 5, side: int = 8) -> Samples:
    rng = np.random.default_rng(3)
    x = rng.integers(0, 256, (N, 1, side, side), dtype=np.uint8)
    return Samples.on(torch.device("cpu"), x, rng.integers(0, classes, N), classes)


def mlp(seed: int, classes: int = 5, name: str = "mlp") -> Classifier:
    return build(name, (1, 8, 8), classes, ([0.5], [0.25]), generator(seed))


def members(*seeds: int, **words: Any) -> list[Member]:
    return [Member(f"retrain-{seed}", mlp(seed, **words), 100 + seed) for seed in seeds]


def alone(seed: int, samples: Samples, spec: TrainSpec, **words: Any) -> tuple[Classifier, History]:
    model = mlp(seed, **words)
    rows = torch.arange(len(samples))
    return model, train_from_scratch(model, samples, rows, spec, seed=100 + seed, report=Reporter())


def together(group: list[Member], samples: Samples, spec: TrainSpec, **words: Any) -> list[History]:
    words.setdefault("report", Reporter())
    found = train_together(group, samples, torch.arange(len(samples)), spec, **words)
    if found is None and not batched_products_are_single_ones():
        pytest.skip("this processor multiplies otherwise in company")
    assert found is not None
    return found


def batched_products_are_single_ones() -> bool:
    """Whether this processor gives a batched product the bits of single ones."""
    a, b = (torch.randn(5, 15, 64, generator=generator(k)) for k in range(2))
    singles = torch.stack([x.clone() @ y.clone().T for x, y in zip(a, b, strict=True)])
    return torch.equal(torch.bmm(a, b.mT), singles)


def same(one: nn.Module, other: nn.Module) -> bool:
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


class Memory(Resume):
    """The last state, in memory."""

    def __init__(self) -> None:
        self.state: dict[str, Any] | None = None

    def load(self) -> dict[str, Any] | None:
        return self.state

    def keep(self, state: dict[str, Any]) -> None:
        self.state = state


def resuming(memories: Sequence[Resume]) -> list[Member]:
    """Fresh members 0, 1 ... that continue from these states."""
    return [Member(f"retrain-{j}", mlp(j), 100 + j, one) for j, one in enumerate(memories)]


class Interruption(Reporter):
    """Counts what is reported, and cancels after a number of steps."""

    def __init__(self, after: int = 10**9) -> None:
        super().__init__()
        self.after, self.steps, self.units, self.forgone = after, 0, 0.0, 0.0
        self.losses: list[Any] = []

    def advance(self, units: float) -> None:
        self.steps, self.units = self.steps + 1, self.units + units
        if self.steps >= self.after:
            self.cancel()
        super().advance(units)

    def forgo(self, units: float) -> None:
        self.forgone += units

    def on_point(self, channel: str, data: Any) -> None:
        self.losses.append(data)


# -- the same bits --------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", [SPEC, UNEVEN, ADAMW, PLAIN])
@pytest.mark.parametrize("words", [{}, {"name": "mlp:24,16"}, {"classes": 2}, {"classes": 30}])
def test_weights_and_losses_are_those_of_training_alone(
    spec: TrainSpec, words: dict[str, Any]
) -> None:
    samples, group = data(words.get("classes", 5)), members(0, 1, 2, **words)
    histories = together(group, samples, spec)
    for one, history in zip(group, histories, strict=True):
        model, own = alone(int(one.name[-1]), samples, spec, **words)
        assert same(one.model, model) and not one.model.training
        assert history.loss == own.loss and history.steps == own.steps


def test_company_changes_nothing() -> None:
    samples = data()
    large, small, single = members(0, 1, 2, 3, 4), members(3, 1), members(3)
    for group in (large, small, single):
        together(group, samples, SPEC)
    assert same(large[3].model, small[0].model) and same(small[0].model, single[0].model)
    assert same(large[1].model, small[1].model)
    assert not same(large[0].model, large[1].model)


def test_samples_too_many_to_keep_normalized_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    samples, kept, again = data(), members(0, 1), members(0, 1)
    together(kept, samples, SPEC)
    monkeypatch.setattr("engine.training.stack.KEPT", 10)
    together(again, samples, SPEC)
    assert all(same(a.model, b.model) for a, b in zip(kept, again, strict=True))


def test_arithmetic_that_differs_in_company_is_noticed_and_nothing_is_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bmm = torch.bmm

    def other_bits(a: torch.Tensor, b: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
        bmm(a, b, out=out)
        out[-1] *= 1 + 1e-6  # the last network's products alone
        return out

    monkeypatch.setattr(torch, "bmm", other_bits)
    samples, group, heard = data(), members(0, 1), Interruption()
    rows = torch.arange(N)
    assert train_together(group, samples, rows, SPEC, heard) is None
    assert all(same(one.model, mlp(int(one.name[-1]))) for one in group)
    assert heard.units == heard.forgone == 0 and not heard.losses


def test_softmax_by_columns_is_used_only_where_it_has_the_same_bits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    samples, models = data(), [mlp(0), mlp(1)]
    rows = torch.stack([torch.arange(15), torch.arange(20, 35)])
    found = []
    for faulty in (False, True):
        if faulty:
            monkeypatch.setattr(
                "engine.training.stack._by_columns",
                lambda logits, y: (torch.zeros(2), torch.zeros_like(logits)),
            )
        stack = Stack(models, samples)
        assert stack.agrees([rows])
        found.append(stack.differentiate(rows))
    assert torch.equal(*found)


# -- progress, interruption and errors ------------------------------------------------------------


def test_every_pass_and_every_loss_is_reported() -> None:
    heard = Interruption()
    histories = together(members(0, 1), data(), SPEC, report=heard)
    assert heard.steps == 4 * 3 and heard.units == 3 * 4 * 2 * N
    names = [(name, epoch) for name, epoch, _ in heard.losses]
    assert names == [(f"retrain-{j}", epoch) for epoch in (1, 2, 3, 4) for j in (0, 1)]
    assert [loss for name, _, loss in heard.losses if name == "retrain-1"] == histories[1].loss


@pytest.mark.parametrize("spec", [SPEC, ADAMW])
@pytest.mark.parametrize("company", [True, False])
def test_a_cancelled_run_continues_to_the_same_weights_in_company_or_alone(
    spec: TrainSpec, company: bool
) -> None:
    samples, memories = data(), [Memory(), Memory()]
    broken = resuming(memories)
    with pytest.raises(Cancelled):
        together(broken, samples, spec, report=Interruption(after=8))
    assert [one.state and one.state["epoch"] for one in memories] == [2, 2]
    again = resuming(memories)
    if company:
        heard = Interruption()
        histories = together(again, samples, spec, report=heard)
        assert heard.units + heard.forgone == 3 * 4 * 2 * N
    else:
        histories = [
            train_from_scratch(
                one.model, samples, torch.arange(N), spec, seed=one.seed, report=Reporter(),
                resume=one.resume,
            )
            for one in again
        ]  # fmt: skip
    for one, history in zip(again, histories, strict=True):
        model, own = alone(int(one.name[-1]), samples, spec)
        assert same(one.model, model) and history.loss == own.loss and history.steps == own.steps


def test_a_run_interrupted_alone_continues_in_company() -> None:
    samples, memories = data(), [Memory(), Memory()]
    for j, memory in enumerate(memories):
        with pytest.raises(Cancelled):
            train_from_scratch(
                mlp(j), samples, torch.arange(N), SPEC, seed=100 + j,
                report=Interruption(after=5), resume=memory,
            )  # fmt: skip
    group = resuming(memories)
    together(group, samples, SPEC)
    assert all(same(one.model, alone(j, samples, SPEC)[0]) for j, one in enumerate(group))


def test_finished_epochs_are_kept_from_time_to_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ensemble, "KEEP_EVERY", -1.0)
    kept: list[int] = []

    class Counting(Resume):
        def keep(self, state: dict[str, Any]) -> None:
            kept.append(state["epoch"])

    group = resuming([Counting(), Counting()])
    together(group, data(), SPEC)
    assert kept == [1, 1, 2, 2, 3, 3, 4, 4]
    assert same(group[0].model, alone(0, data(), SPEC)[0])  # and training is not disturbed


def test_the_error_names_the_network_whose_loss_is_not_finite() -> None:
    group = members(0, 1, 2)
    with torch.no_grad():
        group[1].model.head.weight.fill_(1e30)
    with pytest.raises(TrainingError, match=r"of retrain-1 became (nan|inf) in epoch 1, step 2"):
        together(group, data(), SPEC)


def test_too_little_memory_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    group, samples = members(0, 1), data()
    course = ensemble._Course(group, samples, torch.arange(N), SPEC, Reporter())

    def full(rows: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 4 bytes")

    monkeypatch.setattr(course._stack, "differentiate", full)
    with pytest.raises(OutOfMemory, match="15 samples for each of 2 networks"):
        course.run()


# -- which networks -------------------------------------------------------------------------------


def test_chains_of_linear_layers_and_rectifiers_are_eligible() -> None:
    samples = data()
    for name in ("mlp", "mlp:8", "mlp:9,8,7"):
        assert is_eligible(mlp(0, name=name), samples, SPEC)
    for spec in (
        replace(SPEC, precision=BFLOAT16), replace(SPEC, augment="crop-flip"),
        replace(SPEC, clip=1.0),
    ):  # fmt: skip
        assert not is_eligible(mlp(0), samples, spec)


@pytest.mark.parametrize(
    "layers",
    [
        [nn.Flatten(), nn.Linear(64, 9), Dropout(0.5), nn.Linear(9, 5)],
        [nn.Flatten(), nn.Linear(64, 9), nn.Linear(9, 5)],
        [nn.Flatten(), nn.Linear(64, 9, bias=False), nn.ReLU(), nn.Linear(9, 5)],
        [nn.Flatten(), nn.Linear(64, 9), nn.ReLU(), nn.Linear(9, 5), nn.ReLU()],
        [nn.Flatten(), nn.Linear(64, 9), nn.LeakyReLU(), nn.Linear(9, 5)],
    ],
)
def test_other_layers_are_not(layers: list[nn.Module]) -> None:
    net = nn.Sequential(*layers)
    model = Classifier(net, str(len(layers) - 1), [0.5], [0.25], image=True)
    assert not is_eligible(model, data(), SPEC)


def test_convolutions_hooks_and_frozen_layers_are_not() -> None:
    samples = data()
    assert not is_eligible(build("cnn", (1, 8, 8), 5, ([0.5], [0.25]), generator(1)), samples, SPEC)
    hooked, frozen, double = mlp(0), mlp(0), mlp(0).double()
    hooked.head.register_forward_hook(lambda part, given, out: out + 1)
    frozen.head.bias.requires_grad_(False)
    assert not any(is_eligible(one, samples, SPEC) for one in (hooked, frozen, double))
