"""Tab order of a view: the reading order of its layouts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractScrollArea,
    QLayout,
    QSplitter,
    QStackedWidget,
    QTabBar,
    QTabWidget,
    QWidget,
)


def put_in_order(widget: QWidget) -> None:
    """Set the Tab order from left to right and down, regardless of creation order."""
    for one, other in pairwise(_reading(widget)):
        QWidget.setTabOrder(one, other)


def name_tabs(widget: QWidget, title: str) -> None:
    """Give unnamed tab bars an accessible name."""
    for bar in widget.findChildren(QTabBar):
        if not bar.accessibleName():
            bar.setAccessibleName(f"Pages of {title}")


def stops(widget: QWidget) -> list[QWidget]:
    """The widgets inside `widget` that Tab currently visits, in order."""
    found, at = [], widget.nextInFocusChain()
    while at is not None and at is not widget:
        if widget.isAncestorOf(at) and _takes_focus(at) and at.isEnabled() and at.isVisible():
            found.append(at)
        at = at.nextInFocusChain()
    return found


def _takes_focus(widget: QWidget) -> bool:
    tab = widget.focusPolicy() & Qt.FocusPolicy.TabFocus == Qt.FocusPolicy.TabFocus
    return tab and widget.focusProxy() is None


def _reading(widget: QWidget) -> Iterator[QWidget]:
    """The focusable widgets in `widget`, itself included, in layout order."""
    if _takes_focus(widget):
        yield widget
    for part in _parts(widget):
        yield from _reading(part)


def _parts(widget: QWidget) -> list[QWidget]:
    found: list[QWidget | None] = []
    if isinstance(widget, QTabWidget):
        found = [widget.tabBar(), *(widget.widget(i) for i in range(widget.count()))]
    elif isinstance(widget, QSplitter | QStackedWidget):
        found = [widget.widget(i) for i in range(widget.count())]
    elif not isinstance(widget, QAbstractScrollArea):  # scroll areas handle their own keys
        layout = widget.layout()
        found = list(_laid_out(layout)) if layout is not None else []
    return [part for part in found if part is not None]


def _laid_out(layout: QLayout) -> Iterator[QWidget]:
    for place in range(layout.count()):
        item = layout.itemAt(place)
        inner = item.layout() if item is not None else None
        widget = item.widget() if item is not None else None
        if widget is not None:
            yield widget
        elif inner is not None:
            yield from _laid_out(inner)
