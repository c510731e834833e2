"""The log of Activity follows what happens, unless somebody scrolled up to read."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QPlainTextEdit, QProgressBar, QScrollBar
from pytestqt.qtbot import QtBot

from explorer.state.app_state import AppState
from explorer.window.activity import ActivityView


@pytest.fixture
def view(qtbot: QtBot) -> ActivityView:
    result = ActivityView(AppState(), None)  # type: ignore[arg-type]
    qtbot.addWidget(result)
    for number in range(40):
        result.add(f"line {number}")
    result.resize(400, 240)
    result.show()
    qtbot.waitExposed(result)
    return result


def bar_of(view: ActivityView) -> QScrollBar:
    log = view.findChild(QPlainTextEdit)
    assert log is not None
    return log.verticalScrollBar()


def test_progress_is_drawn_only_while_something_runs(view: ActivityView, qtbot: QtBot) -> None:
    log, progress = view.findChild(QPlainTextEdit), view.findChild(QProgressBar)
    assert log is not None and progress is not None and not progress.isVisible()
    before = log.geometry()
    view.state.busy = "Training Original"
    qtbot.waitUntil(progress.isVisible)
    assert log.geometry() == before
    view.state.busy = ""
    qtbot.waitUntil(lambda: not progress.isVisible())


@pytest.mark.parametrize("size", [(400, 130), (180, 240), (600, 400)])
def test_the_last_line_stays_in_view_when_the_dock_changes_its_size(
    view: ActivityView, qtbot: QtBot, size: tuple[int, int]
) -> None:
    bar = bar_of(view)
    view.resize(*size)
    qtbot.waitUntil(lambda: bar.value() == bar.maximum())
    view.add("one more line " * 20)
    view.add("the last one")
    assert bar.value() == bar.maximum() > 0


def test_it_stays_where_somebody_scrolled_to_until_they_return(
    view: ActivityView, qtbot: QtBot
) -> None:
    bar = bar_of(view)
    bar.setValue(3)
    view.add("news")
    view.resize(400, 200)
    assert bar.value() == 3
    bar.setValue(bar.maximum())
    view.add("more news")
    assert bar.value() == bar.maximum()
