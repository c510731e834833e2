"""What outputs say, beside plain numpy on the counts in the study's file."""

from __future__ import annotations

import csv
import json
import math
import re
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from functools import cache, cached_property
from io import StringIO
from pathlib import Path
from typing import Any

import h5py
import made
import numpy as np
import pytest
from needs import needs
from scipy.special import betainc, betaincinv

from engine.__main__ import main
from engine.analysis.model_table import QUANTITIES, board
from engine.analysis.tradeoff import axis, scatter
from engine.analysis.tradeoff import sheet as points_sheet
from engine.drawing.labels import NO_VERDICTS_NOTE
from engine.metrics import METRICS, mean_of, with_censored
from engine.pipeline.pipeline import Pipeline
from engine.pipeline.records import study_arrays, study_attributes, study_of
from engine.report import tables as printed
from engine.residual.over_seeds import spreads
from engine.residual.verdict import overall, threshold, verdict, verdict_rule
from engine.results import Study
from engine.spec import DataSpec
from engine.storage.store import Record
from engine.sweeps import sweep
from engine.sweeps.batch import Outcome
from engine.sweeps.grid import Point
from engine.tables import latex, model_csv, model_report, study_text, table

COMMAND = (
    "run", "--dataset", "iris", "--methods", "gd,ga", "--retrains", "2", "--draws", "20",
    "--set", "train.epochs=6", "--taus", "0,0.1,0.3",
)  # fmt: skip
MODELS = ("original", "gd", "ga")


@dataclass
class Outputs:
    """The store of one study, its key, what was printed, and its JSON."""

    store: Path
    key: str
    text: str
    json: dict[str, Any]

    @property
    def residual(self) -> dict[str, Any]:
        found: dict[str, Any] = self.json["residual_knowledge"]
        return found

    def run(self, *words: str) -> str:
        """What another command prints about the study."""
        heard = StringIO()
        with redirect_stdout(heard):
            assert main([words[0], self.key, *words[1:], "--store", str(self.store)]) == 0
        return heard.getvalue()

    @cached_property
    def page(self) -> str:
        """The report as HTML."""
        path = self.store.parent / "report.html"
        self.run("report", "--out", str(path))
        return path.read_text()

    def counts(self) -> dict[str, np.ndarray]:
        """Everything under counts/ in the file."""
        with h5py.File(self.store / "studies" / f"{self.key}.h5") as file:
            return {name: file["counts"][name][()].astype(float) for name in file["counts"]}


def outputs(folder: Path, *words: str) -> Outputs:
    heard, out = StringIO(), folder / "out.json"
    with redirect_stdout(heard):
        told = ["--store", str(folder / "store"), "--json", str(out)]
        assert main([*COMMAND, *words, *told]) == 0
    found = json.loads(out.read_text())
    return Outputs(folder / "store", found["key"], heard.getvalue(), found)


@pytest.fixture(
    scope="module", params=["gaussian", pytest.param("fgsm", marks=needs("torchattacks"))]
)
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Outputs:
    """A study on random copies, and one on copies attacked against every model."""
    data = {"gaussian": "iris", "fgsm": "digits"}[request.param]
    words = ("--perturbation", request.param, "--dataset", data)
    return outputs(tmp_path_factory.mktemp("told"), *words)


@pytest.fixture(scope="module")
def sparing(tmp_path_factory: pytest.TempPathFactory) -> Outputs:
    """A study whose draws went adaptively."""
    return outputs(tmp_path_factory.mktemp("sparing"), "--adaptive", "25")


def on_copies_of(counts: dict[str, np.ndarray], model: str) -> tuple[np.ndarray, np.ndarray]:
    """(u (n, T), a (2, n, T)) as the README says that they lie in the file."""
    a = [counts.get(f"retrain-{j}@{model}", counts[f"retrain-{j}"]) for j in range(2)]
    return counts[model], np.stack(a)


def rows_of(path: Path) -> list[dict[str, str]]:
    """The lines of a CSV file."""
    return list(csv.DictReader(path.read_text().splitlines()))


def close(shown: list[float | None], expected: np.ndarray) -> None:
    found = np.array([math.nan if one is None else one for one in shown])
    np.testing.assert_allclose(found, expected, rtol=1e-9)


