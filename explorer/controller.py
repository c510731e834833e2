"""The use cases of the interface: a wish changes the state or becomes a job. No widgets."""

from __future__ import annotations

import functools
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from engine.datasets.base import Dataset
from engine.errors import SpecError
from engine.forget import ForgetSet, check_forget, forget_set
from engine.labels import model_label
from engine.report import Progress
from engine.results import StudySummary
from engine.sample_names import called, titled
from engine.spec import RunSpec
from explorer import file_tasks, forget_sets, on_screen, probe_tasks, tasks
from explorer.archiving import Archiving
from explorer.around import Around
from explorer.catalog import Catalog, names_only
from explorer.forget_sets import Library, Sets
from explorer.jobs import HEAVY, PROBE, Job, Jobs
from explorer.lens import Lens, Sight
from explorer.notice import ERROR as ERROR
from explorer.notice import NEWS as NEWS
from explorer.questions import Looking
from explorer.runs import Runs
from explorer.selection import ADD, INTERSECT, REMOVE, REPLACE, Selection
from explorer.session import Session as Session
from explorer.shelf import Shelf
from explorer.sizes import sized
from explorer.state import AppState
from explorer.study_form import StudyForm
from explorer.studying import NO_FORGET, Studying
from explorer.watching import Rewatch
from explorer.worst import ranking

if TYPE_CHECKING:
    from engine.belongings import Belongings

UNDO_STEPS = 200
COMBINED = {REPLACE: "Load", ADD: "Add", INTERSECT: "Intersect with", REMOVE: "Subtract"}
NOT_TRAINED = "Test samples were never learned: only training samples enter the forget set."
NOR_HELD_OUT = (
    "Test samples were never learned, nor what is held out for validation: only other training "
    "samples enter the forget set."
)
NOT_MEASURED = "Nothing is measured yet. Press Run; then the forget samples have an order."
OPENING = "opening"  # channel: of what is opened, the latest counts


@dataclass(frozen=True)
class Choice:
    """What undo brings back: selection, forget set, how the form words it, and the saved ones."""

    selection: Selection
    forget: tuple[int, ...]
    text: str
    sets: Library


class _Step(QUndoCommand):
    """One undoable change of the choice; changes within one turn of the event loop are one step."""

    def __init__(self, state: AppState, text: str, before: Choice, after: Choice) -> None:
        super().__init__(text)
        self._state, self._before, self.after = state, before, after

    def redo(self) -> None:
        """Make the change."""
        _show(self._state, self.after)

    def undo(self) -> None:
        """Take it back."""
        _show(self._state, self._before)


