"""Re-learning on retain data, test data and a few forget samples, against plain SGD."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from engine.__main__ import main
from engine.metrics import Case
from engine.metrics.relearn_few import RelearnFew, relearn_few, shared_out
from engine.metrics.relearn_retain import RelearnRetain, relearn_retain
from engine.metrics.relearn_test import RelearnTest, relearn_test
from engine.pipeline import relearning
from engine.pipeline.pipeline import Pipeline
from engine.runtime.progress import Reporter
from engine.spec import DataSpec, RunSpec
from engine.training import relearn

GRID = ("relearn-retain", "relearn-test", "relearn-few")


@pytest.fixture
def studied(pipeline: Pipeline) -> tuple[Pipeline, RunSpec]:
    iris = pipeline.dataset(DataSpec("iris"), Reporter())
    spec = pipeline.compose(
        iris, methods=("gd",), training={"epochs": 6}, draws=10, retrains=1, forget="random:12",
        taus="0,0.1",
    )  # fmt: skip
    pipeline.run(spec, Reporter())
    return pipeline, spec


def plain(
    pipeline: Pipeline, spec: RunSpec, x: Any, y: Any, judged: list[int], lr: float
) -> list[float]:
    """Losses on the judged samples before and after each of two full-batch epochs of plain SGD."""
    dataset = pipeline.dataset(spec.data, Reporter())
    model: nn.Module = pipeline.work.loaded(pipeline.plan(spec), "gd")
    net = copy.deepcopy(model).double()
    for parameter in net.parameters():
        parameter.requires_grad_(True)
    own, own_y = (
        torch.from_numpy(dataset.train_x[judged]),
        torch.from_numpy(dataset.train_y[judged]),
    )
    steps, found = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9), []
    for _ in range(3):
        found.append(float(cross_entropy(net(own.double()), own_y).detach()))
        steps.zero_grad()
        cross_entropy(net(torch.from_numpy(x).double()), torch.from_numpy(y)).backward()
        steps.step()
    return found


@pytest.mark.parametrize("config", [RelearnRetain, RelearnTest, RelearnFew])
def test_an_epoch_has_the_samples_it_says_and_no_other(
    studied: tuple[Pipeline, RunSpec], config: Any
) -> None:
    pipeline, spec = studied
    dataset, forget = pipeline.dataset(spec.data, Reporter()), np.array(spec.forget)
    settings = replace(config(), batch=1000, lr=0.05)
    judged = forget
    if config is RelearnTest:
        x, y = dataset.test_x, dataset.test_y
    else:
        rows = np.setdiff1d(np.arange(len(dataset.train_y)), forget)
        if config is RelearnFew:
            settings = replace(settings, samples=5)
            rows, judged = shared_out(forget, 5, spec.seed)
        x, y = dataset.train_x[rows], dataset.train_y[rows]
    losses = relearning.losses(pipeline.work, pipeline.plan(spec), "gd", settings, Reporter())
    found = [next(losses) for _ in range(3)]
    assert found == pytest.approx(plain(pipeline, spec, x, y, judged.tolist(), 0.05), rel=1e-4)


def test_the_few_are_drawn_by_the_seed_and_the_others_judged() -> None:
    forget = np.array([9, 2, 5, 7])
    few, others = shared_out(forget, 1, 3)
    assert (len(few), len(others)) == (1, 3) and set(few) | set(others) == set(forget)
    assert shared_out(forget[::-1], 1, 3)[0].tolist() == few.tolist()
    assert len({shared_out(forget, 1, seed)[0].item() for seed in range(20)}) > 1


def case_of(forget: int, losses: tuple[float, ...] = ()) -> Case:
    logits, y = np.zeros((4, 2)), np.zeros(4, np.int64)
    none = y[:0]
    return Case(
        logits, logits[:0], y, none, np.arange(forget), 1.0, 1, logits,
        relearn=lambda config: iter(losses),
    )  # fmt: skip


def test_where_nothing_is_left_to_learn_from_or_to_judge_by_it_is_undefined() -> None:
    assert math.isnan(relearn_few(case_of(3), RelearnFew(samples=3)))
    assert math.isnan(relearn_retain(case_of(4), RelearnRetain()))
    assert math.isnan(relearn_test(case_of(2), RelearnTest()))


def test_the_goal_is_the_originals_loss_on_the_judged_samples() -> None:
    logits = np.zeros((4, 2))
    few, _ = shared_out(np.arange(3), 1, 1)
    logits[few] = [50.0, 0.0]  # the Original knows what is shown again, which must not matter
    case = replace(
        case_of(3, (1.0, 1.06 * math.log(2), 1.04 * math.log(2))), original_logits=logits
    )
    assert relearn_few(case, RelearnFew(samples=1)) == 2
    assert relearn_retain(case, RelearnRetain()) == 31  # a third of its goal is out of reach


@pytest.mark.parametrize(
    ("config", "size"),
    [
        (RelearnRetain(), 90), (RelearnTest(), 40), (RelearnFew(samples=4), 4),
        (RelearnFew(samples=10), 0),
    ],
)  # fmt: skip
def test_the_cost_is_that_of_the_samples_of_an_epoch(config: Any, size: int) -> None:
    unit = relearn.cost(RelearnTest(), 0, 0, 1)
    assert relearn.cost(config, 100, 10, 40) == unit * size


# -- the command line ------------------------------------------------------------------------------
def test_the_grid_is_requested_by_name_and_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, store = tmp_path / "out.json", str(tmp_path / "store")
    arguments = [
        "run", "--dataset", "digits", "--model", "mlp", "--methods", "gd", "--retrains", "2",
        "--forget", "random:20", "--draws", "10", "--taus", "0,0.1", "--set", "train.epochs=2",
        "--set", "relearn-few.samples=5", "--json", str(out), "--store", store,
        "--measures", ",".join((*GRID, "linear-probe", "klom")),
    ]  # fmt: skip
    assert main(arguments) == 0
    rows = json.loads(out.read_text())["metrics"]
    assert rows.keys() == {"original", "retrain", "gd"}
    for row in rows.values():
        for name in GRID:
            assert 0 <= row[name.replace("-", "_")] <= 31
        assert 0 <= row["linear_probe"] <= 100
        assert row["klom"] is None  # no study of another seed
    assert rows["original"]["relearn_retain"] <= 1

    def refuse(*_: Any) -> Iterator[float]:
        raise AssertionError("re-learned again")

    monkeypatch.setattr(relearn, "losses", refuse)
    assert main(["--draws" if one == "--draws" else one for one in arguments]) == 0
    shown = capsys.readouterr().out
    assert "re-learn (few) epochs" in shown and "linear probe %" in shown
    with_more = [*arguments, "--set", "relearn-few.data=retain"]
    assert main(with_more) == 2
    assert "relearn-few.data" in capsys.readouterr().err
