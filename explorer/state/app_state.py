"""State of the window: properties that emit a signal when their value changes. No widgets."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, Generic, Self, TypeVar, overload

import numpy as np
from PySide6.QtCore import QObject, Signal

from engine.analysis.epoch_series import Epochs
from engine.analysis.study_measures import StudyMeasures
from engine.datasets.base import Dataset
from engine.drawing.labels import model_label
from engine.membership.results import Attack
from engine.provenance import Provenance
from engine.results import (
    Embedding,
    ModelResult,
    Neighborhood,
    Recognition,
    Residual,
    Similarity,
    Slice,
    Study,
    StudySummary,
)
from engine.runtime.progress import Progress
from explorer.state.catalog import Catalog
from explorer.state.figure_preview import FigurePreview
from explorer.state.queued_run import QueuedRun
from explorer.state.remembered import Remembered
from explorer.state.selection import Selection
from explorer.state.stale import Stale
from explorer.state.study_form import StudyForm

T = TypeVar("T")


class StateProperty(Generic[T]):
    """A property of AppState that emits `<name>_changed` when it is set to a different value."""

    def __init__(self, default: T, doc: str) -> None:
        self.default = default
        self.__doc__ = doc

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, state: None, owner: type) -> Self: ...

    @overload
    def __get__(self, state: AppState, owner: type) -> T: ...

    def __get__(self, state: AppState | None, owner: type) -> T | Self:
        """The value, or the property itself on class access."""
        if state is None:
            return self
        return state.values.get(self._name, self.default)  # type: ignore[no-any-return]

    def __set__(self, state: AppState, value: T) -> None:
        """Store the value and emit the signal, unless it equals the stored one."""
        old = self.__get__(state, AppState)
        if old is value or (_comparable(old) and _comparable(value) and old == value):
            return
        state.values[self._name] = value
        getattr(state, f"{self._name}_changed").emit()


class AppState(QObject):
    """The state of the window. Setting a property to an equal value does nothing.

    Every view reads it and follows its signals; only the controller changes it, on its own or on
    behalf of a view. It lives in the GUI thread.
    """

    dataset_changed = Signal()
    form_changed = Signal()
    selection_changed = Signal()
    forget_changed = Signal()
    models_changed = Signal()
    losses_changed = Signal()
    residual_changed = Signal()
    study_changed = Signal()
    embedding_changed = Signal()
    neighborhood_changed = Signal()
    slice_changed = Signal()
    probe_changed = Signal()
    ranked_by_changed = Signal()
    busy_changed = Signal()
    progress_changed = Signal()
    theme_changed = Signal()
    catalog_changed = Signal()
    form_error_changed = Signal()
    forget_sets_changed = Signal()
    attack_changed = Signal()
    similarity_changed = Signal()
    recognition_changed = Signal()
    recognitions_changed = Signal()
    epochs_changed = Signal()
    replay_changed = Signal()
    problems_changed = Signal()
    studies_changed = Signal()
    measures_changed = Signal()
    runs_changed = Signal()
    compared_changed = Signal()
    beside_changed = Signal()
    follow_changed = Signal()
    provenance_changed = Signal()
    grid_size_changed = Signal()
    figure_preview_changed = Signal()
    remembered_changed = Signal()
    stale_changed = Signal()
    opening_changed = Signal()
    settled = Signal()  # a batch of changes is complete

    dataset = StateProperty[Dataset | None](
        None, "The loaded dataset (numpy arrays), or None while it loads"
    )
    form = StateProperty[StudyForm](StudyForm(), "The study that Run would start")
    selection = StateProperty[Selection](
        Selection(), "Current sample and highlighted samples, shared by all views"
    )
    forget = StateProperty[tuple[int, ...]](
        (), "The forget set that the next Run uses: sorted training-set indices"
    )
    models = StateProperty[Mapping[str, ModelResult]](
        {}, "Models of the study available so far, by name"
    )
    losses = StateProperty[Mapping[str, tuple[float, ...]]](
        {}, "Training loss per epoch of each stage, growing live"
    )
    residual = StateProperty[Residual | None](
        None,
        "Residual knowledge so far: first from c = 10 draws, then refined; final with the study",
    )
    study = StateProperty[Study | None](None, "The finished study on the screen, or None")
    embedding = StateProperty[Embedding | None](None, "The UMAP embedding on the screen, or None")
    neighborhood = StateProperty[Neighborhood | None](
        None, "Perturbed copies of the current sample with every model's predictions, or None"
    )
    slice = StateProperty[Slice | None](
        None, "Decision regions on a plane through the current sample, or None"
    )
    probe = StateProperty[tuple[str, float]](
        ("", -1.0),
        "(perturbation, tau) of the neighborhood; ('', -1) = the study's own",
    )
    ranked_by = StateProperty[str](
        "",
        "The model whose r ranks the forget samples; '' = the method with most residual knowledge",
    )
    busy = StateProperty[str]("", "What the heavy lane is doing; '' when idle")
    progress = StateProperty[Progress | None](None, "Progress of the heavy job, or None")
    theme = StateProperty[str]("light", "'light' or 'dark' (resolved, never 'system')")
    catalog = StateProperty[Catalog](
        Catalog(), "Available datasets, models, methods and perturbations; empty until read"
    )
    form_error = StateProperty[str](
        "", "Why Run cannot start from the current form: a sentence, or ''"
    )
    forget_sets = StateProperty[Mapping[str, Mapping[str, tuple[int, ...]]]](
        {}, "Saved forget sets: fingerprint of a dataset -> name -> sorted training-set indices"
    )
    attack = StateProperty[Attack | None](
        None, "Membership inference on models A and B, None until requested"
    )
    recognition = StateProperty[Recognition | None](
        None, "Smallest tau of the model requested last, or None"
    )
    recognitions = StateProperty[Mapping[str, Recognition] | None](
        None, "Smallest tau of several models, by name, growing while they are searched, or None"
    )
    epochs = StateProperty[Mapping[str, Epochs]](
        {}, "Epochs of each method as it ran, growing live; the latest method comes last"
    )
    replay = StateProperty[Epochs | None](
        None, "Stored epochs of the method requested last, or None"
    )
    problems = StateProperty[Mapping[str, str]]({}, "query -> why it has no result, as a sentence")
    studies = StateProperty[tuple[StudySummary, ...]]((), "Studies in the store, newest first")
    measures = StateProperty[Mapping[str, StudyMeasures]](
        {}, "Measures of stored studies, by key, as far as read"
    )
    compared = StateProperty[tuple[str, ...]](
        (), "Keys of the stored studies to compare with the open one"
    )
    beside = StateProperty[tuple[Study, ...] | None](
        None, "The stored studies compared with the open one, or None"
    )
    runs = StateProperty[tuple[QueuedRun, ...]](
        (), "The queue: ended runs, the running one, waiting runs"
    )
    follow = StateProperty[bool](False, "Whether each queued study is shown live when it starts")
    provenance = StateProperty[Mapping[str, Provenance]](
        {}, "Provenance of stored studies, by key, as far as requested"
    )
    grid_size = StateProperty[tuple[int, int]](
        (1, 0), "Number of studies Run would start, and how many of them are already stored"
    )

    figure_preview = StateProperty[FigurePreview | None](
        None, "The figure drawn last as it would be exported, or None"
    )
    similarity = StateProperty[Similarity | None](
        None, "Layer similarity of the two compared models, or None"
    )
    remembered = StateProperty[Remembered](
        (), "What was chosen on other datasets, to start from when they are opened again"
    )
    opening = StateProperty[str](
        "", "What is being opened, as a sentence that empty views show meanwhile; '' for nothing"
    )
    stale = StateProperty[Stale | None](
        None, "How the chosen study differs from the shown one; None if it is the same, or none is"
    )

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.values: dict[str, Any] = {}
        self._changing = 0

    @property
    def unsettled(self) -> bool:
        """Whether a batch of changes is in progress: views wait for `settled` to redraw."""
        return self._changing > 0

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        """Batch changes: each emits its signal, but views redraw only once all are made."""
        self._changing += 1
        try:
            yield
        finally:
            self._changing -= 1
            if not self._changing:
                self.settled.emit()

    def label(self, model: str) -> str:
        """Display name of a model: the study's label, else the model's own."""
        labels = {name: result.label for name, result in self.models.items()}
        return model_label(model, {**labels, **(self.study.labels if self.study else {})})

    def set_problem(self, query: str, sentence: str) -> None:
        """Set why a query has no result; '' clears it."""
        rest = {other: problem for other, problem in self.problems.items() if other != query}
        self.problems = {**rest, query: sentence} if sentence else rest


def _comparable(value: Any) -> bool:
    """Whether == yields a bool: containers of arrays are compared by identity only."""
    if isinstance(value, np.ndarray):
        return False
    if isinstance(value, dict):
        return all(_comparable(part) for part in value.values())
    return not isinstance(value, ModelResult)
