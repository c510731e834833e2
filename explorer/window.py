"""The main window: the sentence, the message bar and the docks. No logic."""

from __future__ import annotations

import base64
import importlib
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from PySide6.QtCore import QByteArray, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QGuiApplication, QPaintEvent
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QDockWidget,
    QFileDialog,
    QMainWindow,
    QToolBar,
    QWidget,
)

from engine.results import StudySummary
from explorer import theme
from explorer.actions import Actions
from explorer.activity import ActivityView
from explorer.command_palette import CommandPalette, entries
from explorer.controller import ERROR, NEWS, Controller
from explorer.dialogs import (
    AboutDialog,
    MethodsDialog,
    SettingsDialog,
    StudiesDialog,
)
from explorer.forget_dialog import ForgetSetsDialog
from explorer.forms import worded
from explorer.notify import MessageBar, Notifier
from explorer.settings import Settings
from explorer.shortcuts import ShortcutsDialog, overview
from explorer.state import AppState
from explorer.study_bar import StudyBar
from explorer.views.base import View

LAYOUT_VERSION = 2
SIZE = QSize(1440, 900)
SMALLEST = QSize(1000, 640)
SMALLEST_VIEW = QSize(260, 90)  # however wide its own header would like to be


@dataclass(frozen=True)
class Dock:
    """One entry of the registry of views: `place` is 'module:Class', loaded after the first paint.

    beside: the dock it is split from, in `direction`, or, where `tab`, put behind as a tab.
    """

    name: str
    title: str
    place: str
    beside: str = ""
    direction: Qt.Orientation = Qt.Orientation.Horizontal
    tab: bool = False


DOCKS = (
    Dock("samples", "Samples", "explorer.views.samples:SamplesView"),
    Dock("embedding", "Embedding", "explorer.views.embedding:EmbeddingView", "samples"),
    Dock("neighborhood", "Neighborhood", "explorer.views.neighborhood:NeighborhoodView",
         "embedding"),
    Dock("curves", "Curves", "explorer.views.curves:CurvesView", "embedding",
         Qt.Orientation.Vertical),
    Dock("metrics", "Metrics", "explorer.views.metrics:MetricsView", "neighborhood",
         Qt.Orientation.Vertical),
    Dock("activity", "Activity", "", "metrics", Qt.Orientation.Vertical),
    Dock("slice", "Slice", "explorer.views.slice:SliceView", "neighborhood", tab=True),
)  # fmt: skip
WIDTHS = {"samples": 460, "embedding": 490, "neighborhood": 490}
HEIGHTS = (  # of the two columns
    {"embedding": 400, "curves": 400},
    {"neighborhood": 430, "metrics": 275, "activity": 105},
)


