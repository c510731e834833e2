"""Saving and restoring a window's geometry, always fully on a screen."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QStyle, QWidget

from explorer.state.window_layout import FULL, LARGEST, MAXIMIZED, NORMAL, Box, Frame

STATES = {
    NORMAL: Qt.WindowState.WindowNoState,
    MAXIMIZED: Qt.WindowState.WindowMaximized,
    FULL: Qt.WindowState.WindowFullScreen,
}


def frame_of(window: QWidget) -> Frame:
    """The window's normal geometry, and whether it is maximized or full screen."""
    state = FULL if window.isFullScreen() else MAXIMIZED if window.isMaximized() else NORMAL
    place = window.geometry() if state == NORMAL else window.normalGeometry()
    return Frame(_box(place if place.isValid() else window.geometry()), state)


def restore(window: QWidget, frame: Frame) -> None:
    """Restore a window's geometry, as far as the current screens allow."""
    kinds = Qt.WindowState.WindowMaximized | Qt.WindowState.WindowFullScreen
    window.setWindowState(window.windowState() & ~kinds)
    place(window, frame.box)
    if frame.state != NORMAL:
        window.setWindowState(window.windowState() | STATES[frame.state])


def place(window: QWidget, box: Box) -> None:
    """Give a window this rectangle, shrunk and moved to fit on one screen."""
    rectangle = QRect(box.x, box.y, box.width, box.height)
    if rectangle.isEmpty():
        return
    screen = QGuiApplication.screenAt(rectangle.center()) or QGuiApplication.primaryScreen()
    title = window.style().pixelMetric(QStyle.PixelMetric.PM_TitleBarHeight, None, window)
    room = screen.availableGeometry().adjusted(0, title, 0, 0)
    size = rectangle.size().boundedTo(room.size()).expandedTo(window.minimumSize())
    last = QPoint(room.right() + 1 - size.width(), room.bottom() + 1 - size.height())
    x = max(room.left(), min(rectangle.x(), last.x()))
    y = max(room.top(), min(rectangle.y(), last.y()))
    window.setGeometry(QRect(QPoint(x, y), size))


def fit(window: QWidget) -> None:
    """Shrink and center a window that is not shown yet, so that its screen has room for it."""
    room = QGuiApplication.primaryScreen().availableGeometry()
    rectangle = QRect(QPoint(), window.size())
    rectangle.moveCenter(room.center())
    place(window, _box(rectangle))


def _box(place: QRect) -> Box:
    size = place.size()
    return Box(place.x(), place.y(), min(size.width(), LARGEST), min(size.height(), LARGEST))
