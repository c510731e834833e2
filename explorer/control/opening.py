"""Opening of datasets, stored studies and sessions. No widgets."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from engine.datasets.base import Dataset
from engine.results import StudySummary
from engine.study import example
from explorer.control.choice import ChoiceControl
from explorer.control.forget_set import ForgetSetControl
from explorer.control.opening_jobs import OpeningJobs
from explorer.control.orders import left_dataset
from explorer.control.run_queue import RunQueue
from explorer.control.shown_study import ShownStudy
from explorer.jobs import example_tasks, study_tasks
from explorer.jobs.lanes import HEAVY, PROBE, Job, Jobs
from explorer.jobs.study_tasks import StoredStudy, StudyResults
from explorer.state import forget_sets
from explorer.state.app_state import AppState
from explorer.state.catalog import Catalog, names_only
from explorer.state.notice import ERROR, NEWS
from explorer.state.recommendation import suggested
from explorer.state.remembered import Remembered, recall, remember
from explorer.state.selection import Selection
from explorer.state.session import Session
from explorer.state.study_form import StudyForm

GONE = "The study of this session is no longer in the store. Press Run to compute it again."
QUIET_MS = 1000  # without a job, before the rest of the example is imported


class OpeningControl(QObject):
    """Loads data in a lane; the screen stays unchanged until they have arrived."""

    noticed = Signal(str, str)  # NEWS or ERROR, sentence
    logged = Signal(str)
    arriving = Signal(object)  # Session: its dataset is loaded and about to be shown
    restored = Signal(object)  # Session: its study is shown
    opened = Signal()  # a dataset is shown
    data_missing = Signal(object, str)  # Session, why its dataset is missing
    studies_wanted = Signal()  # the user should choose one of AppState.studies
    held = Signal(int)  # number of studies of an earlier session waiting to be started

    def __init__(
        self,
        state: AppState,
        jobs: Jobs,
        shown: ShownStudy,
        choice: ChoiceControl,
        forget_set: ForgetSetControl,
        queue: RunQueue,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._state, self._jobs, self._shown = state, jobs, shown
        self._choice, self._forget_set, self._queue = choice, forget_set, queue
        self._opening = OpeningJobs(state, jobs, self)
        self._quiet = QTimer(self, singleShot=True, interval=QUIET_MS)
        self._quiet.timeout.connect(self._import_example)
        jobs.started.connect(self._postpone)
        shown.completed.connect(self.list_studies)

    # -- datasets and sessions ------------------------------------------------------------
    def start(self, session: Session) -> None:
        """Read the catalog and open the session's dataset."""
        self._state.catalog = names_only()
        self._open(session)
        title = "Reading the catalog"
        read, done = study_tasks.read_catalog, self._on_catalog  # beside the dataset, not before it
        self._jobs.submit(Job(title, read, PROBE, "catalog", done=done, failed=self._fail))
        self.list_studies()
        self._hold(session)

    def _postpone(self) -> None:
        """Begin to wait anew, if something is waiting for quiet."""
        if self._quiet.isActive():
            self._quiet.start()

    def _import_example(self) -> None:
        """Bring the rest of the example into the store, if it is new there, once all is quiet."""
        if self._jobs.busy():
            self._quiet.start()
            return
        title = "Importing the example"
        self._jobs.submit(
            Job(title, example_tasks.end_import, self.lane(), failed=self.logged.emit)
        )

    def open_dataset(
        self, name: str, root: str = "", side: int = 0, columns: str | None = None
    ) -> None:
        """Load a dataset; the screen stays unchanged until then.

        Its settings and forget set are those it was left with, else the recommended ones; columns:
        the roles of a table's columns, None as last time.
        """
        state = self._state
        session = session_on(state.remembered, state.form, name, root, side)
        if all(one.key != session.study for one in state.studies):  # it was deleted
            session = replace(session, study="")
        if columns is not None:
            session = replace(session, form=replace(session.form, columns=columns))
        self._open(session)

    def restore(self, session: Session) -> None:
        """Restore a session on exactly the data it was saved with."""
        self._open(session, exact=True)
        self._hold(session)

    def change_form(self, **changes: Any) -> None:
        """Change the form; a new seed also redraws the forget set, and data that depend on it.

        Another network is normalized as usual, unless the changes say how.
        """
        state = self._state
        if changes.get("model", state.form.model) != state.form.model:
            changes = {"normalize": "", **changes}
        state.form = replace(state.form, **changes)
        if state.dataset is not None and state.form.seed != state.dataset.spec.seed:
            fingerprint = state.dataset.spec.fingerprint
            session = Session(state.form, fingerprint, state.selection, state.forget)
            self._load(session, functools.partial(self._on_redrawn, session))

    def lane(self) -> str:
        """The lane for opening data and studies: the probe lane while a study is running."""
        return PROBE if self._queue.live() else HEAVY

    # -- studies in the store -------------------------------------------------------------
    def list_studies(self) -> None:
        """Read the studies in the store into AppState.studies."""
        self._list(self._on_studies)

    def choose_study(self) -> None:
        """Let the user choose one of the studies in the store."""
        self._list(self._offer)

    def open_study(self, key: str) -> None:
        """Show a study from the store, with its dataset and its form."""
        self._submit(
            f"Opening study {key}", functools.partial(study_tasks.open_study, key), self._show
        )

    def open_example(self) -> None:
        """Show the example study that comes with the program."""
        job = Job(
            "Importing the example", example_tasks.import_again, self.lane(),
            done=self.open_study, failed=self._fail,
        )  # fmt: skip
        self._jobs.submit(job)

    def show_chosen(self) -> None:
        """Show the study that the form describes, if it is in the store."""
        if self._state.dataset is not None:
            self._recall(self._state.dataset)

    def choose_shown(self) -> None:
        """Choose what the shown study was made of."""
        form, spec, state = self._shown.form, self._shown.spec, self._state
        if form is None or spec is None:
            return
        self._choice.change("Back to the shown study", forget=spec.forget, text=form.forget)
        own = {"watch": state.form.watch, "links": state.form.links}
        self.change_form(**{**vars(form), **own})

    # -- from requests to jobs ------------------------------------------------------------
    def _hold(self, session: Session) -> None:
        """Take over choices on other datasets, and ask whether to start unfinished studies."""
        for left in session.remembered:
            self._state.remembered = remember(self._state.remembered, left)
        number = self._queue.hold(session.queue)
        if number:
            self.held.emit(number)

    def _list(self, then: Callable[[list[StudySummary]], None]) -> None:
        self._jobs.submit(
            Job("Listing studies", study_tasks.list_studies, PROBE, "studies", done=then)
        )

    def _open(self, session: Session, exact: bool = False) -> None:
        self._load(session, functools.partial(self._on_dataset, session), exact)

    def _load(self, session: Session, then: Callable[[Dataset], None], exact: bool = False) -> None:
        missing = functools.partial(self.data_missing.emit, session)
        datasets = {item.name: item.label for item in self._state.catalog.datasets}
        label = datasets.get(session.form.dataset, session.form.dataset)
        self._opening.submit(
            Job(
                f"Opening {label}",
                functools.partial(study_tasks.load_dataset, session, exact),
                self.lane(),
                done=then,
                failed=missing if exact else self._on_dataset_failed,
                cancelled=self._state.form_changed.emit,
            ),
            label,
        )

    def _submit(self, title: str, work: Any, then: Callable[[Any], None]) -> None:
        """Submit a job whose result is shown unless something else was opened meanwhile."""
        done = functools.partial(self._if_current, self._shown.generation, then)
        self._opening.submit(Job(title, work, self.lane(), done=done, failed=self._fail))

    def _if_current(self, generation: int, then: Callable[[Any], None], result: Any) -> None:
        if generation == self._shown.generation:
            then(result)

    # -- results of jobs ------------------------------------------------------------------
    def _on_catalog(self, catalog: Catalog) -> None:
        self._state.catalog = catalog

    def _on_studies(self, studies: list[StudySummary]) -> None:
        self._state.studies = tuple(studies)

    def _offer(self, studies: list[StudySummary]) -> None:
        self._on_studies(studies)
        self.studies_wanted.emit()

    def _on_dataset(self, session: Session, dataset: Dataset) -> None:
        same = session.fingerprint == dataset.spec.fingerprint
        form = replace(session.form, root=dataset.spec.root)
        form = suggested(form, dataset.recommended)
        self.arriving.emit(session)
        self._install(dataset, form)
        if same:
            self._show_again(session)
        if same and session.forget and not form.forget:
            self._state.forget = session.forget
        else:
            self._forget_set.set_text(form.forget or dataset.recommended.forget)
        self._choice.clear_history()
        if same and session.study:
            work = functools.partial(study_tasks.find_study_by_key, session.study)
            then = functools.partial(self._on_recalled_for, session)
            self._submit("Opening the study", work, then)
        elif not self._state.form_error:
            self._recall(dataset)
        self.opened.emit()

    def _on_redrawn(self, session: Session, dataset: Dataset) -> None:
        """Another seed was chosen: other data are opened anew, the same keep what is shown."""
        state = self._state
        if state.dataset is None or dataset.spec.fingerprint != state.dataset.spec.fingerprint:
            self._on_dataset(session, dataset)
            return
        state.dataset = dataset
        if state.form.forget:
            self._forget_set.set_text(state.form.forget)

    def _recall(self, dataset: Dataset) -> None:
        """Show the study that the form describes if it is in the store."""
        form, forget = self._state.form, self._state.forget
        work = functools.partial(study_tasks.find_study, form, forget, dataset)
        self._submit("Looking for this study in the store", work, self._on_recalled)

    def _on_recalled(self, results: StudyResults | None) -> None:
        if results is not None:
            self.logged.emit("This study was computed before and was loaded from the store.")
            self._shown.complete(results)
        if self._state.form.dataset == example.DATASET:  # the views have asked for theirs by now
            self._quiet.start()

    def _on_recalled_for(self, session: Session, results: StudyResults | None) -> None:
        if results is None:
            self.noticed.emit(NEWS, GONE)
        else:
            self._shown.complete(results)
            if session.selection != Selection():  # otherwise the worst sample stays current
                self._state.selection = session.selection
            self.restored.emit(session)

    def _show(self, study: StoredStudy) -> None:
        spec = study.results.spec
        with self._state.at_once():
            own, form = self._state.form, study.results.form
            if form is not None:
                form = replace(form, watch=own.watch, links=own.links)
            self._install(study.dataset, form or own)
            self._state.forget = spec.forget
            self.opened.emit()
            self._shown.complete(study.results)

    def _show_again(self, session: Session) -> None:
        """Restore the parts of a session that refer to exactly these data."""
        state = self._state
        state.selection = session.selection
        state.probe, state.ranked_by = session.probe, session.ranked_by
        state.forget_sets = forget_sets.with_sets(
            state.forget_sets, session.fingerprint, session.sets
        )

    def _install(self, dataset: Dataset, form: StudyForm) -> None:
        """Show the dataset without selection and results."""
        state = self._state
        if (left := left_dataset(state)) is not None:
            state.remembered = remember(state.remembered, left)
        self._shown.clear()
        self._choice.clear_history()
        state.selection = Selection()
        state.forget = ()
        state.form_error = ""
        state.probe = ("", -1.0)
        state.form = form
        state.dataset = dataset
        self._jobs.keep_data(dataset.spec.fingerprint)

    def _on_dataset_failed(self, sentence: str) -> None:
        self._fail(sentence)
        self._state.form_changed.emit()  # the toolbar returns to the open dataset

    def _fail(self, sentence: str) -> None:
        self.noticed.emit(ERROR, sentence)


def session_on(
    remembered: Remembered, form: StudyForm, dataset: str, root: str = "", side: int = 0
) -> Session:
    """What to open a dataset with: as it was left, else as it recommends.

    side: height and width of images, 0 as last time. form: the open one, whose watching and links
    are taken over.
    """
    last = recall(remembered, dataset, root)
    if last is None:
        fresh = StudyForm(dataset=dataset, root=root, side=side, methods=())
        return Session(replace(fresh, watch=form.watch, links=form.links))
    again = replace(last.form, side=side or last.form.side, watch=form.watch, links=form.links)
    return Session(again, last.fingerprint, forget=last.forget, study=last.study)
