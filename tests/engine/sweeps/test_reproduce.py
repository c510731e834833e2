from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine import registry
from engine.__main__ import main
from engine.errors import Cancelled, StoreError
from engine.paper import presets
from engine.paper.presets import Ablation, Preset, Variant
from engine.pipeline.pipeline import Pipeline
from engine.runtime.progress import Progress, Reporter
from engine.storage.store import Store
from engine.sweeps import reproduce
from engine.sweeps.batch import Share, run_all
from engine.tables import table as tables
from engine.tables.table import Report

TINY = Preset(
    name="tiny",
    title="Iris, tiny",
    dataset="iris",
    model="mlp",
    forget="class:2:0.3",
    methods=("gd", "ntk", "rurk"),
    measures=(),
    seeds=(131, 42),
    settings={"train": {"epochs": 3}, "gd": {"epochs": 2}, "rurk": {"epochs": 2}},
    retrains=2,
    taus="0,0.1",
    draws=10,
    differences=("it is tiny.",),
)
ABLATION = replace(
    TINY,
    methods=("rurk",),
    settings={"train": {"epochs": 3}, "rurk": {"epochs": 2}},
    ablation=Ablation(
        "rurk",
        "tau (lambda 0.03, gaussian, v=1, 1 epoch)",
        (Variant("0.01", {"tau": 0.01}), Variant("0.1", {"tau": 0.1})),
    ),
)


class Bar(Reporter):
    """Keeps every position of the bar; stops once the stage named has finished an epoch."""

    def __init__(self, stop_after: str = "") -> None:
        super().__init__()
        self.fractions: list[float] = []
        self.stages: list[str] = []
        self.logs: list[str] = []
        self._stop_after = stop_after

    def on_progress(self, progress: Progress) -> None:
        self.fractions.append(progress.fraction)
        self.stages.append(progress.stage)

    def on_point(self, channel: str, data: Any) -> None:
        if channel == "loss" and data[0] == self._stop_after:
            self.cancel()

    def on_log(self, message: str) -> None:
        self.logs.append(message)


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return Pipeline(Store(tmp_path / "store"), "cpu")


def cells(found: Report, row: str, table: int = 0) -> dict[str, tables.Cell]:
    rows = {one.name: one for one in found.tables[table].rows}
    return dict(rows[row].cells)


def test_every_row_has_every_measure_once_a_seed(pipeline: Pipeline) -> None:
    found = reproduce.reproduce(pipeline, TINY, Reporter())
    table = found.tables[0]
    assert [row.label for row in table.rows] == ["Original", "Re-train", "GD", "NTK", "RURK"]
    names = {column.name for column in table.columns}
    assert {"retain_acc", "unlearn_acc", "test_acc", "mia_acc", "avg_gap", "seconds"} <= names
    for row in table.rows:
        for name in names:
            assert len(row.cells[name].known) == 2, (row.name, name)
    assert [one.name for one in found.tables[1:]] == [
        "residual-knowledge", "prevalence", "unlearn-accuracy", "disagreement",
    ]  # fmt: skip
    assert "Re-train" in [row.label for row in found.tables[3].rows]
    assert any("tiny" in note for note in found.notes)


def test_figures_are_those_of_the_studies(pipeline: Pipeline) -> None:
    found = reproduce.reproduce(pipeline, replace(TINY, seeds=(131,)), Reporter())
    study = pipeline.study(found.facts["studies"]["seed 131"])
    assert cells(found, "gd")["test_acc"].values == (study.metrics["gd"]["test_acc"],)
    residual = study.residual
    wrong = (residual.predictions["gd"] != 2).mean((0, 2))
    assert cells(found, "gd", 3)["0.1"].mean == pytest.approx(100 * wrong[1])
    differ = [
        (residual.predictions["gd"] != residual.predictions[f"retrain-{j}"]).mean((0, 2))[1]
        for j in range(2)
    ]
    assert cells(found, "gd", 4)["0.1"].mean == pytest.approx(sum(differ) / 2)


