"""Verdicts: whether single forget samples have residual knowledge, at a stated error rate.

Plain numpy on a `Residual`, so that tables, figures and the explorer can use it without torch.
Verdicts are this project's addition.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.drawing.labels import NO_VERDICTS_NOTE
from engine.residual.discoveries import FEWEST, samples_for_a_discovery
from engine.residual.e_process import MARGIN
from engine.results import Residual, retrain_names

SURE = 0.95  # that there is no excess worth mentioning
RESIDUAL, NONE, UNDECIDED = 1, -1, 0
NOT_GIVEN = 2  # with one Re-train, and for adaptive draws of an earlier version
VERDICTS = {RESIDUAL: "residual", NONE: "none", UNDECIDED: "undecided"}
DASH = "–"


def verdicts(residual: Residual, model: str) -> NDArray[np.int8]:
    """(n_f,) whether `model` has residual knowledge of each sample, over the whole grid of tau.

        RESIDUAL    where q <= fdr
        NONE        else where e >= 1 / (1 - 0.95) against an excess of 5 % of copies, at every tau
                    that is complete (all of them unless draws are adaptive)
        UNDECIDED   else
        NOT_GIVEN   with fewer than two Re-trains

    with q of `engine.residual.discoveries` and e of `engine.residual.e_process`. Among the samples
    RESIDUAL, the share that are like a Re-train's is at most fdr on average, whenever somebody
    looked; each NONE is wrong with a probability of at most 5 %. KeyError for an unknown model.

    >>> q, e = np.array([0.01, 0.3, 1.0]), np.array([[1.0], [1.0], [99.0]])
    >>> tau, none = np.array([0.1]), np.array([np.nan])
    >>> counts = {f"retrain-{j}": np.zeros((3, 1), int) for j in range(2)}
    >>> one = Residual(
    ...     "gaussian", tau, 100, np.arange(3), counts, {}, none, none, {},
    ...     q_values={"gd": q}, e_values={"gd": e}, absence={"gd": e},
    ... )
    >>> [verdict_word(number) for number in verdicts(one, "gd")]
    ['residual', 'undecided', 'none']
    """
    if not verdicts_given(residual):
        return np.full(len(residual.samples), NOT_GIVEN, np.int8)
    absence = residual.absence[model]
    absent = (np.isnan(absence) | (absence >= 1 / (1 - SURE))).all(1)
    absent &= np.isfinite(absence).any(1)
    discovered = residual.q_values[model] <= residual.fdr
    return np.where(discovered, RESIDUAL, np.where(absent, NONE, UNDECIDED)).astype(np.int8)


def verdicts_given(residual: Residual) -> bool:
    """Whether there are verdicts: not with one Re-train, nor for earlier adaptive draws."""
    return bool(residual.q_values) and len(retrain_names(residual.counts)) >= FEWEST


def verdict_columns(taus: Sequence[float]) -> list[int]:
    """Columns of the norms at which adaptive draws are complete, for verdicts: middle and last.

    >>> verdict_columns((0.0, 0.1, 0.2, 0.3, 0.4, 0.5)), verdict_columns((0.1,))
    ([3, 5], [0])
    """
    perturbed = [t for t, tau in enumerate(taus) if tau > 0]
    middle = perturbed[(len(perturbed) - 1) // 2 :][:1]
    return sorted({*middle, *perturbed[-1:]})


def verdict_rule(fdr: float = 0.0) -> str:
    """The rule of `verdicts` in a sentence; fdr 0: for any false discovery rate."""
    rate = f"{100 * fdr:g} %" if fdr else "the false discovery rate"
    return (
        f"Verdict: residual where q is at most {rate} (the sample exceeds what Re-trains show "
        "judged by one another, over all norms and samples, and the copies drawn prove it), none "
        f"where an excess of {100 * MARGIN:g} % of copies or more is ruled out at every norm with "
        f"{100 * SURE:g} % confidence, else undecided. Neither loses its level by early looks."
    )


def verdict_note(residual: Residual) -> str:
    """The note shown with verdicts of this study: their rule, or why there are none."""
    retrains = len(retrain_names(residual.counts))
    if residual.withheld:
        return NO_VERDICTS_NOTE
    if not verdicts_given(residual):
        return (
            "No verdicts: it takes at least two Re-trains to see how Re-trains differ, and this "
            f"study has {retrains}. Set Re-trains (--retrains)."
        )
    needed = samples_for_a_discovery(residual.fdr, retrains, len(residual.samples))
    some = ""
    if residual.drawn is not None:
        norms = ", ".join(f"{tau:g}" for tau in residual.taus[residual.complete])
        some = f" Draws were adaptive: verdicts and prevalence are based on τ {norms} alone."
    few = (
        f" With {retrains} Re-trains, at least {needed} samples must exceed all Re-trains before "
        "any counts."
    )
    return verdict_rule(residual.fdr) + some + few * (needed > 1)


def verdict_word(number: int) -> str:
    """The word for a verdict, a dash where none is given."""
    return VERDICTS.get(int(number), DASH)


def verdict_counts(residual: Residual, model: str) -> dict[str, int] | None:
    """word -> number of forget samples with that verdict; None where none are given."""
    if not verdicts_given(residual):
        return None
    codes = verdicts(residual, model)
    return {word: int((codes == number).sum()) for number, word in VERDICTS.items()}
