"""Saving and opening of sessions, bundles, results and external weights. No widgets."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from engine.datasets.base import Dataset
from engine.external.hub_config import PREFIX
from explorer.control.opening import OpeningControl
from explorer.jobs import file_tasks
from explorer.jobs.lanes import PROBE, Job, Jobs
from explorer.state import session as sessions
from explorer.state.app_state import AppState
from explorer.state.notice import ERROR, NEWS, Notice
from explorer.state.queued_run import nothing_yet
from explorer.state.recent_files import BUNDLE, SESSION, STUDY, RecentItem
from explorer.state.session import Look, Session
from explorer.state.study_form import StudyForm

NO_STUDY = "There is no study to bundle yet. Press Run first, or open one (Ctrl+Shift+O)."
NO_DATASET = "No dataset is open yet. Wait until it has loaded, then drop the file again."
BUILT_IN = "{} is built in, so there are no files to find."
ORIGINAL, RETRAIN = "original", "retrain"  # roles of external weights, besides unlearned models


class FileControl(QObject):
    """The use cases of the File menu that open or save files."""

    told = Signal(object)  # Notice
    session_file_wanted = Signal(bool)  # the user should choose one to save (True) or open
    bundle_file_wanted = Signal()  # the user should choose one to open
    bundle_weighed = Signal(object)  # (bytes without the images, bytes of the images)
    data_wanted = Signal(object, str)  # Session, why its data are missing: the user should know
    data_found = Signal()
    data_refused = Signal(str)  # why the data are not in the chosen folder
    used = Signal(object)  # RecentItem: what was opened or saved

    def __init__(
        self, state: AppState, jobs: Jobs, opening: OpeningControl, parent: QObject
    ) -> None:
        super().__init__(parent)
        self.look: Callable[[], Look] = Look  # returns the window's appearance
        self._state, self._jobs, self._opening = state, jobs, opening
        self._session_without_data: Session | None = None  # the session whose data were not found
        self._imported_keys: set[str] = set()  # keys of studies opened from a file
        opening.data_missing.connect(self._on_data_missing)

    # -- sessions -------------------------------------------------------------------------
    def session(self) -> Session:
        """The current session of the window."""
        return sessions.capture(self._state, self.look())

    def choose_session(self) -> None:
        """Let the user choose a session to open."""
        self.session_file_wanted.emit(False)

    def choose_session_file(self) -> None:
        """Let the user choose where to save the session."""
        self.session_file_wanted.emit(True)

    def save_session(self, out: Path) -> None:
        """Write the session."""
        work = functools.partial(file_tasks.save_session, self.session(), out)
        done = functools.partial(self._on_saved, SESSION)
        self._submit(f"Saving {out.name}", work, done, PROBE)

    def open_session(self, path: Path) -> None:
        """Restore the session in a file."""
        done = functools.partial(self._on_read, RecentItem(SESSION, str(path), ""))
        self._submit(f"Opening {path.name}", functools.partial(file_tasks.read_session, path), done)

    # -- bundles --------------------------------------------------------------------------
    def ask_bundle(self) -> None:
        """Compute the size of a bundle of the shown study; emitted as `bundle_weighed`."""
        study = self._state.study
        if study is None:
            self._tell(nothing_yet(self._state.runs, NO_STUDY))
            return
        work = functools.partial(file_tasks.bundle_size, study)
        self._submit("Computing the size of the bundle", work, self.bundle_weighed.emit, PROBE)

    def choose_bundle(self) -> None:
        """Let the user choose a bundle to open."""
        self.bundle_file_wanted.emit()

    def save_bundle(self, out: Path, images: bool) -> None:
        """Write the shown study with everything that belongs to it, with or without images."""
        study = self._state.study
        if study is not None:
            work = functools.partial(file_tasks.save_bundle, study, out, self.session(), images)
            done = functools.partial(self._on_saved, BUNDLE)
            self._submit(f"Saving {out.name}", work, done)

    def open_bundle(self, path: Path) -> None:
        """Import a bundle's study into the store, and restore its session."""
        done = functools.partial(self._on_read, RecentItem(BUNDLE, str(path), ""))
        self._submit(f"Opening {path.name}", functools.partial(file_tasks.open_bundle, path), done)

    def open_result(self, path: Path) -> None:
        """Show the study in a result file, of this store or of another."""
        work = functools.partial(file_tasks.open_result, path)
        self._submit(f"Opening {path.name}", work, self._on_key)

    # -- moved data -----------------------------------------------------------------------
    def ask_data(self) -> None:
        """Ask for the data folder of the session that could not be opened, or of this one."""
        session = self._session_without_data or self.session()
        label = self._built_in(session)
        if label:
            self._tell(BUILT_IN.format(label))
        else:
            self.data_wanted.emit(session, "")

    def _built_in(self, session: Session) -> str:
        """Display name of a session's dataset if it needs no folder, else ''."""
        datasets = {item.name: item for item in self._state.catalog.datasets}
        item = datasets.get(session.form.dataset)
        return "" if item is None or item.needs_folder else item.label

    def find_data(self, session: Session, root: str) -> None:
        """Look for a session's data in a folder; if they are there, restore the session."""
        self._jobs.submit(
            Job(
                f"Looking for the data in {root}",
                functools.partial(file_tasks.find_data, session, root),
                self._opening.lane(),
                "find-data",
                done=functools.partial(self._on_data, session),
                failed=self.data_refused.emit,
            )
        )

    # -- external weights -----------------------------------------------------------------
    def use_weights(self, name: str, path: Path) -> None:
        """Add a file's weights to the form, as ORIGINAL, as a RETRAIN, or as model `name`."""
        dataset, form = self._state.dataset, self._state.form
        if dataset is None:
            self.told.emit(Notice(ERROR, NO_DATASET))
            return
        form, model = _with_weights(form, name, path)
        work = functools.partial(file_tasks.check_weights, form, self._state.forget, dataset)
        done = functools.partial(self._on_weights, model, path)
        self._submit(f"Checking the weights in {path.name}", work, done, PROBE)

    def drop_weights(self, model: str) -> None:
        """Remove a model's external weights from the form, so that it is trained again."""
        weights = {name: path for name, path in self._state.form.weights.items() if name != model}
        self._opening.change_form(weights=weights)

    def use_network(self, folder: Path) -> None:
        """Study the classifier in a hub folder, without the weights of another network."""
        dataset, before = self._state.dataset, self._state.form
        if dataset is None:
            self.told.emit(Notice(ERROR, NO_DATASET))
            return
        form = replace(before, model=f"{PREFIX}{folder}", normalize="", weights={})
        work = functools.partial(file_tasks.check_weights, form, self._state.forget, dataset)
        done = functools.partial(self._on_network, folder, before)
        self._submit(f"Checking the classifier in {folder.name}", work, done, PROBE)

    def use_comparator(self, path: Path) -> None:
        """Study the models in a folder, or beside a result, of Unlearning Comparator."""
        work = functools.partial(file_tasks.read_comparator, path)
        self._submit(f"Reading {path.name}", work, self._on_comparator)

    # -- recent and written files ---------------------------------------------------------
    def note_study(self) -> None:
        """Add the shown study to the recent items, unless it was opened from a file."""
        study = self._state.study
        if study is not None and study.key not in self._imported_keys:
            self.used.emit(RecentItem(STUDY, study.key, study_title(self._state)))

    def tell_saved(self, files: Sequence[Path]) -> None:
        """Report the written files, with a button that opens their folder."""
        names = " and ".join(str(path) for path in files)
        open_folder = functools.partial(show, files[0].parent)
        self.told.emit(Notice(NEWS, f"Saved {names}.", "Show file", open_folder))

    # -- results of jobs ------------------------------------------------------------------
    def _submit(self, title: str, work: Any, done: Any, lane: str = "") -> None:
        where = lane or self._opening.lane()
        self._jobs.submit(Job(title, work, where, title, done=done, failed=self._fail))

    def _on_saved(self, kind: str, files: Sequence[Path]) -> None:
        self.used.emit(RecentItem(kind, str(files[0]), study_title(self._state)))
        self.tell_saved(files)

    def _on_read(self, entry: RecentItem, result: Session | str) -> None:
        self._opening.list_studies()
        if isinstance(result, str):
            self.used.emit(entry)
            self._on_key(result)
        else:
            self._imported_keys.add(result.study)
            title = f"{result.form.dataset}: {', '.join(result.form.methods)}"
            self.used.emit(replace(entry, title=title))
            self._opening.restore(result)

    def _on_key(self, key: str) -> None:
        self._opening.open_study(key)

    def _on_data_missing(self, session: Session, why: str) -> None:
        if self._built_in(session):
            self._fail(why)
            return
        self._session_without_data = session
        self.data_wanted.emit(session, why)

    def _on_data(self, session: Session, dataset: Dataset) -> None:
        self._session_without_data = None
        self.data_found.emit()
        form = replace(session.form, root=dataset.spec.root)
        self._opening.restore(replace(session, form=form))

    def _on_weights(self, model: str, path: Path, form: StudyForm) -> None:
        self._opening.change_form(weights=form.weights, retrains=form.retrains)
        undo = functools.partial(self.drop_weights, model)
        sentence = f"The next study takes '{model}' from {path.name}. Press Run to measure it."
        self.told.emit(Notice(NEWS, sentence, "Undo", undo))

    def _on_network(self, folder: Path, before: StudyForm, form: StudyForm) -> None:
        change = self._opening.change_form
        change(model=form.model, normalize=form.normalize, weights=form.weights)
        old = {"model": before.model, "normalize": before.normalize, "weights": before.weights}
        sentence = f"The next study is of the classifier in {folder.name}. Press Run to measure it."
        self.told.emit(Notice(NEWS, sentence, "Undo", functools.partial(change, **old)))

    def _on_comparator(self, result: tuple[Session, str]) -> None:
        session, sentence = result
        self._opening.restore(session)
        self._tell(sentence)

    def _tell(self, sentence: str) -> None:
        self.told.emit(Notice(NEWS, sentence))

    def _fail(self, sentence: str) -> None:
        self.told.emit(Notice(ERROR, sentence))


def study_title(state: AppState) -> str:
    """Title of the current study: 'Digits: RURK, GD, GA; seed 131'."""
    if state.dataset is None:
        return ""
    names = ", ".join(state.catalog.method(name).label for name in state.form.methods)
    return f"{state.dataset.label}{f': {names}' if names else ''}; seed {state.form.seed}"


def show(folder: Path) -> None:
    """Open a folder in the system's file manager."""
    from PySide6.QtCore import QUrl
    from PySide6.QtGui import QDesktopServices

    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))


def _with_weights(form: StudyForm, name: str, path: Path) -> tuple[StudyForm, str]:
    """The form with these weights added, and the name of their model."""
    retrains = form.retrains
    if name == RETRAIN:
        taken = [number for number in range(retrains) if f"retrain-{number}" in form.weights]
        number = next((index for index in range(retrains) if index not in taken), retrains)
        name, retrains = f"retrain-{number}", max(retrains, number + 1)
    return replace(form, weights={**form.weights, name: str(path)}, retrains=retrains), name
