from __future__ import annotations

import csv
import io
import math
from dataclasses import replace

import made
import numpy as np
import pytest

from engine.analysis.model_table import QUANTITIES, ModelTable, board, nearest_tau, with_published
from engine.analysis.tradeoff import scatter
from engine.analysis.tradeoff import sheet as points_sheet
from engine.metrics import COMPARED
from engine.paper.presets import Figure
from engine.tables import latex as table_latex
from engine.tables import table
from engine.tables.csv import csv_text
from engine.tables.model_csv import sheet
from engine.tables.model_report import report_of

NAMED = {one.name: one for one in QUANTITIES}


def over_seeds() -> ModelTable:
    return board(
        made.study(), [made.study(7, unlearn=14.0), made.study(42, unlearn=16.0)], mean=True
    )


def test_every_measure_of_the_tables_is_a_quantity() -> None:
    assert set(COMPARED) <= set(NAMED)
    assert len(NAMED) == len(QUANTITIES)


def test_a_row_has_values_gaps_and_the_interval_of_r() -> None:
    rurk = board(made.study()).rows[2]
    assert rurk.entry("unlearn_acc").values == (12.0,)
    assert rurk.entry("unlearn_acc").gap == 2.0
    assert rurk.entry("avg_gap").mean == pytest.approx(2 / 3)  # retain and test are equal
    r = rurk.entry("residual")
    assert (r.mean, *r.interval) == (2.0, 1.5, 2.5)
    assert rurk.entry("accuracy").mean == pytest.approx(20)  # 8 of 10 copies are recognized
    assert math.isnan(rurk.entry("nothing").mean)


def test_retrain_has_no_gap_to_itself() -> None:
    retrain = board(made.study()).rows[1]
    assert retrain.entry("unlearn_acc").gaps == ()
    assert math.isnan(retrain.entry("avg_gap").mean)


def test_seeds_are_one_row_with_mean_deviation_and_mean_gap() -> None:
    found = over_seeds()
    assert [row.n for row in found.rows] == [3, 3, 3]
    entry = found.rows[2].entry("unlearn_acc")
    assert entry.mean == 14
    assert entry.deviation == pytest.approx(np.std([12, 14, 16]))  # divisor n
    assert entry.gap == 4
    assert entry.interval == pytest.approx((entry.mean - entry.deviation, 14 + entry.deviation))
    assert sorted(found.seeds) == [7, 42, 131]


def test_other_settings_are_rows_of_their_own_and_say_what_differs() -> None:
    others = [made.study(tau=0.3), made.study(7, tau=0.3)]
    found = board(made.study(), others, mean=True)
    assert [row.run for row in found.rows] == [""] * 3 + ["rurk.tau 0.3, 2 seeds"] * 3
    apart = board(made.study(), others)
    assert apart.rows[-1].name == "RURK (seed 7, rurk.tau 0.3)"


def test_r_is_read_at_the_tau_that_is_asked_for() -> None:
    assert board(made.study()).tau == 0.1
    assert board(made.study(), tau=0.19).tau == 0.2
    assert nearest_tau(made.TAUS, 0.04) == 0.0
    assert math.isnan(nearest_tau(np.empty(0), 0.1))


def test_a_study_on_another_grid_has_no_r_at_this_tau() -> None:
    other = replace(made.study(7), residual=made.residual(taus=np.array([0.0, 0.07])))
    rows = board(made.study(), [other]).rows
    assert math.isnan(rows[5].entry("residual").mean)
    assert rows[5].entry("unlearn_acc").mean == 12


def test_epochs_past_what_is_counted_have_no_gap() -> None:
    study = made.study()
    metrics = {name: {**row, "relearn_epochs": 31.0} for name, row in study.metrics.items()}
    metrics["rurk"]["relearn_epochs"] = 2.0
    rurk = board(replace(study, metrics=metrics)).rows[2]
    assert rurk.entry("relearn_epochs").gaps == ()
    assert NAMED["relearn_epochs"].text(31.0) == ">30"


# -- published --------------------------------------------------------------------------------
def published() -> ModelTable:
    figures = {"rurk": {"unlearn_acc": Figure(14.6, 2.2), "mia_acc": Figure(18.2, 2.5)}}
    return with_published(board(made.study(), [made.study(7)]), figures)


def test_published_figures_stand_beside_the_open_study_alone() -> None:
    rows = published().rows
    assert rows[2].entry("unlearn_acc").published == Figure(14.6, 2.2)
    assert rows[2].entry("mia_acc").values == ()
    assert rows[5].entry("unlearn_acc").published is None
    assert "mia_acc" in [one.name for one in published().quantities]


# -- text -------------------------------------------------------------------------------------
def test_the_csv_has_every_number_in_full() -> None:
    text = csv_text(*sheet(over_seeds()))
    rurk = list(csv.DictReader(io.StringIO(text)))[2]
    assert (rurk["model"], rurk["seeds"]) == ("rurk", "3")
    assert float(rurk["unlearn_acc_gap"]) == 4
    assert float(rurk["unlearn_acc_deviation"]) == pytest.approx(1.63299, abs=1e-5)
    assert float(rurk["residual_low"]) <= 2 <= float(rurk["residual_high"])
    assert "unlearn_acc_published" not in rurk
    again = list(csv.DictReader(io.StringIO(csv_text(*sheet(published())))))[2]
    assert again["unlearn_acc_published"] == "14.6"


def test_latex_has_gaps_in_the_cells_and_escapes_names() -> None:
    study = made.study(7, unlearn=14.0)
    both = board(replace(made.study(), labels={"rurk": "a_b & c"}), [study], mean=True)
    report = report_of(both, "Digits, 50 % of class 8", "")
    latex = table_latex.latex(report, report.tables[0])
    assert r"a\_b \& c & $2.00 \pm 0.00$" in latex
    assert r"$13.00 \pm 1.00$ ($+3.00$)" in latex
    assert r"50 \% of class 8" in latex
    assert latex.startswith("% rk-engine table 131")
    assert "divisor n" in latex
    text = table.text(report)
    assert "13.00±1.00 (+3.00)" in text


# -- scatter ----------------------------------------------------------------------------------
def test_references_are_drawn_but_are_no_methods() -> None:
    found = scatter(board(made.study()), NAMED["unlearn_acc"], NAMED["test_acc"])
    assert [one.row.model for one in found.points] == ["original", "retrain", "rurk"]
    assert [one.front for one in found.points] == [False, False, True]
    assert found.goals[0].target == 10


def test_models_without_a_number_are_left_out_and_named() -> None:
    found = scatter(board(made.study()), NAMED["avg_gap"], NAMED["residual"])
    assert found.left_out == ("Re-train",)
    header, rows = points_sheet(found)
    assert header[4:7] == ["avg_gap", "avg_gap_low", "avg_gap_high"]
    assert [row[-1] for row in rows] == [0, 1]


def test_without_any_method_there_is_no_front() -> None:
    study = made.study()
    alone = replace(study, metrics={name: study.metrics[name] for name in ("original", "retrain")})
    found = scatter(board(alone), NAMED["avg_gap"], NAMED["residual"])
    assert (found.best, found.stairs) == ([], ())
