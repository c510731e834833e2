"""The evidence of a study as JSON data: on its forget samples, and what Re-trains differ by."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.residual.prediction import prediction, retrains_for_a_claim
from engine.residual.verdict import verdict_word, verdicts, verdicts_given
from engine.results import Residual

Numbers = list[float | int | None]


def samples_json(residual: Residual, model: str) -> dict[str, Any]:
    """Of each forget sample, in the order of the forget set: q-value, e-values, verdict, radius.

    q_values (n_f), e_values (n_f, T), verdicts (n_f: 'residual', 'none' or 'undecided'),
    certified_radius (n_f, L2 length of pixels in [0, 1]); null where there is none: with one
    Re-train, where predictions are not stored, and a radius only with Gaussian noise.
    """
    q, e = residual.q_values.get(model), residual.e_values.get(model)
    radius = residual.certified_radius.get(model)
    given = verdicts_given(residual)
    return {
        "q_values": None if q is None or not given else numbers(q),
        "e_values": None if e is None else [numbers(row) for row in e],
        "verdicts": [verdict_word(one) for one in verdicts(residual, model)] if given else None,
        "fdr": residual.fdr,
        "certified_radius": None if radius is None else numbers(radius),
    }


def null_json(residual: Residual) -> dict[str, Any]:
    """What Re-trains differ by, (T) each: of the paper's mean, and of the pooled ratio.

    low, high: the null band of r; pooled_low, pooled_high: the range of the Re-trains' pooled
    ratios; prediction_low, prediction_high: where that of one more Re-train lies with 95 %
    probability at each tau, grid_low, grid_high at all of them; retrains_for_a_claim: how many
    Re-trains it takes until some curve leaves the latter, null if no number would do.
    """
    own = prediction(residual)
    return {
        "low": numbers(residual.null_low),
        "high": numbers(residual.null_high),
        "pooled_low": numbers(own.envelope_low),
        "pooled_high": numbers(own.envelope_high),
        "prediction_low": numbers(own.low),
        "prediction_high": numbers(own.high),
        "grid_low": numbers(own.grid_low),
        "grid_high": numbers(own.grid_high),
        "retrains_for_a_claim": retrains_for_a_claim(residual, own),
    }


def numbers(values: np.ndarray) -> Numbers:
    """Values (m,) as JSON numbers, null where they are not finite."""
    return [float(value) if math.isfinite(value) else None for value in values]
