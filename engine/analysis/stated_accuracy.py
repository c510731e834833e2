"""Accuracies that another program states about a model, beside those measured here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engine.external.comparator import ComparatorStudy
from engine.results import ModelResult

ALIKE = 0.5  # points; what is stated is rounded to 0.1 and was computed on other hardware
QUANTITIES = {
    "UA": "forgotten class, training",
    "RA": "other classes, training",
    "TUA": "forgotten class, test",
    "TRA": "other classes, test",
}


@dataclass(frozen=True)
class StatedAccuracy:
    """One accuracy of a model, both in percent; quantity: a name of QUANTITIES."""

    model: str
    quantity: str
    stated: float
    measured: float

    @property
    def differs(self) -> bool:
        """Whether the two are further apart than rounding and hardware explain."""
        return abs(self.stated - self.measured) > ALIKE


@dataclass(frozen=True)
class StatedPredictions:
    """How many of a model's stated predictions are those that it makes here."""

    model: str
    alike: int
    samples: int


def stated_accuracies(
    study: ComparatorStudy,
    results: Mapping[str, ModelResult],
    train_y: np.ndarray,
    test_y: np.ndarray,
) -> list[StatedAccuracy]:
    """What the results of `study` state, in their order, for the models that were measured."""
    rows = []
    for name, one in study.models.items():
        if one.stated is None or name not in results:
            continue
        measured = accuracies(results[name], train_y, test_y, study.forgotten)
        rows += [
            StatedAccuracy(name, quantity, value, measured[quantity])
            for quantity, value in one.stated.accuracies.items()
        ]
    return rows


def stated_predictions(
    study: ComparatorStudy, results: Mapping[str, ModelResult]
) -> list[StatedPredictions]:
    """The agreement of stated predictions of training samples, for models that state some."""
    rows = []
    for name, one in study.models.items():
        if one.stated is None or name not in results or not one.stated.points:
            continue
        index, _, predicted = np.array(one.stated.points).T
        here = results[name].train_logits.argmax(1)[index]
        rows.append(StatedPredictions(name, int((here == predicted).sum()), len(index)))
    return rows


def accuracies(
    result: ModelResult, train_y: np.ndarray, test_y: np.ndarray, forgotten: int
) -> dict[str, float]:
    """Percent correct of each of QUANTITIES: of one class, and the mean over the other classes."""
    found = {}
    for start, logits, y in (("", result.train_logits, train_y), ("T", result.test_logits, test_y)):
        right = logits.argmax(1) == y
        others = [int(one) for one in np.unique(y) if one != forgotten]
        found[f"{start}UA"] = _share(right[y == forgotten])
        found[f"{start}RA"] = float(np.mean([_share(right[y == one]) for one in others]))
    return found


def _share(right: np.ndarray) -> float:
    return 100.0 * float(right.mean()) if len(right) else float("nan")
