"""The short version: some hundred random events on the real window, and some studies in a row."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QApplication
from runs import growth, let_loose, soak
from stage import Traps

EVENTS, RUNS = 600, 8


def test_random_events_harm_nothing(qapp: QApplication, tmp_path: Path) -> None:
    outcome = let_loose(EVENTS, 7, tmp_path, block=EVENTS)
    assert not outcome.wrong
    assert [(one.done, one.windows) for one in outcome.levels] == [(EVENTS, 1)]


def test_studies_in_a_row_leave_nothing_open(tmp_path: Path) -> None:
    outcome = soak(RUNS, tmp_path)
    _, _, files = growth(outcome.levels)
    assert len(outcome.levels) == RUNS and files <= 0


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
