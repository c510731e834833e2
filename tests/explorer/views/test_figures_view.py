"""The Figures view draws what a paper would print, and follows what the other views show."""

from __future__ import annotations

from pathlib import Path

import pytest
from patience import PATIENCE_MS as WAIT
from pytestqt.qtbot import QtBot
from quick import finish
from real import start
from shown import Shown, press

from engine.figures.catalog import KINDS
from explorer.app import Explorer
from explorer.state.figure_preview import FigurePreview
from explorer.views.figures import DRAWING, EMPTY, FiguresView


def test_without_a_study_it_says_what_to_do(shown: Shown) -> None:
    view = shown.view(FiguresView)
    assert view.panel.is_empty and view.panel.empty.text() == EMPTY


def test_it_requests_the_chosen_kind_and_width(shown: Shown, qtbot: QtBot) -> None:
    shown.fill()
    view = shown.view(FiguresView)
    assert view.kind.count() == len(KINDS)
    view.kind.setCurrentIndex(view.kind.findData("metrics"))
    assert shown.last == ("preview", "metrics", {"width_mm": 89.0, "dpi": 288.0})
    view.width_mm.setCurrentIndex(2)
    assert shown.last == ("preview", "metrics", {"width_mm": 183.0, "dpi": 288.0})
    press(view, "Export…")
    assert shown.last == ("ask_figure", "metrics", {"width_mm": 183.0})
    press(view, "Copy")
    assert shown.last == ("copy", "metrics", {"width_mm": 183.0})


def test_it_says_that_the_first_figure_is_being_drawn(shown: Shown, qtbot: QtBot) -> None:
    shown.fill()
    view = shown.view(FiguresView)
    qtbot.waitUntil(lambda: bool(shown.asked.calls))
    assert view.preview.sentence == DRAWING


def test_a_picture_of_another_kind_is_not_shown(shown: Shown) -> None:
    shown.fill()
    view = shown.view(FiguresView)
    shown.state.figure_preview = FigurePreview("attack", b"", "of the attack")
    assert view.caption.text() == ""
    shown.state.set_problem("figure_preview", "There is no attack yet.")
    assert view.preview.sentence == "There is no attack yet."


def test_the_caption_is_short_and_the_info_mark_has_the_rest(shown: Shown) -> None:
    shown.fill()
    view = shown.view(FiguresView)
    shown.state.figure_preview = FigurePreview("curves", b"", "What it is.\n\nmlp on digits\n\nkey")
    assert view.caption.text() == "What it is."
    assert view.info.isVisible() and "mlp on digits\n\nkey" in view.info.text_shown()
    shown.state.figure_preview = FigurePreview("curves", b"", "What it is.")
    assert not view.info.isVisible()


def test_its_choices_are_kept(shown: Shown) -> None:
    shown.fill()
    view = shown.view(FiguresView)
    view.kind.setCurrentIndex(view.kind.findData("slice"))
    again = shown.view(FiguresView)
    again.restore_view_state(view.view_state())
    assert again.view_state() == {"kind": "slice", "width": 89.0}
    again.restore_view_state({"kind": "no such", "width": "wide"})
    assert again.view_state() == {"kind": "slice", "width": 89.0}


@pytest.fixture
def explorer(qtbot: QtBot, tmp_path: Path) -> Explorer:
    return start(qtbot, tmp_path)


def test_the_real_window_draws_the_curves(explorer: Explorer, qtbot: QtBot) -> None:
    explorer.window.show_workspace("publish")
    with qtbot.waitSignal(explorer.controller.shown.completed, timeout=WAIT):
        explorer.controller.run()
    view = explorer.window.views["figures"]
    assert isinstance(view, FiguresView)
    qtbot.waitUntil(lambda: not view.preview.picture.isNull(), timeout=WAIT)
    assert "esidual" in view.caption.text()
    finish(explorer, qtbot)
