"""The interface of measures, the data that they receive, and arithmetic that several share.

Nothing here imports torch or scikit-learn, so that tables and views can list the measures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.registry import register


@dataclass(frozen=True)
class Metric:
    """A measure of one model: its name, label, unit and properties.

    better: 'up', 'down', or 'retrain' where the Re-train's value is the goal; cost: cost per model,
    in words; trains: whether it needs training, networks or other studies, so that it is measured
    only on request;
    compares: whether it needs the other measures and the Re-trains' mean; most: the largest value
    that is resolved; larger ones are censored and shown as '>most'; digits: decimals in tables;
    null: whether the Re-trains' value is not that of their mean but the mean over each Re-train
    judged by the others, which is what chance alone gives (NaN with a single Re-train); further:
    whether its column comes after all others, where tables are narrow; over_seeds: whether it reads
    other studies of the store, so that its value depends on those at hand when it is measured.
    """

    name: str
    label: str
    unit: str
    better: str
    help: str
    cost: str = ""
    trains: bool = False
    compares: bool = False
    most: float | None = None
    digits: int = 2
    null: bool = False
    further: bool = False
    over_seeds: bool = False

    def text(self, value: float, censored: bool = False) -> str:
        """A value of this measure as shown in tables, without its unit.

        censored: whether the value is only a lower bound, see `is_censored`.
        """
        if np.isnan(value):
            return "-"
        if self.most is not None and value > self.most:
            return f">{self.most:g}"
        return f"{'≥' * censored}{value:.{1 if self.unit == 's' else self.digits}f}"


CENSORED = "_censored"  # suffix of a measure's name: how many of its values were censored


def is_censored(metric: Metric, row: Mapping[str, float]) -> bool:
    """Whether a model's value, or one of those it averages, exceeded `metric.most`.

    The value is then a lower bound. row: measure -> value, with the number of censored values
    under 'NAME_censored' where known; NaN there means that some may be censored.
    """
    if metric.most is None or metric.name not in row:
        return False
    return row[metric.name] > metric.most or row.get(f"{metric.name}{CENSORED}", 0.0) != 0


@dataclass(frozen=True, eq=False)
class Case:
    """One model of a study, as measures receive it.

    train_logits (n, K), test_logits (m, K): its outputs, for the labels train_y (n,) and test_y
    (m,); forget (n_f,): indices of S_f in the training set; validation (v,): indices of the
    validation samples, which are not trained on; seconds: its run time; seed: the study's seed;
    original_logits (n, K): the Original's outputs on the training set; figures: values of the
    measures evaluated before; reference: their means over the Re-trains; relearn(config): loss on
    S_f before fine-tuning and after each epoch of it, trained lazily as the values are consumed;
    retrains: the outputs (n, K) of each Re-train on the training set, without this model itself;
    features(rows): penultimate activations (r, F) float32 of these training samples (r,);
    over_seeds(rows): log-odds of the true classes of these training samples (r,) under this model
    in the studies of all seeds (u, r), and under their Re-trains (t, r).
    """

    train_logits: np.ndarray
    test_logits: np.ndarray
    train_y: np.ndarray
    test_y: np.ndarray
    forget: np.ndarray
    seconds: float
    seed: int
    original_logits: np.ndarray
    figures: Mapping[str, float] = field(default_factory=dict)
    reference: Mapping[str, float] = field(default_factory=dict)
    relearn: Callable[[Any], Iterator[float]] = lambda config: iter(())
    validation: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    retrains: tuple[np.ndarray, ...] = ()
    features: Callable[[np.ndarray], np.ndarray] = lambda rows: np.empty((len(rows), 0), np.float32)
    over_seeds: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]] = lambda rows: (
        np.empty((0, len(rows))),
        np.empty((0, len(rows))),
    )

    @property
    def retain(self) -> np.ndarray:
        """(n_r,) indices of S_r in the training set."""
        retained = np.ones(len(self.train_y), dtype=bool)
        retained[self.forget] = retained[self.validation] = False
        return np.flatnonzero(retained)


@dataclass(frozen=True)
class Nothing:
    """Empty settings, for measures without any."""


Measure = Callable[[Case, Any], float]


def measure(
    metric: Metric, *, config: type[Any] = Nothing, kept: bool = False
) -> Callable[[Measure], Measure]:
    """Decorator: register a measure under its name, with '-' for '_'.

    config: the dataclass of its settings; kept: whether its values are stored individually, because
    they are expensive.
    """
    return register(
        "metric",
        metric.name.replace("_", "-"),
        label=metric.label,
        help=metric.help,
        metric=metric,
        config=config,
        kept=kept,
    )


def accuracy(logits: np.ndarray, y: np.ndarray) -> float:
    """Accuracy in percent: share of rows of logits (n, K) whose argmax is y (n,).

    NaN without rows: a study saved from Python may have neither retained nor test samples.
    """
    return float(100 * np.mean(logits.argmax(1) == y)) if len(y) else math.nan


def accuracies(
    train_logits: np.ndarray,
    test_logits: np.ndarray,
    train_y: np.ndarray,
    test_y: np.ndarray,
    forget: np.ndarray,
) -> dict[str, float]:
    """retain_acc, unlearn_acc, test_acc in percent; forget: indices into the training set."""
    retained = np.ones(len(train_y), dtype=bool)
    retained[forget] = False
    return {
        "retain_acc": accuracy(train_logits[retained], train_y[retained]),
        "unlearn_acc": 100 - accuracy(train_logits[forget], train_y[forget]),
        "test_acc": accuracy(test_logits, test_y),
    }


def log_confidence(logits: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(n,) float64 log-probability of the true class y (n,) under logits (n, K)."""
    shifted = logits.astype(np.float64)
    shifted = shifted - shifted.max(1, keepdims=True)
    log_probability: np.ndarray = shifted[np.arange(len(y)), y] - np.log(np.exp(shifted).sum(1))
    return log_probability


