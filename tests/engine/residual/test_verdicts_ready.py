from __future__ import annotations

import numpy as np

from engine.residual import posterior, verdict
from engine.results import Residual

TAUS, SAMPLES = 3, 6


def residual(draws: int, drawn: np.ndarray | None = None) -> Residual:
    """Counts of two models out of `draws`, or out of `drawn` (n, T)."""
    rng, shape = np.random.default_rng(0), (SAMPLES, TAUS)
    counts = {name: rng.integers(0, draws + 1, shape) for name in ("gd", "retrain-0")}
    flat = np.ones(TAUS)
    return Residual(
        "gaussian", flat, draws, np.arange(SAMPLES), counts, {}, flat, flat,
        {"gd": rng.random(shape)}, drawn=drawn,
    )  # fmt: skip


def test_verdicts_need_nothing_more_once_they_were_got_ready() -> None:
    posterior.warm_up(residual(73))
    before = posterior._table.cache_info()
    found = verdict.verdict(residual(73), "gd")
    after = posterior._table.cache_info()
    assert found.verdict.shape == (SAMPLES, TAUS)
    assert after.misses == before.misses and after.hits > before.hits


def test_every_number_of_draws_is_got_ready() -> None:
    drawn = np.array([[16, 32, 64]] * SAMPLES)
    posterior.warm_up(residual(64, drawn))
    before = posterior._table.cache_info().misses
    one = np.ones((1, 1), int)
    for draws in (16, 32, 64):
        for margin in (0.0, posterior.MARGIN):  # of findings, of verdicts
            posterior.exceedance(one, one[None], draws, margin)
    assert posterior._table.cache_info().misses == before
