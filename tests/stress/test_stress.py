"""The short version: some hundred random events on the real window, and some studies in a row."""

from __future__ import annotations

import faulthandler
import os
from collections.abc import Iterator
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import monkey
import pytest
from PySide6.QtCore import QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMainWindow, QMenu, QToolButton
from pytestqt.qtbot import QtBot
from runs import growth, let_loose, soak
from stage import Traps

EVENTS, RUNS = 600, 8
HANGS = 600.0  # seconds


@pytest.fixture(autouse=True)
def watched(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """What hangs in a loop of Qt ends with a traceback: Python, and so pytest, cannot step in."""
    with capfd.disabled():
        screen = os.dup(2)
    faulthandler.dump_traceback_later(HANGS, exit=True, file=screen)
    yield
    faulthandler.cancel_dump_traceback_later()
    os.close(screen)


def test_random_events_harm_nothing(qapp: QApplication, tmp_path: Path) -> None:
    outcome = let_loose(EVENTS, 7, tmp_path, block=EVENTS)
    assert not outcome.wrong
    assert [(one.done, one.windows) for one in outcome.levels] == [(EVENTS, 1)]


def test_studies_in_a_row_leave_nothing_open(tmp_path: Path) -> None:
    outcome = soak(RUNS, tmp_path)
    _, _, files = growth(outcome.levels)
    assert len(outcome.levels) == RUNS and files <= 0


def test_a_loop_that_nobody_can_end_is_found(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Qt's own is, where the menu of a button is emptied while it is open, and has no border."""
    monkeypatch.setattr(monkey, "STUCK", 20)
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    sheet = application.styleSheet()
    application.setStyleSheet("QMenu { padding: 0; border: none; }")
    window, button = QMainWindow(), QToolButton()
    qtbot.addWidget(window)
    menu = QMenu(button)
    menu.addAction("goes")
    button.setMenu(menu)
    button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    window.setCentralWidget(button)
    window.show()
    explorer: Any = SimpleNamespace(window=window)
    made, traps = monkey.Monkey(explorer, Random(0), tmp_path), Traps()

    def click() -> str:
        QTimer.singleShot(0, menu.clear)
        QTest.mouseClick(button, monkey.LEFT)
        return "done"

    made._deeds = ((click, 1),)
    try:
        with traps.set():
            traps.attempt(made.act)
    finally:
        application.setStyleSheet(sheet)
    assert made.done == ["click done"]
    assert ["a loop does not end" in one for one in traps.caught] == [True]


def test_the_traps_catch(qapp: QApplication) -> None:
    import sys

    from PySide6.QtCore import QTimer, qWarning

    def wrong() -> None:
        raise IndexError("in a slot")

    traps = Traps()
    with traps.set():
        QTimer.singleShot(0, wrong)
        traps.attempt(qapp.processEvents)
        qWarning("a complaint")
        assert sys.excepthook == traps._uncaught
    assert ["IndexError: in a slot" in one for one in traps.caught] == [True, False]
    assert "Qt: a complaint" in traps.caught[1]
