"""What is exported of any method comes back as somebody's model, with the same answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import linear, normalize

from engine import registry
from engine.__main__ import main
from engine.external.weights import examine_files
from engine.pipeline.pipeline import Pipeline
from engine.results import Study
from engine.runtime.progress import Reporter
from engine.spec import DataSpec, RunSpec
from engine.storage.store import Store
from engine.study import compose
from engine.training import checkpoints

METHODS = sorted(set(registry.names("method")) - {"retrain"})
SMALL = {"training": {"epochs": 8}, "draws": 10, "retrains": 2, "taus": "0,0.1"}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exports")


@pytest.fixture(scope="module")
def pipeline(here: Path) -> Pipeline:
    return Pipeline(Store(here / "store"), "cpu")


@pytest.fixture(scope="module")
def made(pipeline: Pipeline) -> tuple[RunSpec, Study]:
    """A study of iris with every method there is."""
    iris = pipeline.dataset(DataSpec("iris"), Reporter())
    spec = pipeline.compose(iris, methods=METHODS, **SMALL)
    return spec, pipeline.run(spec, Reporter())


@pytest.fixture(scope="module")
def given(here: Path, pipeline: Pipeline, made: tuple[RunSpec, Study]) -> dict[str, Path]:
    """Its Original and Re-trains, exported."""
    names = ("original", "retrain-0", "retrain-1")
    return {name: pipeline.export_checkpoint(made[0], name, here / f"{name}.pt") for name in names}


@pytest.mark.parametrize("method", METHODS)
def test_an_export_of_every_method_comes_back_with_the_same_figures(
    here: Path,
    pipeline: Pipeline,
    made: tuple[RunSpec, Study],
    given: dict[str, Path],
    method: str,
) -> None:
    spec, wanted = made
    suffix = ".safetensors" if METHODS.index(method) % 2 else ".pt"
    out = pipeline.export_checkpoint(spec, method, here / f"{method}{suffix}")
    iris = pipeline.dataset(DataSpec("iris"), Reporter())
    other = Pipeline(Store(here / f"store-{method}"), "cpu")
    again = other.compose(iris, methods=[], weights={**given, "back": out}, **SMALL)
    found = other.run(again, Reporter())
    assert np.array_equal(found.residual.counts["back"], wanted.residual.counts[method])
    assert np.array_equal(found.residual.counts["retrain-1"], wanted.residual.counts["retrain-1"])
    for mine, theirs in (("back", method), ("original", "original"), ("retrain", "retrain")):
        assert without_seconds(found.metrics[mine]) == without_seconds(wanted.metrics[theirs])
    curves = (found.residual.curves["back"], wanted.residual.curves[method])
    for part in ("mean", "low", "high"):
        one, two = (getattr(curve, part) for curve in curves)
        assert np.array_equal(one, two, equal_nan=True)
    results = (other.models(again)["back"], pipeline.models(spec)[method])
    assert np.array_equal(results[0].test_logits, results[1].test_logits)


def without_seconds(row: Any) -> dict[str, float]:
    return {name: value for name, value in row.items() if name != "seconds"}


def test_a_study_of_an_exported_cr_reopens_without_its_file(
    here: Path, pipeline: Pipeline, made: tuple[RunSpec, Study]
) -> None:
    said: list[str] = []
    report = Reporter()
    report.on_log = said.append  # type: ignore[method-assign]
    out = pipeline.export_checkpoint(made[0], "cr", here / "cr-again.pt", report)
    assert "no bias and expects features of L2 norm 1" in said[0]
    iris = pipeline.dataset(DataSpec("iris"), Reporter())
    store = Store(here / "store-again")
    spec = Pipeline(store, "cpu").compose(iris, methods=[], weights={"back": out}, **SMALL)
    assert [one.head for one in spec.foreign] == ["cr"]
    assert compose.from_plain(compose.as_plain(spec)) == spec
    Pipeline(store, "cpu").run(spec, Reporter())
    out.unlink()
    fresh = Pipeline(store, "cpu")
    loaded = fresh.work.loaded(fresh.plan(spec), "back")
    x = torch.rand(7, 4)
    own = pipeline.work.loaded(pipeline.plan(made[0]), "cr")
    assert torch.equal(loaded(x), own(x))
    twice = fresh.export_checkpoint(spec, "back", here / "twice.safetensors")
    (once_more,) = examine_files({"back": twice}, spec.model, iris)
    assert (once_more.head, once_more.digest) == ("cr", spec.foreign[0].digest)


def test_the_head_of_cr_is_built_in_plain_torch_as_its_file_says(
    here: Path, pipeline: Pipeline, made: tuple[RunSpec, Study]
) -> None:
    state, facts = checkpoints.load(pipeline.export_checkpoint(made[0], "cr", here / "cr-head.pt"))
    model = pipeline.work.loaded(pipeline.plan(made[0]), "cr")
    assert "W is the tensor 'net.3.weight' of the file" in facts["form"]
    x = torch.rand(7, 4)
    with torch.no_grad():
        logits = linear(normalize(model.features(x), dim=1), state["net.3.weight"])
        assert torch.equal(logits, model(x))


def test_the_command_line_exports_and_takes_back(
    here: Path, made: tuple[RunSpec, Study], capsys: pytest.CaptureFixture[str]
) -> None:
    out = here / "told.pt"
    store = ["--store", str(here / "store")]
    assert main(["checkpoint", made[1].key, "--model", "cr", "--out", str(out), *store]) == 0
    captured = capsys.readouterr()
    assert captured.out.strip() == str(out)
    assert "F.normalize(features, dim=1)" in captured.err
    run = ["run", "--dataset", "iris", "--unlearned", f"back={out}", "--methods", "none"]
    few = ["--set", "train.epochs=8", "--draws", "10", "--retrains", "2", "--taus", "0,0.1"]
    assert main([*run, *few, *store]) == 0
    assert "back" in capsys.readouterr().out
