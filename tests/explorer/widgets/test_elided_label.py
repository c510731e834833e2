"""An elided label shows an ellipsis, and exposes its full text to assistive technology."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint
from PySide6.QtGui import QAccessible, QHelpEvent
from PySide6.QtWidgets import QApplication, QToolTip
from pytestqt.qtbot import QtBot

from explorer.widgets.elided_label import ElidedLabel

WORDS = "Epoch 12 of 200: 34 % of the forget samples are still recognized, 61 % of the others"


def told(label: ElidedLabel) -> str:
    """The text a screen reader would read."""
    return QAccessible.queryAccessibleInterface(label).text(QAccessible.Text.Name)


def test_text_that_does_not_fit_is_elided_but_fully_accessible(qtbot: QtBot) -> None:
    label = ElidedLabel()
    qtbot.addWidget(label)
    label.setText(WORDS)
    label.resize(150, 20)
    label.show()
    assert label.shown().endswith("…") and len(label.shown()) < len(WORDS) / 2
    assert WORDS.startswith(label.shown()[:-1].rstrip())
    assert label.text() == told(label) == WORDS
    assert label.terms() == ["Epoch"]  # the others are not drawn
    assert all(label.rect().contains(box) for box in label.underlines())
    tip = QHelpEvent(QEvent.Type.ToolTip, QPoint(120, 8), label.mapToGlobal(QPoint(120, 8)))
    QApplication.sendEvent(label, tip)
    assert QToolTip.text() == WORDS
    label.setToolTip("Why they are recognized.")
    assert label.full_tip() == f"{WORDS}\nWhy they are recognized."
    label.resize(label.sizeHint())
    assert label.shown() == WORDS
    assert label.terms() == ["Epoch", "Forget set"]


def test_text_that_may_wrap_is_not_elided(qtbot: QtBot) -> None:
    label = ElidedLabel()
    qtbot.addWidget(label)
    label.setText(WORDS)
    label.setWordWrap(True)
    label.resize(150, 20)
    assert label.shown() == told(label) == WORDS