class MainWindow(QMainWindow):
    """Everything a person sees. It asks the controller and shows the state."""

    painted = Signal()  # for the first time
    ready = Signal()  # every view is there
    closing = Signal()

    def __init__(
        self, state: AppState, controller: Controller, notifier: Notifier, settings: Settings
    ) -> None:
        super().__init__()
        self.state, self.controller, self._notifier = state, controller, notifier
        self._settings = settings
        self._painted = False
        self.views: dict[str, View] = {}
        self.docks: dict[str, QDockWidget] = {}
        self.setWindowTitle("RK Explorer")
        self.setObjectName("window")
        self.setDockNestingEnabled(True)
        self.activity = ActivityView(state)
        self.bar = StudyBar(state, controller)
        self.message = MessageBar()
        self._toolbar = self._row("study", "Study", self.bar)
        self.addToolBarBreak()
        self._message_row = self._row("message", "Message", self.message)
        self._message_row.hide()
        self.actions_ = Actions(self, self.menuBar(), self)
        self._add_docks()
        self._fill_menus()
        self._connect()
        self.setMinimumSize(SMALLEST)
        self.resize(SIZE)
        self.reset_layout()
        self.choose_theme(settings.theme)

    # -- building -------------------------------------------------------------------------
    def load_views(self) -> None:
        """Put the views into their docks; one that cannot be loaded is told and left out."""
        for dock in [*DOCKS, *_foreign()]:
            if dock.place and dock.name not in self.views:
                self._load_view(dock)
        for name, view in self.views.items():
            view.restore_view_state(self._settings.views.get(name, {}))
        self.ready.emit()

    def _load_view(self, dock: Dock) -> None:
        module, _, name = dock.place.partition(":")
        try:
            view: View = getattr(importlib.import_module(module), name)(
                self.state, self.controller, self.docks[dock.name]
            )
        except Exception as error:  # a stranger's view may raise anything; it costs itself only
            self._notifier.say(ERROR, f"The view '{dock.title}' could not be loaded: {error}")
            return
        self.views[dock.name] = view
        view.setMinimumSize(SMALLEST_VIEW)
        self.docks[dock.name].setWidget(view)
        if view.help:
            self.docks[dock.name].setToolTip(view.help)

    def _row(self, name: str, title: str, widget: QWidget) -> QToolBar:
        bar = QToolBar(title)
        bar.setObjectName(name)
        bar.setMovable(False)
        bar.toggleViewAction().setVisible(False)
        bar.addWidget(widget)
        self.addToolBar(bar)
        return bar

    def _add_docks(self) -> None:
        for dock in [*DOCKS, *_foreign()]:
            box = QDockWidget(dock.title, self)
            box.setObjectName(f"dock-{dock.name}")
            empty = worded(f"{dock.title} ...", "empty")
            box.setWidget(self.activity if dock.name == "activity" else empty)
            self.docks[dock.name] = box

    def _fill_menus(self) -> None:
        menu = self.actions_.menus["View"]
        first = menu.actions()[0]
        for box in self.docks.values():
            menu.insertAction(first, box.toggleViewAction())
        menu.insertSeparator(first)
        self._checkpoints = self.actions_.menus["File"].addMenu("Export checkpoint")
        anchor = self.actions_.menus["File/Export figure"].menuAction()
        self.actions_.menus["File"].insertMenu(anchor, self._checkpoints)
        self._checkpoints.aboutToShow.connect(self._list_checkpoints)

    def _connect(self) -> None:
        self.bar.folder_wanted.connect(self.ask_folder)
        self.bar.index_file_wanted.connect(self._ask_index_file)
        self.bar.forget_sets_wanted.connect(self.show_forget_sets)
        self.bar.settings_wanted.connect(self.ask_settings)
        self.bar.method_settings_wanted.connect(self.ask_method_settings)
        self.message.shown.connect(self._message_row.show)
        self.message.closed.connect(self._message_row.hide)
        self._notifier.said.connect(self.message.show_message)
        self._notifier.said.connect(self.activity.add_notice)
        self.controller.logged.connect(self.activity.add)
        self.controller.studies_listed.connect(self._show_studies)
        self.controller.command_written.connect(self._copy_command)
        self.controller.undo.canUndoChanged.connect(self._show_undo)
        self.controller.undo.canRedoChanged.connect(self._show_undo)
        self.state.busy_changed.connect(self._show_busy)
        self.state.dataset_changed.connect(self._show_title)
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._follow_system)
        self._show_undo()
        self._show_busy()

    # -- layout and appearance ------------------------------------------------------------
    def reset_layout(self) -> None:
        """Put every dock back where it belongs."""
        for box in self.docks.values():
            self.removeDockWidget(box)
            box.setFloating(False)
        for dock in [*DOCKS, *_foreign()]:
            box = self.docks[dock.name]
            if dock.tab:
                self.tabifyDockWidget(self.docks[dock.beside], box)
            elif dock.beside:
                self.splitDockWidget(self.docks[dock.beside], box, dock.direction)
            else:
                self.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, box)
            box.show()
        for dock in DOCKS:
            if dock.tab:
                self.docks[dock.beside].raise_()
        self._proportion()

    def _proportion(self) -> None:
        self.resizeDocks(
            [self.docks[name] for name in WIDTHS], list(WIDTHS.values()), Qt.Orientation.Horizontal
        )
        for column in HEIGHTS:
            boxes = [self.docks[name] for name in column]
            self.resizeDocks(boxes, list(column.values()), Qt.Orientation.Vertical)

    def choose_theme(self, choice: str) -> None:
        """Change the appearance: 'light', 'dark' or 'system'."""
        choice = choice if choice in theme.CHOICES else "system"
        self._settings.theme = choice
        self.actions_.by_name[f"theme-{choice}"].setChecked(True)
        name = theme.resolve(choice)
        look = theme.theme_of(name)
        app = QApplication.instance()
        if isinstance(app, QApplication):
            theme.apply(app, look)
        self.actions_.paint_icons(look)
        self.state.theme = name

    def restore(self) -> None:
        """Take size, place and docks from the settings."""
        self.restoreGeometry(_bytes(self._settings.geometry))
        self.restoreState(_bytes(self._settings.layout), LAYOUT_VERSION)
        self._message_row.hide()
        self._toolbar.show()

    def keep(self) -> None:
        """Put size, place, docks and what each view keeps into the settings."""
        self._settings.geometry = _text(self.saveGeometry())
        self._settings.layout = _text(self.saveState(LAYOUT_VERSION))
        for name, view in self.views.items():
            self._settings.views[name] = view.view_state()

    # -- dialogs --------------------------------------------------------------------------
    def ask_folder(self, dataset: str) -> None:
        """Ask for the folder a dataset lies in, and open it."""
        folder = QFileDialog.getExistingDirectory(
            self, f"Folder of '{dataset}'", self.state.form.root
        )
        if folder:
            self.controller.open_dataset(dataset, root=folder)

    def ask_settings(self) -> None:
        """Show the settings of training and measuring."""
        self._open(SettingsDialog(self.controller, self))

    def ask_method_settings(self) -> None:
        """Show the settings of the chosen methods."""
        self._open(MethodsDialog(self.controller, self))

    def show_forget_sets(self) -> None:
        """List the saved forget sets."""
        self._open(ForgetSetsDialog(self.controller, self))

    def show_palette(self) -> None:
        """Let a person search the commands."""
        palette = CommandPalette(entries(self.actions_.by_name), self)
        palette.chosen.connect(self._run_command)
        self._open(palette)

    def show_shortcuts(self) -> None:
        """List the shortcuts."""
        self._open(ShortcutsDialog(overview(self.views.values()), self))

    def show_about(self) -> None:
        """Say what this program is."""
        self._open(AboutDialog(self))

    def _run_command(self, name: str) -> None:
        self.actions_.by_name[name].trigger()

    def _copy_command(self, line: str) -> None:
        QGuiApplication.clipboard().setText(line)
        self._notifier.say(NEWS, f"Copied: {line}")

    def _show_studies(self, studies: list[StudySummary]) -> None:
        dialog = StudiesDialog(studies, self)
        dialog.chosen.connect(self.controller.open_study)
        self._open(dialog)

    def _ask_index_file(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Indices of the forget set")
        if name:
            self.controller.set_forget_text(f"indices:{name}")

    def _open(self, dialog: QDialog) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    # -- from the state to the screen -----------------------------------------------------
    def _list_checkpoints(self) -> None:
        self._checkpoints.clear()
        for name in self.state.models:
            action = self._checkpoints.addAction(f"{self.controller.label(name)} ...")
            action.setData(name)
            action.triggered.connect(self._export_checkpoint)
        if self._checkpoints.isEmpty():
            self._checkpoints.addAction("No model yet: press Run").setEnabled(False)

    def _export_checkpoint(self) -> None:
        self.controller.export_checkpoint(self.sender().data())  # type: ignore[attr-defined]

    def _show_undo(self) -> None:
        stack, actions = self.controller.undo, self.actions_.by_name
        actions["undo"].setEnabled(stack.canUndo())
        actions["redo"].setEnabled(stack.canRedo())

    def _show_busy(self) -> None:
        self.actions_.by_name["cancel"].setEnabled(bool(self.state.busy))
        if self.state.busy:
            self.activity.add(self.state.busy)

    def _show_title(self) -> None:
        dataset = self.state.dataset
        self.setWindowTitle(f"{dataset.label} - RK Explorer" if dataset else "RK Explorer")

    def _follow_system(self) -> None:
        if self._settings.theme == "system":
            self.choose_theme("system")

    # -- Qt's events ----------------------------------------------------------------------
    def paintEvent(self, event: QPaintEvent) -> None:
        """Tell of the first paint, once it reached the screen."""
        super().paintEvent(event)
        if not self._painted:
            self._painted = True
            QTimer.singleShot(0, self.painted.emit)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Say goodbye before closing."""
        self.closing.emit()
        super().closeEvent(event)


def _foreign() -> list[Dock]:
    """Views of other distributions, from the entry points `rk_explorer.views`."""
    return [_dock(point) for point in entry_points(group="rk_explorer.views")]


def _dock(point: EntryPoint) -> Dock:
    title = point.name.replace("-", " ").capitalize()
    return Dock(point.name, title, point.value, "activity")


def _bytes(text: str) -> QByteArray:
    return QByteArray.fromBase64(QByteArray(text.encode("ascii", "ignore")))


def _text(data: QByteArray) -> str:
    raw: Any = data.data()
    return base64.b64encode(bytes(raw)).decode("ascii")
