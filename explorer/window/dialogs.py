"""The dialogs opened by menus, toolbar and shortcuts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QApplication, QDialog, QWidget

from engine.datasets.tabular import columns_of
from engine.errors import EngineError
from explorer.control.controller import Controller
from explorer.dialogs.about_dialog import AboutDialog
from explorer.dialogs.columns_dialog import ColumnsDialog
from explorer.dialogs.file_prompts import FilePrompts
from explorer.dialogs.forget_dialog import ForgetSetsDialog
from explorer.dialogs.glossary_dialog import GlossaryDialog
from explorer.dialogs.network_dialog import NetworkDialog
from explorer.dialogs.settings_dialog import MethodsDialog, SettingsDialog
from explorer.dialogs.studies_dialog import StudiesDialog
from explorer.state.app_state import AppState
from explorer.state.catalog import CatalogItem
from explorer.state.folders import DATA, INDICES
from explorer.views.base import View
from explorer.widgets.notifications import Toast
from explorer.widgets.term_finder import HelpKey, term_here
from explorer.window.actions import Actions
from explorer.window.command_palette import CommandPalette, entries, listed
from explorer.window.palette_places import places
from explorer.window.shortcuts import ShortcutsDialog, overview
from explorer.window.tour import Tour

FOLDER_TITLES = {"folder": "Choose the image folder"}
DATA_FILES = (
    "Data (*.csv *.tsv *.txt *.jsonl *.json *.csv.gz *.tsv.gz *.txt.gz *.jsonl.gz *.npz);;"
    "All files (*)"
)
LISTS = "Lists of samples (*.txt *.csv *.json *.npy *.npz *.pt);;All files (*)"


class WindowDialogs(QObject):
    """Opens dialogs and passes their results to the controller."""

    def __init__(
        self,
        state: AppState,
        controller: Controller,
        actions: Actions,
        views: dict[str, View],
        prompts: FilePrompts,
        window: QWidget,
    ) -> None:
        """`views`: those whose keys the list of shortcuts includes; more may be added later."""
        super().__init__(window)
        self._state, self._controller, self._window = state, controller, window
        self._actions, self._views, self._prompts = actions, views, prompts
        self._palette: dict[str, Callable[[], object]] = {}  # entries of the one opened last
        controller.opening.studies_wanted.connect(self.choose_study)

    def ask_folder(self, dataset: str) -> None:
        """Ask for a dataset's folder or file, and open it."""
        labels = {item.name: item.label for item in self._state.catalog.datasets}
        items = {item.name: item for item in self._state.catalog.datasets if item.needs_file}
        if dataset in items:
            path = self._prompts.file(f"Choose the file: {labels[dataset]}", DATA, DATA_FILES)
            if path is not None:
                self.ask_columns(items[dataset], path)
            return
        title = FOLDER_TITLES.get(dataset, f"Choose the folder of {labels.get(dataset, dataset)}")
        folder = self._prompts.folder(title, DATA, self._state.form.root)
        if folder is not None:
            self._controller.opening.open_dataset(dataset, root=str(folder))

    def ask_network(self) -> None:
        """Ask for a network by its name, and train it in the next study."""
        models, name = self._state.catalog.models, self._state.form.model
        dialog = NetworkDialog(models, name, self._window)
        dialog.wanted.connect(lambda text: self._controller.opening.change_form(model=text))
        self._open(dialog)

    def ask_columns(self, item: CatalogItem, path: Path) -> None:
        """Open a file of data; ask for the roles of its columns first, if it has named ones."""
        open_it = partial(self._controller.opening.open_dataset, item.name, str(path))
        try:
            columns = columns_of(path) if item.roles else ()
        except EngineError:
            columns = ()  # opening it says why
        if not columns:
            open_it()
            return
        dialog = ColumnsDialog(path, columns, item.roles, self._window)
        dialog.wanted.connect(lambda roles: open_it(columns=roles))
        self._open(dialog)

    def ask_index_file(self) -> None:
        """Ask for a file that lists the samples to forget."""
        title = "Choose a file that lists the samples to forget"
        path = self._prompts.file(title, INDICES, LISTS)
        if path is not None:
            self._controller.forget_set.set_text(f"indices:{path}")

    def ask_settings(self, field: str = "") -> None:
        """Show the settings of training and measuring. field: focus it, such as 'Training:lr'."""
        dialog = SettingsDialog(self._controller, self._window)
        self._open(dialog)
        page, _, name = field.partition(":")
        dialog.show_field(page, name)

    def ask_method_settings(self, method: str = "", field: str = "") -> None:
        """Show the settings of the chosen methods. field: focus that of this method's page."""
        dialog = MethodsDialog(self._controller, self._window)
        self._open(dialog)
        dialog.show_field(method, field)

    def choose_study(self) -> None:
        """Let the user choose one of the stored studies."""
        dialog = StudiesDialog(list(self._state.studies), self._state.catalog, self._window)
        dialog.chosen.connect(self._controller.opening.open_study)
        self._open(dialog)

    def show_forget_sets(self) -> None:
        """Combine forget sets, in a window beside the views where samples are selected."""
        dialog = self._window.findChild(ForgetSetsDialog)
        self._show_modeless(dialog or ForgetSetsDialog(self._controller, self._window))

    def show_palette(self) -> None:
        """Let the user search the commands."""
        actions = {**self._actions.by_name, **listed(self._actions.menus)}
        others = list(
            places(
                self._controller,
                self.ask_folder,
                self.ask_network,
                self.ask_settings,
                self.ask_method_settings,
                self.show_glossary,
                self._views,
                self._go_to,
            )
        )
        self._palette = {name: action.trigger for name, action in actions.items()}
        self._palette |= {place.entry.name: place.go for place in others}
        found = [*entries(actions), *(place.entry for place in others)]
        palette = CommandPalette(found, self._window)
        palette.chosen.connect(self._run_command)
        self._open(palette)

    def show_shortcuts(self) -> None:
        """List the shortcuts."""
        self._open(ShortcutsDialog(overview(self._views.values()), self._window))

    def show_glossary(self, term: str = "") -> None:
        """Explain the terms, in a window beside the views that use them; one first, if named."""
        above = QApplication.activeModalWidget() or self._window  # a modal dialog blocks others
        dialog = above.findChild(GlossaryDialog) or GlossaryDialog(above)
        dialog.show_term(term)
        self._show_modeless(dialog)

    def explain(self) -> None:
        """Explain what is under the mouse or has the keyboard focus."""
        self.show_glossary(term_here())

    def show_tour(self) -> None:
        """Begin the tour, unless it is under way."""
        for toast in self._window.findChildren(Toast):
            if toast.notice.do == self.show_tour:  # the offer to take it
                toast.dismiss()
        if self._window.findChild(Tour) is None:
            Tour(self._window).start()

    def show_about(self) -> None:
        """Show what this program is."""
        self._open(AboutDialog(self._window))

    def _go_to(self, view: str) -> None:
        action = self._actions.by_name.get(f"go-{view}")
        if action is not None:
            action.trigger()

    def _run_command(self, name: str) -> None:
        self._palette[name]()

    def _open(self, dialog: QDialog) -> None:
        HelpKey(dialog)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def _show_modeless(self, dialog: QDialog) -> None:
        """Show a modeless dialog, which stays open while the user works in the window."""
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()
        dialog.raise_()
        dialog.activateWindow()
