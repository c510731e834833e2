"""Certified residual knowledge: what no shift of a sample within a radius can undo.

Under Gaussian noise of deviation sigma, the probability that a model recognizes a sample changes
slowly as the sample is shifted: Phi^-1 of it is Lipschitz with constant 1 / sigma (Cohen, Rosenfeld
and Kolter 2019, theorem 1; Salman et al. 2019, lemma 2). What holds for the smoothed models at the
sample therefore holds, weaker, around it. Clamping pixels to [0, 1] counts as the models' first
layer, so shifts are of the sample before the clamp. The statement is about exact arithmetic:
floating-point rounding is not covered. This project's addition. Plain numpy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.arrays import Floats
from engine.residual.e_process import confidence_sequence
from engine.results import Residual

LEVEL = 0.95  # of all bounds of one sample together
NOISE = "gaussian"  # the perturbation that smooths


@dataclass(frozen=True, eq=False)
class Certificate:
    """Radii of one model, in L2 length of pixels in [0, 1], and the bounds behind them.

    radius (n_f,): every shift up to it leaves the smoothed model at least as sure of the true
    class as every smoothed Re-train, at the sigma where it is largest, 0 where none is certain;
    absence (n_f,): the same with the roles exchanged, at every sigma: at most as sure as every
    Re-train. own_low, own_high (n_f, T): bounds of Pr[m = y]; low, high (n_f, T): the smallest
    lower and the largest upper bound of Pr[a = y] of the Re-trains; sigmas (T,).
    """

    radius: Floats
    absence: Floats
    own_low: Floats
    own_high: Floats
    low: Floats
    high: Floats
    sigmas: Floats

    def ratio_bound(self, radius: float) -> Floats:
        """(n_f, T) upper bound of r within `radius`: Phi(Phi^-1(H_m) + R/s) / Phi(...(L_a) - R/s).

        inf where the Re-trains' bound is 0; NaN at sigma 0.
        """
        from scipy.special import ndtr, ndtri

        with np.errstate(divide="ignore", invalid="ignore"):
            shift = np.where(self.sigmas > 0, radius / self.sigmas, np.nan)
            bound = ndtr(ndtri(self.own_high) + shift) / ndtr(ndtri(self.low) - shift)
        return np.asarray(bound)


def certificate(
    residual: Residual, model: str, *, anytime: bool, level: float = LEVEL
) -> Certificate | None:
    """The certificate of a model; None unless copies carry Gaussian noise.

        R = sigma / 2 (Phi^-1(L) - Phi^-1(H))    for  Pr[m = y] >= L,  Pr[a = y] <= H of every a

    Bounds hold together with probability `level` for each sample (Bonferroni over norms and
    models): those of Clopper and Pearson 1934 for a number of draws that was fixed in advance, or
    confidence sequences (anytime: where draws were adaptive, or somebody looks before the end).

    A model that recognizes 99 of 100 copies at sigma 0.1, where Re-train recognizes one:

    >>> counts = {"gd": np.array([[99]]), "retrain-0": np.array([[1]])}
    >>> tau, none = np.array([0.1]), np.array([np.nan])
    >>> study = Residual("gaussian", tau, 100, np.arange(1), counts, {}, none, none, {})
    >>> float(certificate(study, "gd", anytime=False).radius.round(3)[0])
    0.154
    """
    if residual.perturbation != NOISE:
        return None
    moved = residual.taus > 0
    references = residual.reference(model)
    parts = max(1, int(moved.sum())) * (len(references) + 1)
    interval = confidence_sequence if anytime else exact_interval
    each, draws = 1 - (1 - level) / parts, residual.per_cell
    own_low, own_high = interval(residual.counts[model], draws, each)
    low, high = (ends for ends in interval(references, draws, each))
    low, high = low.min(0), high.max(0)
    sigmas = np.where(moved, residual.taus, 0.0)
    radii, absence = _radius(own_low, high, sigmas), _radius(low, own_high, sigmas)
    none = np.zeros(len(own_low))
    return Certificate(
        radii[:, moved].max(1) if moved.any() else none,
        absence[:, moved].min(1) if moved.any() else none,
        own_low, own_high, low, high, sigmas,
    )  # fmt: skip


def exact_interval(
    count: np.ndarray, draws: np.ndarray | int, level: float
) -> tuple[Floats, Floats]:
    """(low, high) of a probability from `count` of a fixed number of draws (Clopper, Pearson 1934).

    Each end errs with probability (1 - level) / 2 at most; only one of them is used of each model,
    so that the bounds are conservative.

    >>> [round(float(end), 3) for end in exact_interval(np.array(0), 100, 0.95)]
    [0.0, 0.036]
    """
    from scipy.special import betaincinv

    count, total = np.broadcast_arrays(np.asarray(count, np.float64), np.asarray(draws))
    lost, tail = total - count, (1 - level) / 2
    low = betaincinv(np.maximum(count, 1), lost + 1, tail)
    high = betaincinv(count + 1, np.maximum(lost, 1), 1 - tail)
    return np.where(count > 0, low, 0.0), np.where(lost > 0, high, 1.0)


def certified_share(radius: Floats, at: Floats) -> Floats:
    """(m,) percent of samples whose radius (n,) is at least `at` (m,), and above 0.

    >>> certified_share(np.array([0.0, 0.1, 0.3]), np.array([0.0, 0.2]))
    array([66.66666667, 33.33333333])
    """
    certain = radius[:, None] > 0
    return np.asarray(100 * (certain & (radius[:, None] >= at)).mean(0))


def _radius(low: Floats, high: Floats, sigmas: Floats) -> Floats:
    from scipy.special import ndtri

    with np.errstate(invalid="ignore"):
        gap = ndtri(low) - ndtri(high)
        return np.where(low > high, np.maximum(sigmas / 2 * np.nan_to_num(gap), 0), 0.0)
