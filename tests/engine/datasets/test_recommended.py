"""What the recommended settings promise on the built-in data, measured as a person would."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from needs import needs, shared_data

from engine.__main__ import main
from engine.datasets.base import load
from engine.spec import DataSpec

ACCURACIES = ("retain_acc", "unlearn_acc", "test_acc")


def study(tmp_path: Path, *arguments: str) -> dict[str, Any]:
    tmp_path.mkdir(exist_ok=True)
    out = tmp_path / "out.json"
    store = str(tmp_path / "store")
    assert main(["run", *arguments, "--store", store, "--json", str(out)]) == 0
    found: dict[str, Any] = json.loads(out.read_text())
    return found


def gap(found: dict[str, Any], model: str) -> float:
    row, reference = found["metrics"][model], found["metrics"]["retrain"]
    return sum(abs(row[name] - reference[name]) for name in ACCURACIES) / 3


def above(found: dict[str, Any], model: str, part: str) -> list[float]:
    """By how much a curve exceeds the null band, at each tau where both are defined."""
    measured = found["residual_knowledge"]
    pairs = zip(measured["models"][model][part], measured["null"]["high"], strict=True)
    return [value - high for value, high in pairs if value is not None and high is not None]


def test_on_digits_residual_knowledge_is_seen_and_rurk_removes_it(tmp_path: Path) -> None:
    found = study(
        tmp_path, "--dataset", "digits", "--forget", "class:8:0.5", "--methods", "rurk,gd,ga"
    )
    assert max(above(found, "original", "mean")) > 0
    assert max(above(found, "gd", "mean")) > 0
    assert len(above(found, "rurk", "high")) == 11
    assert max(above(found, "rurk", "high")) <= 0
    assert found["metrics"]["rurk"]["retain_acc"] >= 95
    assert gap(found, "rurk") <= gap(found, "gd")


def test_on_fashion_methods_differ_and_rurk_stays_near_the_null_band(tmp_path: Path) -> None:
    found = study(tmp_path, "--dataset", "fashion", "--methods", "rurk,gd,ga", "--draws", "50")
    for model in ("original", "gd"):
        assert min(above(found, model, "low")[2:]) > 0
    assert max(above(found, "rurk", "low")) <= 0
    assert sum(value > 0 for value in above(found, "rurk", "mean")) <= 2
    curves = found["residual_knowledge"]["models"]
    pairs = zip(curves["ga"]["mean"], curves["original"]["mean"], strict=True)
    assert all(ga < original for ga, original in pairs)
    assert gap(found, "rurk") <= gap(found, "ga") <= gap(found, "gd")
    assert found["metrics"]["rurk"]["retain_acc"] >= 95


def test_on_iris_rurk_ends_near_retrain(tmp_path: Path) -> None:
    found = study(tmp_path, "--dataset", "iris", "--methods", "rurk,gd")
    assert gap(found, "rurk") <= gap(found, "gd")
    assert max(above(found, "rurk", "high")) <= 0
    assert found["metrics"]["rurk"]["retain_acc"] >= 95


def test_on_breast_cancer_and_messages_rurk_is_nowhere_clear_of_the_null_band(
    tmp_path: Path,
) -> None:
    words = ["--dataset", "breast-cancer", "--methods", "rurk,gd", "--draws", "50"]
    found = study(tmp_path / "tumors", *words)
    assert max(above(found, "original", "mean")) > 0 >= max(above(found, "rurk", "low"))
    assert gap(found, "rurk") <= gap(found, "gd")
    assert found["metrics"]["rurk"]["test_acc"] >= 93
    path = shared_data("sms-spam.tsv.gz")
    words = ["--dataset", "text", "--root", str(path), "--methods", "rurk,gd", "--draws", "20"]
    found = study(tmp_path / "messages", *words)
    assert found["spec"]["probe"]["perturbation"] == "words"
    assert max(above(found, "gd", "low")) > 0 >= max(above(found, "rurk", "low"))
    assert gap(found, "rurk") <= gap(found, "gd")
    assert found["metrics"]["rurk"]["test_acc"] >= 97


@needs("matplotlib")
def test_figure_1_of_the_paper_runs_on_iris(tmp_path: Path) -> None:
    iris = load(DataSpec("iris"))
    chosen = [0, 1, 45, 46, 47, 90, 91]
    assert len(set(iris.train_y[chosen])) == 3
    listed = tmp_path / "forget.csv"
    listed.write_text("index\n" + "\n".join(map(str, chosen)))
    found = study(tmp_path, "--dataset", "iris", "--forget", f"indices:{listed}", "--methods", "gd")
    assert found["spec"]["forget"] == chosen
    curve = found["residual_knowledge"]["models"]["gd"]
    assert all(value is not None for value in curve["pooled"])
    key, store = found["key"], str(tmp_path / "store")
    for sample in ("0", "90"):
        out = tmp_path / f"near-{sample}.svg"
        figure = ["figure", key, "--kind", "neighborhood", "--sample", sample]
        assert main([*figure, "--out", str(out), "--store", store]) == 0
        text = out.read_text()
        assert all(name in text for name in ("Original", "Re-train", "GD"))


@pytest.mark.parametrize("name", ["digits", "fashion", "iris", "breast-cancer"])
def test_recommendations_are_valid_studies(name: str) -> None:
    from engine import registry
    from engine.study import compose as study

    dataset = load(DataSpec(name))
    for method in registry.names("method"):
        spec = study.compose(dataset, methods=[method])
        assert spec.retrains == 3
    assert set(dataset.recommended.methods) <= set(registry.names("method"))
