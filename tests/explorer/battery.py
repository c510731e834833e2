"""Every view there is, and what is looked for in each of them."""

from __future__ import annotations

import importlib

from PySide6.QtGui import QImage
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QWidget

from explorer.views.base import View
from explorer.window.activity import ActivityView
from explorer.window.docks import DOCKS


def _views() -> dict[str, type[View]]:
    found = {}
    for dock in DOCKS:
        if dock.place:
            module, _, name = dock.place.partition(":")
            found[dock.name] = getattr(importlib.import_module(module), name)
    return found


FRAMED = tuple(_views().values())  # those with a frame that says what to do while it is empty


VIEWS = (*FRAMED, ActivityView)


def settled(view: View) -> QImage:
    """The view as it is drawn once layouts are done."""
    for _ in range(3):
        QApplication.processEvents()
        view.grab()
    return view.grab().toImage()


def outside(view: View) -> list[str]:
    """Names of the parts that reach beyond what holds them, but for what can be scrolled to."""
    return [
        f"{type(part).__name__} {part.accessibleName() or part.objectName()} {part.geometry()}"
        for part in view.findChildren(QWidget)
        if part.isVisible()
        and part.window() is view.window()
        and not _scrolled(part)
        and not part.parentWidget().rect().contains(part.geometry())
    ]


def _scrolled(part: QWidget) -> bool:
    above = part.parentWidget()
    while above is not None:
        if isinstance(above.parentWidget(), QAbstractScrollArea):
            return True
        above = above.parentWidget()
    return False
