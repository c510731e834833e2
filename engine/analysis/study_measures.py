"""Every measure of every model of one study, as plain numbers: what studies are ranked by.

A few kilobytes where the study itself has megabytes, so that hundreds fit a table.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.analysis.measures import MEASURES
from engine.analysis.model_table import (
    CERTIFIED,
    QUANTITIES,
    RETRAIN,
    TOLERANCE,
    Quantity,
    certified_samples,
)
from engine.metrics import METRICS, average_gap
from engine.residual.verdict import RESIDUAL, verdicts, verdicts_given
from engine.results import Residual, Study

SHARE = "residual_samples"
GAP = "avg_gap"
SHARE_OF_SAMPLES = Quantity(
    SHARE, "Residual samples", "%", "down",
    "percent of forget samples with the verdict residual over the whole grid of τ", 1,
)  # fmt: skip
RANKED: tuple[Quantity, ...] = (*QUANTITIES, SHARE_OF_SAMPLES)  # all that studies can be ranked by

FORMAT = 2  # of the JSON data; another one is computed again
MOST_NUMBERS = 100_000  # read from a file


@dataclass(frozen=True)
class StudyMeasures:
    """The measures of one study.

    taus: its grid; labels: model -> display name, methods after Original and Re-train; values:
    model -> measure -> its value; traces: model -> measure -> its value at each tau. A measure that
    a model lacks, or whose value is undefined, is missing or NaN.
    """

    key: str
    taus: tuple[float, ...]
    labels: Mapping[str, str]
    values: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    traces: Mapping[str, Mapping[str, tuple[float, ...]]] = field(default_factory=dict)

    def value(self, measure: str, model: str, tau: float = math.nan) -> float:
        """One measure of one model, at `tau` if it depends on it; NaN if the study lacks it."""
        trace = self.traces.get(model, {}).get(measure)
        if trace is None:
            return self.values.get(model, {}).get(measure, math.nan)
        column = next((i for i, one in enumerate(self.taus) if abs(one - tau) < TOLERANCE), -1)
        return trace[column] if column >= 0 else math.nan

    def cost(self, quantity: Quantity, model: str, tau: float = math.nan) -> float:
        """How far the model is from the goal of this measure, smaller is better; NaN if unknown.

        Where the goal is Re-train's value, that of the same study counts.
        """
        goal = quantity.goal(self.value(quantity.name, RETRAIN, tau))
        return float(goal.cost(self.value(quantity.name, model, tau)))

    @property
    def plain(self) -> dict[str, Any]:
        """As JSON data."""
        return {
            "format": FORMAT,
            "key": self.key,
            "taus": list(self.taus),
            "labels": dict(self.labels),
            "values": {name: _plain(one) for name, one in self.values.items()},
            "traces": {
                name: {measure: [_number(y) for y in trace] for measure, trace in one.items()}
                for name, one in self.traces.items()
            },
        }


def measures_of(study: Study) -> StudyMeasures:
    """All measures of a study."""
    residual = study.residual
    values = {name: _measured(study, name) for name in study.metrics}
    for name in residual.curves if verdicts_given(residual) else ():
        values.setdefault(name, {})[SHARE] = _share(residual, name)
    taus = tuple(float(tau) for tau in residual.taus)
    labels = {name: study.labels.get(name, name) for name in study.metrics}
    return StudyMeasures(study.key, taus, labels, values, _traces(residual))


def measures_from(plain: Any, key: str) -> StudyMeasures:
    """The measures in JSON data; ValueError if they are not those of this study, or invalid."""
    try:
        if plain["format"] != FORMAT or plain["key"] != key:
            raise ValueError("of another study or version")
        taus = _numbers(plain["taus"])
        budget = MOST_NUMBERS - sum(
            len(trace) for one in plain["traces"].values() for trace in one.values()
        )
        if budget < 0 or sum(map(len, plain["values"].values())) > budget:
            raise ValueError("too many numbers")
        traces = {
            str(name): {str(measure): _numbers(trace) for measure, trace in one.items()}
            for name, one in plain["traces"].items()
        }
        if any(len(trace) != len(taus) for one in traces.values() for trace in one.values()):
            raise ValueError("traces of another length than the grid")
        values = {
            str(name): dict(zip(map(str, one), _numbers(list(one.values())), strict=True))
            for name, one in plain["values"].items()
        }
        labels = {str(name): str(label)[:200] for name, label in plain["labels"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"invalid: {error}") from error
    return StudyMeasures(key, taus, labels, values, traces)


def quantity_named(name: str) -> Quantity | None:
    """The measure with this name, None if there is none."""
    return next((one for one in RANKED if one.name == name), None)


def goal_words(quantity: Quantity) -> str:
    """Which way is better, in words.

    >>> goal_words(SHARE_OF_SAMPLES)
    'smaller is better'
    """
    words = {
        "up": "larger is better",
        "down": "smaller is better",
        "one": "best near 1",
        RETRAIN: "best near the Re-train of the same study",
    }
    return words[quantity.better]


def _measured(study: Study, model: str) -> dict[str, float]:
    own = study.metrics[model]
    retrain = study.metrics.get(RETRAIN)
    values = {one.name: float(own[one.name]) for one in METRICS if one.name in own}
    values.pop(GAP, None)
    if retrain is not None and model != RETRAIN:
        values[GAP] = float(average_gap(own, retrain))
    share = certified_samples(study.residual, model)
    return values | ({CERTIFIED: share} if math.isfinite(share) else {})


def _traces(residual: Residual) -> dict[str, dict[str, tuple[float, ...]]]:
    """model -> measure -> its value at each tau."""
    traces: dict[str, dict[str, tuple[float, ...]]] = {}
    if not len(residual.taus):
        return traces
    for measure in MEASURES:
        for name, trace in measure.traces(residual).items():
            traces.setdefault(name, {})[measure.name] = _floats(trace.y)
    return traces


def _share(residual: Residual, model: str) -> float:
    """Percent of the forget samples with the verdict residual."""
    return float(100 * (verdicts(residual, model) == RESIDUAL).mean())


def _floats(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def _plain(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: _number(value) for name, value in values.items()}


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _numbers(values: Sequence[Any]) -> tuple[float, ...]:
    """The numbers of a JSON list, NaN for null; TypeError for anything else."""
    if any(isinstance(one, bool) or not isinstance(one, int | float | None) for one in values):
        raise TypeError("not a list of numbers")
    return tuple(math.nan if one is None else float(one) for one in values)