# -- c, d: r, its undefined samples and the pooled ratio -------------------------------------------
def mean_ratio(u: np.ndarray, a: np.ndarray) -> np.ndarray:
    rows = []
    for own in a:
        values = [[u[i, t] / own[i, t] for i in range(len(u)) if own[i, t]] for t in range(3)]
        rows.append([np.mean(one) if one else math.nan for one in values])
    return np.array([np.nanmean(column) if np.isfinite(column).any() else math.nan
                     for column in np.array(rows).T])  # fmt: skip


def test_r_pooled_prevalence_and_undefined_follow_from_the_counts_in_the_file(
    told: Outputs,
) -> None:
    counts = told.counts()
    for model in MODELS:
        u, a = on_copies_of(counts, model)
        shown = told.residual["models"][model]
        close(shown["mean"], mean_ratio(u, a))
        assert shown["undefined"] == [int(((a[:, :, t] == 0).any(0)).sum()) for t in range(3)]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = 2 * u.sum(0) / a.sum((0, 1))
        close(shown["pooled"], np.where(a.sum((0, 1)) > 0, ratio, np.nan))
        close(shown["prevalence"], 100 * ((u > a[0]).mean(0) + (u > a[1]).mean(0)) / 2)


def test_every_table_has_each_models_own_undefined_samples(told: Outputs, tmp_path: Path) -> None:
    own = {m: told.residual["models"][m]["undefined"] for m in MODELS}
    n = len(told.json["spec"]["forget"])
    line = next(one for one in told.text.splitlines() if one.startswith("0.3 "))
    shown = [int(k) for k in re.findall(rf"(\d+) of {n}", line)]
    apart = len({tuple(one) for one in own.values()}) > 1
    assert shown == [own[m][2] for m in (MODELS if apart else MODELS[:1])]
    told.run("figure", "--kind", "curves", "--out", str(tmp_path / "r.svg"))
    rows = rows_of(tmp_path / "r.csv")
    for row in rows:
        if row["model"] in own and float(row["tau"]) == 0.3:
            assert int(row["undefined"]) == own[row["model"]][2]
    caption = re.sub(r"\s+", " ", (tmp_path / "r.txt").read_text(encoding="utf-8"))
    if apart:
        most = {m: max(own[m]) for m in MODELS}
        of_each = f"{most['original']} (Original), {most['gd']} (GD), {most['ga']} (GA)"
        assert f"undefined for up to {of_each} of {n} samples" in caption
    cells = re.findall(rf"<td>(\d+) of {n}<", told.page)
    assert [int(k) for k in cells] == [
        own[m][t] for t in range(3) for m in (MODELS if apart else MODELS[:1])
    ]


def test_attacked_copies_are_told_apart_in_the_file(told: Outputs) -> None:
    counts, attack = told.counts(), told.json["spec"]["probe"]["perturbation"] == "fgsm"
    assert ("retrain-0@gd" in counts) == attack
    if attack:  # what a Re-train said of copies against itself is not what r is made of
        assert (counts["retrain-0"] != counts["retrain-0@original"]).any()
        own = {tuple(told.residual["models"][model]["undefined"]) for model in MODELS}
        assert len(own) > 1


def record_of(study: Study, **changes: np.ndarray) -> Record:
    attributes = {**study_attributes(study), "spec": json.dumps(study.spec), "created": ""}
    return Record("studies", study.key, attributes, {**study_arrays(study), **changes})


def test_an_earlier_files_pooled_ratio_is_derived_again() -> None:
    study = made.study()
    old = record_of(study, **{"curves/rurk/pooled": np.full(3, 9.0)})
    curve = study_of(old).residual.curves["rurk"]
    u, a = study.residual.counts["rurk"], 2 * study.residual.counts["retrain-0"]
    np.testing.assert_allclose(curve.pooled, 2 * u.sum(0) / a.sum(0))


def test_pooled_is_defined_wherever_any_retrain_recognizes_anything() -> None:
    counts = {**made.residual().counts, "retrain-0": np.zeros((3, 3), np.int32)}
    study = replace(made.study(), residual=replace(made.residual(), counts=counts))
    assert study_of(record_of(study)).residual.curves["rurk"].pooled == pytest.approx(
        8 * 3 * 2 / 12
    )
    nobody = {**counts, "retrain-1": counts["retrain-0"]}
    study = replace(study, residual=replace(made.residual(), counts=nobody))
    assert np.isnan(study_of(record_of(study)).residual.curves["rurk"].pooled).all()


