"""Scores of membership: what a model's answer to one sample says about having been trained on it.

Plain numpy on logits (n, K) and the true classes (n,). Sources: probability of the true class,
Shokri et al. 2017; loss, Yeom et al. 2018; modified entropy, Song and Mittal 2021; margin, Carlini
et al. 2022.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.arrays import Floats, Integers, Mask
from engine.errors import unknown
from engine.metrics.base import cross_entropy, log_confidence

LINEAR, LOG, LOGIT = "linear", "log", "logit"
MOST_BINS = 50
DECADES = 6  # of a logarithmic axis; what lies beyond is drawn at its end
LEAST = 10.0**-DECADES
MARKS = (1e-5, 1e-4, 1e-3, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999)  # of a logit axis


@dataclass(frozen=True)
class Score:
    """One number per sample, and how an attack reads it.

    sign: 1 where members score high, -1 where they score low; scale: LINEAR, LOG or LOGIT, how
    its axis is drawn; learned: whether a held-out half of the samples teaches it, in which case
    its threshold is 0.
    """

    name: str
    label: str
    unit: str
    sign: int
    scale: str
    help: str
    learned: bool = False

    @property
    def axis(self) -> str:
        """The label of its axis, with the unit."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    def called(self, values: np.ndarray, threshold: float) -> Mask:
        """(n,) whether each of `values` (n,) is called a member at this threshold."""
        return np.asarray(self.sign * np.asarray(values) >= self.sign * threshold)

    def step(self, values: np.ndarray, threshold: float) -> int:
        """How many distinct scores among `values` (m,) are called members: the step of the ROC."""
        return len(np.unique(np.asarray(values)[self.called(values, threshold)]))

    def drawn(self, values: np.ndarray) -> Floats:
        """Where `values` lie on its axis: their decimal logarithm or logit where it has one."""
        found = np.asarray(values, np.float64)
        if self.scale == LOG:
            return np.log10(np.clip(found, LEAST, None))
        if self.scale == LOGIT:
            kept = np.clip(found, LEAST, 1 - LEAST)
            return np.asarray(np.log10(kept / (1 - kept)))
        return found

    def read(self, place: float) -> float:
        """The value at a place on its axis; at the end of a logarithmic one, the very last."""
        if self.scale == LOG:
            return 0.0 if place <= -DECADES else float(10.0**place)
        if self.scale == LOGIT:
            return float(np.round(place >= 0)) if abs(place) >= DECADES else _logistic(place)
        return float(place)

    def marks(self) -> list[tuple[float, str]]:
        """(place, text) of the ticks of an axis that is not linear, else none."""
        if self.scale == LOG:
            powers = range(1 - DECADES, DECADES + 1)
            return [(float(-DECADES), "0"), *((float(k), f"{10.0**k:g}") for k in powers)]
        if self.scale == LOGIT:
            return [(float(self.drawn(np.array(p))), f"{p:g}") for p in MARKS]
        return []


