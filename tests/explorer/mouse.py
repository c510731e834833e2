"""Realistic mouse drags: QTest's moves carry no pressed button."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

STEP = 20  # ms between moves; pyqtgraph drops more than 100 moves a second


def drag(
    widget: QWidget,
    points: list[QPoint],
    keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
) -> None:
    """Press the left button at the first point, move along, and release it at the last."""
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    _send(widget, QEvent.Type.MouseButtonPress, points[0], left, left, keys)
    for at in points[1:]:
        _send(widget, QEvent.Type.MouseMove, at, none, left, keys)
        QTest.qWait(STEP)
    _send(widget, QEvent.Type.MouseButtonRelease, points[-1], left, none, keys)


def _send(
    widget: QWidget,
    kind: QEvent.Type,
    at: QPoint,
    button: Qt.MouseButton,
    held: Qt.MouseButton,
    keys: Qt.KeyboardModifier,
) -> None:
    place = QPointF(widget.mapToGlobal(at))
    QApplication.sendEvent(widget, QMouseEvent(kind, QPointF(at), place, button, held, keys))


def left_button(widget: QWidget, kind: QEvent.Type, at: QPoint) -> None:
    """Press, move or release the left button at a point, and process the events."""
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    changed = none if kind == QEvent.Type.MouseMove else left
    held = none if kind == QEvent.Type.MouseButtonRelease else left
    place = QPointF(widget.mapToGlobal(at))
    keys = Qt.KeyboardModifier.NoModifier
    event = QMouseEvent(kind, QPointF(at), place, changed, held, keys)
    QApplication.sendEvent(widget, event)
    QApplication.processEvents()
