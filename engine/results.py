"""What the pipeline hands out: plain numpy, so that the explorer needs no torch to draw it.

Model names are `original`, `retrain-0` ... `retrain-(k-1)`, and the methods' names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.drawing.geometry import in_polygon
from engine.perturbations import EditedMessage
from engine.provenance import Audit, Origin

RETAIN, FORGET, PERTURBED, TEST = 0, 1, 2, 3  # kinds of points in an embedding
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
    interval over forget samples; pooled: see `pooled_ratio`; undefined: forget samples that some
    Re-train never recognized (left out of that Re-train's mean), on the copies that this model was
    shown; prevalence: percent of forget samples with u > a, averaged over the Re-trains. NaN where
    undefined or withheld.
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

    Where draws went adaptively: drawn (n_f, T) is how many each cell got, `draws` the most, counts
    are out of that many, predictions hold a number that is no class behind them; rates: model ->
    (n_f, T) unbiased share of recognized copies. None and empty where every cell got `draws`.
    Prevalence and posterior are NaN then: they are withheld, see `withheld`.

    Where the perturbation is an attack, counts and predictions also have 'retrain-0@gd': answers to
    the copies attacked against gd, which gd's r is computed from; 'retrain-0' alone answered to
    copies attacked against itself. audits: model -> check of its inferred answers, if it has any.
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
    drawn: np.ndarray | None = None
    rates: Mapping[str, np.ndarray] = field(default_factory=dict)
    audits: Mapping[str, Audit] = field(default_factory=dict)

    @property
    def per_cell(self) -> np.ndarray:
        """(n_f, T) how many copies of each sample at each tau every model was shown."""
        if self.drawn is not None:
            return self.drawn
        return np.full((len(self.samples), len(self.taus)), self.draws)

    @property
    def withheld(self) -> bool:
        """Whether prevalence, posterior and verdicts are not given: adaptive draws distort them."""
        return self.drawn is not None

    @property
    def undefined(self) -> dict[str, np.ndarray]:
        """model -> (T,) how many forget samples some Re-train never recognized on its copies."""
        return {name: np.asarray(one.undefined) for name, one in self.curves.items()}

    @property
    def said_draws(self) -> str:
        """The number of draws as captions say it: 'c = 100', 'c = 4 to 100, 11.2 on average'."""
        moved = self.taus != 0  # without a perturbation one draw says it all
        if self.drawn is None or not moved.any():
            return f"c = {self.draws:,}"
        own = self.drawn[:, moved]
        return f"c = {own.min():,} to {own.max():,}, {own.mean():.1f} on average"

    def share(self, model: str) -> np.ndarray:
        """(n_f, T) share of copies that `model` recognized, in [0, 1], unbiased."""
        found: np.ndarray = self.rates.get(model, self.counts[model] / self.per_cell)
        return found

    def reference_share(self, model: str) -> np.ndarray:
        """(k, n_f, T) `share` of the Re-trains on the copies that `model` was shown."""
        if self.rates:
            return reference_counts(self.rates, model)
        share: np.ndarray = self.reference(model) / self.per_cell
        return share

    def column(self, tau: float) -> int:
        """Which of `taus` is nearest to `tau`; the middle of the grid for tau < 0."""
        if tau < 0:
            return len(self.taus) // 2
        return int(np.argmin(np.abs(self.taus - tau)))

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
    mean over the Re-trains. labels: model -> what people call it. origins: the way it took where
    it was not made in this store, the last step last. name: that somebody gave it, '' for none.
    """

    key: str
    spec: Mapping[str, Any]
    forget: np.ndarray
    metrics: Mapping[str, Mapping[str, float]]
    labels: Mapping[str, str]
    residual: Residual
    created: str = ""
    origins: tuple[Origin, ...] = ()
    name: str = ""


@dataclass(frozen=True, eq=False)
class Neighborhood:
    """One sample under the lens.

    copies: (c, *shape) float32 pixels in [0, 1] at `tau`; predictions: model -> (c,) class;
    confidence: model -> (c,) probability of the true class; counts: model -> correct answers;
    edits: (c,) the copies as messages, with the words that were changed, if they are.
    """

    sample: int
    label: int
    perturbation: str
    tau: float
    copies: np.ndarray
    predictions: Mapping[str, np.ndarray]
    confidence: Mapping[str, np.ndarray]
    counts: Mapping[str, int]
    edits: tuple[EditedMessage, ...] = ()


