"""Validation parts that data bring along."""

from __future__ import annotations

import numpy as np

from engine.errors import SpecError
from engine.spec import DataSpec


def own_part(spec: DataSpec, start: int, stop: int) -> np.ndarray:
    """(v,) the indices start to stop - 1; SpecError if a share is to be held out beside them."""
    if stop > start and spec.validation:
        raise SpecError(
            f"Dataset '{spec.name}' has a validation part of its own ({stop - start:,} samples). "
            "Leave the share at 0 (--validation 0)."
        )
    return np.arange(start, stop)
