"""What the window shows: properties that compare, change and signal once. No widgets, no torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Signal

from engine.datasets.base import Dataset
from engine.report import Progress
from engine.results import Embedding, ModelResult, Neighborhood, Residual, Slice, Study
from explorer.catalog import Catalog

REPLACE, ADD, REMOVE, INTERSECT = "replace", "add", "remove", "intersect"


@dataclass(frozen=True)
class Selection:
    """`current`: the sample under the lens (training-set index or None); `chosen`: highlighted."""

    current: int | None = None
    chosen: frozenset[int] = frozenset()

    def combine(self, indices: Iterable[int], mode: str) -> Selection:
        """The selection after `indices` arrive in `mode`; the current sample stays."""
        new = frozenset(int(i) for i in indices)
        chosen = {
            REPLACE: new,
            ADD: self.chosen | new,
            REMOVE: self.chosen - new,
            INTERSECT: self.chosen & new,
        }[mode]
        return Selection(self.current, chosen)


@dataclass(frozen=True)
class StudyForm:
    """What the toolbar says: the study that Run would start. Text stays text until Run."""

    dataset: str = "digits"
    root: str = ""
    side: int = 0
    model: str = ""  # '' = the dataset's recommended model
    forget: str = ""  # a forget spec such as class:8:0.5; '' = the indices in AppState.forget
    methods: tuple[str, ...] = ("rurk", "gd", "ga")
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # method -> changes
    training: Mapping[str, Any] = field(default_factory=dict)  # changes to the TrainSpec
    retrains: int = 3
    seed: int = 131
    perturbation: str = "gaussian"
    taus: str = ""  # '' = the dataset's own grid
    draws: int = 100
    probe: Mapping[str, Any] = field(default_factory=dict)  # other changes to the ProbeSpec


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
    slice_problem_changed = Signal()
    probe_changed = Signal()
    busy_changed = Signal()
    progress_changed = Signal()
    theme_changed = Signal()
    catalog_changed = Signal()
    form_error_changed = Signal()
    forget_sets_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._values: dict[str, Any] = {
            "dataset": None,
            "form": StudyForm(),
            "selection": Selection(),
            "forget": (),
            "models": {},
            "losses": {},
            "residual": None,
            "study": None,
            "embedding": None,
            "neighborhood": None,
            "slice": None,
            "slice_problem": "",
            "probe": ("", -1.0),
            "busy": "",
            "progress": None,
            "theme": "light",
            "catalog": Catalog(),
            "form_error": "",
            "forget_sets": {},
        }

    def _set(self, name: str, value: Any) -> None:
        old = self._values[name]
        if old is value or (_comparable(old) and _comparable(value) and old == value):
            return
        self._values[name] = value
        getattr(self, f"{name}_changed").emit()

    @property
    def dataset(self) -> Dataset | None:
        """The loaded dataset (numpy arrays), or None while it loads."""
        return self._values["dataset"]  # type: ignore[no-any-return]

    @dataset.setter
    def dataset(self, value: Dataset | None) -> None:
        self._set("dataset", value)

    @property
    def form(self) -> StudyForm:
        """The study that Run would start."""
        return self._values["form"]  # type: ignore[no-any-return]

    @form.setter
    def form(self, value: StudyForm) -> None:
        self._set("form", value)

    @property
    def selection(self) -> Selection:
        """Current sample and highlighted samples, shared by all views."""
        return self._values["selection"]  # type: ignore[no-any-return]

    @selection.setter
    def selection(self, value: Selection) -> None:
        self._set("selection", value)

    @property
    def forget(self) -> tuple[int, ...]:
        """The forget set that the next Run uses: sorted training-set indices."""
        return self._values["forget"]  # type: ignore[no-any-return]

    @forget.setter
    def forget(self, value: tuple[int, ...]) -> None:
        self._set("forget", tuple(value))

    @property
    def models(self) -> Mapping[str, ModelResult]:
        """Models of the study that exist so far, by name."""
        return self._values["models"]  # type: ignore[no-any-return]

    @models.setter
    def models(self, value: Mapping[str, ModelResult]) -> None:
        self._set("models", dict(value))

    @property
    def losses(self) -> Mapping[str, tuple[float, ...]]:
        """Training loss per epoch of each stage, growing live."""
        return self._values["losses"]  # type: ignore[no-any-return]

    @losses.setter
    def losses(self, value: Mapping[str, tuple[float, ...]]) -> None:
        self._set("losses", dict(value))

    @property
    def residual(self) -> Residual | None:
        """Residual knowledge so far: first from c = 10, then refined; final with the study."""
        return self._values["residual"]  # type: ignore[no-any-return]

    @residual.setter
    def residual(self, value: Residual | None) -> None:
        self._set("residual", value)

    @property
    def study(self) -> Study | None:
        """The finished study that is shown, or None."""
        return self._values["study"]  # type: ignore[no-any-return]

    @study.setter
    def study(self, value: Study | None) -> None:
        self._set("study", value)

    @property
    def embedding(self) -> Embedding | None:
        """The UMAP embedding that is shown, or None."""
        return self._values["embedding"]  # type: ignore[no-any-return]

    @embedding.setter
    def embedding(self, value: Embedding | None) -> None:
        self._set("embedding", value)

    @property
    def neighborhood(self) -> Neighborhood | None:
        """Perturbed copies of the current sample with every model's verdicts, or None."""
        return self._values["neighborhood"]  # type: ignore[no-any-return]

    @neighborhood.setter
    def neighborhood(self, value: Neighborhood | None) -> None:
        self._set("neighborhood", value)

    @property
    def slice(self) -> Slice | None:
        """Decision regions on a plane through the current sample, or None."""
        return self._values["slice"]  # type: ignore[no-any-return]

    @slice.setter
    def slice(self, value: Slice | None) -> None:
        self._set("slice", value)

    @property
    def slice_problem(self) -> str:
        """Why there is no slice of the current sample: a sentence, or ''."""
        return self._values["slice_problem"]  # type: ignore[no-any-return]

    @slice_problem.setter
    def slice_problem(self, value: str) -> None:
        self._set("slice_problem", value)

    @property
    def probe(self) -> tuple[str, float]:
        """(perturbation, tau) at which the neighborhood is shown; ('', -1) = the study's own."""
        return self._values["probe"]  # type: ignore[no-any-return]

    @probe.setter
    def probe(self, value: tuple[str, float]) -> None:
        self._set("probe", value)

    @property
    def busy(self) -> str:
        """What the heavy lane is doing, for the status bar; '' when idle."""
        return self._values["busy"]  # type: ignore[no-any-return]

    @busy.setter
    def busy(self, value: str) -> None:
        self._set("busy", value)

    @property
    def progress(self) -> Progress | None:
        """How far the heavy job is, or None."""
        return self._values["progress"]  # type: ignore[no-any-return]

    @progress.setter
    def progress(self, value: Progress | None) -> None:
        self._set("progress", value)

    @property
    def theme(self) -> str:
        """'light' or 'dark', as resolved (never 'system')."""
        return self._values["theme"]  # type: ignore[no-any-return]

    @theme.setter
    def theme(self, value: str) -> None:
        self._set("theme", value)

    @property
    def catalog(self) -> Catalog:
        """The datasets, models, methods and perturbations there are; empty until known."""
        return self._values["catalog"]  # type: ignore[no-any-return]

    @catalog.setter
    def catalog(self, value: Catalog) -> None:
        self._set("catalog", value)

    @property
    def form_error(self) -> str:
        """Why Run cannot start from the form as it is: a sentence, or ''."""
        return self._values["form_error"]  # type: ignore[no-any-return]

    @form_error.setter
    def form_error(self, value: str) -> None:
        self._set("form_error", value)

    @property
    def forget_sets(self) -> Mapping[str, Mapping[str, tuple[int, ...]]]:
        """Saved forget sets: fingerprint of a dataset -> name -> sorted training-set indices."""
        return self._values["forget_sets"]  # type: ignore[no-any-return]

    @forget_sets.setter
    def forget_sets(self, value: Mapping[str, Mapping[str, tuple[int, ...]]]) -> None:
        self._set("forget_sets", value)


def _comparable(value: Any) -> bool:
    """Whether == gives one answer: containers of arrays are compared by identity alone."""
    if isinstance(value, np.ndarray):
        return False
    if isinstance(value, dict):
        return all(_comparable(part) for part in value.values())
    return not isinstance(value, ModelResult)