SCORES = {
    one.name: one
    for one in (
        Score(
            "confidence", "Confidence", "0 to 1", 1, LOGIT,
            "Members get a larger probability of the true class. The axis is that of its log-odds.",
        ),
        Score(
            "loss", "Loss", "nats", -1, LOG,
            "Members have a smaller cross-entropy. It ranks samples as confidence does.",
        ),
        Score(
            "entropy", "Entropy", "nats", -1, LOG,
            "Members are answered with less doubt, whichever class is called.",
        ),
        Score(
            "modified-entropy", "Modified entropy", "nats", -1, LOG,
            "Entropy that knows the true class: certainty of a wrong class speaks against "
            "membership.",
        ),
        Score(
            "margin", "Margin", "logits", 1, LINEAR,
            "Logit of the true class less the largest other one: members are farther from the "
            "decision boundary; negative where the class is missed.",
        ),
        Score(
            "svm", "SVM", "signed distance", 1, LINEAR,
            "The attack behind MIA accuracy: an SVM on the probability of the true class, here "
            "taught on equally many held-out members and non-members.",
            learned=True,
        ),
        Score(
            "logistic", "Logistic", "log-odds of membership", 1, LINEAR,
            "Logistic regression on loss, entropy and margin, taught on the held-out half.",
            learned=True,
        ),
    )
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Histogram:
    """How many members and others score what: edges (b + 1,) places on the axis, counts (b,)."""

    edges: Floats
    members: Integers
    others: Integers


def histogram(score: Score, values: np.ndarray, member: np.ndarray) -> Histogram:
    """The distribution of scores (m,) on their axis, member (m,) bool, in the same bins."""
    places = score.drawn(values)
    bins = int(np.clip(2 * np.sqrt(len(places)), 8, MOST_BINS))
    low, high = places.min(), places.max()
    pad = 0.05 * (high - low) or 0.5
    edges = np.linspace(low - pad, high + pad, bins + 1)
    inside, outside = (np.histogram(places[rows], edges)[0] for rows in (member, ~member))
    return Histogram(edges, inside.astype(np.int64), outside.astype(np.int64))


def score_named(name: str) -> Score:
    """The score of that name; SpecError with the nearest one if there is none."""
    try:
        return SCORES[name]
    except KeyError:
        raise unknown("score", name, SCORES) from None


def loss(logits: np.ndarray, y: np.ndarray) -> Floats:
    """(n,) cross-entropy in nats."""
    return cross_entropy(logits, y)


def confidence(logits: np.ndarray, y: np.ndarray) -> Floats:
    """(n,) probability of the true class, 0 to 1; Shokri et al. 2017.

    >>> confidence(np.array([[0.0, np.log(3.0)]]), np.array([1])).round(6)
    array([0.75])
    """
    return np.asarray(np.exp(log_confidence(logits, y)))


def entropy(logits: np.ndarray, y: np.ndarray) -> Floats:
    """(n,) entropy of the predicted distribution in nats; `y` does not matter."""
    logs = _log_softmax(logits)
    return np.asarray(-(np.exp(logs) * logs).sum(1))


def modified_entropy(logits: np.ndarray, y: np.ndarray) -> Floats:
    """(n,) entropy that knows the true class y, in nats; small for members.

        -(1 - p_y) log p_y - sum over i != y of p_i log(1 - p_i)

    of logits (n, K). Source: Song and Mittal 2021, modified entropy.

    Even chances of two classes cost log 2, and a certain answer nothing if it is right:

    >>> modified_entropy(np.array([[0.0, 0.0], [99.0, 0.0]]), np.array([0, 0])).round(4) + 0.0
    array([0.6931, 0.    ])
    """
    logs = _log_softmax(logits)
    rows = np.arange(len(y))
    shares = np.exp(logs)
    parts = -shares * np.log(np.maximum(1 - shares, np.finfo(np.float64).tiny))
    parts[rows, y] = -(1 - shares[rows, y]) * logs[rows, y]
    return np.asarray(parts.sum(1))


def margin(logits: np.ndarray, y: np.ndarray) -> Floats:
    """(n,) logit of the true class less the largest of the others."""
    wide = logits.astype(np.float64)
    rows = np.arange(len(y))
    own = wide[rows, y]
    wide[rows, y] = -np.inf
    return np.asarray(own - wide.max(1))


PLAIN: dict[str, Callable[[np.ndarray, np.ndarray], Floats]] = {
    "confidence": confidence,
    "loss": loss,
    "entropy": entropy,
    "modified-entropy": modified_entropy,
    "margin": margin,
}


def _log_softmax(logits: np.ndarray) -> Floats:
    wide = logits.astype(np.float64)
    wide -= wide.max(1, keepdims=True)
    return np.asarray(wide - np.log(np.exp(wide).sum(1, keepdims=True)))


def _logistic(place: float) -> float:
    odds = 10.0**place
    return float(odds / (1 + odds))
