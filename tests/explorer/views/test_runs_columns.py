"""What the columns of the Runs table say, and how wide they are."""

from __future__ import annotations

import pytest
import synthetic
from PySide6.QtCore import QSize
from pytestqt.qtbot import QtBot
from shown import Shown

from engine.analysis.study_measures import measures_of
from engine.results import StudySummary
from engine.study.siblings import sibling_settings
from explorer.views.runs.columns import DATASET, DIFFERS, columns_named
from explorer.views.runs.view import RunsView
from explorer.views.runs.widths import LEAST, fitted


def test_columns_of_words_give_way_where_the_room_is_short() -> None:
    wanted = {"gap": 60, "methods": 200, "notes": 120}
    words = ("methods", "notes")
    assert fitted(wanted, words, 400) == wanted
    assert fitted(wanted, words, 340) == {**wanted, "methods": 160}
    assert fitted(wanted, words, 280) == {"gap": 60, "methods": 110, "notes": 110}
    assert fitted(wanted, words, 60 + 2 * LEAST - 1) == wanted  # too narrow: it scrolls
    assert fitted(wanted, ("methods",), 280) == {**wanted, "methods": 100}
    assert list(fitted(wanted, words, 280)) == list(wanted)


def test_a_percentage_says_so_in_its_header() -> None:
    names = ["measure:unlearn_acc", "measure:residual"]
    percent, ratio = columns_named(names, str.upper, "gd", 0.2, ())
    assert (percent.title, percent.below) == ("Unlearn", "GD, %")
    assert percent.full_title == "Unlearn of GD" and ratio.below == "GD, τ 0.2"


@pytest.mark.parametrize("width", [820, 1200])
def test_one_study_has_no_columns_that_say_nothing(shown: Shown, qtbot: QtBot, width: int) -> None:
    one = synthetic.study()
    shown.state.runs = ()
    shown.state.studies = (
        StudySummary(
            one.key, "digits", "mlp", 10, ("rurk", "gd", "ga", "neggrad"), "gaussian", 100, 7,
            "2026-01-02T03:04:05Z", 1.0, settings=sibling_settings(one.spec),
        ),
    )  # fmt: skip
    shown.state.measures = {one.key: measures_of(one)}
    view = shown.view(RunsView)
    view.resize(QSize(width, 500))
    names = [one.name for one in view.table.cells.columns]
    assert DIFFERS not in names and DATASET not in names
    assert view.pages.count_label.text() == "1 study of digits"
    qtbot.waitUntil(lambda: view.table.horizontalScrollBar().maximum() == 0)
