"""What stored counts and predictions say further: disagreement, perturbed accuracy, verdicts.

Plain numpy on a `Residual`, so that tables, figures and the explorer can use it without torch.
Source: Hsu et al. 2025, adversarial disagreement and its bounds; verdicts are this project's.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.adaptive import fair_draws
from engine.labels import WITHHELD
from engine.quadrature import legendre
from engine.results import Residual

Floats = NDArray[np.float64]
SURE = 0.95  # posterior probability from which a verdict is given
MARGIN = 0.05  # an excess of Pr[m = y] over Pr[a = y] that is too small to matter
RESIDUAL, NONE, UNDECIDED = 1, -1, 0
NOT_GIVEN = 2  # where draws were adaptive
TABLED = 200  # draws up to which all pairs of counts are computed once and kept
VERDICTS = {RESIDUAL: "residual", NONE: "none", UNDECIDED: "undecided"}
DASH = "–"


@dataclass(frozen=True, eq=False)
class Disagreement:
    """How often a model and Re-train call a copy differently, all arrays (T,), in [0, 1].

    mean: E[m(x') != a(x')] over forget samples, draws and Re-trains; low, high: the bounds that
    r_tau alone puts on it. NaN where the predictions were not kept.
    """

    mean: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, eq=False)
class Verdict:
    """What is known of each forget sample at each tau by itself, arrays (n_f, T).

    verdict: int8 RESIDUAL, NONE or UNDECIDED; exceeds: posterior probability that the model
    recognizes copies more often than Re-train; matters: that it does by more than `MARGIN`.
    NOT_GIVEN and NaN everywhere where draws were adaptive.
    """

    verdict: NDArray[np.int8]
    exceeds: Floats
    matters: Floats


def disagreement(residual: Residual, model: str) -> Disagreement:
    """The adversarial disagreement of `model` with the Re-trains, and its bounds through r."""
    low, high = disagreement_bounds(residual, model)
    found = disagreement_per_sample(residual, model)
    return Disagreement(found.mean((0, 1)), low.mean((0, 1)), high.mean((0, 1)))


def disagreement_per_sample(residual: Residual, model: str) -> Floats:
    """(k, n_f, T) share of copies that `model` and each Re-train call differently.

    Both saw the same copies: those attacked against `model` where the perturbation is an attack.
    NaN where the predictions were not kept.
    """
    counted = residual.reference(model)
    kept, names = residual.predictions, _retrains(residual)
    shown = [kept.get(f"{name}@{model}", kept.get(name)) for name in names]
    own = kept.get(model)
    if own is None or any(one is None for one in shown):
        return np.full(counted.shape, np.nan)
    draws = fair_draws(residual.per_cell, residual.draws)
    fair = np.arange(own.shape[2]) < draws[:, :, None]
    found: Floats = np.stack([((own != one) & fair).sum(2) for one in shown]) / draws
    return found


def disagreement_bounds(residual: Residual, model: str) -> tuple[Floats, Floats]:
    """(low, high), each (k, n_f, T): Pr[a = y] |r - 1| and min(1, 2 - Pr[a = y] (1 + r)).

    Since Pr[a = y] r = Pr[m = y], both are also defined where Re-train never recognizes a sample.
    """
    a, m = residual.reference_share(model), residual.share(model)[None]
    return np.abs(m - a), np.minimum(1.0, 2.0 - (a + m))


def perturbed_unlearn_accuracy(residual: Residual, model: str) -> Floats:
    """(T,) percent of perturbed copies of S_f that `model` does not recognize: 1 - Pr[m = y]."""
    recognized = residual.share(model).mean(0)
    missed: Floats = 100 * (1 - recognized)
    return missed


def verdict(residual: Residual, model: str, margin: float = MARGIN) -> Verdict:
    """Whether each sample holds residual knowledge in `model`, as far as the draws can tell.

    RESIDUAL: Pr[m = y] exceeds Pr[a = y] with posterior probability above `SURE`; NONE: with
    probability above `SURE` it exceeds it by no more than `margin`; UNDECIDED: more draws would
    be needed. The posterior is that of independent Beta(1/2, 1/2) priors, averaged over the
    Re-trains; where both hold, the excess is real and small, and the verdict is RESIDUAL.
    NOT_GIVEN where draws were adaptive. Nothing here is corrected for the number of tau, see
    `overall`.
    """
    if residual.withheld:
        nothing = np.full(residual.counts[model].shape, np.nan)
        return Verdict(np.full(nothing.shape, NOT_GIVEN, np.int8), nothing, nothing)
    exceeds = residual.posterior[model]
    u, a = residual.counts[model], residual.reference(model)
    matters = exceedance(u, a, residual.per_cell, margin)
    found = np.where(exceeds > SURE, RESIDUAL, np.where(1 - matters > SURE, NONE, UNDECIDED))
    return Verdict(found.astype(np.int8), exceeds, matters)


def get_ready(residual: Residual) -> None:
    """Have at hand what all verdicts on so many draws need: the first takes most of a second."""
    for draws in np.unique(residual.per_cell).tolist():
        exceedance(np.zeros((1, 1), int), np.zeros((1, 1, 1), int), draws, MARGIN)


def overall(found: Verdict) -> NDArray[np.int8]:
    """(n_f,) one verdict per sample over the whole grid of tau.

    RESIDUAL if the posterior exceeds `threshold` at any tau, NONE if every tau says so, else
    UNDECIDED; NOT_GIVEN where draws were adaptive. `verdict_rule` says it in words.
    """
    if (found.verdict == NOT_GIVEN).any():
        return np.full(len(found.verdict), NOT_GIVEN, np.int8)
    any_tau = (found.exceeds > threshold(found.exceeds.shape[1])).any(1)
    every_tau = (found.verdict == NONE).all(1)
    return np.where(any_tau, RESIDUAL, np.where(every_tau, NONE, UNDECIDED)).astype(np.int8)


def threshold(taus: int) -> float:
    """Posterior probability from which one of `taus` norms makes a sample RESIDUAL (Bonferroni)."""
    return 1 - (1 - SURE) / taus


def verdict_rule(taus: int) -> str:
    """The rule of `overall` for a grid of so many tau, in a sentence; 0: of any grid."""
    share = f"1 - {1 - SURE:.2g}/"
    above, norms = f"{share}T", "T norms"
    if taus:
        above, norms = f"{threshold(taus):.5g} ({share}{taus})", f"{taus} norms"
    if taus == 1:
        above, norms = f"{SURE:g}", "one norm"
    return (
        f"Verdict over {norms}: residual where the posterior probability that the model recognizes "
        f"copies more often than Re-train is above {above} at any of them, none where an excess of "
        f"at most {MARGIN:g} is {100 * SURE:g} % sure at every one, else undecided; another grid "
        "of norms asks for another probability and can give other verdicts."
    )


def verdict_rule_at_one() -> str:
    """The rule of `verdict` at a single tau, in a sentence."""
    return (
        "Verdict at this norm alone: residual where the posterior probability that the model "
        f"recognizes copies more often than Re-train is above {SURE:g} (not corrected for the "
        f"number of norms), none where an excess of at most {MARGIN:g} is {100 * SURE:g} % sure, "
        "else undecided."
    )


def verdict_note(residual: Residual) -> str:
    """What is to be said beside verdicts of this study: their rule, or why there are none."""
    return WITHHELD if residual.withheld else verdict_rule(len(residual.taus))


def verdict_word(number: int) -> str:
    """The word for one verdict, a dash where none is given."""
    return VERDICTS.get(int(number), DASH)


def verdict_counts(residual: Residual, model: str) -> dict[str, int] | None:
    """word -> how many forget samples have that verdict over all tau; None where none is given."""
    if residual.withheld:
        return None
    words = overall(verdict(residual, model))
    return {word: int((words == number).sum()) for number, word in VERDICTS.items()}


def exceedance(
    u: np.ndarray, a: np.ndarray, draws: int | np.ndarray, margin: float = 0.0
) -> Floats:
    """(n, T) posterior Pr[p_m > p_a + margin] given u (n, T), a (k, n, T) out of `draws`.

    Beta(1/2, 1/2) priors, averaged over the k Re-trains. draws: of all cells, or (n, T).
    """
    found = np.empty(u.shape)
    among = np.broadcast_to(draws, u.shape)
    for one in np.unique(among):
        cells = among == one
        found[cells] = _exceeding(u[cells], a[:, cells], int(one), margin)
    return found


def _exceeding(u: np.ndarray, a: np.ndarray, draws: int, margin: float) -> Floats:
    """(m,) the same for u (m,), a (k, m), all out of as many draws."""
    if draws <= TABLED:
        known: Floats = _table(draws, margin)[u[None], a].mean(0)
        return known
    every_u, at_u = np.unique(u, return_inverse=True)
    every_a, at_a = np.unique(a, return_inverse=True)
    chances = _exceedance(every_u, every_a, draws, margin)
    found: Floats = chances[at_u.reshape(u.shape), at_a.reshape(a.shape)].mean(0)
    return found


@functools.cache
def _table(draws: int, margin: float) -> Floats:
    """(draws + 1, draws + 1) what `_exceedance` says of all counts there can be."""
    every = np.arange(draws + 1)
    return _exceedance(every, every, draws, margin)


def _exceedance(u: np.ndarray, a: np.ndarray, draws: int, margin: float) -> Floats:
    """(i, j) Pr[p > q + margin], p ~ Beta(u + 1/2, draws - u + 1/2) for u (i,), q for a (j,).

    Gauss-Legendre quadrature over the angle t of q = (1 - margin) sin^2(t) up to which p can
    exceed q: the angle removes the singular ends of the density. The peaks are as narrow as
    1 / sqrt(draws), and the nodes as many as that asks for.
    """
    from scipy.special import betainc, betaln

    nodes, mass = legendre(60 + 20 * math.isqrt(draws))
    angle = (nodes + 1) * np.pi / 4
    q = (1 - margin) * np.sin(angle) ** 2
    slope = 2 * (1 - margin) * np.sin(angle) * np.cos(angle) * mass * np.pi / 4
    a, u = a[:, None], u[:, None]
    density = np.exp(
        (a - 0.5) * np.log(q) + (draws - a - 0.5) * np.log1p(-q) - betaln(a + 0.5, draws - a + 0.5)
    )
    above = 1 - betainc(u + 0.5, draws - u + 0.5, np.minimum(1.0, q + margin))
    chances: Floats = np.clip(above @ (density * slope).T, 0.0, 1.0)
    return chances


def _retrains(residual: Residual) -> list[str]:
    return [name for name in residual.counts if name.startswith("retrain-") and "@" not in name]
