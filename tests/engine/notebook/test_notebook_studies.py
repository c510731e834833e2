"""`engine.open`: what is in a store, as arrays and data frames."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import engine
from engine.errors import SpecError, StoreError
from engine.pipeline.pipeline import Pipeline
from engine.runtime.progress import Reporter
from engine.spec import DataSpec
from engine.storage.annotations import Annotation
from engine.storage.store import Store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two studies of iris, one of which has a name."""
    root = tmp_path_factory.mktemp("open") / "store"
    pipeline = Pipeline(Store(root), "cpu")
    data = pipeline.dataset(DataSpec("iris"), Reporter())
    for seed in (1, 2):
        spec = pipeline.compose(
            data, methods=("gd",), retrains=2, draws=10, training={"epochs": 3}, taus="0,0.2",
            seed=seed,
        )  # fmt: skip
        key = pipeline.run(spec, Reporter()).key
    pipeline.catalog.annotate(key, Annotation("the second"))
    pipeline.close()
    return root


def test_studies_are_listed_and_read(store: Path) -> None:
    studies = engine.open(store)
    assert len(studies) == 2 and str(store) in repr(studies)
    assert {one.seed for one in studies.summaries} == {1, 2}
    study = studies["the second"]
    assert studies[study.key[:8]].key == study.key and study.name == "the second"
    assert study.spec["seed"] == 2 and study.spec["data"]["name"] == "iris"
    assert study.methods == ("gd",) and list(study) == ["original", "gd"]
    assert set(study.metrics) == {"original", "retrain", "gd"} and study.labels["gd"] == "GD"
    assert study.taus.tolist() == [0, 0.2] and len(study.forget) == len(study.spec["forget"])
    assert study["GD"].curve.mean.shape == (2,) and study.created.startswith("20")
    verdicts = study.verdicts()
    assert {name: one.shape for name, one in verdicts.items()} == {
        "original": study.forget.shape, "gd": study.forget.shape,
    }  # fmt: skip
    assert study["gd"].finding in repr(study["gd"]) and "gd" in repr(study)


def test_the_store_is_the_user_s_own_by_default(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RK_EXPLORER_STORE", str(store))
    assert len(engine.open()) == len(engine.open(str(store))) == len(engine.open(Store(store))) == 2


def test_what_is_not_there_is_said_in_a_sentence(store: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="has the key 'nothing'"):
        _ = engine.open(store)["nothing"]
    with pytest.raises(SpecError, match="no curve of 'rurk', but of original, gd"):
        _ = engine.open(store)["the second"]["rurk"]
    assert list(engine.open(tmp_path / "new")) == []


def test_frames_have_a_row_for_each_thing(store: Path) -> None:
    pytest.importorskip("pandas")
    studies = engine.open(store)
    frame = studies.to_frame()
    assert list(frame["seed"]) == [one.seed for one in studies.summaries]
    assert set(frame["methods"]) == {"gd"}
    study = studies["the second"]
    metrics = study.to_frame().set_index("model")
    assert metrics.loc["gd", "test_acc"] == study.metrics["gd"]["test_acc"]
    one = study["gd"]
    rows = one.to_frame()
    assert len(rows) == one.counts.size
    second = rows[rows["sample"] == study.forget[1]]
    assert second["recognized"].tolist() == one.counts[1].tolist()
    assert second["retrain_1"].tolist() == one.retrain_counts[1, 1].tolist()
    assert set(second["verdict"]) == {one.verdicts()[1]}
    curve = one.curve.to_frame()
    assert curve["tau"].tolist() == [0, 0.2]
    assert np.array_equal(curve["null_high"], one.curve.null_high)


def test_without_pandas_a_sentence_says_how_to_get_it(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SpecError, match=r"needs the package pandas.*pip install pandas"):
        engine.open(store)["the second"]["gd"].to_frame()
