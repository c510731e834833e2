"""What stands above and below curves: of how much they are made, and what to beware of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.carried import Carrier
from engine.labels import undefined_note
from engine.results import Residual

MOST = 200  # samples that a click on a curve selects and lists


def heading(residual: Residual, wanted: int) -> str:
    """How many copies of how many samples; `wanted`: how many it will be, 0 if that is all."""
    draws = f"c = {residual.draws:,} of {wanted:,}" if wanted else residual.said_draws
    return f"{draws} copies of each of {len(residual.samples):,} forget samples"


def undefined(residual: Residual, log: bool) -> str:
    """Where r does not exist, and where it cannot be drawn; '' if it is everywhere."""
    curves = list(residual.curves.values())
    if not curves:
        return ""
    most = np.max([curve.undefined for curve in curves], axis=0)
    note = undefined_note(most.astype(int).tolist(), len(residual.samples))
    parts = [f"r is {note}, which a Re-train never recognizes."] if note else []
    zero = any((np.nan_to_num(curve.mean, nan=1.0) <= 0).any() for curve in curves)
    if zero and log:
        parts.append("r = 0 has no place on a log scale.")
    return " ".join(parts)


def counted(found: Sequence[Carrier], residual: Residual) -> str:
    """How many samples carry a curve."""
    has = "has" if len(found) == 1 else "have"
    return f"{len(found):,} of {len(residual.samples):,} forget samples {has} r > 1"


def selected(found: Sequence[Carrier]) -> str:
    """Which of them were selected."""
    if len(found) > MOST:
        return f"the {MOST} with the largest r are selected."
    return "it is selected." if len(found) == 1 else "they are selected."
