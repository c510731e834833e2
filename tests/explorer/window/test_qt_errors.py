"""Exceptions in methods that Qt calls are reported; on Python 3.11 PySide would crash."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyqtgraph as pg
import pytest
from patience import PATIENCE

from explorer.app import Explorer
from explorer.views.live.view import LiveView
from explorer.window import qt_errors

HERE = Path(qt_errors.__file__).parents[2]
FAULTY = """
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from explorer.window.qt_errors import harden

class Mixed:
    def showEvent(self, event):
        [][0]

class Shown(Mixed, QWidget):
    pass

class Sized(QLabel):
    def resizeEvent(self, event):
        int("x")

class Measured(QLabel):
    def sizeHint(self):
        return 1 // 0

app = QApplication([])
harden()
shown, sized, measured = Shown(), Sized(), Measured()

def act():
    for step in (shown.show, sized.show, measured.adjustSize):
        try:
            step()
        except Exception as error:
            print(type(error).__name__, flush=True)
    app.quit()

QTimer.singleShot(0, act)
app.exec()
"""


def test_errors_in_overridden_methods_arrive_where_qt_was_called() -> None:
    """With the kinds of exceptions that C code raises."""
    done = subprocess.run(
        [sys.executable, "-c", FAULTY],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(HERE)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.stdout.split() == ["IndexError", "ValueError", "ZeroDivisionError"], done.stderr
    assert done.returncode == 0


@pytest.mark.skipif(not qt_errors.NEEDED, reason="errors are objects from Python 3.12 on")
def test_the_views_and_what_they_are_made_of_are_hardened(explorer: Explorer) -> None:
    for method in (LiveView.resizeEvent, pg.GraphicsView.mouseMoveEvent, pg.AxisItem.paint):
        assert hasattr(method, "hardened")
    assert LiveView.resizeEvent.__name__ == "resizeEvent"
