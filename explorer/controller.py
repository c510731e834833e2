"""The use cases of the interface: a wish changes the state or becomes a job. No widgets."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from engine.datasets.base import Dataset
from engine.errors import SpecError
from engine.forget import check_forget, parse_forget
from engine.labels import model_label
from engine.report import Progress
from engine.results import Embedding, ModelResult, Neighborhood, StudySummary
from engine.spec import DataSpec, RunSpec
from explorer import forget_sets, tasks
from explorer.catalog import Catalog, names_only
from explorer.forget_sets import Library, Sets
from explorer.jobs import HEAVY, PROBE, Job, Jobs, Points
from explorer.lens import Lens, Sight
from explorer.state import ADD, INTERSECT, REMOVE, REPLACE, AppState, Selection, StudyForm

NEWS, ERROR = "news", "error"
UNDO_STEPS = 200
COMBINED = {REPLACE: "Load", ADD: "Add", INTERSECT: "Intersect with", REMOVE: "Subtract"}
NO_FORGET = "The forget set is empty. Choose samples, or write a forget set in the toolbar."
RESUMABLE = "Stopped. What was finished is kept: Run goes on from there."


@dataclass(frozen=True)
class Choice:
    """What undo brings back: selection, forget set, how the form words it, and the saved ones."""

    selection: Selection
    forget: tuple[int, ...]
    text: str
    sets: Library


@dataclass(frozen=True)
class Session:
    """What to bring back once the dataset called for is loaded again."""

    form: StudyForm
    fingerprint: str = ""
    selection: Selection = field(default_factory=Selection)
    forget: tuple[int, ...] = ()


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
    opened = Signal()  # a dataset is shown
    completed = Signal()  # a study is shown
    stopped = Signal()  # a study was cancelled or failed
    studies_listed = Signal(list)  # list[StudySummary]
    figure_wanted = Signal(str)  # kind: somebody should choose a file
    checkpoint_wanted = Signal(str)  # model: somebody should choose a file
    command_written = Signal(str)  # the line that makes the study that is shown

    def __init__(self, state: AppState, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.state, self.jobs = state, jobs
        self.undo = QUndoStack(self)
        self.undo.setUndoLimit(UNDO_STEPS)
        self.spec: RunSpec | None = None  # of the results that are shown
        self._generation = 0  # results of an earlier one are not shown any more
        self._asked: tuple[Any, ...] = ()  # the neighborhood that was last asked for
        self._step: _Step | None = None
        self._turn = QTimer(self)
        self._turn.setSingleShot(True)
        self._turn.timeout.connect(self._end_turn)
        jobs.started.connect(self._on_started)
        jobs.progressed.connect(self._on_progressed)
        jobs.ended.connect(self._on_ended)
        jobs.logged.connect(self.logged)
        for changed in (state.selection_changed, state.probe_changed, state.models_changed):
            changed.connect(self._look_around)
        self._lens = Lens(state, jobs, self._under_lens, self)

    # -- datasets and stored studies ------------------------------------------------------
    def start(self, session: Session) -> None:
        """Read the catalog and open the session's dataset."""
        self.state.catalog = names_only()
        self._open(session)
        title = "Reading what there is to choose from"
        self.jobs.submit(
            Job(title, tasks.read_catalog, done=self._on_catalog, failed=self._on_failed)
        )

    def open_dataset(self, name: str, root: str = "", side: int = 0) -> None:
        """Load a dataset and suggest a study on it; what is shown stays until it is there."""
        form = self.state.form
        fresh = StudyForm(dataset=name, root=root, side=side, seed=form.seed, methods=form.methods)
        self._open(Session(fresh))

    def list_studies(self) -> None:
        """Ask for the studies in the store; `studies_listed` brings them."""
        self._submit("Listing studies", tasks.list_studies, self._on_studies, lane=PROBE)

    def open_study(self, key: str) -> None:
        """Show a study from the store, with its dataset and its form."""
        self._stop_study()
        self._submit(f"Opening study {key}", functools.partial(tasks.open_study, key), self._show)

    # -- the form -------------------------------------------------------------------------
    def change_form(self, **changes: Any) -> None:
        """Change what Run would start; another seed also draws dataset and forget set again."""
        state = self.state
        state.form = replace(state.form, **changes)
        if state.dataset is not None and state.form.seed != state.dataset.spec.seed:
            mark = state.dataset.spec.fingerprint
            self._open(Session(state.form, mark, state.selection, state.forget))

    def set_forget_text(self, text: str) -> None:
        """Make the samples that `text` describes the forget set, or say what is wrong with it."""
        dataset = self.state.dataset
        text = text.strip()
        if dataset is None or not text:
            self.state.form = replace(self.state.form, forget=text)
            return
        try:
            chosen = parse_forget(text, dataset.train_y, dataset.classes, self.state.form.seed)
        except SpecError as error:
            self.state.form = replace(self.state.form, forget=text)
            self.state.form_error = str(error)
            return
        self._choose("Forget " + text, forget=chosen, text=text)

    # -- wishes of the views --------------------------------------------------------------
    def set_current(self, index: int | None) -> None:
        """Put a training sample under the lens."""
        if index is None or self._has(index):
            selection = replace(self.state.selection, current=index)
            self._choose("Look at a sample", selection=selection)

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

    def look_slice(self, directions: str) -> None:
        """Keep the slice along this pair of directions in view; '' once nobody looks at it."""
        self._lens.point(directions)

    def embed(self, model: str) -> None:
        """Compute (or fetch) the embedding of this model's features."""
        if self.spec is None:
            self.noticed.emit(NEWS, "There is no model to embed yet. Press Run first.")
            return
        title = f"Embedding the features of {self.label(model)}"
        self._submit(title, functools.partial(tasks.embed, self.spec, model), self._on_embedding)

    def export(self, kind: str) -> None:
        """Ask for a file, then export the figure called `kind`."""
        if self.state.study is None:
            self.noticed.emit(NEWS, "There is nothing to export yet. Run a study first.")
        else:
            self.figure_wanted.emit(kind)

    def export_checkpoint(self, model: str) -> None:
        """Ask for a file, then save this model's weights."""
        if model not in self.state.models:
            self.noticed.emit(NEWS, "There is no such model yet. Run a study first.")
        else:
            self.checkpoint_wanted.emit(model)

    def run(self) -> None:
        """Start the study that the form describes, or go on with it."""
        dataset, form = self.state.dataset, self.state.form
        problem = self._why_not()
        if dataset is None or problem:
            self.noticed.emit(ERROR, problem)
            return
        self._clear()
        generation = self._generation
        self.jobs.submit(
            Job(
                f"Running the study on {dataset.label}",
                functools.partial(tasks.run_study, form, self.state.forget, dataset),
                points=functools.partial(self._on_points, generation),
                done=functools.partial(self._if_current, generation, self._complete),
                failed=self._on_study_failed,
                cancelled=self._on_study_stopped,
                channel="study",
            )
        )

    def studying(self) -> bool:
        """Whether a study is running or waiting to."""
        return any(job.channel == "study" for job in self.jobs.live(HEAVY))

    def cancel(self) -> None:
        """Stop the heavy work; what was computed is kept."""
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
            chosen = forget_sets.combined(self.state.forget, named, mode)
            self._try_forget(chosen, f"{COMBINED[mode]} the forget set '{name}'")

    def delete_forget_set(self, name: str) -> None:
        """Forget the name; the current forget set stays."""
        sets = forget_sets.deleted(self.state.forget_sets, self._mark(), name)
        self._choose(f"Delete the forget set '{name}'", sets=sets)

    # -- exports, once a file is chosen ---------------------------------------------------
    def save_figure(self, kind: str, out: Path) -> None:
        """Write the figure called `kind`, with its numbers as CSV beside it."""
        study = self.state.study
        if study is not None:
            work = functools.partial(tasks.save_figure, study, kind, out, self._options(kind))
            self._submit(f"Exporting {out.name}", work, self._on_saved, lane=PROBE, channel=out)

    def save_checkpoint(self, model: str, out: Path) -> None:
        """Write the weights of one model."""
        if self.spec is not None:
            work = functools.partial(tasks.save_checkpoint, self.spec, model, out)
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
        return dataset is not None and 0 <= index < len(dataset.train_y)

    def _mark(self) -> str:
        """Fingerprint of the open dataset, '' without one."""
        return self.state.dataset.spec.fingerprint if self.state.dataset else ""

    def _set_forget(self, chosen: tuple[int, ...], text: str) -> None:
        if self.state.dataset is not None and not self.state.selection.chosen:
            self.noticed.emit(NEWS, "No samples are selected. Click some first.")
            return
        self._try_forget(chosen, text)

    def _try_forget(self, chosen: tuple[int, ...], text: str) -> None:
        dataset = self.state.dataset
        if dataset is None:
            return
        try:
            chosen = check_forget(chosen, dataset.train_y)
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

    def _why_not(self) -> str:
        """Why no study can start now, as a sentence, or ''."""
        if self.state.dataset is None:
            return "No dataset is open yet. Wait for it, or choose one in the toolbar."
        if self.studying():
            return "A study is running already. Cancel it first, or wait for it."
        if self.state.form_error:
            return self.state.form_error
        if not self.state.forget:
            return NO_FORGET
        return ""

    # -- jobs -----------------------------------------------------------------------------
    def _submit(
        self, title: str, work: Any, then: Any, *, lane: str = HEAVY, channel: object = ""
    ) -> None:
        done = functools.partial(self._if_current, self._generation, then)
        self.jobs.submit(
            Job(title, work, lane, str(channel) or title, done=done, failed=self._on_failed)
        )

    def _if_current(self, generation: int, then: Any, result: Any) -> None:
        if generation == self._generation:
            then(result)

    def _stop_study(self) -> None:
        if self.studying():
            self.jobs.cancel(HEAVY)

    def _open(self, session: Session) -> None:
        self._stop_study()
        form = session.form
        spec = DataSpec(form.dataset, form.root, form.seed, form.side)
        self.jobs.submit(
            Job(
                f"Opening {form.dataset}",
                functools.partial(tasks.load_dataset, spec),
                done=functools.partial(self._on_dataset, session),
                failed=self._on_dataset_failed,
                cancelled=self.state.form_changed.emit,
            )
        )

    def _on_dataset(self, session: Session, dataset: Dataset) -> None:
        same = session.fingerprint == dataset.spec.fingerprint
        form = session.form
        self._install(dataset, form)
        if same:
            self.state.selection = session.selection
        if same and session.forget and not form.forget:
            self.state.forget = session.forget
        else:
            self.set_forget_text(form.forget or dataset.recommended.forget)
        self.undo.clear()
        if not self.state.form_error:
            work = functools.partial(
                tasks.recall_study, self.state.form, self.state.forget, dataset
            )
            self._submit("Looking for this study in the store", work, self._on_recalled)
        self.opened.emit()

    def _install(self, dataset: Dataset, form: StudyForm) -> None:
        self._clear()
        self._step = None
        self.state.selection = Selection()
        self.state.forget = ()
        self.state.form_error = ""
        self.state.probe = ("", -1.0)
        self.state.form = form
        self.state.dataset = dataset

    def _clear(self) -> None:
        """Show no results; whatever still runs for them will not be shown either."""
        self._generation += 1
        self.spec = None
        self._asked = ()
        state = self.state
        state.study = state.residual = state.embedding = state.neighborhood = None
        state.models, state.losses = {}, {}

    def _show(self, opened: tasks.Opened) -> None:
        self._install(opened.dataset, _form_of(opened.found.spec, self.state.form))
        self.state.forget = opened.found.spec.forget
        self.undo.clear()
        self.opened.emit()
        self._complete(opened.found)

    def _complete(self, found: tasks.Found) -> None:
        state = self.state
        self.spec = found.spec
        state.losses = {name: model.loss for name, model in found.models.items()}
        state.models = found.models
        state.residual = found.study.residual
        state.study = found.study
        if state.selection.current is None:  # show where there is most to see
            worst = found.study.residual.worst_sample()
            state.selection = replace(state.selection, current=worst)
        self.completed.emit()
        methods = [method.name for method in found.spec.methods]
        self.embed(next((name for name in methods if name in found.models), "original"))

    def _look_around(self) -> None:
        """Ask for the neighborhood of the current sample, unless it was asked for already."""
        sight = self._under_lens()
        if sight is None:
            self.state.neighborhood = None
            self._asked = ()
            return
        asked = (self._generation, sight.sample, sight.probe)
        if asked == self._asked:
            return
        self._asked = asked
        work = functools.partial(tasks.look_around, *sight)
        title = f"Looking around sample {sight.sample}"
        self._submit(title, work, self._on_neighborhood, lane=PROBE, channel="neighborhood")

    def _under_lens(self) -> Sight | None:
        """What can be looked at, or None without a current sample or before all models exist."""
        current, models = self.state.selection.current, self.state.models
        if current is None or self.spec is None or not _names(self.spec) <= set(models):
            return None
        return Sight(self.spec, current, self._probe(self.spec))

    def _probe(self, spec: RunSpec) -> tuple[str, float]:
        perturbation, tau = self.state.probe
        taus = spec.probe.taus
        return perturbation or spec.probe.perturbation, tau if tau >= 0 else taus[len(taus) // 2]

    def _options(self, kind: str) -> dict[str, Any]:
        """What a figure shows besides the study: the sample or the model on screen."""
        around, embedding = self.state.neighborhood, self.state.embedding
        if kind == "neighborhood" and around is not None:
            return {"sample": around.sample, "tau": around.tau}
        if kind == "embedding" and embedding is not None:
            return {"model": embedding.model}
        return {}

    # -- what jobs bring ------------------------------------------------------------------
    def _on_points(self, generation: int, batch: Points) -> None:
        if generation != self._generation:
            return
        models: dict[str, ModelResult] = {}
        losses = dict(self.state.losses)
        for channel, data in batch:
            if channel == "spec":
                self.spec = data
            elif channel == "loss":
                _add_loss(losses, *data)
            elif channel == "model":
                models[data.name] = data
                losses[data.name] = data.loss
        self.state.losses = losses
        if models:
            self.state.models = {**self.state.models, **models}
        curves = [data for channel, data in batch if channel == "residual"]
        if curves:
            self.state.residual = curves[-1]

    def _on_catalog(self, catalog: Catalog) -> None:
        self.state.catalog = catalog

    def _on_recalled(self, found: tasks.Found | None) -> None:
        if found is not None:
            self.logged.emit("This study was computed before; it comes from the store.")
            self._complete(found)

    def _on_studies(self, studies: list[StudySummary]) -> None:
        self.studies_listed.emit(studies)

    def _on_embedding(self, embedding: Embedding) -> None:
        self.state.embedding = embedding

    def _on_neighborhood(self, neighborhood: Neighborhood) -> None:
        self.state.neighborhood = neighborhood

    def _on_saved(self, files: list[Path]) -> None:
        names = " and ".join(str(path) for path in files)
        self.noticed.emit(NEWS, f"Saved {names}.")

    def _on_command(self, line: str) -> None:
        self.command_written.emit(line)

    def _on_failed(self, sentence: str) -> None:
        self.noticed.emit(ERROR, sentence)

    def _on_dataset_failed(self, sentence: str) -> None:
        self.noticed.emit(ERROR, sentence)
        self.state.form_changed.emit()  # the toolbar goes back to the dataset that is open

    def _on_study_failed(self, sentence: str) -> None:
        self.noticed.emit(ERROR, sentence)
        self.stopped.emit()

    def _on_study_stopped(self) -> None:
        self.logged.emit(RESUMABLE)
        self.stopped.emit()

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


def _add_loss(losses: dict[str, tuple[float, ...]], stage: str, epoch: int, loss: float) -> None:
    """Put the loss of a 1-based epoch in its place; epochs of an earlier session stay unknown."""
    before = losses.get(stage, ())[: epoch - 1]
    unknown = (float("nan"),) * (epoch - 1 - len(before))
    losses[stage] = (*before, *unknown, loss)


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
    )
