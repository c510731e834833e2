"""What the window shows: properties that compare, change and signal once. No widgets, no torch."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, Generic, Self, TypeVar, overload

import numpy as np
from PySide6.QtCore import QObject, Signal

from engine.analysis.epoch_series import Epochs
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
from explorer.state.queued_run import QueuedRun
from explorer.state.selection import Selection
from explorer.state.study_form import StudyForm

T = TypeVar("T")


class StateProperty(Generic[T]):
    """A property of AppState: it compares, changes, and signals once as `<name>_changed`."""

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
        """The value; the property itself when asked of the class."""
        if state is None:
            return self
        return state.values.get(self._name, self.default)  # type: ignore[no-any-return]

    def __set__(self, state: AppState, value: T) -> None:
        """Keep the value and signal, unless it is the one that is kept."""
        old = self.__get__(state, AppState)
        if old is value or (_comparable(old) and _comparable(value) and old == value):
            return
        state.values[self._name] = value
        getattr(state, f"{self._name}_changed").emit()


class AppState(QObject):
    """The one place that knows what is shown. Setting a property to an equal value does nothing.

    Every view reads it and follows its signals; only the controller (and views' explicit
    wishes, through the controller) change it. It lives in the GUI thread.
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
    epochs_changed = Signal()
    replay_changed = Signal()
    problems_changed = Signal()
    studies_changed = Signal()
    runs_changed = Signal()
    compared_changed = Signal()
    beside_changed = Signal()
    follow_changed = Signal()
    provenance_changed = Signal()
    grid_size_changed = Signal()
    settled = Signal()  # changes that were made at once are complete

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
        {}, "Models of the study that exist so far, by name"
    )
    losses = StateProperty[Mapping[str, tuple[float, ...]]](
        {}, "Training loss per epoch of each stage, growing live"
    )
    residual = StateProperty[Residual | None](
        None, "Residual knowledge so far: first from c = 10, then refined; final with the study"
    )
    study = StateProperty[Study | None](None, "The finished study that is shown, or None")
    embedding = StateProperty[Embedding | None](None, "The UMAP embedding that is shown, or None")
    neighborhood = StateProperty[Neighborhood | None](
        None, "Perturbed copies of the current sample with every model's verdicts, or None"
    )
    slice = StateProperty[Slice | None](
        None, "Decision regions on a plane through the current sample, or None"
    )
    probe = StateProperty[tuple[str, float]](
        ("", -1.0),
        "(perturbation, tau) at which the neighborhood is shown; ('', -1) = the study's own",
    )
    ranked_by = StateProperty[str](
        "", "The model whose r puts the forget samples in order; '' = the first method"
    )
    busy = StateProperty[str]("", "What the heavy lane is doing, for the status bar; '' when idle")
    progress = StateProperty[Progress | None](None, "How far the heavy job is, or None")
    theme = StateProperty[str]("light", "'light' or 'dark', as resolved (never 'system')")
    catalog = StateProperty[Catalog](
        Catalog(), "The datasets, models, methods and perturbations there are; empty until known"
    )
    form_error = StateProperty[str](
        "", "Why Run cannot start from the form as it is: a sentence, or ''"
    )
    forget_sets = StateProperty[Mapping[str, Mapping[str, tuple[int, ...]]]](
        {}, "Saved forget sets: fingerprint of a dataset -> name -> sorted training-set indices"
    )
    attack = StateProperty[Attack | None](
        None, "Membership inference on models A and B, or None until somebody looks"
    )
    recognition = StateProperty[Recognition | None](
        None, "The smallest tau of one model, the one that was asked for last, or None"
    )
    epochs = StateProperty[Mapping[str, Epochs]](
        {}, "What was seen of each method as it ran, growing live; the one seen last comes last"
    )
    replay = StateProperty[Epochs | None](
        None, "The stored epochs of one method, the one that was asked for last, or None"
    )
    problems = StateProperty[Mapping[str, str]](
        {}, "question -> why it has no answer, as a sentence"
    )
    studies = StateProperty[tuple[StudySummary, ...]]((), "what the store holds, newest first")
    compared = StateProperty[tuple[str, ...]](
        (), "Keys of the stored studies to show beside the open one"
    )
    beside = StateProperty[tuple[Study, ...] | None](
        None, "The stored studies shown beside the open one, None while none is"
    )
    runs = StateProperty[tuple[QueuedRun, ...]](
        (), "The queue: runs that have ended, the one that runs, the rest"
    )
    follow = StateProperty[bool](False, "Whether each study that waited is shown live as it begins")
    provenance = StateProperty[Mapping[str, Provenance]](
        {}, "Where stored studies come from, by key, as far as somebody looks at them"
    )
    grid_size = StateProperty[tuple[int, int]](
        (1, 0), "How many studies Run would start, and how many of them are stored already"
    )

    similarity = StateProperty[Similarity | None](
        None, "How alike the layers of the two models that are compared are, or None"
    )

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.values: dict[str, Any] = {}
        self._changing = 0

    @property
    def unsettled(self) -> bool:
        """Whether more changes follow at once: who draws waits for `settled`."""
        return self._changing > 0

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        """Changes that belong together: each is signalled as ever, and drawn when all are made."""
        self._changing += 1
        try:
            yield
        finally:
            self._changing -= 1
            if not self._changing:
                self.settled.emit()

    def label(self, model: str) -> str:
        """What people call a model: as the study that is shown does, else as it calls itself."""
        labels = {name: result.label for name, result in self.models.items()}
        return model_label(model, {**labels, **(self.study.labels if self.study else {})})

    def set_problem(self, question: str, sentence: str) -> None:
        """Say why a question has no answer; '' where nothing is wrong."""
        rest = {name: said for name, said in self.problems.items() if name != question}
        self.problems = {**rest, question: sentence} if sentence else rest


def _comparable(value: Any) -> bool:
    """Whether == gives one answer: containers of arrays are compared by identity alone."""
    if isinstance(value, np.ndarray):
        return False
    if isinstance(value, dict):
        return all(_comparable(part) for part in value.values())
    return not isinstance(value, ModelResult)
