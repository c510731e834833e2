"""The kinds of numpy arrays that annotations name, and the mean over what is defined."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]


def nanmean(values: Floats, axis: int) -> Floats:
    """Mean over what is finite along `axis`, NaN where nothing is; unlike numpy's, no warning.

    values: of any shape; the result has it less `axis`.

    >>> nanmean(np.array([[1.0, np.nan], [3.0, np.nan]]), 0)
    array([ 2., nan])
    """
    defined = np.isfinite(values)
    count = defined.sum(axis)
    total = np.where(defined, values, 0).sum(axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
