"""Watching a study's methods: what is kept of each epoch, and that nothing else changes."""

from __future__ import annotations

import copy
import csv
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from needs import needs

from engine.__main__ import main
from engine.analysis.epoch_series import Epochs
from engine.errors import Cancelled, SpecError
from engine.figures import catalog
from engine.pipeline import epoch_probe, epoch_recorder
from engine.pipeline.epoch_probe import WatchProbe
from engine.pipeline.pipeline import Pipeline
from engine.residual import copy_counts, ratio
from engine.runtime.progress import Reporter
from engine.spec import DataSpec, RunSpec
from engine.storage.store import Store
from engine.study import compose as study
from engine.study import viewpoint
from engine.study.viewpoint import MOST_LOOKS, evaluated_epochs, evaluation_count
from engine.training import checkpoints

EPOCHS = 4


class Listener(Reporter):
    """Collects what is reported; `act` is called with every point."""

    def __init__(self, act: Callable[[Listener, Any], None] | None = None) -> None:
        super().__init__()
        self.seen: list[Epochs] = []
        self.logs: list[str] = []
        self.fraction = 0.0
        self._act = act

    def on_point(self, channel: str, data: Any) -> None:
        if channel == "epochs":
            self.seen.append(data)
            if self._act:
                self._act(self, data)

    def on_log(self, message: str) -> None:
        self.logs.append(message)

    def on_progress(self, progress: Any) -> None:
        self.fraction = progress.fraction

    def share_done(self) -> float:
        self.stage("done")
        return self.fraction


def compose(pipeline: Pipeline, **words: Any) -> RunSpec:
    iris = pipeline.dataset(DataSpec("iris"), Reporter())
    words = {
        "methods": ("gd", "ssd"),
        "settings": {"gd": {"epochs": EPOCHS}},
        "training": {"epochs": 6},
        "draws": 30,
        "retrains": 2,
    } | words
    return pipeline.compose(iris, **words)


def digest(pipeline: Pipeline, spec: RunSpec, name: str) -> str:
    return checkpoints.digest(pipeline.work.loaded(pipeline.plan(spec), name).state_dict())


def files(store: Store, kind: str) -> set[str]:
    return {path.name for path in (store.root / kind).glob("*")}


def test_every_epoch_is_told_and_the_last_is_the_finished_model(pipeline: Pipeline) -> None:
    heard, spec = Listener(), compose(pipeline)
    found = pipeline.run(spec, heard, watch=True)
    gd = [one for one in heard.seen if one.model == "gd"]
    assert [len(one.views) for one in gd] == [*range(1, EPOCHS + 2), EPOCHS + 1]
    assert [one.finished for one in gd] == [False] * (EPOCHS + 1) + [True]
    assert gd[-1].epochs.tolist() == list(range(EPOCHS + 1))
    for model, last in {one.model: one for one in heard.seen}.items():
        whole = found.residual.predictions
        assert np.array_equal(last.views[-1].predictions, whole[model][:, :, :10])
        assert np.array_equal(last.views[0].predictions, whole["original"][:, :, :10])
        assert np.array_equal(last.references["retrain-1"], whole["retrain-1"][:, :, :10])
    one_shot = next(one for one in reversed(heard.seen) if one.model == "ssd")
    assert one_shot.epochs.tolist() == [0, 1]
    assert heard.share_done() == pytest.approx(1, abs=0.05)


def test_the_curve_and_the_band_are_those_of_the_first_ten_copies(pipeline: Pipeline) -> None:
    heard, spec = Listener(), compose(pipeline, forget="class:1:0.3")
    found = pipeline.run(spec, heard, watch=True)
    last = heard.seen[-1]
    labels = pipeline.dataset(spec.data, Reporter()).train_y[found.forget]
    counts = {
        name: copy_counts.correct_counts(said[:, :, :10], labels, 10)
        for name, said in found.residual.predictions.items()
    }
    a = np.stack([counts["retrain-0"], counts["retrain-1"]])
    weights = ratio.resampling_weights(len(labels), spec.probe.seed)
    expected = ratio.curve(counts["ssd"], a, weights)
    assert np.allclose(last.curve(-1), expected.mean, equal_nan=True)
    assert np.array_equal(last.undefined(), expected.undefined)
    low, high = ratio.null_band(counts, ["retrain-0", "retrain-1"], weights)
    assert np.array_equal(last.null_low, low, equal_nan=True)
    assert np.array_equal(last.null_high, high, equal_nan=True)
    stored = found.metrics["ssd"]
    assert last.views[-1].accuracy == pytest.approx({k: stored[k] for k in epoch_probe.ACCURACIES})


def test_watching_changes_neither_results_nor_their_keys(tmp_path: Path) -> None:
    plain, seen = (Pipeline(Store(tmp_path / name)) for name in ("plain", "seen"))
    spec = compose(plain)
    first, second = plain.run(spec, Reporter()), seen.run(spec, Reporter(), watch=True)
    for name in study.model_keys(spec):
        assert digest(plain, spec, name) == digest(seen, spec, name)
        assert np.array_equal(first.residual.counts[name], second.residual.counts[name])
    assert first.metrics["gd"].keys() == second.metrics["gd"].keys()
    for kind in ("models", "checkpoints", "counts", "studies"):
        assert files(plain.store, kind) == files(seen.store, kind)
    assert files(plain.store, "epochs") == set()
    assert len(files(seen.store, "epochs")) == 2


