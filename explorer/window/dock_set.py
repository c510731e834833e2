"""The docks of a window with their titles, and the views in them."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QApplication, QDockWidget, QMainWindow

from explorer import theme
from explorer.control.controller import Controller
from explorer.state.app_state import AppState
from explorer.state.notice import ERROR
from explorer.views.base import View
from explorer.widgets.forms import styled_label
from explorer.widgets.notifications import Notifier
from explorer.window import qt_errors
from explorer.window.activity import ActivityView
from explorer.window.dock_title import DockTitle
from explorer.window.docks import DOCKS, Dock, foreign
from explorer.window.study_hints import StudyHints

SMALLEST_VIEW = QSize(260, 60)  # overrides the minimum width of a view's header


class DockSet:
    """A box for each dock, at first with its name in it, then with its view.

    enlarge: lets the dock of this name fill the window.
    """

    def __init__(
        self,
        window: QMainWindow,
        state: AppState,
        controller: Controller,
        notifier: Notifier,
        enlarge: Callable[[str], None],
    ) -> None:
        self._state, self._controller, self._notifier = state, controller, notifier
        self.docks: dict[str, QDockWidget] = {}
        self.titles: dict[str, DockTitle] = {}
        self.views: dict[str, View] = {}
        for dock in [*DOCKS, *foreign()]:
            box = QDockWidget(dock.title, window)
            box.setObjectName(f"dock-{dock.name}")
            box.setWidget(styled_label(f"{dock.title} ...", "empty"))
            title = DockTitle(box)
            title.enlarge_wanted.connect(functools.partial(enlarge, dock.name))
            box.setTitleBarWidget(title)
            self.docks[dock.name], self.titles[dock.name] = box, title
        self.activity = ActivityView(state, controller, self.docks["activity"])
        self.docks["activity"].setWidget(self.activity)

    def load_views(self) -> None:
        """Create the views in their docks; one that cannot be loaded is reported and left out."""
        missing = [
            dock for dock in [*DOCKS, *foreign()] if dock.place and dock.name not in self.views
        ]
        kinds = [(dock, kind) for dock in missing if (kind := self._kind_of(dock)) is not None]
        qt_errors.harden()  # once for all: it looks at every class there is
        for dock, kind in kinds:
            self._load_view(dock, kind)
        qt_errors.harden()  # what the views have imported

    def set_theme(self, look: theme.Theme) -> None:
        """Draw the titles in the colors of a theme."""
        for title in self.titles.values():
            title.set_theme(look)

    def show_names(self) -> None:
        """Name each dock in its title, unless a tab bar does; after other docks came or went."""
        for title in self.titles.values():
            title.show_name()

    def with_focus(self) -> str:
        """The name of the dock with keyboard focus, or ''."""
        focus = QApplication.focusWidget()
        for name, box in self.docks.items():
            if focus is not None and box.isAncestorOf(focus):
                return name
        return ""

    def _kind_of(self, dock: Dock) -> Callable[..., View] | None:
        """The class of a dock's view; None, with a report, if it cannot be imported."""
        module, _, name = dock.place.partition(":")
        try:
            kind: Callable[..., View] = getattr(importlib.import_module(module), name)
        except Exception as error:  # a plug-in view may raise anything; only it is lost
            self._report(dock, error)
            return None
        return kind

    def _load_view(self, dock: Dock, kind: Callable[..., View]) -> None:
        try:
            view = kind(self._state, self._controller, self.docks[dock.name])
        except Exception as error:  # as above
            self._report(dock, error)
            return
        self.views[dock.name] = view
        view.setMinimumSize(SMALLEST_VIEW)
        self.docks[dock.name].setWidget(view)
        panel = getattr(view, "panel", None)  # a plug-in view may have none
        if panel is not None:
            self.titles[dock.name].take(panel.bar)
            if view.of_study:
                StudyHints(self._state, self._controller, view, self.titles[dock.name])
        if view.help:
            self.titles[dock.name].setToolTip(view.help)

    def _report(self, dock: Dock, error: Exception) -> None:
        self._notifier.say(ERROR, f"The view '{dock.title}' could not be loaded: {error}")
