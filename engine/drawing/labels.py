"""Labels of perturbations, models and axes, shared by the screen and figures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from engine import registry
from engine.perturbations import find
from engine.perturbations.base import PIXELS

NO_VERDICTS_NOTE = (
    "Prevalence and verdicts are not reported for adaptive draws of an earlier version: they would "
    "depend on the number of draws per sample. Measure this study again to get them."
)
LAYER_NOTE = (
    "A layer's output is taken after the normalization, activation and pooling that follow it; "
    "bands span the minimum to the maximum over the Re-trains and are not confidence intervals."
)


def plugin_label(kind: str, name: str) -> str:
    """The display name of a dataset, model or method; its registered name if it is unknown."""
    description = registry.find(kind, name)
    return description.label if description else name


def perturbation_label(name: str) -> str:
    """The display name of a perturbation; its registered name if it is unknown."""
    description = find(name)
    return description.label if description else name


def tau_label(perturbation: str) -> str:
    """The axis label of tau, with its measure and unit."""
    description = find(perturbation)
    measure = (
        f"{description.measure} ({description.unit})"
        if description
        else f"perturbation norm ({PIXELS})"
    )
    return f"τ: {description.label if description else perturbation}, {measure}"


def model_label(name: str, labels: Mapping[str, str]) -> str:
    """The display name of a model: the study's label, otherwise one derived from its name."""
    if name in labels:
        return labels[name]
    number = re.fullmatch(r"retrain-([0-9]{1,9})", name)
    if number:
        return f"Re-train {int(number[1])}"
    special = {"original": "Original", "retrain": "Re-train"}
    return special.get(name, name.upper())


def null_note(taus: Iterable[float]) -> str:
    """A caveat on the null band if the grid starts at 0, as a sentence; otherwise ''."""
    if next(iter(taus), None) != 0:
        return ""
    return (
        "At τ 0 no r can exceed 1, and the null band lies below 1 by construction: an Original at "
        "1 above it is no evidence."
    )


def undefined_of_each(
    undefined: Mapping[str, Iterable[int]], labels: Mapping[str, str], samples: int
) -> str:
    """'undefined for up to 51 (Original), 35 (RURK) of 70 samples'; '' if r is defined.

    undefined: model -> number of samples with undefined r, at each tau. Attacks are made against
    every model separately, so each has its own copies and undefined samples; if all numbers agree,
    the note is that of `undefined_note`.
    """
    by_model = {name: [int(n) for n in numbers] for name, numbers in undefined.items()}
    first = next(iter(by_model.values()), [])
    if all(numbers == first for numbers in by_model.values()):
        return undefined_note(first, samples)
    parts = [f"{max(numbers)} ({model_label(name, labels)})" for name, numbers in by_model.items()]
    up_to = "up to " * any(min(numbers) < max(numbers) for numbers in by_model.values())
    return f"undefined for {up_to}{', '.join(parts)} of {samples} samples"


def undefined_note(undefined: Sequence[int], samples: int) -> str:
    """'undefined for up to 3 of 70 samples', or '' if r is defined everywhere.

    undefined: number of samples with undefined r, at each tau.
    """
    most, least = max(undefined, default=0), min(undefined, default=0)
    if not most:
        return ""
    return f"undefined for {'up to ' if least < most else ''}{most} of {samples} samples"