def test_an_earlier_files_retrains_get_the_numbers_of_their_names() -> None:
    labels = {**made.LABELS, "retrain-0": "Re-train 1", "retrain-1": "Re-train 2"}
    study = replace(made.study(), labels=labels)
    found = study_of(record_of(study)).labels
    assert (found["retrain-0"], found["retrain-1"]) == ("Re-train 0", "Re-train 1")


# -- a: verdicts -----------------------------------------------------------------------------------
@cache
def quantiles(count: float, draws: int) -> np.ndarray:
    """The middles of 2,000 equally likely parts of Jeffreys' posterior."""
    at = (np.arange(2000) + 0.5) / 2000
    return np.asarray(betaincinv(count + 0.5, draws - count + 0.5, at))


@cache
def exceeding(u: float, a: float, draws: int, margin: float) -> float:
    """Pr[p > q + margin] under Jeffreys' priors, by the quantiles of q."""
    least = np.minimum(1, quantiles(a, draws) + margin)
    return float(1 - betainc(u + 0.5, draws - u + 0.5, least).mean())


def verdicts_of(u: np.ndarray, a: np.ndarray, draws: int) -> list[str]:
    def chance(i: int, t: int, margin: float) -> float:
        return float(np.mean([exceeding(u[i, t], own[i, t], draws, margin) for own in a]))

    found = []
    for i in range(len(u)):
        above = [chance(i, t, 0.0) for t in range(u.shape[1])]
        beyond = [chance(i, t, 0.05) for t in range(u.shape[1])]
        if max(above) > 1 - 0.05 / u.shape[1]:
            found.append("residual")
        elif all(p <= 0.95 and 1 - q > 0.95 for p, q in zip(above, beyond, strict=True)):
            found.append("none")
        else:
            found.append("undecided")
    return found


def test_verdicts_are_the_rules_in_every_output_and_the_rule_stands_beside_them(
    told: Outputs, tmp_path: Path
) -> None:
    counts, rule = told.counts(), verdict_rule(3)
    assert "above 0.98333 (1 - 0.05/3)" in rule
    assert "3 norms" in rule
    words = re.sub(r"<[^>]+>", "|", told.page)
    for model, label in (("original", "Original"), ("gd", "GD"), ("ga", "GA")):
        expected = verdicts_of(*on_copies_of(counts, model), 20)
        tally = {w: expected.count(w) for w in ("residual", "none", "undecided")}
        assert told.residual["verdicts"][model] == tally
        row = "|".join([label, *(str(n) for n in tally.values())])
        assert re.search(re.escape(row).replace(r"\|", r"[|\s]+"), words)
        shown = told.text.partition("forget samples by verdict")[2].splitlines()
        line = next(one.split() for one in shown if one.startswith(label))
        assert line[1:] == [str(n) for n in tally.values()]
        out = tmp_path / f"{model}.csv"
        printed_samples = told.run("samples", "--model", model, "--csv", str(out))
        rows = {int(one["index"]): one for one in rows_of(out)}
        assert [rows[k]["verdict"] for k in told.json["spec"]["forget"]] == expected
        assert {one["verdict_rule"] for one in rows.values()} == {rule}
        assert rule in printed_samples
    assert rule in told.text
    assert told.residual["verdict_rule"] == rule
    assert rule in words.replace("|", "")


def test_the_rule_depends_on_the_grid_as_the_verdicts_do() -> None:
    assert [threshold(n) for n in (1, 5, 11)] == pytest.approx([0.95, 0.99, 1 - 0.05 / 11])
    assert "above 0.95 at any" in verdict_rule(1)
    assert "0.99545 (1 - 0.05/11)" in verdict_rule(11)
    assert "1 - 0.05/T" in verdict_rule(0)
    residual = made.residual()
    residual = replace(residual, posterior={"rurk": np.full((3, 3), 0.97)})
    found = verdict(residual, "rurk")
    assert (overall(found) == 0).all()  # 0.97 is enough for one norm, not for three
    alone = replace(found, exceeds=found.exceeds[:, :1], verdict=found.verdict[:, :1])
    assert (overall(alone) == 1).all()


