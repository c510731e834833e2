"""What the pipeline hands out: plain numpy, so that the explorer needs no torch to draw it.

Model names are `original`, `retrain-0` ... `retrain-(k-1)`, and the methods' names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.geometry import in_polygon

RETAIN, FORGET, PERTURBED = 0, 1, 2  # kinds of points in an embedding
COARSE, FINE = 17, 65  # points along a side of a slice: a first look at once, then refined


@dataclass(frozen=True, eq=False)
class ModelResult:
    """One trained or unlearned model.

    loss: mean training loss of each epoch; seconds: run time; train_logits (n, K) and
    test_logits (m, K) float32: its outputs on the whole dataset.
    """

    name: str
    label: str
    key: str
    seconds: float
    loss: tuple[float, ...]
    train_logits: np.ndarray
    test_logits: np.ndarray


@dataclass(frozen=True, eq=False)
class Curve:
    """Residual knowledge of one model over the grid of tau, all arrays (T,).

    mean: the paper's r_tau(S_f), averaged over the Re-trains; low, high: its 95 % bootstrap
    interval over forget samples; pooled: sum(u) / sum(a); undefined: forget samples that some
    Re-train never recognized (left out of that Re-train's mean); prevalence: percent of forget
    samples with u > a. NaN where undefined.
    """

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    pooled: np.ndarray
    undefined: np.ndarray
    prevalence: np.ndarray


@dataclass(frozen=True, eq=False)
class Residual:
    """Residual knowledge of every model on one forget set.

    taus (T,); draws: c so far; counts: model -> (n_f, T) int32 correct answers out of c, rows in
    the order of `samples` (n_f,), the forget set's indices; curves: model -> Curve, for Original
    and the methods; null_low, null_high (T,): the band of Re-train against Re-train (NaN with one
    Re-train); posterior: model -> (n_f, T) probability that it recognizes more often than Re-train;
    predictions: model -> (n_f, T, c) uint8 or uint16 predicted class of every copy.
    """

    perturbation: str
    taus: np.ndarray
    draws: int
    samples: np.ndarray
    counts: Mapping[str, np.ndarray]
    curves: Mapping[str, Curve]
    null_low: np.ndarray
    null_high: np.ndarray
    posterior: Mapping[str, np.ndarray]
    predictions: Mapping[str, np.ndarray] = field(default_factory=dict)

    def reference(self, model: str) -> np.ndarray:
        """(k, n_f, T) counts of the Re-trains on the copies that `model` was shown."""
        return reference_counts(self.counts, model)

    def ratio(self, model: str) -> np.ndarray:
        """Per-sample r_tau (n_f, T): u over a, averaged over the Re-trains that recognize it."""
        parts = _divide(self.counts[model].astype(np.float64)[None], self.reference(model))
        defined = np.isfinite(parts)
        total = np.where(defined, parts, 0).sum(0)
        return _divide(total, defined.sum(0))

    def worst_sample(self) -> int:
        """The forget sample on which a method's residual knowledge is largest, over all tau."""
        names = [name for name in self.curves if name != "original"] or ["original"]
        found = np.stack([self.ratio(name) for name in names])
        worst = np.where(np.isfinite(found), found, -1.0).max((0, 2))
        return int(self.samples[int(worst.argmax())])


@dataclass(frozen=True, eq=False)
class Study:
    """A finished run: its spec as plain JSON data, metrics and residual knowledge.

    metrics: model -> {retain_acc, unlearn_acc, test_acc (percent), seconds}; `retrain` is the
    mean over the Re-trains. labels: model -> what people call it.
    """

    key: str
    spec: Mapping[str, Any]
    forget: np.ndarray
    metrics: Mapping[str, Mapping[str, float]]
    labels: Mapping[str, str]
    residual: Residual
    created: str = ""


@dataclass(frozen=True, eq=False)
class Neighborhood:
    """One sample under the lens.

    copies: (c, *shape) float32 pixels in [0, 1] at `tau`; predictions: model -> (c,) class;
    confidence: model -> (c,) probability of the true class; counts: model -> correct answers.
    """

    sample: int
    label: int
    perturbation: str
    tau: float
    copies: np.ndarray
    predictions: Mapping[str, np.ndarray]
    confidence: Mapping[str, np.ndarray]
    counts: Mapping[str, int]


@dataclass(frozen=True, eq=False)
class Slice:
    """Decision regions on a plane through one training sample; lengths are L2, pixels in [0, 1].

    directions: which pair spans the plane, one of labels.DIRECTIONS; against: the model that the
    attack aims at, '' without one; other, distance: the sample that the first direction leads to
    and how far it is, -1 and 0 without one. steps (g,): coordinates along either direction, 0 in
    the middle; ball (k, 2): outline of the tau ball on the plane. predictions: model -> (g, g)
    class of row i, column j, the point steps[j] along the first and steps[i] along the second
    direction; confidence: model -> (g, g) probability of the true class; seconds: time it took.
    """

    sample: int
    label: int
    directions: str
    against: str
    other: int
    distance: float
    perturbation: str
    tau: float
    steps: np.ndarray
    ball: np.ndarray
    predictions: Mapping[str, np.ndarray]
    confidence: Mapping[str, np.ndarray]
    seconds: float

    def inside(self) -> np.ndarray:
        """(g, g) bool: which points lie in the tau ball; the sample itself always does."""
        x, y = np.meshgrid(self.steps, self.steps)
        within = in_polygon(np.stack([x.ravel(), y.ravel()], 1), self.ball).reshape(x.shape)
        return np.asarray(within | ((x == 0) & (y == 0)))

    def recognized(self) -> dict[str, float]:
        """model -> percent of the tau ball's points on this plane that get the true class."""
        inside = self.inside()
        return {
            model: 100 * float((said[inside] == self.label).mean())
            for model, said in self.predictions.items()
        }


@dataclass(frozen=True, eq=False)
class Embedding:
    """UMAP of penultimate features of `model`: all arrays (m,) but xy (m, 2) float32.

    sample: training-set index (of the sample a perturbed point was made from); kind: RETAIN,
    FORGET or PERTURBED; label: class.
    """

    model: str
    xy: np.ndarray
    sample: np.ndarray
    kind: np.ndarray
    label: np.ndarray


@dataclass(frozen=True, eq=False)
class Recognition:
    """How far each forget sample must be pushed until `model` recognizes it again.

    samples (n_f,): indices of S_f; taus (n_f,): the smallest perturbation norm at which one of
    `draws` copies is recognized, 0 where the sample itself is, NaN where none is up to `limit`.
    """

    model: str
    perturbation: str
    draws: int
    limit: float
    samples: np.ndarray
    taus: np.ndarray


@dataclass(frozen=True)
class StudySummary:
    """One line of a store's listing."""

    key: str
    dataset: str
    model: str
    forget: int
    methods: tuple[str, ...]
    perturbation: str
    draws: int
    seed: int
    created: str
    seconds: float


def reference_counts(counts: Mapping[str, np.ndarray], model: str) -> np.ndarray:
    """(k, n_f, T) counts of the Re-trains on the copies of `model`.

    counts: model -> (n_f, T); 'retrain-0@gd' where copies were attacked against gd.
    """
    names = [name for name in counts if name.startswith("retrain-") and "@" not in name]
    return np.stack([counts.get(f"{name}@{model}", counts[name]) for name in names])


def _divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(b > 0, a / np.where(b > 0, b, 1), np.nan)
