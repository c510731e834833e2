"""Opening and saving sessions, bundles, data and weights: dialogs, drops and recent files."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDialog, QMenu, QWidget

from engine.external.hub_config import is_hub
from engine.storage.paths import is_file
from explorer.control.controller import Controller
from explorer.control.files import NO_DATASET
from explorer.dialogs.bundle_dialog import BundleDialog
from explorer.dialogs.data_dialog import DataDialog
from explorer.dialogs.file_prompts import FilePrompts
from explorer.dialogs.weights_dialog import WeightsDialog
from explorer.state.folders import SESSIONS as PURPOSE
from explorer.state.notice import NEWS, Notice
from explorer.state.recent_files import BUNDLE, MOST, SESSION, RecentItem, Recents
from explorer.state.session import Session
from explorer.widgets import drop
from explorer.widgets.drop import DropOffer
from explorer.widgets.notifications import Notifier
from explorer.widgets.plain_text import literal, menu_text
from explorer.widgets.term_finder import HelpKey

SESSIONS, BUNDLES = "Session (*.json)", "Bundle (*.rkx)"
GONE = "It no longer exists."
NOTHING = "Nothing opened or saved yet"


class Opener(QObject):
    """Handles the requests of Controller.files, dropped files and recent files."""

    def __init__(
        self,
        controller: Controller,
        notifier: Notifier,
        recents: Recents,
        prompts: FilePrompts,
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._controller, self._notifier, self._window = controller, notifier, window
        self._files, self.recents = controller.files, recents
        self._prompts = prompts
        self._places: list[QAction] = []  # of the recent files, in their menu
        files = controller.files
        files.session_file_wanted.connect(self._ask_session)
        files.bundle_file_wanted.connect(self._ask_bundle)
        files.bundle_weighed.connect(self._ask_bundle_file)
        files.data_wanted.connect(self.ask_data)
        files.used.connect(recents.add)

    # -- files ----------------------------------------------------------------------------
    def _ask_session(self, save: bool) -> None:
        if not save:
            path = self._prompts.file("Open a session", PURPOSE, SESSIONS)
            if path is not None:
                self._files.open_session(path)
            return
        path = self._prompts.new_file("Save the session", PURPOSE, "session.json", SESSIONS)
        if path is not None:
            self._files.save_session(path)

    def _ask_bundle(self) -> None:
        path = self._prompts.file("Open a bundle", PURPOSE, BUNDLES)
        if path is not None:
            self._files.open_bundle(path)

    def _ask_bundle_file(self, sizes: tuple[int, int]) -> None:
        study = self._controller.state.study
        stem = f"{self._controller.state.form.dataset}-{study.key[:8]}" if study else "study"
        place = self._prompts.suggestion(PURPOSE, f"{stem}.rkx")
        dialog = BundleDialog(place, sizes, self._window)
        dialog.wanted.connect(self._save_bundle)
        self._open(dialog)

    def _save_bundle(self, path: Path, images: bool) -> None:
        self._prompts.note(path, PURPOSE)
        self._files.save_bundle(path, images)

    # -- data and weights -----------------------------------------------------------------
    def ask_data(self, session: Session, why: str) -> None:
        """Ask for the location of a session's data until they are found."""
        form = session.form
        labels = {item.name: item.label for item in self._controller.state.catalog.datasets}
        label = labels.get(form.dataset, form.dataset)
        dialog = DataDialog(label, form.root, why, self._window)
        search = _Search(self._controller, session, dialog)
        dialog.wanted.connect(search.look)
        self._files.data_refused.connect(dialog.refuse)
        self._files.data_found.connect(dialog.found)
        self._open(dialog)

    def _ask_weights(self, path: Path) -> None:
        state = self._controller.state
        advised = state.dataset.recommended.model if state.dataset else ""
        name = state.form.model or advised
        labels = {item.name: item.label for item in state.catalog.models}
        dialog = WeightsDialog(path, labels.get(name, name) or "the network", self._window)
        dialog.wanted.connect(_WeightsImport(self._controller, path, dialog).take)
        self._open(dialog)

    def _open(self, dialog: QDialog) -> None:
        HelpKey(dialog)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    # -- drops ----------------------------------------------------------------------------
    def take(self, offer: DropOffer) -> None:
        """Open a dropped file or folder."""
        handlers = {
            drop.SESSION: self._files.open_session,
            drop.BUNDLE: self._files.open_bundle,
            drop.RESULT: self._files.open_result,
            drop.CHECKPOINT: self._ask_weights,
            drop.FOLDER: self._open_folder,
            drop.INDICES: self._forget,
            drop.HUB: self._take_hub,
            drop.COMPARATOR: self._files.use_comparator,
        }
        handlers[offer.kind](offer.path)

    def _open_folder(self, path: Path) -> None:
        self._controller.opening.open_dataset("folder", root=str(path))

    def _take_hub(self, path: Path) -> None:
        """The network of the next study; where that is one of a folder, the role of its weights."""
        if is_hub(self._controller.state.form.model):
            self._ask_weights(path)
        else:
            self._files.use_network(path)

    def _forget(self, path: Path) -> None:
        controller = self._controller
        samples = controller.forget_set.set_text(f"indices:{path}")
        if samples is None:
            self._notifier.fail(controller.state.form_error or NO_DATASET)
            return
        sentence = f"The forget set is the {samples.words} of {path.name}."
        self._notifier.show(Notice(NEWS, sentence, "Undo", controller.choice.undo.undo))

    # -- recent ---------------------------------------------------------------------------
    def fill(self, menu: QMenu) -> None:
        """List the recent files in a menu, above its existing actions, whenever it opens."""
        first = menu.actions()[0]
        self._clear = first
        self._places = [QAction(menu) for _ in range(MOST)]
        for action in self._places:
            action.triggered.connect(self._reopen)
            menu.insertAction(first, action)
        menu.setToolTipsVisible(True)
        menu.aboutToShow.connect(self._list_recent)
        self._list_recent()

    def clear_recent(self) -> None:
        """Clear the list of recent files; the notice offers to undo it."""
        before = self.recents.entries()
        if before:
            self.recents.replace(())
            undo = _Undo(self.recents, before).undo
            self._notifier.show(Notice(NEWS, "The list of recent files is empty.", "Undo", undo))

    def _list_recent(self) -> None:
        entries = self.recents.entries()
        for number, action in enumerate(self._places):
            action.setVisible(number < max(1, len(entries)))
            if number < len(entries):
                self._show_entry(action, number, entries[number])
            else:
                action.setText("" if number else NOTHING)
                action.setEnabled(False)
        self._clear.setEnabled(bool(entries))

    def _show_entry(self, action: QAction, number: int, entry: RecentItem) -> None:
        exists = self._exists(entry)
        action.setText(f"&{number + 1}  {menu_text(entry.name)}")
        action.setData(entry)
        action.setEnabled(exists)
        place = literal(entry.place)
        action.setToolTip(place if exists else f"{place}\n{GONE}")

    def _exists(self, entry: RecentItem) -> bool:
        if entry.kind in (SESSION, BUNDLE):
            return is_file(Path(entry.place))
        return any(one.key == entry.place for one in self._controller.state.studies)

    def _reopen(self) -> None:
        entry = self.sender().data()  # type: ignore[attr-defined]
        self.reopen(entry)

    def reopen(self, entry: RecentItem) -> None:
        """Open a recent session, bundle or study."""
        if entry.kind == SESSION:
            self._files.open_session(Path(entry.place))
        elif entry.kind == BUNDLE:
            self._files.open_bundle(Path(entry.place))
        else:
            self._controller.opening.open_study(entry.place)


class _Search(QObject):
    """Searches one session's data; a child of its dialog."""

    def __init__(self, controller: Controller, session: Session, dialog: DataDialog) -> None:
        super().__init__(dialog)
        self._controller, self._session = controller, session

    def look(self, root: str) -> None:
        """Search a folder."""
        self._controller.files.find_data(self._session, root)


class _WeightsImport(QObject):
    """Adds one file's weights to the study; a child of its dialog."""

    def __init__(self, controller: Controller, path: Path, dialog: WeightsDialog) -> None:
        super().__init__(dialog)
        self._controller, self._path = controller, path

    def take(self, name: str) -> None:
        """Use the weights under this name."""
        self._controller.files.use_weights(name, self._path)


class _Undo:
    """Restores the list of recent files."""

    def __init__(self, recents: Recents, entries: tuple[RecentItem, ...]) -> None:
        self._recents, self._entries = recents, entries

    def undo(self) -> None:
        """Restore the list."""
        self._recents.replace(self._entries)