# -- b: adaptive draws -----------------------------------------------------------------------------
def test_adaptive_draws_give_no_prevalence_and_no_verdicts_and_every_output_says_why(
    sparing: Outputs, tmp_path: Path
) -> None:
    for shown in sparing.residual["models"].values():
        assert shown["prevalence"] == [None] * 3
        assert any(one is not None for one in shown["pooled"])
    assert sparing.residual["verdicts"] == dict.fromkeys(MODELS)
    assert sparing.residual["verdict_rule"] == NO_VERDICTS_NOTE
    assert NO_VERDICTS_NOTE in sparing.text
    assert "residual where" not in sparing.text
    out, curves = tmp_path / "s.csv", tmp_path / "p.svg"
    assert NO_VERDICTS_NOTE in sparing.run("samples", "--model", "gd", "--csv", str(out))
    for row in rows_of(out):
        assert (row["verdict"], row["posterior_there"]) == ("–", "")
        assert row["verdict_rule"] == NO_VERDICTS_NOTE
    sparing.run("figure", "--kind", "metrics", "--out", str(curves))
    for row in rows_of(curves.with_suffix(".csv")):
        assert (row["prevalence"], row["note"]) == ("", NO_VERDICTS_NOTE)
    assert NO_VERDICTS_NOTE in re.sub(r"<[^>]+>", "", sparing.page)


def test_an_earlier_adaptive_file_gives_none_either() -> None:
    residual = replace(made.residual(), drawn=np.full((3, 3), 4))
    found = study_of(record_of(replace(made.study(), residual=residual))).residual
    assert np.isnan(found.curves["rurk"].prevalence).all()
    assert np.isnan(found.posterior["rurk"]).all()
    assert set(overall(verdict(found, "rurk")).tolist()) == {2}


# -- e: values that are past what is counted -------------------------------------------------------
EPOCHS = {"original": (0.0, 0.0, 0.0), "retrain": (31.0, 22.0, 31.0), "rurk": (22.0, 28.0, 31.0)}
PAST = {"original": (0, 0, 0), "retrain": (2, 1, 2), "rurk": (0, 0, 1)}  # two Re-trains a study


@pytest.fixture
def seeds() -> list[Study]:
    """Three seeds: Re-train always, RURK once past 30 epochs."""
    studies = []
    for i in range(3):
        study = made.study(131 + i)
        metrics = {
            name: {
                **row, "relearn_epochs": EPOCHS[name][i],
                "relearn_epochs_censored": float(PAST[name][i]),
            }
            for name, row in study.metrics.items()
        }  # fmt: skip
        studies.append(replace(study, metrics=metrics))
    return studies


def test_the_number_of_values_past_is_kept_through_the_mean_over_the_retrains() -> None:
    rows = [with_censored({"relearn_epochs": epochs}, METRICS) for epochs in (31.0, 5.0, 31.0)]
    assert mean_of(rows) == {"relearn_epochs": 67 / 3, "relearn_epochs_censored": 2.0}


@pytest.mark.parametrize(
    ("mean", "models", "number"),
    [(31.0, 3, 3.0), (31.0, 1, 1.0), (30.0, 1, 0.0), (10.0, 3, 0.0), (67 / 3, 3, math.nan)],
)
def test_an_earlier_files_mean_that_may_hold_such_a_value_is_marked(
    mean: float, models: int, number: float
) -> None:
    found = with_censored({"relearn_epochs": mean}, METRICS, models)["relearn_epochs_censored"]
    assert found == number or (math.isnan(found) and math.isnan(number))
    study = made.study()
    study = replace(study, metrics={"retrain": {"relearn_epochs": mean}})
    if models == 3:
        study = replace(study, spec={**study.spec, "retrains": 3})
        lines = study_text.study_table(study_of(record_of(study))).splitlines()
        marked = next(line for line in lines if line.startswith("Re-train")).split()[1]
        assert marked[0].isdigit() == (number == 0)