def log_probabilities(logits: np.ndarray) -> np.ndarray:
    """(n, K) float64 log-probabilities of all classes under logits (n, K)."""
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(1, keepdims=True)))


def log_odds(logits: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(n,) float64 log-odds of the true class y (n,) under logits (n, K).

        log p / (1 - p) = logit of y - log sum of exp over the other logits

    Finite also where p rounds to 1. Source: Carlini et al. 2022, logit scaling; the margin of
    Georgiev et al. 2024. Infinite for a single class.

    >>> log_odds(np.array([[3.0, 1.0], [99.0, 0.0]]), np.array([0, 0]))
    array([ 2., 99.])
    """
    others = logits.astype(np.float64)
    rows = np.arange(len(y))
    own = others[rows, y]
    others[rows, y] = -np.inf
    highest = others.max(1)
    sums = np.exp(others - np.where(np.isfinite(highest), highest, 0.0)[:, None]).sum(1)
    with np.errstate(divide="ignore"):  # a single class has no others
        return np.asarray(own - np.where(np.isfinite(highest), highest, 0.0) - np.log(sums))


def cross_entropy(logits: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(n,) cross-entropy in nats of the true class y (n,) under logits (n, K)."""
    loss: np.ndarray = 0.0 - log_confidence(
        logits, y
    )  # 0, not -0, for a sample classified with certainty
    return loss


def mean_of(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Mean of each measure over several models; numbers of censored values are summed."""
    values = {name: [row[name] for row in rows] for name in rows[0]}
    return {
        name: float(np.sum(column) if name.endswith(CENSORED) else np.mean(column))
        for name, column in values.items()
    }


def with_censored(
    row: Mapping[str, float], metrics: Sequence[Metric], models: int = 1
) -> dict[str, float]:
    """A row completed by numbers of censored values, which earlier versions did not store.

    models: how many models the row averages; NaN where their mean does not determine whether one
    was censored.
    """
    completed = dict(row)
    for metric in metrics:
        if metric.most is not None and metric.name in row:
            number = _censored_of(row[metric.name], metric.most, models)
            completed.setdefault(f"{metric.name}{CENSORED}", number)
    return completed


def _censored_of(mean: float, most: float, models: int) -> float:
    """How many of `models` integers with this mean exceed `most`, each counted as `most` + 1."""
    if not mean > most:
        return 0.0 if not models * mean >= most + 1 else np.nan
    return float(models)