@dataclass(frozen=True, eq=False)
class Slice:
    """Decision regions on a plane through one training sample; lengths are L2, pixels in [0, 1].

    directions: which pair spans the plane, one of labels.DIRECTIONS; against: the model that the
    attack aims at, '' without one; other, distance: the sample that the first direction leads to
    and how far it is, -1 and 0 without one. steps (g,): coordinates along either direction, 0 in
    the middle; ball (k, 2): outline of the tau ball on the plane, k = 0 where the perturbation has
    none. predictions: model -> (g, g)
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
        """model -> percent of the tau ball's points on this plane that get the true class.

        Of all points of the plane that are shown, where the perturbation has no ball.
        """
        inside = self.inside() if len(self.ball) else np.ones((len(self.steps),) * 2, bool)
        return {
            model: 100 * float((said[inside] == self.label).mean())
            for model, said in self.predictions.items()
        }


@dataclass(frozen=True, eq=False)
class Embedding:
    """One joint UMAP of the penultimate features of several models: the same m points in each.

    xy: model -> (m, 2) float32 positions, to be compared point by point; sample (m,): number of
    the sample, test samples after training samples (of a perturbed point: the sample it was made
    from); kind (m,): RETAIN, FORGET, PERTURBED or TEST; label (m,): class; tau (m,): perturbation
    norm, 0 for what is not perturbed; predicted: model -> (m,) class; loss: model -> (m,) nats.
    """

    xy: Mapping[str, np.ndarray]
    sample: np.ndarray
    kind: np.ndarray
    label: np.ndarray
    tau: np.ndarray
    predicted: Mapping[str, np.ndarray]
    loss: Mapping[str, np.ndarray]

    @property
    def models(self) -> tuple[str, ...]:
        """The models that are laid out together."""
        return tuple(self.xy)

    def right(self, model: str) -> np.ndarray:
        """(m,) bool: which points the model gives their true class."""
        return np.asarray(self.predicted[model] == self.label)

    def trails(self) -> list[np.ndarray]:
        """Rows of each forget sample that has perturbed copies, then of its copies, tau growing."""
        copies = np.flatnonzero(self.kind == PERTURBED)
        copies = copies[np.lexsort((self.tau[copies], self.sample[copies]))]
        starts = {int(self.sample[row]): row for row in np.flatnonzero(self.kind == FORGET)}
        edges = np.flatnonzero(np.diff(self.sample[copies])) + 1
        groups = [rows for rows in np.split(copies, edges) if len(rows)]
        return [np.array([starts[int(self.sample[rows[0]])], *rows]) for rows in groups]


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


@dataclass(frozen=True, eq=False)
class Likeness:
    """Linear CKA of `model` with `to` on one split ('forget' or 'retain'), layer by layer.

    'retrain' stands for every Re-train that is not the model itself: mean (L,) over them, low and
    high (L,) the smallest and largest; of Re-trains among themselves where both say 'retrain'.
    At most 1; NaN for fewer than 4 samples, and where a layer tells no samples apart.
    """

    split: str
    model: str
    to: str
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True, eq=False)
class Similarity:
    """How alike models a and b represent samples, to Original, to the Re-trains and each other.

    layers: L names in the order they run; samples: split -> how many were looked at; seconds: time
    it took.
    """

    a: str
    b: str
    layers: tuple[str, ...]
    samples: Mapping[str, int]
    lines: tuple[Likeness, ...]
    seconds: float

    def line(self, split: str, model: str, to: str) -> Likeness | None:
        """The line of that split, model and reference; None where there is none."""
        wanted = (split, model, to)
        return next((one for one in self.lines if (one.split, one.model, one.to) == wanted), None)


@dataclass(frozen=True)
class StudySummary:
    """One line of a store's listing; family: equal where studies differ in their seed alone.

    origins: as `Study` has them; fingerprint: of its data; settings: see
    `engine.study.siblings.sibling_settings`; name, tags, notes: what somebody wrote beside the
    study (`engine.storage.annotations`).
    """

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
    family: str = ""
    origins: tuple[Origin, ...] = ()
    fingerprint: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    tags: tuple[str, ...] = ()
    notes: str = ""


def reference_counts(counts: Mapping[str, np.ndarray], model: str) -> np.ndarray:
    """(k, n_f, T) counts of the Re-trains on the copies of `model`.

    counts: model -> (n_f, T); 'retrain-0@gd' where copies were attacked against gd.
    """
    return np.stack([counts.get(f"{name}@{model}", counts[name]) for name in retrain_names(counts)])


def retrain_names(counts: Iterable[str]) -> list[str]:
    """The Re-trains among names of models, without those of copies attacked against others."""
    return [name for name in counts if name.startswith("retrain-") and "@" not in name]


def pooled_ratio(u: np.ndarray, a: np.ndarray) -> np.ndarray:
    """(T,) pooled ratio of u (n, T) to the Re-trains' a (k, n, T), counts or shares of copies.

        sum of u over S_f / mean over Re-trains of the sum of a over S_f

    NaN only where no Re-train recognizes any copy at all. A stable companion of r_tau(S_f), which
    a few rarely recognized samples dominate: this project's addition.

    >>> pooled_ratio(np.array([[9], [5], [4]]), np.array([[[6], [5], [0]], [[7], [6], [0]]]))
    array([1.5])
    """
    return _divide(u.sum(0, dtype=np.float64), a.sum(1, dtype=np.float64).mean(0))


def _divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(b > 0, a / np.where(b > 0, b, 1), np.nan)


DIRECTIONS = {  # pairs that span a slice of decision regions, and what people call them
    "random": "Two random directions",
    "attack": "Towards an FGSM attack",
    "sample": "Towards another class",
    "chosen": "Towards a chosen sample",
}
