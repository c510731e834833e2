"""What outputs say, beside plain numpy on the counts in the study's file."""

from __future__ import annotations

import csv
import json
import math
import re
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import Any

import h5py
import made
import numpy as np
import pytest
from needs import needs
from scipy import stats

from engine.__main__ import main
from engine.analysis.model_table import QUANTITIES, board
from engine.analysis.tradeoff import axis, scatter
from engine.analysis.tradeoff import sheet as points_sheet
from engine.datasets import base as datasets
from engine.drawing.labels import NO_VERDICTS_NOTE
from engine.metrics import METRICS, mean_of, with_censored
from engine.pipeline.pipeline import Pipeline
from engine.pipeline.records import study_arrays, study_attributes, study_of
from engine.report import tables as printed
from engine.residual.over_seeds import spreads
from engine.residual.verdict import verdict_note, verdict_rule, verdicts
from engine.results import Study
from engine.spec import DataSpec
from engine.storage.store import Record
from engine.sweeps import sweep
from engine.sweeps.batch import Outcome
from engine.sweeps.grid import Point
from engine.tables import latex, model_csv, model_report, study_text, table

COMMAND = (
    "run", "--dataset", "iris", "--methods", "gd,ga", "--retrains", "2", "--draws", "20",
    "--set", "train.epochs=6", "--taus", "0,0.1,0.3", "--set", "probe.fdr=0.35",
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
    table = told.text.partition("residual knowledge r_tau")[2]
    line = next(one for one in table.splitlines() if one.startswith("0.3 "))
    shown = [int(k) for k in re.findall(rf"(\d+) of {n}", line)]
    apart = len({tuple(one) for one in own.values()}) > 1
    assert shown == [own[m][2] for m in (MODELS if apart else MODELS[:1])]
    told.run(
        "figure", "--kind", "curves", "--measure", "residual", "--out", str(tmp_path / "r.svg")
    )
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
FDR = 0.35  # with seven samples and two Re-trains, 5 % could never be reached


def right_answers(told: Outputs) -> dict[str, np.ndarray]:
    """model -> (n, T, c) which copies it recognizes, from the predictions in the file."""
    spec = told.json["spec"]
    y = datasets.load(DataSpec(spec["data"]["name"])).train_y[spec["forget"]]
    with h5py.File(told.store / "studies" / f"{told.key}.h5") as file:
        return {name: one[()] == y[:, None, None] for name, one in file["predictions"].items()}


def e_value(m: np.ndarray, a: np.ndarray) -> float:
    """The likelihood of the discordant copies (c,) under unfair coins, over that of a fair one."""
    won, lost = int((m & ~a).sum()), int((a & ~m).sum())
    p = (np.arange(4000) + 0.5) / 4000  # quantiles of Jeffreys' prior, restricted to above 1/2
    coins = stats.beta(0.5, 0.5).ppf(0.5 + p / 2)
    return float(np.mean((2 * coins) ** won * (2 * (1 - coins)) ** lost))


def no_excess(m: np.ndarray, others: list[np.ndarray]) -> float:
    """The wealth of who bets that the model is ahead by less than 5 % of copies."""
    gain = 0.05 - (m.astype(float) - np.mean(others, 0))
    return float(np.mean([np.prod(1 + s * gain) for s in (0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0)]))


def scores_of(own: np.ndarray, others: list[np.ndarray]) -> np.ndarray:
    """(n,) how far the share of copies own (n, T) lies above the others'."""
    x, them = np.arcsin(np.sqrt(own)), [np.arcsin(np.sqrt(one)) for one in others]
    spread = np.std(them, 0, ddof=1) if len(them) > 1 else 0
    return np.asarray(((x - np.mean(them, 0)) / (spread + 0.1)).max(1))


def q_values_of(told: Outputs, model: str, e: np.ndarray) -> np.ndarray:
    """(n,) q-values by the definition, where two Re-trains were trained."""
    share = {name: one / 20 for name, one in told.counts().items()}
    at = {(j, m): share.get(f"retrain-{j}@{m}", share[f"retrain-{j}"])
          for j in (0, 1) for m in (model, "retrain-0", "retrain-1")}  # fmt: skip
    if any("@" in name for name in share):  # each is judged on its own copies, by one other
        pairs = [
            (scores_of(share[model], [at[1 - j, model]]),
             scores_of(at[j, f"retrain-{j}"], [at[1 - j, f"retrain-{j}"]]))
            for j in (0, 1)
        ]  # fmt: skip
    else:
        everyone = [share[model], at[0, model], at[1, model]]
        own = scores_of(everyone[0], everyone[1:])
        pairs = [(own, scores_of(everyone[1 + j], [everyone[0], everyone[2 - j]])) for j in (0, 1)]
    n = len(e)
    p = np.array([
        (1 + sum(float(null[k] >= own[i]) for own, null in pairs for k in range(n))) / (1 + 2 * n)
        for i in range(n)
    ])  # fmt: skip
    p = np.maximum(p, 1 / np.maximum(e.mean(1), 1))
    order = np.sort(p)
    return np.array([min(order[k] * n / (k + 1) for k in range(n) if order[k] >= one) for one in p])


def test_verdicts_are_the_rules_in_every_output_and_the_rule_stands_beside_them(
    told: Outputs, tmp_path: Path
) -> None:
    answers, n = right_answers(told), len(told.json["spec"]["forget"])
    rule = told.residual["verdict_rule"]
    assert rule.startswith(verdict_rule(FDR))
    words = re.sub(r"<[^>]+>", "|", told.page)
    for model, label in (("original", "Original"), ("gd", "GD"), ("ga", "GA")):
        them = [answers.get(f"retrain-{j}@{model}", answers[f"retrain-{j}"]) for j in (0, 1)]
        grid = [(i, t) for i in range(n) for t in range(3)]
        e = np.array([np.mean([e_value(answers[model][c], one[c]) for one in them]) for c in grid])
        none = np.array([no_excess(answers[model][c], [one[c] for one in them]) for c in grid])
        shown = told.residual["models"][model]
        np.testing.assert_allclose(np.ravel(shown["e_values"]), e, rtol=0.02)
        q = q_values_of(told, model, np.reshape(shown["e_values"], (n, 3)))
        np.testing.assert_allclose(shown["q_values"], q, rtol=1e-9)
        sure = (none.reshape(n, 3) >= 20).all(1)
        expected = ["residual" if q[i] <= FDR else "none" if sure[i] else "undecided"
                    for i in range(n)]  # fmt: skip
        assert shown["verdicts"] == expected and shown["fdr"] == FDR
        tally = {w: expected.count(w) for w in ("residual", "none", "undecided")}
        assert told.residual["verdicts"][model] == tally
        row = "|".join([label, *(str(n) for n in tally.values())])
        assert re.search(re.escape(row).replace(r"\|", r"[|\s]+"), words)
        printed = told.text.partition("forget samples by verdict")[2].splitlines()
        line = next(one.split() for one in printed if one.startswith(label))
        assert line[1:] == [str(n) for n in tally.values()]
        out = tmp_path / f"{model}.csv"
        printed_samples = told.run("samples", "--model", model, "--csv", str(out))
        rows = {int(one["index"]): one for one in rows_of(out)}
        forgotten = told.json["spec"]["forget"]
        assert [rows[k]["verdict"] for k in forgotten] == expected
        assert [float(rows[k]["q_value"]) for k in forgotten] == shown["q_values"]
        assert {one["verdict_rule"] for one in rows.values()} == {rule}
        assert rule in printed_samples
    assert rule in told.text
    assert rule in words.replace("|", "")


def test_the_null_in_the_file_is_what_one_more_re_train_would_do(told: Outputs) -> None:
    counts, null = told.counts(), told.residual["null"]
    if "retrain-0@retrain-1" in counts:
        at = {(i, j): counts[f"retrain-{i}" if i == j else f"retrain-{i}@retrain-{j}"]
              for i in (0, 1) for j in (0, 1)}  # fmt: skip
    else:
        at = {(i, j): counts[f"retrain-{i}"] for i in (0, 1) for j in (0, 1)}
    logs = np.array([np.log(at[j, j].sum(0) / at[1 - j, j].sum(0)) for j in (0, 1)])
    close(null["pooled_low"], np.exp(logs.min(0)))
    close(null["pooled_high"], np.exp(logs.max(0)))
    error = np.mean([
        sum((20 * p * (1 - p)).sum(0) / one.sum(0) ** 2
            for one in (at[j, j], at[1 - j, j]) for p in [one / 20])
        for j in (0, 1)
    ], 0)  # fmt: skip
    for low, high, level in (("prediction_low", "prediction_high", 0.975),
                             ("grid_low", "grid_high", 1 - 0.025 / 3)):  # fmt: skip
        width = stats.t(1).ppf(level) * np.sqrt((logs.std(0, ddof=1) / 2) ** 2 * 1.5 + error)
        close(null[low], np.exp(logs.mean(0) - width))
        close(null[high], np.exp(logs.mean(0) + width))
    assert null["retrains_for_a_claim"] is None or null["retrains_for_a_claim"] >= 2


def test_the_certified_radius_follows_from_exact_intervals(told: Outputs) -> None:
    for model in MODELS:
        shown = told.residual["models"][model]["certified_radius"]
        if told.json["spec"]["probe"]["perturbation"] != "gaussian":
            assert shown is None
            continue
        u, a = on_copies_of(told.counts(), model)
        best = np.zeros(len(u))
        tail = 0.05 / (2 * 3) / 2  # two norms, three models, two ends
        for t, sigma in ((1, 0.1), (2, 0.3)):
            low = stats.beta(u[:, t], 21 - u[:, t]).ppf(tail)
            high = np.max([stats.beta(one[:, t] + 1, 20 - one[:, t]).ppf(1 - tail) for one in a], 0)
            radius = sigma / 2 * (stats.norm.ppf(low) - stats.norm.ppf(high))
            best = np.maximum(best, np.where(u[:, t] > 0, np.nan_to_num(radius, neginf=0), 0))
        np.testing.assert_allclose(shown, best, rtol=1e-9)


def test_the_rule_names_the_rate_and_how_many_samples_few_re_trains_take() -> None:
    assert "q is at most 5 %" in verdict_rule(0.05)
    assert "q is at most the false discovery rate" in verdict_rule()
    shape = np.ones((3, 3))
    parts = {part: {"rurk": shape} for part in ("e_values", "absence")}
    residual = replace(made.residual(), q_values={"rurk": np.array([0.05, 0.06, 1])}, **parts)
    assert verdicts(residual, "rurk").tolist() == [1, 0, 0]
    assert verdicts(replace(residual, fdr=0.1), "rurk").tolist() == [1, 1, 0]
    assert "With 2 Re-trains, at least 9 samples must exceed" in verdict_note(residual)
    one = {name: n for name, n in residual.counts.items() if name != "retrain-1"}
    assert "at least two Re-trains" in verdict_note(replace(residual, counts=one))


# -- b: adaptive draws -----------------------------------------------------------------------------
def test_adaptive_draws_give_prevalence_and_verdicts_at_complete_norms_and_say_so(
    sparing: Outputs, tmp_path: Path
) -> None:
    counts = sparing.counts()
    with h5py.File(sparing.store / "studies" / f"{sparing.key}.h5") as file:
        complete = ((file["drawn"][()] == 20) | (file["settled"][()] == 1)).all(0)
    assert complete.tolist() == [True, True, True]  # of two norms, the middle and the last
    for model, shown in sparing.residual["models"].items():
        u, a = on_copies_of(counts, model)
        close(shown["prevalence"], 100 * (u > a).mean((0, 1)))
        assert len(shown["verdicts"]) == len(u) and min(shown["q_values"]) > 0
    note = sparing.residual["verdict_rule"]
    assert "verdicts and prevalence are based on τ 0, 0.1, 0.3 alone" in note
    assert note in sparing.text
    out = tmp_path / "s.csv"
    assert note in sparing.run("samples", "--model", "gd", "--csv", str(out))
    assert {row["verdict_rule"] for row in rows_of(out)} == {note}
    assert note in re.sub(r"<[^>]+>", "", sparing.page)


def test_an_earlier_adaptive_file_gives_none_either() -> None:
    residual = replace(made.residual(), drawn=np.full((3, 3), 4))
    found = study_of(record_of(replace(made.study(), residual=residual))).residual
    assert np.isnan(found.curves["rurk"].prevalence).all()
    assert np.isnan(found.posterior["rurk"]).all()
    assert set(verdicts(found, "rurk").tolist()) == {2}
    assert verdict_note(found) == NO_VERDICTS_NOTE


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
