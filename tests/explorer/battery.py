"""All views, and the checks made on each of them."""

from __future__ import annotations

import importlib

from PySide6.QtGui import QImage
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QWidget

from explorer.views.base import View
from explorer.window.activity import ActivityView
from explorer.window.docks import DOCKS


def _views() -> dict[str, type[View]]:
    result = {}
    for dock in DOCKS:
        if dock.place:
            module, _, name = dock.place.partition(":")
            result[dock.name] = getattr(importlib.import_module(module), name)
    return result


FRAMED = tuple(_views().values())  # views with a panel that shows a hint while empty


VIEWS = (*FRAMED, ActivityView)


def settled(view: View) -> QImage:
    """A picture of the view once its layouts are done."""
    for _ in range(3):
        QApplication.processEvents()
        view.grab()
    return view.grab().toImage()


def outside(view: View) -> list[str]:
    """Names of the parts that exceed their parent, except those that can be scrolled to."""
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
