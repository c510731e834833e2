"""The words that screen and paper share: what perturbations, models and axes are called."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from engine.perturbations import described
from engine.perturbations.base import PIXELS

WITHHELD = (
    "Prevalence and verdicts are not given where draws were adaptive: they would depend on how "
    "many draws each sample got. Measure without adaptive draws to have them."
)
LAYER = (
    "A layer is taken after the normalization, activation and pooling modules that follow it; "
    "bands are the smallest and largest value over the Re-trains, not intervals."
)


def perturbation_label(name: str) -> str:
    """What people call a perturbation; its own name where it is a stranger's."""
    known = described(name)
    return known.label if known else name


def tau_label(perturbation: str) -> str:
    """The axis label of tau, with what it measures and its unit."""
    known = described(perturbation)
    measure = f"{known.measure} ({known.unit})" if known else f"perturbation norm ({PIXELS})"
    return f"τ: {known.label if known else perturbation}, {measure}"


def model_label(name: str, labels: Mapping[str, str]) -> str:
    """What people call a model: the study's own label, else one made from its name."""
    if name in labels:
        return labels[name]
    number = re.fullmatch(r"retrain-([0-9]{1,9})", name)
    if number:
        return f"Re-train {int(number[1])}"
    known = {"original": "Original", "retrain": "Re-train"}
    return known.get(name, name.upper())


def null_note(taus: Iterable[float]) -> str:
    """What the null band cannot tell where the grid begins at 0, as a sentence; else ''."""
    if next(iter(taus), None) != 0:
        return ""
    return (
        "At τ 0 no r can exceed 1, and the null band lies below 1 by construction: an Original at "
        "1 above it is no evidence."
    )


def undefined_of_each(
    undefined: Mapping[str, Iterable[int]], labels: Mapping[str, str], samples: int
) -> str:
    """'undefined for up to 51 (Original), 35 (RURK) of 70 samples'; '' where r is defined.

    undefined: model -> for how many samples its r is undefined, at each tau. Attacks are made
    against every model anew, so that each has copies, and undefined samples, of its own; where all
    have the same, the note is that of `undefined_note`.
    """
    every = {name: [int(n) for n in own] for name, own in undefined.items()}
    first = next(iter(every.values()), [])
    if all(own == first for own in every.values()):
        return undefined_note(first, samples)
    parts = [f"{max(own)} ({model_label(name, labels)})" for name, own in every.items()]
    up_to = "up to " * any(min(own) < max(own) for own in every.values())
    return f"undefined for {up_to}{', '.join(parts)} of {samples} samples"


def undefined_note(undefined: Sequence[int], samples: int) -> str:
    """'undefined for up to 3 of 70 samples', or '' where r is defined everywhere.

    undefined: how many samples r is undefined for, at each tau.
    """
    most, least = max(undefined, default=0), min(undefined, default=0)
    if not most:
        return ""
    return f"undefined for {'up to ' if least < most else ''}{most} of {samples} samples"
