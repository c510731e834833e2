"""What a measure is, what it is shown of a model, and the arithmetic that several share.

Nothing here imports torch or scikit-learn, so that tables and views can name the measures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.registry import register


@dataclass(frozen=True)
class Metric:
    """better: 'up', 'down', or 'retrain' where the Re-train's value is the goal.

    cost: what one model costs, in words; trains: whether it trains, so that it is measured only
    where it is asked for; compares: whether it needs the other measures and the Re-trains' mean;
    most: the largest value that is counted, shown as '>most' above it.
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

    def text(self, value: float, censored: bool = False) -> str:
        """A value of this measure as a table shows it, without its unit.

        censored: whether it is only known to be at least so much, see `is_censored`.
        """
        if np.isnan(value):
            return "-"
        if self.most is not None and value > self.most:
            return f">{self.most:g}"
        return (
            f"{'≥' * censored}{value:.1f}" if self.unit == "s" else f"{'≥' * censored}{value:.2f}"
        )


CENSORED = "_censored"  # after a measure's name: how many of its values were past the most counted


def is_censored(metric: Metric, row: Mapping[str, float]) -> bool:
    """Whether a model's value, or one of those it is the mean of, was past what is counted.

    The value is then a lower bound. row: measure -> value, with 'NAME_censored' where it is known
    how many were; NaN there means that some may have been.
    """
    if metric.most is None or metric.name not in row:
        return False
    return row[metric.name] > metric.most or row.get(f"{metric.name}{CENSORED}", 0.0) != 0


@dataclass(frozen=True, eq=False)
class Case:
    """One model of a study, as a measure sees it.

    train_logits (n, K), test_logits (m, K): its outputs, for the labels train_y (n,) and test_y
    (m,); forget (n_f,): indices of S_f in the training set; validation (v,): of what is held out
    of training; seconds: its run time; seed: the
    study's; original_logits (n, K): the Original's outputs on the training set. figures: what was
    measured of it before; reference: the mean of that over the Re-trains. relearn(config): its
    loss on S_f before fine-tuning and after each epoch of it, trained as the values are asked for.
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

    @property
    def retain(self) -> np.ndarray:
        """(n_r,) indices of S_r in the training set."""
        kept = np.ones(len(self.train_y), dtype=bool)
        kept[self.forget] = kept[self.validation] = False
        return np.flatnonzero(kept)


@dataclass(frozen=True)
class Nothing:
    """The settings of a measure that has none."""


Measure = Callable[[Case, Any], float]


def measure(
    metric: Metric, *, config: type[Any] = Nothing, kept: bool = False
) -> Callable[[Measure], Measure]:
    """Decorator: register a measure under its name, with '-' for '_'.

    config: the dataclass of its settings; kept: whether its values are worth storing one by one.
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
    """Percent of rows of logits (n, K) whose largest entry is at y (n,)."""
    return float(100 * np.mean(logits.argmax(1) == y))


def accuracies(
    train_logits: np.ndarray,
    test_logits: np.ndarray,
    train_y: np.ndarray,
    test_y: np.ndarray,
    forget: np.ndarray,
) -> dict[str, float]:
    """retain_acc, unlearn_acc, test_acc in percent; forget: indices into the training set."""
    kept = np.ones(len(train_y), dtype=bool)
    kept[forget] = False
    return {
        "retain_acc": accuracy(train_logits[kept], train_y[kept]),
        "unlearn_acc": 100 - accuracy(train_logits[forget], train_y[forget]),
        "test_acc": accuracy(test_logits, test_y),
    }


def log_confidence(logits: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(n,) float64 log-probability of the true class y (n,) under logits (n, K)."""
    wide = logits.astype(np.float64)
    wide = wide - wide.max(1, keepdims=True)
    found: np.ndarray = wide[np.arange(len(y)), y] - np.log(np.exp(wide).sum(1))
    return found


def cross_entropy(logits: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(n,) cross-entropy in nats of the true class y (n,) under logits (n, K)."""
    found: np.ndarray = 0.0 - log_confidence(logits, y)  # a sample that is certain has 0, not -0
    return found


def mean_of(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean of each measure over several models; of censored values their number."""
    found = {name: [row[name] for row in rows] for name in rows[0]}
    return {
        name: float(np.sum(own) if name.endswith(CENSORED) else np.mean(own))
        for name, own in found.items()
    }


def with_censored(
    row: Mapping[str, float], metrics: Sequence[Metric], models: int = 1
) -> dict[str, float]:
    """A row with the number of its censored values, where an earlier version left it out.

    models: of how many the row is the mean; NaN where their mean leaves open whether one was
    censored.
    """
    found = dict(row)
    for metric in metrics:
        if metric.most is not None and metric.name in row:
            number = _censored_of(row[metric.name], metric.most, models)
            found.setdefault(f"{metric.name}{CENSORED}", number)
    return found


def _censored_of(mean: float, most: float, models: int) -> float:
    """How many of so many whole numbers with this mean were past `most`, all as `most` + 1."""
    if not mean > most:
        return 0.0 if not models * mean >= most + 1 else np.nan
    return float(models)
