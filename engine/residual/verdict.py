"""Verdicts: whether single forget samples have residual knowledge, as far as draws can tell.

Plain numpy on a `Residual`, so that tables, figures and the explorer can use it without torch.
Verdicts are this project's addition.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Floats
from engine.drawing.labels import NO_VERDICTS_NOTE
from engine.residual.posterior import MARGIN, exceedance
from engine.results import Residual

SURE = 0.95  # posterior probability above which a verdict is given
RESIDUAL, NONE, UNDECIDED = 1, -1, 0
NOT_GIVEN = 2  # where draws were adaptive
VERDICTS = {RESIDUAL: "residual", NONE: "none", UNDECIDED: "undecided"}
DASH = "–"


@dataclass(frozen=True, eq=False)
class Verdict:
    """Verdicts on each forget sample at each tau separately, arrays (n_f, T).

    verdict: int8 RESIDUAL, NONE or UNDECIDED; exceeds: posterior probability that the model
    recognizes copies more often than Re-train; matters: that it does so by more than `MARGIN`.
    NOT_GIVEN and NaN everywhere if draws were adaptive.
    """

    verdict: NDArray[np.int8]
    exceeds: Floats
    matters: Floats


def verdict(residual: Residual, model: str, margin: float = MARGIN) -> Verdict:
    """Whether `model` has residual knowledge of each sample, as far as the draws can tell.

        RESIDUAL    where Pr[p_m > p_a] > 0.95
        NONE        else where Pr[p_m <= p_a + margin] > 0.95
        UNDECIDED   else: more draws would be needed

    with the posterior of `engine.residual.posterior`. Where both hold, the excess is real but
    small, and the verdict is RESIDUAL. NOT_GIVEN if draws were adaptive. Not corrected for the
    number of taus, see `overall`. KeyError for an unknown model. This project's addition.

    90 against 50 of 100 copies, 50 against 90, and 50 against 50:

    >>> counts = {"gd": np.array([[90], [50], [50]]), "retrain-0": np.array([[50], [90], [50]])}
    >>> tau, none, draws = np.array([0.1]), np.array([np.nan]), 100
    >>> sure = {"gd": exceedance(counts["gd"], counts["retrain-0"][None], draws)}
    >>> one = Residual("gaussian", tau, draws, np.arange(3), counts, {}, none, none, sure)
    >>> [verdict_word(number) for number in verdict(one, "gd").verdict[:, 0]]
    ['residual', 'none', 'undecided']
    """
    if residual.withheld:
        nothing = np.full(residual.counts[model].shape, np.nan)
        return Verdict(np.full(nothing.shape, NOT_GIVEN, np.int8), nothing, nothing)
    exceeds = residual.posterior[model]
    u, a = residual.counts[model], residual.reference(model)
    matters = exceedance(u, a, residual.per_cell, margin)
    codes = np.where(exceeds > SURE, RESIDUAL, np.where(1 - matters > SURE, NONE, UNDECIDED))
    return Verdict(codes.astype(np.int8), exceeds, matters)


def overall(verdicts: Verdict) -> NDArray[np.int8]:
    """(n_f,) one verdict per sample over the whole grid of tau.

    RESIDUAL if the posterior exceeds `threshold` at any tau, NONE if it is NONE at every tau, else
    UNDECIDED; NOT_GIVEN if draws were adaptive. `verdict_rule` puts it in words.

    0.96 suffices for a single tau, but not for one of two, which requires 0.975:

    >>> exceeds = np.array([[0.96, 0.5], [0.98, 0.5], [0.0, 0.0]])
    >>> each = np.array([[RESIDUAL, UNDECIDED], [RESIDUAL, UNDECIDED], [NONE, NONE]], np.int8)
    >>> [verdict_word(number) for number in overall(Verdict(each, exceeds, exceeds))]
    ['undecided', 'residual', 'none']
    """
    if (verdicts.verdict == NOT_GIVEN).any():
        return np.full(len(verdicts.verdict), NOT_GIVEN, np.int8)
    any_tau = (verdicts.exceeds > threshold(verdicts.exceeds.shape[1])).any(1)
    every_tau = (verdicts.verdict == NONE).all(1)
    return np.where(any_tau, RESIDUAL, np.where(every_tau, NONE, UNDECIDED)).astype(np.int8)


def threshold(taus: int) -> float:
    """Posterior probability above which one of `taus` norms makes a sample RESIDUAL.

        1 - (1 - 0.95) / taus

    so that all of them together err no more often than a single one (Bonferroni).

    >>> round(threshold(5), 6)
    0.99
    """
    return 1 - (1 - SURE) / taus


def verdict_rule(taus: int) -> str:
    """The rule of `overall` for a grid of `taus` norms, in a sentence; 0: for any grid."""
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
    """The note shown with verdicts of this study: their rule, or why there are none."""
    return NO_VERDICTS_NOTE if residual.withheld else verdict_rule(len(residual.taus))


def verdict_word(number: int) -> str:
    """The word for a verdict, a dash where none is given."""
    return VERDICTS.get(int(number), DASH)


def verdict_counts(residual: Residual, model: str) -> dict[str, int] | None:
    """word -> number of forget samples with that overall verdict; None where none are given."""
    if residual.withheld:
        return None
    words = overall(verdict(residual, model))
    return {word: int((words == number).sum()) for number, word in VERDICTS.items()}
