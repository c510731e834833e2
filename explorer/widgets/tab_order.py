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

DIRECT = Qt.FindChildOption.FindDirectChildrenOnly


def set_tab_order(*widgets: QWidget) -> None:
    """Set the Tab order: one widget after the other, each from left to right and down, regardless
    of creation order."""
    order = dict.fromkeys(part for widget in widgets for part in _reading_order(widget))
    for first, second in pairwise(order):
        QWidget.setTabOrder(first, second)


def name_tabs(widget: QWidget, title: str) -> None:
    """Give unnamed tab bars an accessible name."""
    for bar in widget.findChildren(QTabBar):
        if not bar.accessibleName():
            bar.setAccessibleName(f"Pages of {title}")


def tab_stops(widget: QWidget) -> list[QWidget]:
    """The widgets inside `widget` that Tab currently visits, in order."""
    result, candidate = [], widget.nextInFocusChain()
    while candidate is not None and candidate is not widget:
        if (
            widget.isAncestorOf(candidate)
            and _takes_focus(candidate)
            and candidate.isEnabled()
            and candidate.isVisible()
        ):
            result.append(candidate)
        candidate = candidate.nextInFocusChain()
    return result


def _takes_focus(widget: QWidget) -> bool:
    tab = widget.focusPolicy() & Qt.FocusPolicy.TabFocus == Qt.FocusPolicy.TabFocus
    return tab and widget.focusProxy() is None


def _reading_order(widget: QWidget) -> Iterator[QWidget]:
    """The focusable widgets in `widget`, itself included, in layout order."""
    if _takes_focus(widget):
        yield widget
    for part in _parts(widget):
        yield from _reading_order(part)


def _parts(widget: QWidget) -> list[QWidget]:
    parts: list[QWidget | None] = []
    if isinstance(widget, QTabWidget):
        parts = [widget.tabBar(), *(widget.widget(i) for i in range(widget.count()))]
    elif isinstance(widget, QSplitter | QStackedWidget):
        parts = [widget.widget(i) for i in range(widget.count())]
    elif not isinstance(widget, QAbstractScrollArea):  # scroll areas handle their own keys
        layout = widget.layout()
        parts = list(laid_out(layout)) if layout is not None else []
    return [part for part in parts if part is not None]


def laid_out(layout: QLayout) -> list[QWidget]:
    """The widgets of a layout and of the layouts in it, in their order.

    `QLayout.itemAt` would hand out Python objects for items that Qt frees by itself; whatever Qt
    creates at such an address later would come to Python as that item.
    """
    owner = layout.parentWidget()
    widgets = owner.findChildren(QWidget, options=DIRECT) if owner is not None else []
    inner = [part for part in layout.children() if isinstance(part, QLayout)]
    indices = [*map(layout.indexOf, widgets), *map(layout.indexOf, inner)]
    places = sorted((place, number) for number, place in enumerate(indices) if place >= 0)
    result: list[QWidget] = []
    for _, number in places:
        if number < len(widgets):
            result.append(widgets[number])
        else:
            result += laid_out(inner[number - len(widgets)])
    return result