def test_every_output_marks_a_bound_and_gives_no_deviation(seeds: list[Study]) -> None:
    found = board(seeds[0], seeds[1:], mean=True)
    lines = {row.model: row for row in found.rows}
    epochs = next(one for one in QUANTITIES if one.name == "relearn_epochs")
    bound = f"≥{np.mean(EPOCHS['rurk']):.1f}"
    assert epochs.of(lines["rurk"].entry(epochs.name)) == bound == "≥27.0"
    assert epochs.of(lines["retrain"].entry(epochs.name)) == "≥28.0"
    assert epochs.of(lines["original"].entry(epochs.name)) == "0.0"
    header, rows = model_csv.sheet(found)
    sheet = {row[0]: dict(zip(header, row, strict=True)) for row in rows}
    assert sheet["rurk"]["relearn_epochs"] == 27
    assert sheet["rurk"]["relearn_epochs_censored"] == 1
    assert sheet["retrain"]["relearn_epochs_censored"] == 3
    assert math.isnan(float(str(sheet["rurk"]["relearn_epochs_deviation"])))
    report = model_report.report_of(found, "three seeds")
    assert "≥27.0" in table.text(report) and "≥27.0±" not in table.text(report)
    assert r"$\geq 27.0$" in latex.latex(report, report.tables[0])
    assert table.CENSORING in table.text(report)
    line = next(csv.DictReader([*table.as_csv(report, report.tables[0]).splitlines()][:1] + [
        one for one in table.as_csv(report, report.tables[0]).splitlines() if "rurk@" in one
    ]))  # fmt: skip
    assert (line["relearn_epochs_censored"], line["relearn_epochs_std"]) == ("1", "")
    cells = {row["name"]: row["cells"] for row in table.as_json(report)["tables"][0]["rows"]}
    assert cells["rurk@0"]["relearn_epochs"]["censored"] == 1
    assert cells["rurk@0"]["relearn_epochs"]["std"] is None
    assert cells["rurk@0"]["unlearn_acc"]["std"] == 0
    grid = printed.metrics(found)
    own = dict(zip(grid.header, next(row for row in grid.rows if row[0] == "RURK"), strict=True))
    assert next(text for name, text in own.items() if "Re-learn" in name) == "≥27.0"
    spread = spreads(seeds)["rurk"]["relearn_epochs"]
    assert spread.bound and spread.mean == 27 and math.isnan(spread.deviation)


def test_one_studys_text_json_and_grid_mark_it(seeds: list[Study]) -> None:
    text = study_text.study_table(seeds[1]).splitlines()
    assert next(one for one in text if one.startswith("Re-train")).split()[-1] == "≥22.00"
    assert "≥" not in next(one for one in text if one.startswith("RURK"))
    rows = study_text.study_json(seeds[2])["metrics"]
    assert (rows["rurk"]["relearn_epochs"], rows["rurk"]["relearn_epochs_censored"]) == (31, 1)


def test_a_grid_marks_it(seeds: list[Study], pipeline: Pipeline) -> None:
    iris = pipeline.dataset(DataSpec("iris"), sweep.Reporter())
    spec = pipeline.compose(iris, methods=("rurk",), retrains=2)
    runs = [sweep.SweepRun(Point({}, {"rurk.tau": "0.1"}), Outcome(spec, one, {})) for one in seeds]
    rows = list(csv.DictReader(sweep.as_csv(runs).splitlines()))
    assert [row["rurk.relearn_epochs_censored"] for row in rows] == ["0", "0", "1"]
    assert [row["retrain.relearn_epochs_censored"] for row in rows] == ["2", "1", "2"]
    assert ">30" in sweep.text(runs).splitlines()[3]


def test_the_scatter_marks_it_on_points_axes_and_in_its_csv(seeds: list[Study]) -> None:
    found = board(seeds[0], seeds[1:], mean=True)
    named = {one.name: one for one in found.quantities}
    shown = scatter(found, named["relearn_epochs"], named["unlearn_acc"])
    names = {one.row.model: one.name(shown.x, shown.y) for one in shown.points}
    assert {model: name.partition(" (≥")[2] for model, name in names.items()} == {
        "original": "", "retrain": "28.0)", "rurk": "27.0)",
    }  # fmt: skip
    assert "best near Re-train's ≥28.0" in axis(shown.x, found, shown.goals[0])
    header, rows = points_sheet(shown)
    flags = {row[0]: row[header.index("relearn_epochs_censored")] for row in rows}
    assert flags == {"original": 0, "retrain": 1, "rurk": 1}
    assert all(math.isnan(end) for one in shown.points for end in one.x_interval
               if one.bounds[0])  # fmt: skip