def test_the_null_band_stands_beneath_the_curves_and_intervals_in_the_json(
    pipeline: Pipeline,
) -> None:
    found = reproduce.reproduce(pipeline, TINY, Reporter())
    residuals = [pipeline.study(key).residual for key in found.facts["studies"].values()]
    low, high = found.tables[1].rows[-2:]
    assert (low.label, high.label) == ("null band, low", "null band, high")
    assert low.cells["0.1"].mean == min(one.null_low[1] for one in residuals)
    assert high.cells["0.1"].mean == max(one.null_high[1] for one in residuals)
    intervals = tables.as_json(found)["residual_intervals"]
    assert set(intervals) == {"taus", "original", "gd", "ntk", "rurk"}
    mean = cells(found, "gd", 1)["0.1"].mean
    assert mean is not None
    assert intervals["gd"]["low"][1] <= mean <= intervals["gd"]["high"][1]


def test_the_bar_covers_all_seeds_and_never_runs_backwards(pipeline: Pipeline) -> None:
    bar = Bar()
    reproduce.reproduce(pipeline, TINY, bar)
    assert bar.fractions == sorted(bar.fractions)
    done, total = bar._done, bar._total
    assert done == pytest.approx(total)
    assert any(stage.startswith("seed 131: ") for stage in bar.stages)
    assert any(stage.startswith("seed 42: ") for stage in bar.stages)
    first = next(f for f, s in zip(bar.fractions, bar.stages, strict=True) if "seed 42" in s)
    assert 0.3 < first < 0.7  # half of the work is the first seed's


def test_a_stopped_run_goes_on_where_it_ended_with_the_same_figures(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    with pytest.raises(Cancelled):
        reproduce.reproduce(pipeline, TINY, Bar(stop_after="gd"))
    kept = set(pipeline.store.keys("models"))
    assert len(kept) == 3  # the first seed's Original and Re-trains
    resumed = reproduce.reproduce(pipeline, TINY, Reporter())
    assert kept < set(pipeline.store.keys("models"))
    fresh = reproduce.reproduce(Pipeline(Store(tmp_path / "other"), "cpu"), TINY, Reporter())
    assert figures(resumed) == figures(fresh)


def figures(found: Report) -> dict[str, Any]:
    """All numbers but run times, which differ."""
    return {
        f"{table.name} {row.name} {name}": cell.values
        for table in found.tables
        for row in table.rows
        for name, cell in row.cells.items()
        if name != "seconds"
    }


def test_a_finished_run_is_answered_from_the_store(pipeline: Pipeline) -> None:
    first = reproduce.reproduce(pipeline, TINY, Reporter())
    bar = Bar()
    again = reproduce.reproduce(pipeline, TINY, bar)
    assert tables.as_json(again) == tables.as_json(first)
    assert bar._total == 0


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError, "gd, with all that its training holds, does not fit into the memory of"),
        (lambda: RuntimeError("CUDA out of memory"), "gd, with all that its training holds, does"),
        (lambda: RuntimeError("a matrix is singular"), "a matrix is singular"),
    ],
)
def test_a_method_that_refuses_or_fails_gets_a_footnote(
    pipeline: Pipeline,
    monkeypatch: pytest.MonkeyPatch,
    error: Callable[[], Exception],
    said: str,
) -> None:
    def fail(problem: object, config: object) -> None:
        raise error()

    monkeypatch.setitem(vars(registry.get("method", "gd")), "make", fail)
    preset = replace(TINY, settings={**TINY.settings, "ntk": {"budget": 1e-7}})
    bar = Bar()
    found = reproduce.reproduce(pipeline, preset, bar)
    rows = {row.name: row for row in found.tables[0].rows}
    assert "GiB" in rows["ntk"].refused
    assert rows["gd"].refused.startswith(said)
    assert rows["rurk"].cells["test_acc"].mean is not None
    text = tables.text(found)
    assert "NTK [2]" in text
    assert rows["ntk"].refused in text
    assert bar._done == pytest.approx(bar._total)
    assert any("gd is skipped" in line for line in bar.logs)


