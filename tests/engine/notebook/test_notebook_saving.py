"""Saved results are studies like any other, whose models are known by their answers alone."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from given import pictures, trained

import engine
from engine.__main__ import main
from engine.errors import DataError, SpecError, StoreError
from engine.notebook.result import Measurement
from engine.pipeline.pipeline import Pipeline
from engine.runtime.progress import Reporter
from engine.storage.store import Store
from engine.verification import verify

WORDS: dict[str, Any] = {"taus": (0, 0.1, 0.3), "draws": 12}


def measured(n: int = 9, **words: Any) -> Measurement:
    x, y = pictures(n)
    model, a, b = (trained(seed, *pictures(12, seed=seed)) for seed in range(3))
    return engine.residual_knowledge(model, [a, b], x, y, **(WORDS | words))


@pytest.mark.parametrize("perturbation", ["gaussian", "fgsm"])
@pytest.mark.parametrize("original", [True, False])
def test_what_is_read_again_is_what_was_measured(
    perturbation: str, original: bool, tmp_path: Path
) -> None:
    extra = {"original": trained(7, *pictures())} if original else {}
    rk = measured(perturbation=perturbation, **extra)
    key = rk.save(tmp_path, name="my method", classes=["red", "green", "blue"])
    study = engine.open(tmp_path)["my method"]
    assert study.key == key and study.methods == ("my-method",)
    assert study.models == ("original", "my-method")[not original :]
    again = study["my method"]
    assert np.array_equal(again.counts, rk.counts)
    assert np.array_equal(again.retrain_counts, rk.retrain_counts)
    for part, values in vars(rk.curve).items():
        assert np.array_equal(getattr(again.curve, part), values, equal_nan=True), part
    assert np.array_equal(again.verdicts(), rk.verdicts())
    assert again.finding == rk.finding.replace("The model", "my method")


def test_samples_are_stored_as_pictures_with_names_and_answers(tmp_path: Path) -> None:
    rk = measured(indices=range(100, 109))
    rk.save(tmp_path, classes=["red", "green", "blue"], dataset="Pictures")
    pipeline = Pipeline(Store(tmp_path), "cpu")
    key = pipeline.studies()[0].key
    spec = pipeline.spec_under(key)
    data = pipeline.dataset(spec.data, Reporter())
    assert np.array_equal(data.train_x, pictures(9)[0].numpy()) and data.label == "Pictures"
    assert data.classes == ("red", "green", "blue") and len(data.test_y) == 0
    assert data.name_of(3) == "Pictures train 103"
    logits = pipeline.models(spec)["my-method"].train_logits
    assert np.array_equal(logits, rk.answers.logits["model"])
    row = pipeline.study(key).metrics["my-method"]
    wrong = (logits.argmax(1) != data.train_y).mean()
    assert row["unlearn_acc"] == pytest.approx(100 * wrong) and np.isnan(row["test_acc"])
    pipeline.close()


def test_floats_are_stored_as_the_nearest_bytes_and_features_as_they_are(tmp_path: Path) -> None:
    x, y = pictures(9)
    models = [trained(seed, x, y) for seed in range(3)]
    engine.residual_knowledge(models[0], models[1:], x.float() / 255, y, **WORDS).save(tmp_path)
    features = torch.rand(9, 4, generator=torch.Generator().manual_seed(1))
    nets = [torch.nn.Linear(4, 3) for _ in range(3)]
    engine.residual_knowledge(nets[0], nets[1:], features, y, **WORDS).save(tmp_path, "features")
    pipeline = Pipeline(Store(tmp_path), "cpu")
    found = {
        one.name: pipeline.dataset(pipeline.spec_under(one.key).data, Reporter()).train_x
        for one in pipeline.studies()
    }
    assert np.array_equal(found["my method"], x.numpy())
    assert np.array_equal(found["features"], features.numpy())
    pipeline.close()


def test_numbers_of_numpy_are_numbers(tmp_path: Path) -> None:
    x, y = pictures(3)
    model, a = (trained(seed, x, y) for seed in range(2))
    taus = np.linspace(0, 0.2, 3, dtype=np.float32)
    rk = engine.residual_knowledge(
        model, [a], x, y, taus=taus, draws=np.int64(10), seed=np.int32(3), indices=np.arange(5, 8)
    )
    assert engine.open(tmp_path)[rk.save(tmp_path)].spec["seed"] == 3


def test_a_second_result_under_the_same_name_is_another_study(tmp_path: Path) -> None:
    first, second = measured(), measured(seed=5)
    keys = {first.save(tmp_path), second.save(tmp_path), first.save(tmp_path)}
    studies = engine.open(tmp_path)
    assert {one.key for one in studies} == keys and len(keys) == 2
    with pytest.raises(StoreError, match="2 studies are named 'my method'"):
        _ = studies["my method"]


def test_a_bundle_takes_it_elsewhere_and_deleting_it_leaves_nothing(tmp_path: Path) -> None:
    here, there = tmp_path / "here", Store(tmp_path / "there")
    key = measured().save(here)
    pipeline, other = Pipeline(Store(here), "cpu"), Pipeline(there, "cpu")
    file = pipeline.save_bundle(pipeline.study(key), tmp_path / "one.rkx", {}, Reporter())
    other.open_bundle(file, Reporter())
    spec = other.spec_under(key)
    assert spec.imported and len(other.dataset(spec.data, Reporter()).train_y) == 9
    assert other.models(spec).keys() == {"retrain-0", "retrain-1", "my-method"}
    pipeline.delete_studies([key])
    left = [path for path in here.rglob("*.h5") if path.parent.name != "measures"]
    assert not left and not list(engine.open(here))
    pipeline.close()
    other.close()


def test_verify_finds_nothing_wrong_and_something_that_is(tmp_path: Path) -> None:
    key = measured().save(tmp_path / "store")
    pipeline = Pipeline(Store(tmp_path / "store"), "cpu")
    found = verify(pipeline, 1000, 0, Reporter())
    assert not found.wrong
    assert any("known by their answers alone" in one for one in found.remarks)
    other = measured(seed=5).save(tmp_path / "other")
    shutil.copy(
        tmp_path / "other" / "studies" / f"{other}.h5",
        tmp_path / "store" / "studies" / f"{key}.h5",
    )
    assert verify(pipeline, 1000, 0, Reporter()).wrong
    pipeline.close()


@pytest.mark.parametrize(
    "words",
    [["neighborhood", "KEY"], ["figure", "KEY", "--kind", "slice", "--out", "out.svg"],
     ["checkpoint", "KEY", "--model", "my-method", "--out", "out.pt"]],
    ids=lambda words: words[0],
)  # fmt: skip
def test_what_takes_weights_says_that_there_are_none(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = measured().save(tmp_path)
    if words[0] == "neighborhood":
        words = ["figure", "KEY", "--kind", "neighborhood", "--out", "out.svg"]
    line = [key if word == "KEY" else word for word in words]
    assert main([*line, "--store", str(tmp_path)]) == 2
    assert "known by their answers alone" in capsys.readouterr().err


def test_samples_that_are_lost_are_missed_in_a_sentence(tmp_path: Path) -> None:
    key = measured().save(tmp_path)
    shutil.rmtree(tmp_path / "datasets")
    pipeline = Pipeline(Store(tmp_path), "cpu")
    with pytest.raises(DataError, match="stored with it when it was saved from Python"):
        pipeline.dataset(pipeline.spec_under(key).data, Reporter())
    pipeline.close()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"name": ""}, "is no name for a model"),
        ({"name": "two\nlines"}, "is no name for a model"),
        ({"name": "gd"}, "'gd' is a built-in method"),
        ({"name": "Original".lower()}, "cannot be named 'original'"),
        ({"classes": ["a", "b"]}, "classes has 2 names, but the models know 3 classes"),
        ({"dataset": ""}, "is no name for samples"),
    ],
)
def test_names_that_are_none_are_refused(
    words: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(SpecError, match=sentence):
        measured().save(tmp_path, **words)


@pytest.mark.parametrize("name", ["Méthode β", "a/b: 50 %", "SalUn + RURK", "方法"])
def test_any_line_is_a_name(name: str, tmp_path: Path) -> None:
    measured(n=3).save(tmp_path, name)
    study = engine.open(tmp_path)[name]
    assert study[name].model in study.methods and name in study.labels.values()


def test_a_store_that_cannot_be_written_to_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Store, "writable", False)
    with pytest.raises(StoreError, match="read-only"):
        measured(n=3).save(tmp_path)


def test_torch_is_left_as_it_was(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        measured(n=3).save(tmp_path)
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


def test_its_report_is_written_with_what_there_is(tmp_path: Path) -> None:
    key = measured().save(tmp_path / "store")
    page = tmp_path / "report.html"
    assert main(["report", key, "--out", str(page), "--store", str(tmp_path / "store")]) == 0
    text = page.read_text("utf-8")
    assert "my method" in text and "known by their answers alone" in text
    assert "This command reproduces the study" not in text
