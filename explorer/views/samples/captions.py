"""Captions of Samples: counts of samples shown, selected, to forget, and never learned."""

from __future__ import annotations

import numpy as np

from engine.arrays import Mask
from engine.datasets.base import Dataset

LOADING = "Loading the dataset. Its samples will appear here."
NOTHING = "No sample meets all conditions. Remove a filter, or choose another class or set."


def counts(shown: int, total: int, forget: Mask, chosen: Mask) -> str:
    """How many of `total` samples are shown, in the forget set, and selected."""
    samples = f"{total:,} samples" if shown == total else f"{shown:,} of {total:,} samples"
    selected = f" · {int(chosen.sum()):,} selected" if chosen.any() else ""
    return f"{samples} · {int(forget.sum()):,} to forget{selected}"


def learned(chosen: Mask, dataset: Dataset | None, trained: int) -> Mask:
    """(n + m,) the selected samples that can be forgotten: no test and no validation samples."""
    result = chosen.copy()
    result[trained:] = False
    if dataset is not None:
        result[dataset.validation] = False
    return result


def never_learned(chosen: Mask, dataset: Dataset | None, trained: int) -> str:
    """Which selected samples cannot be forgotten; '' if all can.

    chosen: (n + m,); trained: n, after which the test samples begin.
    """
    held = int(chosen[dataset.validation].sum()) if dataset is not None else 0
    parts = [
        f"1 {what} sample" if n == 1 else f"{n:,} {what} samples"
        for what, n in (("test", int(chosen[trained:].sum())), ("validation", held))
        if n
    ]
    if not parts:
        return ""
    are = "is" if len(parts) == 1 and parts[0].startswith("1 ") else "are"
    return f"{' and '.join(parts)} {are} selected: never learned, so left out of the forget set."


def title(samples: np.ndarray, what: str, key: str) -> str:
    """The title of a sheet of these samples: their number, set and order."""
    return f"{len(samples):,} samples ({what}), by {key.lower()}"
