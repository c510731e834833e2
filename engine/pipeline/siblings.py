"""Studies of other seeds in the store, whose models are further draws of those of a study.

Siblings share data, network, training and pre-training; their seed, forget set and methods may
differ. Imported studies are no siblings of one's own, since their models cannot be trusted.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from engine.arrays import Floats
from engine.datasets.base import Dataset
from engine.errors import EngineError
from engine.metrics.base import log_odds
from engine.pipeline.models import StudyModels
from engine.pipeline.records import fingerprint_of
from engine.runtime.progress import Reporter
from engine.serialization import to_plain
from engine.spec import GIVEN, RunSpec, as_imported
from engine.study import compose, keys
from engine.study.plan import Plan


def siblings(work: StudyModels, spec: RunSpec) -> list[RunSpec]:
    """The stored studies with the same data, network and training, one for each set of models.

    By seed, then key; without the study itself and those of the same models. None for a study that
    is known by its answers alone, whose training is unknown.
    """
    if spec.model.name == GIVEN or not spec.data.fingerprint:
        return []
    known, others = {frozenset(keys.model_keys(spec).values())}, []
    for other in _same_data(work, spec):
        models = frozenset(keys.model_keys(other).values())
        if models not in known and _training(other) == _training(spec):
            known.add(models)
            others.append(as_imported(other) if spec.imported else other)
    return sorted(others, key=lambda other: other.seed)


class OverSeeds:
    """The outputs of a study's models over the stored studies of the same forget set.

    The store is listed when it is first asked.
    """

    def __init__(self, work: StudyModels, plan: Plan, report: Reporter) -> None:
        self._work, self._spec, self._report = work, plan.spec, report

    def log_odds(self, name: str, rows: np.ndarray) -> tuple[Floats, Floats]:
        """Log-odds of the training samples `rows` (r,) under one model, and under Re-trains.

        (u, r) and (t, r) float64: of this study first, then of its siblings with the same forget
        set, and with the same settings of the method. For a Re-train, which has no counterparts,
        every second of all Re-trains and the others, as many of each as there are studies, if
        possible. Raises Cancelled.
        """
        retrains = self._stacked((one for other in self._alike for one in _retrains(other)), rows)
        if name.startswith("retrain-"):
            most = len(self._alike)
            return retrains[::2][:most], retrains[1::2][:most]
        own = (one for other in self._alike for one in _counterpart(self._spec, name, other))
        return self._stacked(own, rows), retrains

    @functools.cached_property
    def _alike(self) -> list[RunSpec]:
        forget = set(self._spec.forget)
        others = siblings(self._work, self._spec)
        return [self._spec, *(one for one in others if set(one.forget) == forget)]

    def _stacked(self, models: Iterator[tuple[RunSpec, str, str]], rows: np.ndarray) -> Floats:
        """(m, r) of the stored ones among these models, each once."""
        dataset: Dataset = self._work.datasets.load(self._spec.data, self._report)
        found: dict[str, Floats] = {}
        for owner, role, key in models:
            self._report.check()
            result = None if key in found else self._work.under(owner, role, key)
            if result is not None:
                found[key] = log_odds(result.train_logits[rows], dataset.train_y[rows])
        return np.stack([*found.values()]) if found else np.empty((0, len(rows)))


def _retrains(spec: RunSpec) -> Iterator[tuple[RunSpec, str, str]]:
    for number in range(spec.retrains):
        yield spec, f"retrain-{number}", keys.retrain_key(spec, number)


def _counterpart(spec: RunSpec, name: str, other: RunSpec) -> Iterator[tuple[RunSpec, str, str]]:
    """The model of this name in another study, if it was made in the same way."""
    models = keys.model_keys(other)
    if other is spec or (name == "original" and keys.foreign_model(other, name) is None):
        yield other, name, models[name]
        return
    if same_method(spec, other, name):
        yield other, name, models[name]


def same_method(spec: RunSpec, other: RunSpec, name: str) -> bool:
    """Whether both studies have a method of this name, with the same settings."""
    own, theirs = ([one for one in study.methods if one.name == name] for study in (spec, other))
    return bool(own and theirs) and to_plain(own, keyed=True) == to_plain(theirs, keyed=True)


def _same_data(work: StudyModels, spec: RunSpec) -> Iterator[RunSpec]:
    """The stored studies of the same data, by key."""
    shelf = work.results.shelf(spec)
    for key in sorted(shelf.keys("studies")):
        record = shelf.get("studies", key, arrays=False)
        if record is not None and fingerprint_of(record) == spec.data.fingerprint:
            with contextlib.suppress(EngineError):  # of a method that is not installed
                yield compose.from_plain(record.plain("spec"))


def _training(spec: RunSpec) -> Any:
    """What siblings have in common, beside their data."""
    return to_plain((spec.model, spec.train, spec.pretrain), keyed=True)
