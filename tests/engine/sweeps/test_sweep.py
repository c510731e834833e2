from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from engine.__main__ import main
from engine.errors import SpecError
from engine.pipeline.pipeline import Pipeline
from engine.runtime.progress import Reporter
from engine.spec import DataSpec, RunSpec
from engine.storage.store import Store
from engine.sweeps import sweep
from engine.sweeps.grid import Point
from engine.sweeps.sweep import Settings


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return Pipeline(Store(tmp_path / "store"), "cpu")


def runs_of(
    pipeline: Pipeline, *texts: str, methods: tuple[str, ...] = ("rurk",)
) -> list[sweep.SweepRun]:
    iris = pipeline.dataset(DataSpec("iris"), Reporter())

    def compose(settings: Settings) -> RunSpec:
        return pipeline.compose(
            iris, methods=methods, settings=settings, retrains=2, draws=10, taus="0,0.1"
        )

    texts = ("train.epochs=3", *texts)
    return sweep.run_grid(pipeline, sweep.grid(texts), compose, Reporter())


def test_a_grid_has_every_combination_once_and_in_order() -> None:
    points = sweep.grid(["rurk.tau=0.01,0.03", "rurk.lambda_a=0.1, 0.2,0.1", "train.epochs=5"])
    assert [dict(point.swept) for point in points] == [
        {"rurk.tau": tau, "rurk.lambda_a": weight}
        for tau in ("0.01", "0.03")
        for weight in ("0.1", "0.2")
    ]
    assert points[0].settings == {
        "rurk": {"tau": "0.01", "lambda_a": "0.1"},
        "train": {"epochs": "5"},
    }
    assert points[3].name == "rurk.tau=0.03, rurk.lambda_a=0.2"


def test_no_settings_are_one_run() -> None:
    assert sweep.grid([]) == [Point({}, {})]


def test_a_comma_in_free_text_or_the_grid_of_tau_sweeps_nothing() -> None:
    for text in ("scrub.milestones=3,5,9", "probe.taus=0,0.1"):
        assert len(sweep.grid([text])) == 1
    assert len(sweep.grid(["rurk.search=gaussian,fgsm"])) == 2
    assert len(sweep.grid(["relearn-epochs.data=all,forget"])) == 2


def test_a_grid_too_large_is_refused_before_anything_runs() -> None:
    many = ",".join(map(str, range(200)))
    with pytest.raises(SpecError, match="40000 combinations, but at most 10000"):
        sweep.grid([f"train.epochs={many}", f"gd.epochs={many}"])


def test_an_unknown_owner_is_named() -> None:
    with pytest.raises(SpecError, match=r"Did you mean 'rurk'\?"):
        sweep.grid(["rurkk.tau=1,2"])


def test_each_run_is_one_row_and_shared_models_are_trained_once(pipeline: Pipeline) -> None:
    runs = runs_of(pipeline, "rurk.tau=0.01,0.1", "rurk.v=1,2", methods=("rurk", "gd"))
    rows = sweep.tidy(runs)
    assert [(row["rurk.tau"], row["rurk.v"]) for row in rows] == [
        ("0.01", "1"), ("0.01", "2"), ("0.1", "1"), ("0.1", "2"),
    ]  # fmt: skip
    for row in rows:
        assert {"original.retain_acc", "retrain.test_acc", "gd.avg_gap", "rurk.r@0.1"} <= set(row)
    assert len(pipeline.store.keys("models")) == 3 + 1 + 4  # Original, two Re-trains, GD; RURK's
    assert len({row["study"] for row in rows}) == 4
    table = sweep.text(runs).splitlines()
    assert len(table) == 5
    assert table[0].split()[:2] == ["rurk.tau", "rurk.v"]
    assert "GD" not in sweep.text(runs)  # the grid does not change it


def test_a_method_that_fails_somewhere_leaves_its_cells_empty(pipeline: Pipeline) -> None:
    runs = runs_of(pipeline, "ntk.budget=0.0000001,1", methods=("ntk",))
    rows = sweep.tidy(runs)
    assert "ntk.retain_acc" not in rows[0]
    assert "ntk.refused" in rows[0]
    assert "ntk.retain_acc" in rows[1]
    assert rows[0]["ntk.refused"] in sweep.text(runs)
    cells = next(csv.DictReader(sweep.as_csv(runs).splitlines()))
    assert cells["ntk.retain_acc"] == ""


def test_the_command_line_runs_a_grid(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, table = tmp_path / "out.json", tmp_path / "out.csv"
    arguments = [
        "run", "--dataset", "iris", "--methods", "gd", "--draws", "10", "--retrains", "2",
        "--set", "train.epochs=3", "--set", "gd.lr=0.01,0.02",
        "--store", str(tmp_path / "store"), "--json", str(out), "--csv", str(table),
    ]  # fmt: skip
    assert main(arguments) == 0
    assert capsys.readouterr().out.splitlines()[0].split()[0] == "gd.lr"
    found = json.loads(out.read_text())
    assert found["swept"] == ["gd.lr"]
    assert [run["settings"]["gd.lr"] for run in found["runs"]] == ["0.01", "0.02"]
    assert {"key", "spec", "metrics", "residual_knowledge"} <= set(found["runs"][0])
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert [row["gd.lr"] for row in rows] == ["0.01", "0.02"]
    assert rows[0]["study"] == found["runs"][0]["key"]
