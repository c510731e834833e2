"""What stands beside numbers that would say too much alone: rules, bounds, missing verdicts."""

from __future__ import annotations

import html
import os
import re
from dataclasses import replace

import numpy as np
import pytest
import synthetic
from PySide6.QtWidgets import QApplication, QWidget
from shown import Shown

from engine.analysis.model_table import board
from engine.drawing.labels import LAYER_NOTE, NO_VERDICTS_NOTE, null_note
from engine.residual.verdict import verdict_note
from engine.results import Curve, Residual, Study
from explorer.plots import model_cells
from explorer.theme import LIGHT
from explorer.views.compare.view import CompareView
from explorer.views.curves.tabs import PREVALENCE, RESIDUAL
from explorer.views.curves.view import CurvesView
from explorer.views.metrics import SCATTER, MetricsView
from explorer.views.samples.sort_keys import VERDICT
from explorer.views.samples.tooltip import describe
from explorer.views.samples.view import SamplesView


def adaptive(made: Residual) -> Residual:
    """The same from adaptive draws of an earlier version, as the engine hands it out."""
    nothing = np.full(len(made.taus), np.nan)
    return replace(
        made,
        drawn=np.full((len(made.samples), len(made.taus)), 8),
        counts={name: np.minimum(one, 4) for name, one in made.counts.items()},
        curves={name: replace(one, prevalence=nothing) for name, one in made.curves.items()},
        posterior={name: np.full(one.shape, np.nan) for name, one in made.posterior.items()},
        q_values={},
        e_values={},
        absence={},
    )


def of_attack(made: Residual) -> Residual:
    """The same from attacks: each model has undefined samples of its own."""

    def apart(one: Curve, number: int) -> Curve:
        return replace(one, undefined=np.full(len(made.taus), number))

    curves = {name: apart(one, k) for k, (name, one) in enumerate(made.curves.items())}
    return replace(made, perturbation="fgsm", curves=curves)


def relearned(study: Study, retrain: float, lost: float) -> Study:
    """The study with re-learn epochs; `lost` of the Re-trains' values are past what is counted."""
    epochs = {"original": (0.0, 0.0), "retrain": (retrain, lost), "rurk": (31.0, 1.0)}
    metrics = {
        name: {**row, "relearn_epochs": own[0], "relearn_epochs_censored": own[1]}
        for name, row in study.metrics.items()
        for own in (epochs.get(name, (4.0, 0.0)),)
    }
    return replace(study, metrics=metrics)


def seen(view: QWidget, name: str) -> None:
    """Keep a picture of the view where somebody wants to look at it."""
    folder = os.environ.get("RK_EXPLORER_PICTURES", "")
    if folder:
        QApplication.processEvents()
        assert view.grab().save(f"{folder}/{name}.png")


@pytest.fixture(params=["light", "dark"])
def filled(request: pytest.FixtureRequest, shown: Shown) -> Shown:
    shown.state.theme = request.param
    shown.fill()
    return shown


def test_curves_say_what_the_null_band_cannot_tell_at_0(filled: Shown) -> None:
    view = filled.view(CurvesView)
    view.tabs.setCurrentIndex(RESIDUAL)
    note = view.note.text()
    assert null_note([0.0]) in note
    assert "r is undefined for up to 3 of 10 samples" in note
    filled.state.study = filled.state.residual = None
    filled.state.residual = of_attack(synthetic.residual())
    QApplication.processEvents()
    view.tabs.setCurrentIndex(RESIDUAL)
    assert "r is undefined for 0 (Original), 1 (RURK), 2 (GD) of 10 samples" in view.note.text()
    seen(view, f"curves-{filled.state.theme}")


def test_an_adaptive_study_has_no_prevalence_and_the_views_say_why(filled: Shown) -> None:
    made = adaptive(synthetic.residual())
    filled.state.residual = made
    filled.state.study = replace(synthetic.study(), residual=made)
    view, table = filled.view(CurvesView), filled.view(MetricsView)
    view.tabs.setCurrentIndex(PREVALENCE)
    assert NO_VERDICTS_NOTE in view.note.text()
    titles = [one.title for one in table.table.cells.columns]
    place = next(i for i, one in enumerate(titles) if one.startswith("Prevalence"))
    rows = range(table.table.cells.rowCount())
    assert {table.table.shown_text(row, place) for row in rows} == {"–"}
    assert NO_VERDICTS_NOTE in table.note.text()
    seen(view, f"prevalence-{filled.state.theme}")
    seen(table, f"metrics-{filled.state.theme}")


@pytest.mark.parametrize("sparing", [False, True])
def test_samples_that_are_sorted_by_verdict_show_its_rule(filled: Shown, sparing: bool) -> None:
    made = synthetic.residual()
    filled.state.residual = adaptive(made) if sparing else made
    view = filled.view(SamplesView)
    said = NO_VERDICTS_NOTE if sparing else verdict_note(made)
    assert said not in view.note.text()
    view.order.sort.setCurrentText(VERDICT)
    QApplication.processEvents()
    assert said in view.note.text()
    assert filled.state.dataset is not None
    assert view.facts is not None
    tip = describe(1, filled.state.dataset, view.facts, LIGHT)
    words = html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", tip)))
    assert f"verdict on the methods: {'–' if sparing else 'undecided'}" in words
    assert said in words
    seen(view, f"samples-{filled.state.theme}-{sparing}")


def test_layers_say_where_they_are_taken_and_what_bands_are(filled: Shown) -> None:
    view = filled.view(CompareView)
    view.tabs.setCurrentWidget(view.similarity)
    QApplication.processEvents()
    assert LAYER_NOTE in view.similarity.note.text()
    assert LAYER_NOTE in view.similarity.help
    seen(view, f"layers-{filled.state.theme}")


def test_a_table_marks_lower_bounds_and_gives_no_deviation_over_them(filled: Shown) -> None:
    one, other = synthetic.study(), synthetic.study(seed=7)
    studies = [relearned(one, 20.5, 1.0), relearned(other, 31.0, 2.0)]
    found = board(studies[0], studies[1:], mean=True)
    titles = [one.title for one in model_cells.columns(found)]
    at = next(i for i, title in enumerate(titles) if title.startswith("Re-learn"))
    cells = {row[0].text: row[at].text for row in model_cells.rows(found, LIGHT)}
    assert cells["Re-train"] == "≥25.8"
    assert cells["RURK"] == ">30"
    assert cells["GD"] == "4.0 ± 0.0"
    filled.state.study = studies[0]
    view = filled.view(MetricsView)
    view.tradeoff.set_axes("relearn_epochs", "unlearn_acc")
    view.tabs.setCurrentIndex(SCATTER)
    QApplication.processEvents()
    assert view.tradeoff.shown is not None
    assert [one.bounds[0] for one in view.tradeoff.shown.points] == [False, True, True, False]
    assert "a lower bound" in view.tradeoff.words.text()
    seen(view, f"scatter-{filled.state.theme}")
