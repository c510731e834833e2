"""The main window: study bar, message bar and docks. No logic."""

from __future__ import annotations

import functools

from PySide6.QtCore import QChildEvent, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QGuiApplication,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QApplication,
    QDockWidget,
    QMainWindow,
    QMenu,
    QTabBar,
    QToolBar,
    QWidget,
)

from explorer import theme
from explorer.control.controller import Controller
from explorer.dialogs.file_prompts import FilePrompts
from explorer.jobs.error_report import report_text
from explorer.state.app_state import AppState
from explorer.state.folders import Folders
from explorer.state.notice import ERROR, NEWS
from explorer.state.session import Look
from explorer.state.settings import Settings
from explorer.widgets.drop import Dropper
from explorer.widgets.notifications import MessageBar, Notifier, Toasts
from explorer.widgets.plain_text import title_text
from explorer.widgets.tab_order import tab_stops
from explorer.window import frames
from explorer.window.actions import Actions
from explorer.window.checkpoint_menu import CheckpointMenu
from explorer.window.dialogs import WindowDialogs
from explorer.window.dock_layout import Arrangement
from explorer.window.dock_set import DockSet
from explorer.window.finding_strip import FindingStrip
from explorer.window.study_bar import StudyBar
from explorer.window.undo_actions import UndoActions
from explorer.window.workspace_bar import WorkspaceBar
from explorer.window.workspaces import BY_NAME, FIRST

REPORTED = 40  # last lines of the log in an error report
SIZE = QSize(1440, 900)
SMALLEST = QSize(900, 560)


