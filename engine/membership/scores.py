"""Membership scores: statistics of a model's output that indicate training on a sample.

Plain numpy on logits (n, K) and the true classes (n,); U-LiRA and RMIA, which need further models,
are computed in engine.membership.reference_scores. Sources: probability of the true class,
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
DECADES = 6  # of a logarithmic axis; values beyond are drawn at its end
LEAST = 10.0**-DECADES
MARKS = (1e-5, 1e-4, 1e-3, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999)  # of a logit axis


@dataclass(frozen=True)
class Score:
    """A statistic of one sample, and its interpretation by an attack.

    sign: 1 if members score high, -1 if they score low; scale: LINEAR, LOG or LOGIT, the scale of
    its axis; learned: whether it is trained on the held-out half of the samples, in which case its
    threshold is 0; referenced: whether it compares a sample with itself under further models, see
    engine.membership.references.
    """

    name: str
    label: str
    unit: str
    sign: int
    scale: str
    help: str
    learned: bool = False
    referenced: bool = False

    @property
    def axis(self) -> str:
        """The axis label with the unit."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    def called(self, values: np.ndarray, threshold: float) -> Mask:
        """(n,) bool: which of `values` (n,) are classified as members at this threshold."""
        return np.asarray(self.sign * np.asarray(values) >= self.sign * threshold)

    def step(self, values: np.ndarray, threshold: float) -> int:
        """Index of the ROC step: the number of distinct scores in `values` (m,) above threshold."""
        return len(np.unique(np.asarray(values)[self.called(values, threshold)]))

    def drawn(self, values: np.ndarray) -> Floats:
        """Axis coordinates of `values`: unchanged, decimal logarithm, or decimal logit."""
        numbers = np.asarray(values, np.float64)
        if self.scale == LOG:
            return np.log10(np.clip(numbers, LEAST, None))
        if self.scale == LOGIT:
            clipped = np.clip(numbers, LEAST, 1 - LEAST)
            return np.asarray(np.log10(clipped / (1 - clipped)))
        return numbers

    def read(self, coordinate: float) -> float:
        """The value at an axis coordinate; the limit at the end of a logarithmic axis."""
        if self.scale == LOG:
            return 0.0 if coordinate <= -DECADES else float(10.0**coordinate)
        if self.scale == LOGIT:
            return (
                float(np.round(coordinate >= 0))
                if abs(coordinate) >= DECADES
                else _logistic(coordinate)
            )
        return float(coordinate)

    def marks(self) -> list[tuple[float, str]]:
        """(coordinate, text) of the ticks of a nonlinear axis; empty for a linear one."""
        if self.scale == LOG:
            powers = range(1 - DECADES, DECADES + 1)
            return [(float(-DECADES), "0"), *((float(k), _decimal(10.0**k)) for k in powers)]
        if self.scale == LOGIT:
            return [(float(self.drawn(np.array(p))), _decimal(p)) for p in MARKS]
        return []


SCORES = {
    one.name: one
    for one in (
        Score(
            "confidence", "Confidence", "0 to 1", 1, LOGIT,
            "Members get a higher probability of the true class. The axis shows its log-odds.",
        ),
        Score(
            "loss", "Loss", "nats", -1, LOG,
            "Members have a lower cross-entropy. It ranks samples like confidence.",
        ),
        Score(
            "entropy", "Entropy", "nats", -1, LOG,
            "Predictions for members are less uncertain, whichever class is predicted.",
        ),
        Score(
            "modified-entropy", "Modified entropy", "nats", -1, LOG,
            "Entropy that takes the true class into account: confidence in a wrong class is "
            "evidence against membership.",
        ),
        Score(
            "margin", "Margin", "logits", 1, LINEAR,
            "Logit of the true class minus the largest other logit: members are farther from the "
            "decision boundary; negative for misclassified samples.",
        ),
        Score(
            "svm", "SVM", "signed distance", 1, LINEAR,
            "The attack behind MIA accuracy: an SVM on the probability of the true class, here "
            "trained on equally many held-out members and non-members.",
            learned=True,
        ),
        Score(
            "logistic", "Logistic", "log-odds of membership", 1, LINEAR,
            "Logistic regression on loss, entropy and margin, trained on the held-out half.",
            learned=True,
        ),
        Score(
            "u-lira", "U-LiRA", "nats", 1, LINEAR,
            "Log-likelihood ratio, per sample: log-odds of the true class as under models that "
            "learned the sample, or as under Re-trains that never saw it.",
            referenced=True,
        ),
        Score(
            "rmia", "RMIA", "0 to 1", 1, LINEAR,
            "Share of test samples whose probability of the true class, relative to that under "
            "Re-trains, is at most the sample's own.",
            referenced=True,
        ),
    )
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Histogram:
    """Histogram of members and non-members: edges (b + 1,) in axis coordinates, counts (b,)."""

    edges: Floats
    members: Integers
    others: Integers


def histogram(score: Score, values: np.ndarray, member: np.ndarray) -> Histogram:
    """Histogram of scores (m,) in axis coordinates, for member (m,) bool, with common bins."""
    coordinates = score.drawn(values)
    bins = int(np.clip(2 * np.sqrt(len(coordinates)), 8, MOST_BINS))
    low, high = coordinates.min(), coordinates.max()
    pad = 0.05 * (high - low) or 0.5
    edges = np.linspace(low - pad, high + pad, bins + 1)
    inside, outside = (np.histogram(coordinates[rows], edges)[0] for rows in (member, ~member))
    return Histogram(edges, inside.astype(np.int64), outside.astype(np.int64))


def score_named(name: str) -> Score:
    """The score of that name; SpecError with the closest name if there is none."""
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
    """(n,) entropy of the predicted distribution in nats; `y` is ignored."""
    logs = _log_softmax(logits)
    return np.asarray(-(np.exp(logs) * logs).sum(1))


def modified_entropy(logits: np.ndarray, y: np.ndarray) -> Floats:
    """(n,) modified entropy with respect to the true class y, in nats; small for members.

        -(1 - p_y) log p_y - sum over i != y of p_i log(1 - p_i)

    of logits (n, K). Source: Song and Mittal 2021, modified entropy.

    It is log 2 for two equally likely classes, and 0 for a confident correct prediction:

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
    """(n,) logit of the true class minus the largest other logit."""
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


def _logistic(coordinate: float) -> float:
    odds = 10.0**coordinate
    return float(odds / (1 + odds))


def _decimal(value: float) -> str:
    """A tick as a decimal number without exponent, down to LEAST.

    >>> _decimal(1e-5), _decimal(0.9999), _decimal(1000.0)
    ('0.00001', '0.9999', '1000')
    """
    return f"{value:.{DECADES}f}".rstrip("0").rstrip(".")
