"""The forget samples with r > 1 at one tau, which carry a model's curve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.analysis.ranking import carriers
from engine.results import Residual


@dataclass(frozen=True)
class Carrier:
    """One forget sample whose own r exceeds 1.

    sample: training-set index; r: its residual knowledge; known: how many of its `draws` copies
    the model recognizes; retrain: the same count for Re-train, averaged over the Re-trains.
    """

    sample: int
    r: float
    known: int
    retrain: float
    draws: int


def carriers_at(residual: Residual, model: str, column: int) -> list[Carrier]:
    """The forget samples with r > 1 in `model` at one tau, largest r first.

    column: index into `residual.taus`.
    """
    row_of_sample = {int(sample): row for row, sample in enumerate(residual.samples)}
    rows = np.array([row_of_sample[int(one)] for one in carriers(residual, model, column)], np.intp)
    r = residual.ratio(model)[rows, column]
    recognized = residual.counts[model][rows, column]
    retrain = residual.reference(model)[:, rows, column].mean(0)
    samples, draws = residual.samples[rows], residual.per_cell[rows, column]
    return [
        Carrier(int(sample), float(own), int(u), float(a), int(c))
        for sample, own, u, a, c in zip(samples, r, recognized, retrain, draws, strict=True)
    ]
