"""Type aliases for numpy arrays, and a mean that ignores undefined values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]


def nanmean(values: Floats, axis: int) -> Floats:
    """Mean of the finite values along `axis`; NaN, without numpy's warning, where there are none.

    values: of any shape; the result has the same shape without `axis`.

    >>> nanmean(np.array([[1.0, np.nan], [3.0, np.nan]]), 0)
    array([ 2., nan])
    """
    defined = np.isfinite(values)
    count = defined.sum(axis)
    total = np.where(defined, values, 0).sum(axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
