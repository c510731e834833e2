"""Residual knowledge of every model on one forget set: counts, curves and statistics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from engine.provenance import Audit
from engine.spec import FDR


@dataclass(frozen=True, eq=False)
class Curve:
    """Residual knowledge of one model over the grid of tau, all arrays (T,).

    mean: the paper's r_tau(S_f), averaged over the Re-trains; low, high: its 95 % bootstrap
    interval over forget samples; pooled, pooled_low, pooled_high: see `pooled_ratio`, with the same
    kind of interval, None where unknown; undefined: forget samples that some Re-train never
    recognized (left out of that Re-train's mean), on the copies that this model was shown;
    prevalence: percent of forget samples with u > a, averaged over the Re-trains. NaN where
    undefined or withheld.
    """

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    pooled: np.ndarray
    undefined: np.ndarray
    prevalence: np.ndarray
    pooled_low: np.ndarray | None = None
    pooled_high: np.ndarray | None = None


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
    (n_f, T) unbiased share of recognized copies; settled (n_f, T): whether all models
    answered alike and would answer the missing draws so. None and empty where every cell got
    `draws`. Verdicts and prevalence are then based on the norms that are `complete`.

    Of each judged model: q_values (n_f,), see `engine.residual.discoveries`; e_values (n_f, T)
    against 'recognized no more often than by Re-train', and absence (n_f, T) against 'recognized
    more often by 5 % of copies', see `engine.residual.e_process`; certified_radius (n_f,), see
    `engine.residual.certificate`, absent unless noise is Gaussian. fdr: the false discovery rate of
    verdicts. Studies of earlier versions with adaptive draws have none of these, see `withheld`.

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
    q_values: Mapping[str, np.ndarray] = field(default_factory=dict)
    e_values: Mapping[str, np.ndarray] = field(default_factory=dict)
    absence: Mapping[str, np.ndarray] = field(default_factory=dict)
    certified_radius: Mapping[str, np.ndarray] = field(default_factory=dict)
    fdr: float = FDR
    audits: Mapping[str, Audit] = field(default_factory=dict)
    settled: np.ndarray | None = None

    @property
    def per_cell(self) -> np.ndarray:
        """(n_f, T) how many copies of each sample at each tau every model was shown."""
        if self.drawn is not None:
            return self.drawn
        return np.full((len(self.samples), len(self.taus)), self.draws)

    @property
    def complete(self) -> np.ndarray:
        """(T,) norms at which every sample got all draws, but for those where it makes no odds."""
        norms = complete_norms(self.drawn, self.settled, self.draws)
        return np.ones(len(self.taus), bool) if norms is None else norms

    @property
    def withheld(self) -> bool:
        """Whether prevalence and verdicts are not given: earlier adaptive draws distorted them."""
        return self.drawn is not None and not self.q_values

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


def complete_norms(
    drawn: np.ndarray | None, settled: np.ndarray | None, draws: int
) -> np.ndarray | None:
    """(T,) norms at which every cell has all `draws` or is settled, both (n, T); None for all.

    None of them for adaptive draws (drawn is given) without `settled`, of an earlier version.
    """
    if drawn is None:
        return None
    if settled is None:
        return np.zeros(drawn.shape[1], bool)
    return np.asarray(((drawn == draws) | settled).all(0))


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
