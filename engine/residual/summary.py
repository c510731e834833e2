"""Summary of the residual knowledge of a forget set: counts, curves, null band and posterior."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from engine.arrays import Floats
from engine.residual.allocation import rates
from engine.residual.copy_counts import correct_counts, truncated
from engine.residual.posterior import posterior
from engine.residual.ratio import curve, null_band, resampling_weights
from engine.results import Residual, reference_counts
from engine.spec import ProbeSpec


def summarize(
    probe: ProbeSpec,
    draws: int,
    samples: np.ndarray,
    y: np.ndarray,
    predictions: Mapping[str, np.ndarray],
    judged: Sequence[str],
    retrains: Sequence[str],
    drawn: np.ndarray | None = None,
) -> Residual:
    """All statistics of a forget set from predictions (n, T, >= draws).

    predictions: model -> its predictions on its own copies; 'retrain-0@gd' -> a Re-train's
    predictions on copies attacked against gd (only for attacks). judged: models that get a curve.
    drawn (n, T): number of draws that count in each cell; those beyond are ignored.
    """
    restricted = {
        name: truncated(classes[:, :, :draws], drawn) for name, classes in predictions.items()
    }
    counts = {name: correct_counts(classes, y, draws) for name, classes in restricted.items()}
    weights = resampling_weights(len(samples), probe.seed)
    shares = {}
    if drawn is not None:
        shares = {n: rates(classes == y[:, None, None], drawn) for n, classes in restricted.items()}

    def shared(name: str) -> tuple[np.ndarray, np.ndarray] | None:
        return (shares[name], reference_counts(shares, name)) if shares else None

    against = {name: reference_counts(counts, name) for name in judged}
    low, high = null_band(counts, retrains, weights)
    return Residual(
        perturbation=probe.perturbation,
        taus=np.array(probe.taus),
        draws=draws,
        samples=samples,
        counts=counts,
        curves={n: curve(counts[n], against[n], weights, shared(n)) for n in judged},
        null_low=low,
        null_high=high,
        posterior=_posteriors(counts, against, draws, withheld=drawn is not None),
        predictions=restricted,
        drawn=drawn,
        rates=shares,
    )


def _posteriors(
    counts: Mapping[str, np.ndarray], against: Mapping[str, np.ndarray], draws: int, withheld: bool
) -> dict[str, Floats]:
    """model -> `posterior`, all NaN if withheld."""
    if withheld:
        return {name: np.full(counts[name].shape, np.nan) for name in against}
    return {name: posterior(counts[name], a, draws) for name, a in against.items()}