class Controller(QObject):
    """Implements `views.base.Wishes`, and what menus and toolbar ask for besides."""

    noticed = Signal(str, str)  # NEWS or ERROR, sentence
    logged = Signal(str)
    arriving = Signal(object)  # Session: its dataset is there, and is going to be shown
    restored = Signal(object)  # Session: its study is shown
    opened = Signal()  # a dataset is shown
    data_missing = Signal(object, str)  # Session, why its dataset is not there
    saved = Signal(list)  # the files that were written
    completed = Signal()  # a study is shown
    stopped = Signal()  # a study was cancelled or failed
    studies_wanted = Signal()  # somebody should choose one of AppState.studies
    figure_wanted = Signal(str, object)  # kind, its options: somebody should say where and how
    set_wanted = Signal()  # somebody should choose several figures
    report_wanted = Signal()  # somebody should choose a file for the report
    forget_wanted = Signal()  # somebody should choose a file for the forget set
    checkpoint_wanted = Signal(str)  # model: somebody should choose a file
    command_written = Signal(str)  # the line that makes a study
    study_done = Signal(str, str)  # key, sentence: of a study that is not shown
    studies_done = Signal(str)  # sentence: of studies that were queued together
    many_wanted = Signal(int)  # so many studies: somebody should say whether they are meant
    held = Signal(int)  # so many studies of a former session wait for somebody to start them

    def __init__(self, state: AppState, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.state, self.jobs = state, jobs
        self.undo = QUndoStack(self)
        self.undo.setUndoLimit(UNDO_STEPS)
        self.spec: RunSpec | None = None  # of the results that are shown
        self.generation = 0  # results of an earlier one are not shown any more
        self._step: _Step | None = None
        self._turn = QTimer(self)
        self._turn.setSingleShot(True)
        self._turn.timeout.connect(self._end_turn)
        jobs.started.connect(self._on_started)
        jobs.progressed.connect(self._on_progressed)
        jobs.ended.connect(self._on_ended)
        jobs.logged.connect(self.logged)
        self._around = Around(state, jobs, self._under_lens, self)
        self.queue = Runs(state, jobs, self)
        self.shelf = Shelf(state, jobs, self.queue, self)
        self.archive = Archiving(state, jobs, self, self)
        self._studying = Studying(state, jobs, self.queue, self, self)
        self._connect_queue()
        self._lens = Lens(state, jobs, self._under_lens, self)
        self._looking = Looking(state, jobs, self._whole, self)
        self._rewatch = Rewatch(state, jobs, self._whole, self)
        self._rewatch.failed.connect(self._on_failed)

    def _connect_queue(self) -> None:
        self._studying.told.connect(self._tell)
        self._studying.refused.connect(self._on_failed)
        self._studying.many_wanted.connect(self.many_wanted)
        self._studying.stored.connect(self.list_studies)
        self._studying.finished.connect(self.study_done)
        self._studying.all_finished.connect(self.studies_done)
        self._studying.stopped.connect(self.stopped)
        self.opened.connect(self._studying.leave)
        self.shelf.failed.connect(self._on_failed)
        self.shelf.deleted.connect(self._on_deleted)
        self.shelf.command_written.connect(self.command_written)

    # -- datasets and stored studies ------------------------------------------------------
    def start(self, session: Session) -> None:
        """Read the catalog and open the session's dataset."""
        self.state.catalog = names_only()
        self._open(session)
        title = "Reading what there is to choose from"
        self.jobs.submit(
            Job(title, tasks.read_catalog, done=self._on_catalog, failed=self._on_failed)
        )
        self.jobs.submit(Job("Listing studies", tasks.list_studies, done=self._on_studies))
        self._hold(session)

    def open_dataset(self, name: str, root: str = "", side: int = 0) -> None:
        """Load a dataset and suggest a study on it; what is shown stays until it is there."""
        form = self.state.form
        fresh = StudyForm(
            dataset=name, root=root, side=side, seed=form.seed, methods=form.methods,
            watch=form.watch, links=form.links,
        )  # fmt: skip
        self._open(Session(fresh))

    def restore(self, session: Session) -> None:
        """Show what a session describes, on the very data it was kept with."""
        self._open(session, exact=True)
        self._hold(session)

    def _hold(self, session: Session) -> None:
        """List the studies that had not ended, and ask whether to start them."""
        number = self.queue.hold(session.queue)
        if number:
            self.held.emit(number)

    def lane(self) -> str:
        """Where data and studies are opened: beside a study that runs, not behind it."""
        return PROBE if self.queue.live() else HEAVY

    def list_studies(self) -> None:
        """Read the studies in the store into AppState.studies."""
        job = Job("Listing studies", tasks.list_studies, PROBE, "studies", done=self._on_studies)
        self.jobs.submit(job)

    def choose_study(self) -> None:
        """Let a person choose one of the studies in the store."""
        job = Job("Listing studies", tasks.list_studies, PROBE, "studies", done=self._offer)
        self.jobs.submit(job)

    def open_study(self, key: str) -> None:
        """Show a study from the store, with its dataset and its form."""
        work = functools.partial(tasks.open_study, key)
        self._submit(f"Opening study {key}", work, self._show, lane=self.lane(), channel=OPENING)

    # -- the form -------------------------------------------------------------------------
    def change_form(self, **changes: Any) -> None:
        """Change what Run would start; another seed also draws dataset and forget set again."""
        state = self.state
        state.form = replace(state.form, **changes)
        if state.dataset is not None and state.form.seed != state.dataset.spec.seed:
            mark = state.dataset.spec.fingerprint
            self._open(Session(state.form, mark, state.selection, state.forget))

    def set_forget_text(self, text: str) -> ForgetSet | None:
        """Make the samples that `text` describes the forget set, or say what is wrong with it.

        It is said how many samples a list names more than once. None where there is no forget set.
        """
        dataset = self.state.dataset
        text = text.strip()
        if dataset is None or not text:
            self.state.form = replace(self.state.form, forget=text)
            return None
        try:
            chosen = forget_set(text, dataset, self.state.form.seed)
        except SpecError as error:
            self.state.form = replace(self.state.form, forget=text)
            self.state.form_error = str(error)
            return None
        self._choose("Forget " + text, forget=chosen.indices, text=text)
        if chosen.repeated:
            self.noticed.emit(NEWS, f"Forget set: {chosen.words}.")
        return chosen

    # -- wishes of the views --------------------------------------------------------------
    def set_current(self, index: int | None) -> None:
        """Put a sample under the lens; test samples are numbered after the training samples."""
        if index is None or self._has(index):
            selection = replace(self.state.selection, current=index)
            words = (
                "Go to no sample" if index is None else f"Go to {called(index, self.state.dataset)}"
            )
            self._choose(words, selection=selection)

    def select(self, indices: list[int], mode: str) -> None:
        """Combine samples into the selection."""
        there = [index for index in indices if self._has(index)]
        self._choose("Select samples", selection=self.state.selection.combine(there, mode))

    def forget_selection(self) -> None:
        """Make the selected samples the forget set of the next run."""
        self._set_forget(tuple(sorted(self.state.selection.chosen)), "Forget the selection")

    def add_to_forget(self) -> None:
        """Add the selected samples to the forget set of the next run."""
        both = set(self.state.forget) | self.state.selection.chosen
        self._set_forget(tuple(sorted(both)), "Add the selection to the forget set")

    def remember_selection(self) -> None:
        """Take the selected samples out of the forget set of the next run."""
        left = set(self.state.forget) - self.state.selection.chosen
        self._set_forget(tuple(sorted(left)), "Remember the selection")

    def set_probe(self, perturbation: str, tau: float) -> None:
        """Show the neighborhood at another perturbation or norm."""
        self.state.probe = (perturbation, float(tau))

    def look_beside(self, taus: tuple[float, ...]) -> None:
        """Have the neighborhoods beside the one shown, on this grid, ready; () for none."""
        self._around.prepare(taus)

    def rank_by(self, model: str) -> None:
        """Put the forget samples in the order of their r in this model."""
        self.state.ranked_by = model

    def step_worst(self, places: int) -> None:
        """Put the forget sample so many places further down that order under the lens."""
        order = ranking(self.state)
        if order is None:
            self.noticed.emit(NEWS, NOT_MEASURED)
            return
        sample = order.step(places)
        if sample is None:
            end = "worst" if places < 0 else "last"
            self.noticed.emit(
                NEWS, f"{titled(order.current, self.state.dataset)} is the {end} of the forget set."
            )
        else:
            self.set_current(sample)

    def look_slice(self, directions: str, towards: int = -1) -> None:
        """Keep the slice along this pair of directions in view; '' once nobody looks at it.

        towards: the sample that the pair 'chosen' leads to.
        """
        self._lens.point(directions, towards)

    def look(self, name: str, *words: Hashable) -> None:
        """Keep the answer to a question about the study in view (see questions.QUESTIONS)."""
        self._looking.look(name, *words)

    def look_away(self, name: str) -> None:
        """Nobody looks at the answer to this question any more."""
        self._looking.look_away(name)

    def watch_again(self, model: str) -> None:
        """Run a method of the study that is shown once more, to see its epochs."""
        self._rewatch.watch(model, self.label(model))

    def compare(self, keys: tuple[str, ...]) -> None:
        """Show these stored studies beside the one that is open; () shows it alone."""
        self.state.compared = keys
        if keys:
            self.look("beside", keys)
        else:
            self.look_away("beside")
            self.state.beside = None

    def export(self, kind: str, options: Mapping[str, Any] | None = None) -> None:
        """Ask for a file, then export the figure called `kind`."""
        if self._has_study():
            shown = on_screen.options(self.state, kind)
            self.figure_wanted.emit(kind, {**shown, **(options or {})})

    def export_set(self) -> None:
        """Ask which figures belong to a set, then export them."""
        if self._has_study():
            self.set_wanted.emit()

    def write_report(self) -> None:
        """Ask for a file, then write the report of the study that is shown."""
        if self._has_study():
            self.report_wanted.emit()

    def _has_study(self) -> bool:
        """Whether there is a study to export; else people are told."""
        if self.state.study is None:
            self.noticed.emit(NEWS, "There is nothing to export yet. Run a study first.")
        return self.state.study is not None

    def export_checkpoint(self, model: str) -> None:
        """Ask for a file, then save this model's weights."""
        if model not in self.state.models:
            self.noticed.emit(NEWS, "There is no such model yet. Run a study first.")
        else:
            self.checkpoint_wanted.emit(model)

    def run(self, *, sure: bool = False) -> None:
        """Queue what the form describes, or go on with it; `sure`: however many studies it is."""
        self._studying.run(sure=sure)

    def follow(self, on: bool) -> None:
        """Show what runs as it grows, or leave what is shown alone."""
        self._studying.follow(on)

    def cancel(self) -> None:
        """Stop the heavy work that is under way; what was computed is kept, what waits begins."""
        self.jobs.cancel(HEAVY)

    # -- named forget sets ----------------------------------------------------------------
    def forget_sets(self) -> Sets:
        """The saved forget sets of the open dataset."""
        return self.state.forget_sets.get(self._mark(), {})

    def save_forget_set(self, name: str) -> None:
        """Keep the current forget set under a name, in place of one that has it."""
        problem = self.state.form_error or ("" if self.state.forget else NO_FORGET)
        if problem:
            self.noticed.emit(ERROR, problem)
            return
        try:
            name = forget_sets.checked_name(name)
        except SpecError as error:
            self.noticed.emit(ERROR, str(error))
            return
        sets = forget_sets.saved(self.state.forget_sets, self._mark(), name, self.state.forget)
        self._choose(f"Save the forget set '{name}'", sets=sets)

    def combine_forget_set(self, name: str, mode: str) -> None:
        """Let a saved forget set replace the current one, add to it, narrow it or lessen it."""
        named = self.forget_sets().get(name)
        if named is not None:
            self.combine_forget(named, mode, f"the forget set '{name}'")

    def combine_forget(self, indices: tuple[int, ...], mode: str, what: str) -> None:
        """Let samples replace the forget set, add to it, narrow it or lessen it.

        what: what undo calls these samples.
        """
        chosen = forget_sets.combined(self.state.forget, indices, mode)
        self._try_forget(chosen, f"{COMBINED[mode]} {what}")

    def export_forget(self) -> None:
        """Ask for a file, then list the forget set of the next run in it."""
        if self.state.forget:
            self.forget_wanted.emit()
        else:
            self.noticed.emit(ERROR, self.state.form_error or NO_FORGET)

    def delete_forget_set(self, name: str) -> None:
        """Forget the name; the current forget set stays."""
        sets = forget_sets.deleted(self.state.forget_sets, self._mark(), name)
        self._choose(f"Delete the forget set '{name}'", sets=sets)

    # -- exports, once a file is chosen ---------------------------------------------------
    def save_figure(self, kind: str, out: Path, options: Mapping[str, Any]) -> None:
        """Write the figure called `kind`, with its numbers as CSV beside it."""
        study = self.state.study
        if study is not None:
            work = functools.partial(file_tasks.save_figure, study, kind, out, options)
            self._submit(f"Exporting {out.name}", work, self._on_saved, lane=PROBE, channel=out)

    def save_checkpoint(self, model: str, out: Path) -> None:
        """Write the weights of one model."""
        if self.spec is not None:
            work = functools.partial(file_tasks.save_checkpoint, self.spec, model, out)
            self._submit(f"Exporting {out.name}", work, self._on_saved, lane=PROBE, channel=out)

    def save_forget(self, out: Path) -> None:
        """Write the indices of the forget set, with their classes, as CSV."""
        dataset = self.state.dataset
        if dataset is not None:
            work = functools.partial(file_tasks.save_forget, self.state.forget, dataset, out)
            self._submit(f"Exporting {out.name}", work, self._on_saved, lane=PROBE, channel=out)

    def write_command(self) -> None:
        """Ask for the line that makes the study that is shown; `command_written` brings it."""
        study, dataset = self.state.study, self.state.dataset
        if study is None or dataset is None:
            self.noticed.emit(NEWS, "There is no study to copy yet. Press Run first.")
            return
        texts = (self.state.form.forget, dataset.recommended.forget)
        work = functools.partial(tasks.command_line, study, dataset, texts)
        self._submit("Writing the command", work, self._on_command, lane=PROBE)

    def label(self, model: str) -> str:
        """What people call a model."""
        study = self.state.study
        labels = {name: result.label for name, result in self.state.models.items()}
        return model_label(model, {**labels, **(study.labels if study else {})})

    # -- from wishes to changes -----------------------------------------------------------
    def _has(self, index: int) -> bool:
        dataset = self.state.dataset
        return dataset is not None and 0 <= index < len(dataset)

    def _mark(self) -> str:
        """Fingerprint of the open dataset, '' without one."""
        return self.state.dataset.spec.fingerprint if self.state.dataset else ""

    def _set_forget(self, chosen: tuple[int, ...], text: str) -> None:
        dataset = self.state.dataset
        if dataset is not None and not self.state.selection.chosen:
            self.noticed.emit(NEWS, "No samples are selected. Click some first.")
            return
        trained = tuple(i for i in chosen if dataset is not None and dataset.is_learned(i))
        if len(trained) < len(chosen):
            held = dataset is not None and len(dataset.validation)
            self.noticed.emit(NEWS, NOR_HELD_OUT if held else NOT_TRAINED)
        if trained or not chosen:
            self._try_forget(trained, text)

    def _try_forget(self, chosen: tuple[int, ...], text: str) -> None:
        dataset = self.state.dataset
        if dataset is None:
            return
        try:
            chosen = check_forget(chosen, dataset.train_y, dataset.validation)
        except SpecError as error:
            self.noticed.emit(ERROR, str(error))
            return
        self._choose(text, forget=chosen, text="")

    def _choose(
        self,
        title: str,
        *,
        selection: Selection | None = None,
        forget: tuple[int, ...] | None = None,
        text: str | None = None,
        sets: Library | None = None,
    ) -> None:
        state = self.state
        before = Choice(state.selection, state.forget, state.form.forget, state.forget_sets)
        after = Choice(
            before.selection if selection is None else selection,
            before.forget if forget is None else forget,
            before.text if text is None else text,
            before.sets if sets is None else sets,
        )
        if after == before and not state.form_error:
            return
        if self._step is not None:
            self._step.after = after
            _show(state, after)
            return
        self._step = _Step(state, title, before, after)
        self.undo.push(self._step)
        self._turn.start(0)

    def _end_turn(self) -> None:
        self._step = None

    # -- jobs -----------------------------------------------------------------------------
    def _submit(
        self, title: str, work: Any, then: Any, *, lane: str = HEAVY, channel: object = ""
    ) -> None:
        done = functools.partial(self._if_current, self.generation, then)
        self.jobs.submit(
            Job(title, work, lane, str(channel) or title, done=done, failed=self._on_failed)
        )

    def _if_current(self, generation: int, then: Any, result: Any) -> None:
        if generation == self.generation:
            then(result)

    def _open(self, session: Session, exact: bool = False) -> None:
        missing = functools.partial(self.data_missing.emit, session)
        self.jobs.submit(
            Job(
                f"Opening {session.form.dataset}",
                functools.partial(tasks.load_dataset, session, exact),
                self.lane(),
                OPENING,
                done=functools.partial(self._on_dataset, session),
                failed=missing if exact else self._on_dataset_failed,
                cancelled=self.state.form_changed.emit,
            )
        )

    def _on_dataset(self, session: Session, dataset: Dataset) -> None:
        same = session.fingerprint == dataset.spec.fingerprint
        form = replace(session.form, root=dataset.spec.root)
        self.arriving.emit(session)
        self._install(dataset, form)
        if same:
            self._show_again(session)
        if same and session.forget and not form.forget:
            self.state.forget = session.forget
        else:
            self.set_forget_text(form.forget or dataset.recommended.forget)
        self.undo.clear()
        if same and session.study:
            work = functools.partial(tasks.recall_key, session.study)
            done = functools.partial(self._on_recalled_for, session)
            self._submit("Opening the study", work, done, lane=self.lane(), channel=OPENING)
        elif not self.state.form_error:
            work = functools.partial(
                tasks.recall_study, self.state.form, self.state.forget, dataset
            )
            title = "Looking for this study in the store"
            self._submit(title, work, self._on_recalled, lane=self.lane(), channel=OPENING)
        self.opened.emit()

    def _show_again(self, session: Session) -> None:
        """What refers to these very data comes back."""
        state = self.state
        state.selection = session.selection
        state.probe, state.ranked_by = session.probe, session.ranked_by
        state.forget_sets = forget_sets.joined(state.forget_sets, session.fingerprint, session.sets)

    def _install(self, dataset: Dataset, form: StudyForm) -> None:
        self.clear()
        self._step = None
        self.state.selection = Selection()
        self.state.forget = ()
        self.state.form_error = ""
        self.state.probe = ("", -1.0)
        self.state.form = form
        self.state.dataset = dataset

    def clear(self) -> None:
        """Show no results; whatever still runs for them will not be shown either."""
        self.generation += 1
        self.spec = None
        state = self.state
        state.study = state.residual = state.neighborhood = None
        state.models, state.losses, state.epochs = {}, {}, {}

    def _show(self, opened: tasks.StoredStudy) -> None:
        with self.state.at_once():
            self._install(opened.dataset, _form_of(opened.found.spec, self.state.form))
            self.state.forget = opened.found.spec.forget
            self.undo.clear()
            self.opened.emit()
            self.complete(opened.found)

    def show_spec(self, spec: RunSpec) -> None:
        """What is going to be shown are results of this study."""
        self.spec = spec

    def complete(self, found: tasks.StudyResults) -> None:
        """Show a finished study."""
        state = self.state
        self.spec = found.spec
        with state.at_once():
            state.losses = {name: model.loss for name, model in found.models.items()}
            state.models = found.models
            state.residual = found.study.residual
            state.study = found.study
            if state.selection.current is None:  # show where there is most to see
                worst = found.study.residual.worst_sample()
                state.selection = replace(state.selection, current=worst)
        self.completed.emit()
        self.list_studies()
        ready = functools.partial(probe_tasks.prepare_verdicts, found.study.residual)
        self.jobs.submit(Job("Preparing verdicts", ready, PROBE, "verdicts"))

    def _whole(self) -> RunSpec | None:
        """The spec of the study that is shown, None before all its models exist."""
        whole = self.spec is not None and _names(self.spec) <= set(self.state.models)
        return self.spec if whole else None

    def _under_lens(self) -> Sight | None:
        """What can be looked at, or None without a current sample or before all models exist."""
        current, spec = self.state.selection.current, self._whole()
        if current is None or spec is None:
            return None
        return Sight(spec, current, self._probe(spec))

    def _probe(self, spec: RunSpec) -> tuple[str, float]:
        perturbation, tau = self.state.probe
        taus = spec.probe.taus
        return perturbation or spec.probe.perturbation, tau if tau >= 0 else taus[len(taus) // 2]

    # -- what jobs bring ------------------------------------------------------------------
    def _on_catalog(self, catalog: Catalog) -> None:
        self.state.catalog = catalog

    def _on_recalled(self, found: tasks.StudyResults | None) -> None:
        if found is not None:
            self.logged.emit("This study was computed before; it comes from the store.")
            self.complete(found)

    def _on_recalled_for(self, session: Session, found: tasks.StudyResults | None) -> None:
        if found is None:
            self._tell("The study of this session is in the store no more. Press Run to make it.")
        else:
            self.complete(found)
            self.state.selection = session.selection
            self.restored.emit(session)

    def _on_studies(self, studies: list[StudySummary]) -> None:
        self.state.studies = tuple(studies)

    def _offer(self, studies: list[StudySummary]) -> None:
        self._on_studies(studies)
        self.studies_wanted.emit()

    def _on_saved(self, files: list[Path]) -> None:
        self.saved.emit(files)

    def _on_command(self, line: str) -> None:
        self.command_written.emit(line)

    def _on_deleted(self, gone: Belongings) -> None:
        if self.state.study is not None and self.state.study.key in gone.keys:
            self.clear()
        what = "The study was" if len(gone.keys) == 1 else f"{len(gone.keys):,} studies were"
        self._tell(f"{what} deleted; {sized(gone.size)} are free again.")
        self.list_studies()

    def _tell(self, sentence: str) -> None:
        self.noticed.emit(NEWS, sentence)

    def _on_failed(self, sentence: str) -> None:
        self.noticed.emit(ERROR, sentence)

    def _on_dataset_failed(self, sentence: str) -> None:
        self.noticed.emit(ERROR, sentence)
        self.state.form_changed.emit()  # the toolbar goes back to the dataset that is open

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


def _show(state: AppState, choice: Choice) -> None:
    if (choice.forget, choice.text) != (state.forget, state.form.forget):
        state.form_error = ""  # what was wrong with the forget set is replaced
    state.selection = choice.selection
    state.forget = choice.forget
    state.form = replace(state.form, forget=choice.text)
    state.forget_sets = choice.sets


def _names(spec: RunSpec) -> set[str]:
    """The models that a study has once all of them exist."""
    retrains = {f"retrain-{number}" for number in range(spec.retrains)}
    return {"original", *retrains, *(method.name for method in spec.methods)}


def _form_of(spec: RunSpec, form: StudyForm) -> StudyForm:
    """The form that would start the study `spec` again."""
    from engine.spec import to_plain

    plain: Mapping[str, Any] = to_plain(spec)
    probe = dict(plain["probe"])
    taus = ",".join(f"{tau:.10g}" for tau in spec.probe.taus)
    kept = ("perturbation", "taus", "draws", "seed")
    return replace(
        form,
        dataset=spec.data.name,
        root=spec.data.root,
        side=spec.data.side,
        channels=spec.data.channels,
        validation=spec.data.validation,
        model=spec.model.name,
        forget="",
        methods=tuple(method.name for method in spec.methods),
        settings={method["name"]: method["config"] for method in plain["methods"]},
        training=plain["train"],
        retrains=spec.retrains,
        seed=spec.seed,
        perturbation=spec.probe.perturbation,
        taus=taus,
        draws=spec.probe.draws,
        probe={name: value for name, value in probe.items() if name not in kept},
        weights={one.name: one.path for one in spec.foreign},
    )
