"""Widgets of the running test, held until Qt has deleted them.

pytest-qt holds them weakly: if Python's collector comes first, it takes the parts of a plot apart
in any order, and leaves a layout with a part that is gone (seen as a crash in setGeometry).
"""

from __future__ import annotations

from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

_widgets: list[QWidget] = []
_add_widget = QtBot.addWidget


def _add_and_hold(bot: QtBot, widget: QWidget, **words: object) -> None:
    _widgets.append(widget)
    _add_widget(bot, widget, **words)


def install() -> None:
    """From now on hold every widget that is added to a qtbot."""
    QtBot.addWidget = _add_and_hold  # type: ignore[method-assign]


def release(widget: QWidget | None = None) -> None:
    """Hold this widget no longer; all of them for None."""
    _widgets[:] = [one for one in _widgets if widget is not None and one is not widget]
