"""The figures of the views: what they show now, as kinds of figures with their options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtWidgets import QWidget

from explorer.views.base import View


class ViewFigures:
    """Asks the views of a window; more may be added to them later."""

    def __init__(self, window: QWidget, views: Mapping[str, View]) -> None:
        self._window, self._views = window, views

    def every(self) -> Mapping[str, Mapping[str, Any]]:
        """Kind -> its options, of all views."""
        return {
            kind: options
            for view in self._views.values()
            for kind, options in view.figures().items()
        }

    def focused(self) -> tuple[str, Mapping[str, Any]] | None:
        """Kind and options of the view with keyboard focus, else of the largest one on the screen.

        None if that shows no figure.
        """
        view = self._with_focus() or max(self._seen(), key=_area, default=None)
        return next(iter(view.figures().items()), None) if view is not None else None

    def _with_focus(self) -> View | None:
        focus = self._window.focusWidget()
        for view in self._views.values():
            dock = view.parentWidget()
            if focus is not None and dock is not None and dock.isAncestorOf(focus):
                return view
        return None

    def _seen(self) -> list[View]:
        return [view for view in self._views.values() if view.seen and view.figures()]


def _area(view: View) -> int:
    return view.width() * view.height()