def test_the_time_of_looking_is_not_the_methods(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, clock, hour = WatchProbe.look, time.monotonic, 3600.0
    looked: list[float] = []

    def slow(self: WatchProbe, *words: Any) -> Any:
        looked.append(hour)
        return look(self, *words)

    monkeypatch.setattr(time, "monotonic", lambda: clock() + sum(looked))
    monkeypatch.setattr(WatchProbe, "look", slow)
    monkeypatch.setattr(epoch_probe, "FREE_SECONDS", 100 * hour)  # no look is left out
    heard, spec = Listener(), compose(pipeline, methods=("gd",))
    found = pipeline.run(spec, heard, watch=True)
    assert found.metrics["gd"]["seconds"] < hour
    assert heard.seen[-1].seconds >= hour * (EPOCHS + 1)
    assert heard.seen[-1].overhead() > 1


def test_stored_epochs_are_replayed_without_looking_again(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard, spec = Listener(), compose(pipeline)
    pipeline.run(spec, heard, watch=True)
    kept = next(one for one in reversed(heard.seen) if one.model == "gd")
    monkeypatch.setattr(WatchProbe, "look", None)
    again = pipeline.epochs(spec, "gd", Reporter())
    assert again.epochs.tolist() == kept.epochs.tolist()
    for one, other in zip(again.views, kept.views, strict=True):
        assert np.array_equal(one.predictions, other.predictions)
        assert one.accuracy == pytest.approx(other.accuracy)
    assert np.array_equal(again.curve(2), kept.curve(2), equal_nan=True)
    assert (again.finished, again.exact, again.planned) == (True, True, EPOCHS)
    assert again.overhead() == pytest.approx(kept.overhead())


def test_an_unwatched_method_is_watched_again_and_ends_in_the_same_weights(
    pipeline: Pipeline,
) -> None:
    spec = compose(pipeline)
    pipeline.run(spec, Reporter())
    with pytest.raises(SpecError, match=r"GD was not watched .* Record epochs"):
        pipeline.epochs(spec, "gd", Reporter())
    before = files(pipeline.store, "checkpoints"), digest(pipeline, spec, "gd")
    heard = Listener()
    found = pipeline.watch_again(spec, "gd", heard)
    assert found.exact
    assert found.epochs.tolist() == list(range(EPOCHS + 1))
    assert [len(one.views) for one in heard.seen][:2] == [1, 2]
    assert heard.share_done() == pytest.approx(1, abs=0.05)
    assert (files(pipeline.store, "checkpoints"), digest(pipeline, spec, "gd")) == before
    assert not files(pipeline.store, "partial")
    assert len(pipeline.epochs(spec, "gd", Reporter()).views) == EPOCHS + 1


def test_a_rerun_that_ends_elsewhere_says_so(pipeline: Pipeline) -> None:
    spec = compose(pipeline)
    pipeline.run(spec, Reporter())
    other = copy.deepcopy(pipeline.work.loaded(pipeline.plan(spec), "gd"))
    with torch.no_grad():
        next(other.parameters()).add_(1e-6)
    path = pipeline.store.path("checkpoints", study.model_keys(spec)["gd"], ".pt")
    checkpoints.save(path, other, {}, pipeline.store.replacing)
    fresh, heard = Pipeline(pipeline.store), Listener()
    assert not fresh.watch_again(spec, "gd", heard).exact
    assert any("other weights" in line for line in heard.logs)
    assert not fresh.epochs(spec, "gd", Reporter()).exact


@pytest.mark.parametrize("name", ["original", "retrain-0", "rurk"])
def test_only_methods_of_the_study_are_watched(pipeline: Pipeline, name: str) -> None:
    with pytest.raises(SpecError, match=f"this study has no method '{name}'. It has: gd, ssd"):
        pipeline.epochs(compose(pipeline), name, Reporter())


def test_an_interrupted_run_keeps_the_epochs_seen_before(tmp_path: Path) -> None:
    def stop(heard: Listener, seen: Epochs) -> None:
        if seen.model == "gd" and len(seen.views) == 3:
            heard.cancel()

    first = Pipeline(Store(tmp_path / "store"))
    spec = compose(first)
    with pytest.raises(Cancelled):
        first.run(spec, Listener(stop), watch=True)
    heard, second = Listener(), Pipeline(Store(tmp_path / "store"))
    second.run(spec, heard, watch=True)
    gd = [one for one in heard.seen if one.model == "gd"]
    assert len(gd[0].views) == 3  # at once, from the disk
    assert gd[-1].epochs.tolist() == list(range(EPOCHS + 1))
    straight = Listener()
    Pipeline(Store(tmp_path / "other")).run(spec, straight, watch=True)
    whole = [one for one in straight.seen if one.model == "gd"][-1]
    for one, other in zip(gd[-1].views, whole.views, strict=True):
        assert np.array_equal(one.predictions, other.predictions)


@needs("torchattacks")
def test_an_attack_is_watched_by_noise_of_the_same_size(pipeline: Pipeline) -> None:
    heard = Listener()
    spec = compose(pipeline, perturbation="fgsm", taus="0,0.1", draws=10, methods=("gd",))
    pipeline.run(spec, heard, watch=True)
    last = heard.seen[-1]
    assert last.perturbation == "gaussian"
    assert last.taus.tolist() == [0, 0.1]
    assert heard.share_done() == pytest.approx(1, abs=0.05)


def test_where_looking_takes_too_long_epochs_are_passed_over(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(epoch_probe, "FREE_SECONDS", 0.0)
    monkeypatch.setattr(epoch_probe, "SHARE", 0.0)
    heard = Listener()
    pipeline.run(compose(pipeline, methods=("gd",)), heard, watch=True)
    assert heard.seen[-1].epochs.tolist() == [0, EPOCHS]
    assert sum("some epochs are skipped" in line for line in heard.logs) == 1


def test_few_samples_are_watched_where_many_are_forgotten(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(viewpoint, "MOST_SAMPLES", 5)
    spec, heard = compose(pipeline, forget="class:1"), Listener()
    found = pipeline.run(spec, heard, watch=True)
    last = heard.seen[-1]
    assert len(last.samples) == 5
    assert set(last.samples) < set(spec.forget)
    places = [last.row(sample) for sample in last.samples]
    assert places == [0, 1, 2, 3, 4]
    whole = found.residual.predictions["ssd"][np.searchsorted(spec.forget, last.samples)]
    assert np.array_equal(last.views[-1].predictions, whole[:, :, :10])
    assert last.row(next(iter(set(spec.forget) - set(last.samples)))) is None


@pytest.mark.parametrize(
    ("planned", "expected"), [(1, [1]), (3, [1, 2, 3]), (0, list(range(1, 31)))]
)
def test_every_epoch_of_a_short_run_is_due(planned: int, expected: list[int]) -> None:
    assert sorted(evaluated_epochs(planned)) == expected


@pytest.mark.parametrize("planned", [31, 60, 10_000])
def test_a_long_run_is_looked_at_evenly_up_to_its_end(planned: int) -> None:
    found = sorted(evaluated_epochs(planned))
    assert (found[0], found[-1], len(found)) == (1, planned, MOST_LOOKS)
    gaps = np.diff(found)
    assert gaps.max() - gaps.min() <= 1
    assert evaluation_count(planned) == MOST_LOOKS + 1


def test_another_network_than_the_originals_is_seen_at_its_end(pipeline: Pipeline) -> None:
    spec = compose(pipeline, methods=("gd",))
    pipeline.run(spec, Reporter())
    plan, heard = pipeline.plan(spec), Listener()
    scene = pipeline.method_epochs.scene(plan, Reporter())
    recorder = epoch_recorder.Recorder(pipeline.work, plan, "gd", scene, heard)
    seen = recorder.on(epoch_probe.Resume())
    seen.begin()
    seen.keep({"model": {"strange": torch.zeros(1)}, "epoch": 1, "seconds": 0.1})
    seen.end(pipeline.work.loaded(plan, "gd"))
    assert [view.epoch for view in seen.views] == [0, 1]
    assert any("only its final model is watched" in line for line in heard.logs)


@needs("matplotlib")
def test_the_figure_of_the_epochs_has_its_numbers_beside_it(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    spec = compose(pipeline)
    found = pipeline.run(spec, Reporter(), watch=True)
    files = catalog.figure(pipeline, found, "epochs", tmp_path / "gd.svg", model="gd", epoch=2)
    text = files[0].read_text(encoding="utf-8")
    assert "GD, epoch 2" in text
    assert "null band" in text
    with files[1].open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    seen = pipeline.epochs(spec, "gd", Reporter())
    assert len(rows) == (EPOCHS + 1) * len(seen.taus)
    assert {row["epoch"] for row in rows} == {str(epoch) for epoch in range(EPOCHS + 1)}
    for row in rows:
        at, t = int(row["epoch"]), int(np.abs(seen.taus - float(row["tau"])).argmin())
        r = seen.curve(at)[t]
        assert (row["r"] in ("", "nan")) if np.isnan(r) else float(row["r"]) == pytest.approx(r)
        assert float(row["test_acc"]) == pytest.approx(seen.views[at].accuracy["test_acc"])


def test_the_command_line_watches_a_stored_study(
    pipeline: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = compose(pipeline)
    key = pipeline.run(spec, Reporter()).key
    assert main(["watch", key, "--model", "gd", "--store", str(pipeline.store.root)]) == 0
    assert "5 epochs of gd recorded; it ended in the same weights." in capsys.readouterr().out
    assert len(pipeline.epochs(spec, "gd", Reporter()).views) == EPOCHS + 1
