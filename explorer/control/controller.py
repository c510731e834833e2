"""Use cases of the window: each request changes the state or becomes a job. No widgets."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from engine.analysis.finding_words import Link
from engine.forget_sets.sample_names import sample_title
from engine.runtime.progress import Progress
from explorer.control.choice import ChoiceControl
from explorer.control.epochs import EpochControl
from explorer.control.exports import ExportControl
from explorer.control.files import FileControl
from explorer.control.forget_set import ForgetSetControl
from explorer.control.neighborhood import NeighborhoodControl
from explorer.control.opening import OpeningControl
from explorer.control.queries import QueryControl
from explorer.control.run_queue import RunQueue
from explorer.control.shown_study import ShownStudy
from explorer.control.slice import SliceControl
from explorer.control.stale import StaleControl
from explorer.control.stored_studies import StoredStudies
from explorer.control.study_runner import StudyRunner
from explorer.jobs.lanes import HEAVY, Job, Jobs
from explorer.state.app_state import AppState
from explorer.state.notice import ERROR, NEWS
from explorer.state.ranking import ranking
from explorer.state.selection import REPLACE
from explorer.state.sizes import size_text

if TYPE_CHECKING:
    from engine.pipeline.study_files import StudyFiles

NOT_MEASURED = "Nothing has been measured yet. Press Run first; it ranks the forget samples by r."


class Controller(QObject):
    """Owns and connects the use cases; implements `views.base.Wishes`.

    Each part has the requests and signals of its own subject; this class has the queries of views
    and what concerns all lanes.
    """

    noticed = Signal(str, str)  # NEWS or ERROR, sentence
    logged = Signal(str)

    def __init__(self, state: AppState, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.state, self.jobs = state, jobs
        jobs.started.connect(self._on_started)
        jobs.progressed.connect(self._on_progressed)
        jobs.ended.connect(self._on_ended)
        self.shown = ShownStudy(state, self)
        self.choice = ChoiceControl(state, self)
        self.forget_set = ForgetSetControl(state, self.choice, self)
        self._neighborhood = NeighborhoodControl(state, jobs, self.shown.probe, self)
        self.queue = RunQueue(state, jobs, self)
        self.stored = StoredStudies(state, jobs, self.queue, self)
        self.opening = OpeningControl(
            state, jobs, self.shown, self.choice, self.forget_set, self.queue, self
        )
        self.exports = ExportControl(state, jobs, self.shown, self)
        self.files = FileControl(state, jobs, self.opening, self)
        self.runner = StudyRunner(state, jobs, self.queue, self.shown, self)
        self._slice = SliceControl(state, jobs, self.shown.probe, self)
        self._queries = QueryControl(state, jobs, self.shown.complete_spec, self)
        self._epochs = EpochControl(state, jobs, self.shown.complete_spec, self)
        self._stale = StaleControl(state, jobs, self.shown, self)
        self._connect()

    def _connect(self) -> None:
        for logged in (self.jobs.logged, self.opening.logged):
            logged.connect(self.logged)
        for noticed in (self.forget_set.noticed, self.opening.noticed, self.exports.noticed):
            noticed.connect(self.noticed)
        for failed in (self.stored.failed, self.runner.refused, self._epochs.failed):
            failed.connect(self._fail)
        self.runner.told.connect(self._tell)
        self.runner.stored.connect(self.opening.list_studies)
        self.state.dataset_changed.connect(self._drop_foreign_runs)
        self.opening.opened.connect(self.runner.leave)
        self.shown.completed.connect(self.files.note_study)
        self.exports.saved.connect(self.files.tell_saved)
        self.stored.command_written.connect(self.exports.command_written)
        self.stored.deleted.connect(self._on_deleted)

    # -- studies --------------------------------------------------------------------------
    def run(self, *, sure: bool = False) -> None:
        """Queue or resume the studies of the form; `sure`: without confirming a large number."""
        self.runner.run(sure=sure)

    def follow(self, on: bool) -> None:
        """Show the running study live, or leave the screen as it is."""
        self.runner.follow(on)

    def cancel(self) -> None:
        """Stop the heavy lane's current work, keeping finished results; the next run starts."""
        self.jobs.cancel(HEAVY)

    def compare(self, keys: tuple[str, ...]) -> None:
        """Compare the open study with these stored ones; () shows it alone."""
        self.state.compared = keys
        if keys:
            self.look("beside", keys)
        else:
            self.look_away("beside")
            self.state.beside = None

    # -- queries --------------------------------------------------------------------------
    def look(self, name: str, *arguments: Hashable) -> None:
        """Keep the result of a query about the shown study up to date (see `queries`)."""
        self._queries.look(name, *arguments)

    def look_away(self, name: str) -> None:
        """Stop keeping the result of this query up to date."""
        self._queries.look_away(name)

    def look_slice(self, directions: str, towards: int = -1) -> None:
        """Keep the slice along this pair of directions up to date; '' stops it.

        towards: the target sample of the pair 'chosen'.
        """
        self._slice.point(directions, towards)

    def refine_slice(self) -> None:
        """Compute the shown slice at the finest resolution, however long that takes."""
        self._slice.refine()

    def set_probe(self, perturbation: str, tau: float) -> None:
        """Show the neighborhood at another perturbation or norm."""
        self.state.probe = (perturbation, float(tau))

    def follow_finding(self, link: Link) -> None:
        """Select the samples that a number of a finding counts; or set its tau.

        From then on the samples are ranked by the model that the finding is on; the one of them
        with the largest r at the shown tau becomes current.
        """
        self.rank_by(link.model)
        order = ranking(self.state)
        if link.samples:
            chosen = set(link.samples)
            ranked = [] if order is None else [one for one in order.order.tolist() if one in chosen]
            self.choice.select(list(link.samples), REPLACE)
            self.choice.set_current(next(iter(ranked), link.samples[0]))
        elif self.state.residual is not None:
            self.set_probe(self.state.residual.perturbation, link.tau)

    def look_beside(self, taus: tuple[float, ...]) -> None:
        """Prefetch neighborhoods at the adjacent norms of this grid; () for none."""
        self._neighborhood.prepare(taus)

    def hold_prefetch(self, held: bool) -> None:
        """Prefetch no neighborhoods while `held`."""
        self._neighborhood.hold_prefetch(held)

    def rank_by(self, model: str) -> None:
        """Rank the forget samples by their r in this model."""
        self.state.ranked_by = model

    def step_worst(self, places: int) -> None:
        """Make the forget sample `places` further down the ranking the current one."""
        order = ranking(self.state)
        if order is None:
            self._tell(NOT_MEASURED)
            return
        sample = order.step(places)
        if sample is None:
            end = "worst" if places < 0 else "last"
            name = sample_title(order.current, self.state.dataset)
            self._tell(f"{name} is the {end} of the forget set.")
        else:
            self.choice.set_current(sample)

    def watch_again(self, model: str) -> None:
        """Run a method of the shown study again to record its epochs."""
        self._epochs.watch(model, self.state.label(model))

    def _drop_foreign_runs(self) -> None:
        """Stop comparing with studies of other data than those that are open now."""
        dataset = self.state.dataset
        fingerprint = dataset.spec.fingerprint if dataset is not None else ""
        ours = {one.key for one in self.state.studies if one.fingerprint == fingerprint}
        compared = tuple(key for key in self.state.compared if key in ours)
        if compared != self.state.compared:
            self.compare(compared)

    # -- results of jobs ------------------------------------------------------------------
    def _on_deleted(self, belongings: StudyFiles) -> None:
        if self.state.study is not None and self.state.study.key in belongings.keys:
            self.shown.clear()
        what = (
            "The study was"
            if len(belongings.keys) == 1
            else f"{len(belongings.keys):,} studies were"
        )
        self._tell(f"{what} deleted; {size_text(belongings.size)} freed.")
        self.opening.list_studies()

    def _on_started(self, job: Job) -> None:
        if job.lane == HEAVY:
            self.state.busy = job.title
            self.state.progress = Progress(job.title, 0.0, None)

    def _on_progressed(self, job: Job, progress: Progress) -> None:
        if job.lane == HEAVY:
            self.state.progress = progress

    def _on_ended(self, job: Job, how: str, sentence: str) -> None:
        if job.lane == HEAVY and not self.jobs.live(HEAVY):
            self.state.busy = ""
            self.state.progress = None

    def _tell(self, sentence: str) -> None:
        self.noticed.emit(NEWS, sentence)

    def _fail(self, sentence: str) -> None:
        self.noticed.emit(ERROR, sentence)