def test_a_failing_original_ends_the_run(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("engine.pipeline.model_maker.train_from_scratch", fail)
    with pytest.raises(RuntimeError, match="broken"):
        reproduce.reproduce(pipeline, TINY, Reporter())


def test_an_ablation_has_one_row_a_value_beside_the_published_one(pipeline: Pipeline) -> None:
    found = reproduce.reproduce(pipeline, ABLATION, Reporter())
    table = found.tables[0]
    assert [row.label for row in table.rows] == ["Original", "Re-train", "0.01", "0.1"]
    assert table.stub == "rurk"
    published = cells(found, "0.1")["unlearn_acc"].published
    assert published is not None
    assert published.mean == 29.67
    assert len(cells(found, "0.1")["unlearn_acc"].values) == 2
    models = len(pipeline.store.keys("models"))
    assert models == 2 * (1 + 2 + 2)  # a seed: Original, two Re-trains, two of RURK


def test_original_and_retrains_start_from_one_pre_training(pipeline: Pipeline) -> None:
    past = {"dataset": "iris", "train": {"epochs": 40, "lr": 0.05}}
    preset = replace(TINY, methods=("gd",), settings={"train": {"epochs": 1, "lr": 1e-6}})
    bar = Bar()
    found = reproduce.reproduce(pipeline, replace(preset, pretrain=past), bar)
    assert {stage for stage in bar.stages if "pre-training" in stage} == {"iris: pre-training"}
    assert bar._done == pytest.approx(bar._total)
    spec = pipeline.spec_of(pipeline.study(found.facts["studies"]["seed 42"]))
    assert spec.pretrain is not None
    start = pipeline.work.pretraining.network(spec.model, spec.pretrain, Reporter())
    for name in ("original", "retrain-0", "retrain-1"):  # this training hardly moves a weight
        model = pipeline.work.loaded(pipeline.plan(spec), name)
        assert (model.net[1].weight - start.net[1].weight).abs().max() < 1e-3
        assert (model.head.weight - start.head.weight).abs().max() > 1e-2  # a fresh head
    again = Bar()
    assert tables.as_json(
        reproduce.reproduce(pipeline, replace(preset, pretrain=past), again)
    ) == tables.as_json(found)
    assert again._total == 0
    scratch = reproduce.reproduce(pipeline, preset, Reporter())
    assert figures(scratch) != figures(found)


def test_a_stopped_pre_training_goes_on_where_it_ended(pipeline: Pipeline) -> None:
    past = {"dataset": "iris", "train": {"epochs": 40}}
    preset = replace(TINY, methods=("gd",), settings={}, pretrain=past)
    with pytest.raises(Cancelled):
        reproduce.reproduce(pipeline, preset, Bar(stop_after="pre-training"))
    assert list((pipeline.store.root / "partial").glob("*.pt"))
    bar = Bar()
    reproduce.reproduce(pipeline, preset, bar)
    assert not list((pipeline.store.root / "partial").glob("*.pt"))


def test_every_method_can_be_measured_again_from_its_checkpoint(pipeline: Pipeline) -> None:
    settings = {"train": {"epochs": 2}, "ntk": {"retain_samples": 20}}
    preset = replace(TINY, seeds=(131,), methods=presets.METHODS, settings=settings)
    first = reproduce.reproduce(pipeline, preset, Reporter())
    assert not [row.label for row in first.tables[0].rows if row.refused]
    later = Pipeline(pipeline.store, "cpu")  # another session: no model is in memory
    more = reproduce.reproduce(later, replace(preset, draws=20), Reporter())
    assert [row.name for row in more.tables[0].rows] == ["original", "retrain", *presets.METHODS]
    assert cells(more, "cr")["test_acc"].values == cells(first, "cr")["test_acc"].values


def test_re_trains_may_train_longer_than_the_original(pipeline: Pipeline) -> None:
    preset = replace(
        TINY, seeds=(131,), methods=("gd",), settings={"train": {"epochs": 2, "retrain_epochs": 5}}
    )
    trial = next(iter(reproduce.trials_of(pipeline, preset, Reporter())))
    next(run_all(pipeline, [trial.spec], ["one"], Reporter()))
    models = pipeline.models(trial.spec)
    assert len(models["original"].loss) == 2
    assert len(models["retrain-0"].loss) == len(models["retrain-1"].loss) == 5


def test_everything_is_written_and_says_quick_where_it_is(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    preset = replace(TINY, methods=("gd",), settings={"train": {"epochs": 3}}, quick=True)
    found = reproduce.reproduce(pipeline, preset, Reporter(), seeds=[7, 7])
    assert found.seeds == (7,)
    paths = reproduce.save(found, tmp_path / "out", pipeline)
    assert {path.name for path in paths} >= {
        "tiny-quick.txt", "tiny-quick.json", "tiny-quick.csv", "tiny-quick.tex",
        "tiny-quick-residual-knowledge.csv", "tiny-quick-disagreement.tex",
    }  # fmt: skip
    for path in paths:
        text = path.read_text(encoding="utf-8")
        assert "quick" in text.lower() or "tiny,yes" in text
    assert json.loads((tmp_path / "out" / "tiny-quick.json").read_text())["quick"] is True


def test_a_folder_that_cannot_be_written_is_named(pipeline: Pipeline, tmp_path: Path) -> None:
    found = reproduce.reproduce(pipeline, replace(TINY, seeds=(131,)), Reporter())
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="Cannot write"):
        reproduce.save(found, tmp_path / "file", pipeline)


def test_studies_without_any_method_left_still_measure_the_original(pipeline: Pipeline) -> None:
    preset = replace(
        TINY,
        seeds=(131,),
        methods=("ntk",),
        settings={"train": {"epochs": 3}, "ntk": {"budget": 1e-7}},
    )
    trial = next(iter(reproduce.trials_of(pipeline, preset, Reporter())))
    outcome = next(run_all(pipeline, [trial.spec], ["one"], Reporter()))
    assert set(outcome.study.metrics) == {"original", "retrain"}
    assert set(outcome.refused) == {"ntk"}


def test_a_share_of_a_job_fills_its_part_of_the_bar_and_no_more() -> None:
    whole = Bar()
    whole.expect(100)
    part = Share(whole, "part", 40)
    part.expect(10)
    part.advance(5)
    assert whole._done == 20
    part.advance(50)  # more than it expected
    assert whole._done == 40
    part.finish()
    assert whole._done == 40
    whole.cancel()
    assert part.cancelled
    with pytest.raises(Cancelled):
        part.check()


def test_the_command_line_reproduces_and_lists(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    store = ["--store", str(tmp_path / "store")]
    arguments = ["reproduce", "iris-figure1", "--quick", "--seeds", "131", "--out", str(out)]
    assert main([*arguments, *store]) == 0
    text = capsys.readouterr().out
    assert "QUICK" in text
    assert "GD" in text
    assert (out / "iris-figure1-quick.tex").is_file()
    assert main(["reproduce", "?"]) == 0
    assert set(presets.names()) == {
        line.split()[0] for line in capsys.readouterr().out.splitlines()
    }


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["reproduce", "digit"], "no preset 'digit'. Did you mean 'digits'?"),
        (["reproduce", "digits", "--seeds", "1,b"], "--seeds must be a whole number"),
        (["reproduce", "small-cifar5", "--root", "/nowhere"], "/nowhere"),
        (["reproduce", "digits", "--out", f"{__file__}/deeper"], "Cannot create the folder"),
    ],
)
def test_what_cannot_be_reproduced_is_said_in_a_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert sentence in capsys.readouterr().err
