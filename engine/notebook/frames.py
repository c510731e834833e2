"""Data frames, for which pandas is imported only when one is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engine.runtime.libraries import require


def frame(columns: Mapping[str, np.ndarray | Sequence[object]]) -> Any:
    """A pandas DataFrame of these columns; SpecError if pandas is not installed."""
    require("pandas", "A data frame needs")
    return importlib.import_module("pandas").DataFrame(dict(columns))
