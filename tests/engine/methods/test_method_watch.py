"""Watching any method leaves its weights unchanged, bit for bit."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from method_problem import BATCH, CLASSES, PER_CLASS, TRAIN, original, problem, quick, run, weights

from engine import registry
from engine.errors import Cancelled
from engine.methods.base import Problem
from engine.pipeline.epoch_probe import EpochWatch, Views, WatchProbe
from engine.residual.predictions import predict_copies
from engine.runtime.progress import Reporter
from engine.spec import ProbeSpec
from engine.training.sgd import Resume

METHODS = registry.names("method")
MANY = [i for i in range(CLASSES * PER_CLASS) if i % PER_CLASS < 5]
PROBE = ProbeSpec("gaussian", (0.0, 0.1, 0.3), 10, 131)


class Memory(Resume):
    """Stores the last epoch in memory, as checkpoints do on disk."""

    def __init__(self) -> None:
        self.state: dict[str, Any] | None = None

    def load(self) -> dict[str, Any] | None:
        return copy.deepcopy(self.state)

    def keep(self, state: dict[str, Any]) -> None:
        self.state = state


def sight(task: Problem) -> WatchProbe:
    rows = task.forget.tolist()[:6]
    return WatchProbe(
        task.samples, task.samples, rows, PROBE, task.retain, task.forget, task.retain, "mark"
    )


def watched(task: Problem, kept: Resume, planned: int, heard: list[Views]) -> EpochWatch:
    return EpochWatch(sight(task), task.original, planned, kept, task.report, heard.append)


def planned(method: str) -> int:
    return int(getattr(quick(method), "epochs", 0))


@pytest.mark.parametrize("model", ["cnn", "mlp"])
@pytest.mark.parametrize("method", METHODS)
def test_watching_does_not_change_a_single_bit(method: str, model: str) -> None:
    expected = run(method, problem(model, MANY))
    before = copy.deepcopy(original(model).state_dict())
    task, heard = problem(model, MANY), []  # type: tuple[Problem, list[Views]]
    watch = watched(task, Memory(), planned(method), heard)
    watch.begin()
    made = run(method, replace(task, resume=watch))
    watch.end(made)
    assert torch.equal(weights(made), weights(expected))
    assert not made.training
    after = original(model).state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert len(watch.views) >= 2


def test_looking_draws_no_global_random_number() -> None:
    task = problem("cnn", MANY)
    state = torch.get_rng_state()
    sight(task).look(task.original, 0, task.report)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("method", METHODS)
def test_the_views_are_of_the_original_each_epoch_and_the_finished_model(method: str) -> None:
    task, heard = problem("cnn", MANY), []  # type: tuple[Problem, list[Views]]
    watch = watched(task, Memory(), planned(method), heard)
    watch.begin()
    made = run(method, replace(task, resume=watch))
    watch.end(made)
    last = TRAIN.epochs if method == "retrain" else max(1, planned(method))
    assert [view.epoch for view in watch.views] == list(range(last + 1))
    assert [len(views) for views in heard] == list(range(1, last + 2))
    assert np.array_equal(watch.views[0].predictions, said(task, task.original))
    assert np.array_equal(watch.views[-1].predictions, said(task, made))


def said(task: Problem, model: torch.nn.Module) -> np.ndarray:
    """The predictions of the final curve's own function on the same copies."""
    rows = task.forget[:6]
    samples = task.samples
    return predict_copies(
        {"it": model}, samples.pixels(rows), samples.y[rows], rows.tolist(), PROBE, range(1),
        CLASSES, Reporter(),
    )["it"]  # fmt: skip


@pytest.mark.parametrize("moment", ["after", "during"])
@pytest.mark.parametrize("method", ["gd", "rurk", "scrub"])
def test_a_resumed_run_keeps_what_was_seen_and_ends_in_the_same_weights(
    method: str, moment: str
) -> None:
    whole, heard = problem("cnn", MANY), []  # type: tuple[Problem, list[Views]]
    straight = watched(whole, Memory(), 2, heard)
    straight.begin()
    expected = run(method, replace(whole, resume=straight))
    straight.end(expected)

    memory = Memory()
    _interrupt(method, memory, moment)
    task = problem("cnn", MANY)
    watch = watched(task, memory, 2, [])
    watch.begin()
    made = run(method, replace(task, resume=watch))
    watch.end(made)
    assert torch.equal(weights(made), weights(expected))
    assert [view.epoch for view in watch.views] == [0, 1, 2]
    for one, other in zip(watch.views, straight.views, strict=True):
        assert np.array_equal(one.predictions, other.predictions)
        assert one.accuracy == other.accuracy


def _interrupt(method: str, memory: Memory, moment: str) -> None:
    """Run until the first epoch is stored: cancelled before it is probed, or after."""
    task = problem("cnn", MANY)
    watch = watched(task, memory, 2, [])
    keep = memory.keep
    wanted = 1 if moment == "during" else 2

    def stop(state: dict[str, Any]) -> None:
        nonlocal wanted
        keep(state)
        wanted -= 1
        if wanted == 0:
            task.report.cancel()

    memory.keep = stop  # type: ignore[method-assign]
    watch.begin()
    with pytest.raises(Cancelled):
        run(method, replace(task, resume=watch))
    memory.keep = keep  # type: ignore[method-assign]
    assert memory.state is not None
    assert len(memory.state["watched"]["epochs"]) == (1 if moment == "during" else 2)


def test_what_was_seen_of_other_copies_is_not_taken_up() -> None:
    memory = Memory()
    _interrupt("gd", memory, "after")
    assert memory.state is not None
    memory.state["watched"]["mark"] = "of another grid of tau"
    task = problem("cnn", MANY)
    watch = watched(task, memory, 2, [])
    watch.begin()
    made = run("gd", replace(task, resume=watch))
    watch.end(made)
    assert [view.epoch for view in watch.views] == [0, 1, 2]


def test_cancelling_while_looking_takes_effect_within_one_batch() -> None:
    task = problem("cnn", MANY)
    watch = watched(task, Memory(), 2, [])
    task.report.cancel()
    with pytest.raises(Cancelled):
        watch.begin()
    looks: list[int] = task.samples.looks  # type: ignore[attr-defined]
    assert sum(looks) <= 6 + 2 * BATCH