class MainWindow(QMainWindow):
    """The main window. It sends requests to the controller and shows the state."""

    painted = Signal()  # after the first paint
    ready = Signal()  # all views are loaded
    closing = Signal()
    recent_cleared = Signal()

    def __init__(
        self, state: AppState, controller: Controller, notifier: Notifier, settings: Settings
    ) -> None:
        super().__init__()
        self.state, self.controller, self._notifier = state, controller, notifier
        self._settings = settings
        self._painted = False
        self.setWindowTitle("RK Explorer")
        self.setObjectName("window")
        self.setDockNestingEnabled(True)
        self._dock_set = DockSet(self, state, controller, notifier, self.enlarge)
        self.docks, self.views = self._dock_set.docks, self._dock_set.views
        self.activity = self._dock_set.activity
        self.bar = StudyBar(state, controller)
        self.message = MessageBar()
        self.toasts = Toasts(self)
        self.dropper = Dropper(self)
        self._toolbar = self._row("study", "Study", self.bar)
        self.addToolBarBreak()
        self.addToolBar(FindingStrip(state, controller))
        self.addToolBarBreak()
        self._message_row = self._row("message", "Message", self.message)
        self._message_row.hide()
        self.actions_ = Actions(self, self.menuBar(), self)
        self.prompts = FilePrompts(Folders(settings.folders), self)
        self.dialogs = WindowDialogs(
            state, controller, self.actions_, self.views, self.prompts, self
        )
        actions = self.actions_.by_name
        self._undo = UndoActions(controller.choice.undo, actions["undo"], actions["redo"], self)
        self._arrangement = Arrangement(self, self.docks)
        self.workspaces = WorkspaceBar()
        if self.menuBar().isNativeMenuBar():  # it is at the top of the screen
            self.addToolBarBreak()
            self._row("workspaces", "Workspaces", self.workspaces)
        else:
            self.menuBar().setCornerWidget(self.workspaces)
        self._fill_menus()
        self._connect()
        self.setMinimumSize(SMALLEST)
        self.resize(SIZE)
        self.reset_layout()
        self.choose_theme(settings.theme)

    # -- building -------------------------------------------------------------------------
    def load_views(self) -> None:
        """Create the views in their docks; one that cannot be loaded is reported and left out."""
        self._dock_set.load_views()
        self._arrangement.fit()
        self.ready.emit()

    def _row(self, name: str, title: str, widget: QWidget) -> QToolBar:
        bar = QToolBar(title)
        bar.setObjectName(name)
        bar.setMovable(False)
        bar.toggleViewAction().setVisible(False)
        bar.addWidget(widget)
        self.addToolBar(bar)
        return bar

    def _fill_menus(self) -> None:
        menus = self.actions_.menus
        menus["View/Docks"] = QMenu("Docks", menus["View"])
        menus["View"].insertMenu(menus["View/Go to"].menuAction(), menus["View/Docks"])
        for box in self.docks.values():
            menus["View/Docks"].addAction(box.toggleViewAction())
        checkpoints = CheckpointMenu(self.state, self.controller, menus["File"])
        menus["File/Export checkpoint"] = checkpoints
        menus["File"].insertMenu(menus["File/Export figure"].menuAction(), checkpoints)

    def _connect(self) -> None:
        self.bar.folder_wanted.connect(self.dialogs.ask_folder)
        self.bar.network_wanted.connect(self.dialogs.ask_network)
        self.bar.index_file_wanted.connect(self.dialogs.ask_index_file)
        self.bar.forget_sets_wanted.connect(self.dialogs.show_forget_sets)
        self.bar.settings_wanted.connect(self.dialogs.ask_settings)
        self.bar.method_settings_wanted.connect(self.dialogs.ask_method_settings)
        self.message.shown.connect(self._message_row.show)
        self.message.closed.connect(self._message_row.hide)
        self.message.report_wanted.connect(self.copy_report)
        self._notifier.failed.connect(self.message.show_message)
        self._notifier.told.connect(self.toasts.show_notice)
        self._notifier.notified.connect(self.activity.add_notice)
        self.activity.report_wanted.connect(self.copy_report)
        self.dropper.refused.connect(self._refuse_drop)
        self.controller.logged.connect(self.activity.add)
        self.controller.exports.command_written.connect(self._copy_command)
        self.workspaces.chosen.connect(self.show_workspace)
        self._arrangement.changed.connect(self._show_current_workspace)
        self.state.busy_changed.connect(self._show_busy)
        self.state.dataset_changed.connect(self._show_title)
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._follow_system)
        self._show_busy()

    # -- layout and appearance ------------------------------------------------------------
    def reset_layout(self) -> None:
        """Restore the default layout of docks."""
        self._arrangement.reset()

    def show_workspace(self, name: str) -> None:
        """Lay the docks out for a workspace, one of workspaces.BY_NAME."""
        self._arrangement.show_workspace(name)

    def enlarge(self, name: str = "") -> None:
        """Let a dock fill the window, or put it back; by default the one with keyboard focus."""
        canvas = BY_NAME[self._arrangement.workspace or FIRST].canvas
        self._arrangement.enlarge(name or self._dock_set.with_focus() or canvas)
        self._dock_set.show_names()
        self.toasts.place()  # above docks that were placed anew

    def _show_current_workspace(self, name: str) -> None:
        self.workspaces.show_current(name)
        self.toasts.place()  # above docks that were placed anew

    def reveal(self, name: str) -> None:
        """Bring a dock to the front; the keyboard focus stays where it is."""
        self._arrangement.reveal(name)
        self.toasts.place()

    def go_to(self, name: str) -> None:
        """Bring a dock to the front, wherever it is, and give it keyboard focus."""
        self.reveal(name)
        box = self.docks[name]
        if box.isFloating():
            box.activateWindow()
        QTimer.singleShot(0, functools.partial(_focus, box))  # the tab comes to the front only then

    def choose_theme(self, choice: str) -> None:
        """Change the theme: 'light', 'dark' or 'system'."""
        choice = choice if choice in theme.CHOICES else "system"
        self._settings.theme = choice
        self.actions_.by_name[f"theme-{choice}"].setChecked(True)
        name = theme.resolve(choice)
        look = theme.theme_of(name)
        app = QApplication.instance()
        if isinstance(app, QApplication):
            theme.apply(app, look)
        self.actions_.paint_icons(look)
        self._dock_set.set_theme(look)
        self.state.theme = name

    def arrange(self, look: Look) -> None:
        """Restore geometry and docks; parts that are None stay as they are."""
        self._arrangement.let_go()
        if look.window is not None:
            frames.restore(self, look.window)
        if look.docks is not None:
            self._arrangement.restore(look.docks, look.workspace)
        elif look.workspace:
            self._arrangement.show_workspace(look.workspace)
        self._message_row.setVisible(bool(self.message.text()))
        self._toolbar.show()

    def restore_views(self, look: Look) -> None:
        """Restore the state of the views."""
        for name, view_state in look.views.items():
            if name in self.views:
                self.views[name].restore_view_state(dict(view_state))

    def look(self) -> Look:
        """Theme, geometry, workspace, docks if they were moved, and the state of each view."""
        views = {name: view.view_state() for name, view in self.views.items()}
        arranged = self._arrangement
        layout = arranged.layout() if arranged.moved else None
        frame = frames.frame_of(self)
        return Look(self._settings.theme, frame, layout, views, arranged.workspace)

    # -- requests -------------------------------------------------------------------------
    def show_term(self, name: str) -> None:
        """Open the glossary at a term that a label mentions; see `explorer.widgets.term`."""
        self.dialogs.show_glossary(name)

    def clear_recent(self) -> None:
        """Empty the list of recent files."""
        self.recent_cleared.emit()

    def copy_report(self) -> None:
        """Copy a report of the last error to the clipboard."""
        if not self._notifier.errors:
            self._notifier.say(NEWS, "No error has occurred, so there is nothing to report.")
            return
        done = self.activity.lines()[-REPORTED:]
        QGuiApplication.clipboard().setText(report_text(self._notifier.errors[-1], done))
        self._notifier.say(
            NEWS, "Copied the report of the last error. Paste it where you ask for help."
        )

    def _refuse_drop(self, sentence: str) -> None:
        self._notifier.say(ERROR, sentence)

    def _copy_command(self, line: str) -> None:
        QGuiApplication.clipboard().setText(line)
        self._notifier.say(NEWS, f"Copied: {line}")

    # -- from the state to the screen -----------------------------------------------------
    def _show_busy(self) -> None:
        self.actions_.by_name["cancel"].setEnabled(bool(self.state.busy))
        if self.state.busy:
            self.activity.add(self.state.busy)

    def _show_title(self) -> None:
        dataset = self.state.dataset
        self.setWindowTitle(
            f"{title_text(dataset.label)} - RK Explorer" if dataset else "RK Explorer"
        )

    def _follow_system(self) -> None:
        if self._settings.theme == "system":
            self.choose_theme("system")

    # -- Qt's events ----------------------------------------------------------------------
    def paintEvent(self, event: QPaintEvent) -> None:
        """Emit `painted` once the first paint has reached the screen."""
        super().paintEvent(event)
        if not self._painted:
            self._painted = True
            QTimer.singleShot(0, self.painted.emit)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the toasts in their corner, and adapt the columns of docks."""
        super().resizeEvent(event)
        self.toasts.place()
        self._arrangement.fit()

    def childEvent(self, event: QChildEvent) -> None:
        """Name the tab bars of docks, which Qt creates on demand.

        Their tabs cannot be moved: Qt 6.10 crashes if one is dragged after a layout was restored.
        """
        super().childEvent(event)
        bar = event.child()
        if event.polished() and isinstance(bar, QTabBar):
            bar.setAccessibleName("Docks")
            bar.tabBarClicked.connect(self._tab_clicked)
            bar.setMovable(False)

    def _tab_clicked(self, place: int) -> None:
        """Give the focus to the view whose tab is clicked: keys, such as F11, act on it."""
        bar = self.sender()
        title = bar.tabText(place) if isinstance(bar, QTabBar) else ""
        for name, box in self.docks.items():
            if box.windowTitle() == title:
                self.go_to(name)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Show what dropping would do."""
        self.dropper.enter(event, theme.theme_of(self.state.theme))

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Hide the overlay."""
        self.dropper.leave()

    def dropEvent(self, event: QDropEvent) -> None:
        """Carry out the drop."""
        self.dropper.drop(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Emit `closing`, then close."""
        self.closing.emit()
        self._undo.let_go()
        super().closeEvent(event)


def _focus(box: QDockWidget) -> None:
    """Focus a view's main widget, else its first control, else the dock."""
    view = box.widget()
    about = view.focusProxy()
    usable = about is not None and about.isVisible() and about.isEnabled()
    first = next(iter([*tab_stops(view), *tab_stops(box)]), box)
    target = about if about is not None and usable else first
    target.setFocus(Qt.FocusReason.TabFocusReason)
