"""The method whose forget samples are recognized above Re-train most often."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import synthetic

from engine.analysis.ranking import leading_method
from engine.results import Residual


def _with(**share: int) -> Residual:
    """Each method recognizes so many of 100 copies; Re-trains recognize 50."""
    residual = synthetic.residual()
    counts = {name: np.full_like(one, 50) for name, one in residual.counts.items()}
    counts |= {name: np.full_like(counts[name], value) for name, value in share.items()}
    return replace(residual, counts=counts)


def test_it_is_the_method_above_retrain_most_often_and_never_original() -> None:
    assert leading_method(_with(rurk=50, gd=60, original=100)) == "gd"
    assert leading_method(_with(rurk=51, gd=50, original=100)) == "rurk"


def test_of_equal_methods_it_is_the_first() -> None:
    residual = _with(rurk=90, gd=90)
    assert leading_method(residual) == next(n for n in residual.curves if n != "original")


def test_where_nothing_is_recognized_there_still_is_one() -> None:
    residual = synthetic.residual()
    nothing = {name: np.zeros_like(one) for name, one in residual.counts.items()}
    assert leading_method(replace(residual, counts=nothing)) in residual.curves
