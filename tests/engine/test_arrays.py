"""The mean of finite values against numpy's nanmean, which warns where there are none."""

from __future__ import annotations

import numpy as np
import pytest

from engine.arrays import nanmean


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_mean_is_numpys_where_something_is_defined(axis: int) -> None:
    rng = np.random.default_rng(axis)
    values = np.where(rng.random((3, 4, 5)) < 0.4, np.nan, rng.normal(size=(3, 4, 5)))
    values[:, 1, 2] = values[0, :, 2] = values[0, 1, :] = np.nan
    found = nanmean(values, axis)
    defined = np.isfinite(values).any(axis)
    filled = np.where(np.expand_dims(defined, axis), values, 0)
    assert found.shape == tuple(np.delete(values.shape, axis))
    assert np.isnan(found[~defined]).all() and not defined.all()
    assert found[defined] == pytest.approx(np.nanmean(filled, axis)[defined], rel=1e-14)


def test_what_is_infinite_is_not_defined() -> None:
    """Counts of zero make ratios of infinity, which belong to no mean."""
    assert nanmean(np.array([[1.0, np.inf], [3.0, -np.inf]]), 0).tolist()[0] == 2.0
    assert np.isnan(nanmean(np.array([[np.inf], [np.nan]]), 0)).all()
