"""Studies whose numbers are bad: each has a defined answer in figures, tables, JSON and CSV."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from needs import needs
from torch import nn

from engine.embedding.joint_umap import Embedder
from engine.errors import SpecError, TrainingError
from engine.figures import catalog
from engine.figures.catalog import KINDS
from engine.models.base import Classifier
from engine.pipeline import model_maker
from engine.pipeline.pipeline import Pipeline
from engine.residual import summary
from engine.results import Study
from engine.runtime.progress import Reporter
from engine.spec import DataSpec, ProbeSpec, RunSpec
from engine.tables.csv import samples_sheet
from engine.tables.study_text import study_json, study_table

BIAS = 1e4  # added to a logit: the class is always called, or never


def always(called: int) -> Callable[[Classifier], None]:
    """A network that calls everything this class."""

    def doctor(model: Classifier) -> None:
        with torch.no_grad():
            model.head.weight.zero_()
            model.head.bias.zero_()
            model.head.bias[called] = BIAS

    return doctor


def never(called: int) -> Callable[[Classifier], None]:
    """A network that calls nothing this class."""

    def doctor(model: Classifier) -> None:
        with torch.no_grad():
            model.head.bias[called] -= BIAS

    return doctor


def constant(model: Classifier) -> None:
    """A network whose features are all alike."""
    with torch.no_grad():
        for part in model.modules():
            if isinstance(part, nn.Linear):
                part.weight.zero_()


def broken(value: float) -> Callable[[Classifier], None]:
    """A network with a weight that is no number, as after a last step that was too large."""

    def doctor(model: Classifier) -> None:
        with torch.no_grad():
            model.head.weight[0] = value

    return doctor


Doctors = dict[str, Callable[[Classifier], None]]


@pytest.fixture
def doctored(monkeypatch: pytest.MonkeyPatch) -> Callable[[Doctors], None]:
    """Has the named models changed once they are made ('' names all)."""
    make = model_maker.ModelMaker.make

    def change(doctors: Doctors) -> None:
        def made(
            self: model_maker.ModelMaker, spec: RunSpec, name: str, *more: object
        ) -> Classifier:
            model = make(self, spec, name, *more)  # type: ignore[arg-type]
            for start, doctor in doctors.items():
                if name.startswith(start):
                    doctor(model)
            return model

        monkeypatch.setattr(model_maker.ModelMaker, "make", made)
        # Re-trains come through `make`, too, and not side by side
        monkeypatch.setattr("engine.pipeline.model_making.train_together", lambda *given: None)

    return change


def spec_of(pipeline: Pipeline, **words: object) -> RunSpec:
    """A small study of the third class of iris."""
    data = pipeline.dataset(DataSpec("iris"), Reporter())
    chosen = {"forget": "class:2:6", "methods": ("gd",), "retrains": 2, "draws": 20}
    return pipeline.compose(
        data, **{**chosen, "taus": "0:0.4:3", "training": {"epochs": 3}, **words}
    )


def handed_out(pipeline: Pipeline, study: Study, folder: Path) -> dict[str, list[list[str]]]:
    """Everything that can be made of a study, and the CSV of each figure that there is."""
    json.dumps(study_json(study), allow_nan=False)
    assert "nan" not in study_table(study).lower()
    labels = [2] * len(study.forget)
    for model in study.residual.curves:
        samples_sheet(study, model, labels, None)
    found = {}
    for kind in KINDS:
        if kind in ("epochs", "embedding"):  # one was not watched, the other takes long
            continue
        chosen = {"sample": int(study.forget[0]), "directions": "random"}  # always possible
        options = {name: value for name, value in chosen.items() if name in KINDS[kind].options}
        files = catalog.figure(pipeline, study, kind, folder / f"{kind}.svg", **options)
        assert all(path.stat().st_size for path in files)
        with open(folder / f"{kind}.csv", encoding="utf-8") as file:
            found[kind] = list(csv.reader(file))
    return found


# -- losses ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_is_said_and_nothing_is_kept_of_it(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    spec = spec_of(pipeline)
    plain = torch.nn.functional.cross_entropy
    monkeypatch.setattr(
        "engine.training.sgd.cross_entropy", lambda *words, **more: plain(*words, **more) * value
    )
    with pytest.raises(TrainingError, match=r"The loss of original became .* Lower its learning"):
        pipeline.run(spec, Reporter())
    assert list(pipeline.store.root.glob("models/*")) == []
    assert list(pipeline.store.root.glob("partial/*")) == []
    assert list(pipeline.store.root.glob("locks/*")) == []


def test_an_ascent_that_explodes_is_said(pipeline: Pipeline) -> None:
    data = pipeline.dataset(DataSpec("iris"), Reporter())
    settings = {"ga": {"lr": 10.0, "epochs": 60, "clip": 0.0}}
    spec = pipeline.compose(
        data, methods=("ga",), settings=settings, retrains=1, draws=10, training={"epochs": 3}
    )
    with pytest.raises(TrainingError, match=r"The loss of ga became|The weights of ga"):
        pipeline.run(spec, Reporter())
    assert pipeline.models(spec).keys() == {"original", "retrain-0"}  # these are kept


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_last_step_that_was_too_large_is_said(
    pipeline: Pipeline, doctored: Callable[[Doctors], None], value: float
) -> None:
    doctored({"gd": broken(value)})
    with pytest.raises(TrainingError, match=r"The outputs of gd .* no longer finite"):
        pipeline.run(spec_of(pipeline), Reporter())
    assert list(pipeline.store.root.glob("studies/*")) == []


# -- what models call ------------------------------------------------------------------------------


@pytest.mark.parametrize("called", [0, 2])
def test_one_class_alone_is_called(
    pipeline: Pipeline, doctored: Callable[[Doctors], None], tmp_path: Path, called: int
) -> None:
    doctored({"gd": always(called)})
    study = pipeline.run(spec_of(pipeline), Reporter())
    curve = study.residual.curves["gd"]
    assert (study.residual.counts["gd"] == (20 if called == 2 else 0)).all()
    assert study.metrics["gd"]["unlearn_acc"] == (0.0 if called == 2 else 100.0)
    assert called == 2 or (curve.pooled[np.isfinite(curve.pooled)] == 0).all()
    handed_out(pipeline, study, tmp_path)


def test_nothing_is_recognized_by_any_retrain(
    pipeline: Pipeline, doctored: Callable[[Doctors], None], tmp_path: Path
) -> None:
    doctored({"retrain": never(2)})
    study = pipeline.run(spec_of(pipeline), Reporter())
    found = study.residual
    assert (found.counts["retrain-0"] == 0).all() and (found.counts["retrain-1"] == 0).all()
    for name, curve in found.curves.items():
        for part in (curve.mean, curve.low, curve.high, curve.pooled):
            assert np.isnan(part).all(), name
        assert (curve.undefined == 6).all()
        assert np.isfinite(curve.prevalence).all()
    assert np.isnan(found.null_low).all() and np.isnan(found.null_high).all()
    assert "undefined" in study_table(study)
    assert study_json(study)["residual_knowledge"]["models"]["gd"]["mean"] == [None] * 3
    sheets = handed_out(pipeline, study, tmp_path)
    header, *rows = sheets["curves"]
    places = [header.index(name) for name in ("pooled", "low", "high")]
    assert [[row[place] for place in places] for row in rows] == [["", "", ""]] * 6
    assert sum(study_json(study)["residual_knowledge"]["verdicts"]["gd"].values()) == 6


def test_nobody_recognizes_anything(
    pipeline: Pipeline, doctored: Callable[[Doctors], None], tmp_path: Path
) -> None:
    doctored({"": never(2)})
    study = pipeline.run(spec_of(pipeline), Reporter())
    assert all((counts == 0).all() for counts in study.residual.counts.values())
    assert (study.residual.curves["gd"].prevalence == 0).all()
    handed_out(pipeline, study, tmp_path)


@pytest.mark.parametrize("retrains", [1, 2])
def test_one_sample_is_a_forget_set(pipeline: Pipeline, tmp_path: Path, retrains: int) -> None:
    study = pipeline.run(spec_of(pipeline, forget="class:2:1", retrains=retrains), Reporter())
    curve = study.residual.curves["gd"]
    defined = np.isfinite(curve.mean)
    assert study.residual.counts["gd"].shape == (1, 3)
    assert np.allclose(curve.low[defined], curve.mean[defined])  # nothing to resample
    assert np.allclose(curve.high[defined], curve.mean[defined])
    assert study.metrics["gd"]["unlearn_acc"] in (0.0, 100.0)
    handed_out(pipeline, study, tmp_path)


def test_a_whole_class_is_a_forget_set(pipeline: Pipeline, tmp_path: Path) -> None:
    longer = {"epochs": 12}  # in three, Re-trains still call one flower what nobody taught them
    study = pipeline.run(spec_of(pipeline, forget="class:2", training=longer), Reporter())
    assert study.metrics["retrain"]["unlearn_acc"] == 100
    curve = study.residual.curves["gd"]
    assert (curve.undefined == len(study.forget)).all() and np.isnan(curve.mean).all()
    rows = handed_out(pipeline, study, tmp_path)["curves"]
    assert {row[rows[0].index("pooled")] for row in rows[1:]} == {""}


def test_counts_without_a_single_defined_ratio_need_no_warning() -> None:
    probe = ProbeSpec("gaussian", (0.0, 0.1), draws=10)
    zeros = np.zeros((3, 2, 10), np.uint8)
    names = {"original": zeros + 1, "retrain-0": zeros, "retrain-1": zeros}
    found = summary.summarize(
        probe, 10, np.arange(3), np.ones(3, int), names, ["original"], ["retrain-0", "retrain-1"]
    )
    curve = found.curves["original"]
    assert np.isnan(curve.mean).all() and np.isnan(curve.low).all()
    assert (curve.prevalence == 100).all() and (curve.undefined == 3).all()
    assert np.isfinite(found.posterior["original"]).all()


# -- embeddings ------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0.0, 7.0, math.nan, math.inf, 1e38])
def test_features_without_structure_get_places_all_the_same(value: float) -> None:
    features = [np.full((20, 4), value, np.float32)] * 2
    embedder = Embedder()
    places = embedder.fit(features, np.arange(20) < 9, 131, Reporter())
    again = embedder.fit(features, np.arange(20) < 9, 131, Reporter())
    embedder.close()
    assert [place.shape for place in places] == [(20, 2)] * 2
    assert all(np.isfinite(place).all() for place in places)
    assert all(np.array_equal(one, other) for one, other in zip(places, again, strict=True))


@needs("umap")
def test_models_whose_features_are_all_alike_are_embedded(
    pipeline: Pipeline, doctored: Callable[[Doctors], None]
) -> None:
    doctored({"": constant})
    spec = spec_of(pipeline, draws=10)
    found = pipeline.embed(spec, ("original", "gd"), Reporter())
    assert np.isfinite(found.xy["gd"]).all()
    assert math.isnan(pipeline.similarity(spec, "gd", "original", Reporter()).lines[0].mean[0])


def test_an_empty_forget_set_is_refused(pipeline: Pipeline) -> None:
    with pytest.raises(SpecError):
        spec_of(pipeline, forget=[])
