"""Re-trains of a study that are trained side by side: those that training alone makes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from composed import compose

from engine.errors import Cancelled, TrainingError
from engine.pipeline import model_making
from engine.pipeline.pipeline import Pipeline
from engine.results import ModelResult
from engine.runtime.progress import Reporter
from engine.spec import RunSpec
from engine.training import checkpoints, ensemble
from engine.training.sgd import train_from_scratch

FOUR = {"methods": ("gd",), "retrains": 4}


class Listener(Reporter):
    """Collects points and passes; cancels after a number of steps of the Re-trains."""

    def __init__(self, cancel_after: int = 10**9) -> None:
        super().__init__()
        self.points: list[tuple[str, Any]] = []
        self.cancel_after, self.steps, self.expected = cancel_after, 0, 0.0

    def on_point(self, channel: str, data: Any) -> None:
        self.points.append((channel, data))

    def advance(self, units: float) -> None:
        if "Re-trains" in self.current_stage:
            self.steps += 1
            if self.steps > self.cancel_after:
                self.cancel()
        super().advance(units)

    def of(self, channel: str) -> list[Any]:
        return [data for name, data in self.points if name == channel]


def weights(pipeline: Pipeline, spec: RunSpec, name: str) -> torch.Tensor:
    model = pipeline.work.loaded(pipeline.plan(spec), name)
    return torch.cat([one.detach().flatten() for one in model.parameters()])


def alone(pipeline: Pipeline, spec: RunSpec, number: int) -> torch.Tensor:
    """The weights of a Re-train made by itself, outside of the store."""
    name, maker = f"retrain-{number}", pipeline.work.maker
    members, samples, retain = maker.companions(spec, {name: ensemble.Resume()}, Reporter())
    train = spec.train.of_retrain()
    train_from_scratch(
        members[0].model, samples, retain, train, seed=members[0].seed, report=Reporter()
    )
    return torch.cat([one.detach().flatten() for one in members[0].model.parameters()])


def count_calls(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The names of each group that is trained side by side from now on."""
    groups: list[list[str]] = []
    train = model_making.train_together

    def counting(members: Any, *rest: Any) -> Any:
        groups.append([one.name for one in members])
        return train(members, *rest)

    monkeypatch.setattr(model_making, "train_together", counting)
    return groups


def test_a_study_trains_its_re_trains_side_by_side(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups, heard = count_calls(monkeypatch), Listener()
    spec = compose(pipeline, **FOUR)
    pipeline.run(spec, heard)
    assert groups == [[f"retrain-{j}" for j in range(4)]]
    models: list[ModelResult] = heard.of("model")
    assert [one.name for one in models] == ["original", *groups[0], "gd"]
    for one in models[1:5]:
        told = [loss for name, _, loss in heard.of("loss") if name == one.name]
        assert tuple(told) == one.loss and len(told) == 6 and one.seconds > 0
    for j in range(4):
        assert torch.equal(weights(pipeline, spec, f"retrain-{j}"), alone(pipeline, spec, j))
    partial = pipeline.store.root / "partial"
    assert not partial.exists() or not any(partial.iterdir())


def test_re_trains_are_the_same_by_whatever_way_they_were_made(pipeline: Pipeline) -> None:
    spec = compose(pipeline, **FOUR)
    plan = pipeline.plan(spec)
    pipeline.work.model(plan, "original", Reporter())
    single = pipeline.work.model(plan, "retrain-2", Reporter())
    rest = pipeline.work.retrains(plan, Reporter())
    assert [one.name for one in rest] == ["retrain-0", "retrain-1", "retrain-3"]
    other = compose(pipeline, **{**FOUR, "seed": spec.seed})
    assert all(
        torch.equal(weights(pipeline, other, f"retrain-{j}"), alone(pipeline, spec, j))
        for j in range(4)
    )
    assert pipeline.work.retrains(plan, Reporter()) == []
    again = pipeline.work.model(plan, "retrain-2", Reporter())
    assert again.key == single.key and again.loss == single.loss


def test_a_cancelled_study_continues_to_the_same_re_trains(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, heard = compose(pipeline, **FOUR), Listener(cancel_after=4)
    with pytest.raises(Cancelled):
        pipeline.run(spec, heard)
    plan = pipeline.plan(spec)
    left = sorted(path.stem for path in (pipeline.store.root / "partial").glob("*.pt"))
    assert left == sorted(plan.models[f"retrain-{j}"] for j in range(4))
    state = checkpoints.read(pipeline.store.path("partial", left[0], ".pt"))
    assert 0 < state["epoch"] < 6
    heard = Listener()
    pipeline.run(spec, heard)
    for j in range(4):
        told = [epoch for name, epoch, _ in heard.of("loss") if name == f"retrain-{j}"]
        assert told == [1, 2, 3, 4, 5, 6]
        assert torch.equal(weights(pipeline, spec, f"retrain-{j}"), alone(pipeline, spec, j))
    assert not list((pipeline.store.root / "partial").glob("*.pt"))


def test_re_trains_interrupted_at_different_epochs_are_the_same_too(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = compose(pipeline, **FOUR)
    plan, groups = pipeline.plan(spec), count_calls(monkeypatch)
    pipeline.work.model(plan, "original", Reporter())

    class Stopping(Reporter):
        def on_point(self, channel: str, data: Any) -> None:
            if channel == "loss" and data[1] == 3:
                self.cancel()

    with pytest.raises(Cancelled):
        pipeline.work.model(plan, "retrain-1", Stopping())
    pipeline.work.retrains(plan, Reporter())
    assert groups == [["retrain-0", "retrain-2", "retrain-3"]]  # retrain-1 goes on alone
    pipeline.run(spec, Reporter())
    assert all(
        torch.equal(weights(pipeline, spec, f"retrain-{j}"), alone(pipeline, spec, j))
        for j in range(4)
    )


def test_where_arithmetic_differs_in_company_re_trains_are_made_one_by_one(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_making, "train_together", lambda *given: None)
    spec, heard = compose(pipeline, **FOUR), Listener()
    pipeline.run(spec, heard)
    assert [one.name for one in heard.of("model")][1:5] == [f"retrain-{j}" for j in range(4)]
    assert torch.equal(weights(pipeline, spec, "retrain-3"), alone(pipeline, spec, 3))


@pytest.mark.parametrize("training", [{"clip": 1.0}, {"precision": "bfloat16"}])
def test_settings_that_cannot_be_trained_side_by_side(
    training: dict[str, Any], pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = count_calls(monkeypatch)
    spec = compose(pipeline, **FOUR, training={"epochs": 2, **training})
    found = pipeline.run(spec, Reporter())
    assert not groups and "retrain" in found.metrics


def test_a_re_train_that_diverges_is_named(pipeline: Pipeline) -> None:
    spec = compose(pipeline, **FOUR, training={"epochs": 60, "lr": 100.0, "weight_decay": 10.0})
    plan = pipeline.plan(spec)
    with pytest.raises(TrainingError, match=r"retrain-\d"):
        pipeline.work.retrains(plan, Reporter())


def test_a_study_may_have_fifty(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    groups = count_calls(monkeypatch)
    spec = compose(pipeline, methods=("gd",), retrains=50, training={"epochs": 2}, draws=10)
    found = pipeline.run(spec, Reporter())
    assert [len(one) for one in groups] == [32, 18]
    assert {f"retrain-{j}" for j in range(50)} < set(found.residual.counts)
    assert torch.equal(weights(pipeline, spec, "retrain-49"), alone(pipeline, spec, 49))
