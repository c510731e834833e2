"""A table of samples as they lie in an embedding: place, class, predictions and r."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.datasets.base import Dataset
from engine.results import FORGET, PERTURBED, RETAIN, TEST, Embedding, Residual
from engine.tables.csv import csv_text

KINDS = {RETAIN: "retain", FORGET: "forget", TEST: "test"}


def points_csv(
    samples: Sequence[int],
    shown: Embedding,
    dataset: Dataset,
    residual: Residual | None,
    tau: float,
) -> str:
    """CSV with one row for each of the samples.

    Of each model in the embedding: its coordinates (UMAP, no unit), prediction and loss (nats),
    empty for samples that are not in the embedding; of each measured model: r at the norm of the
    grid that is nearest to `tau`, empty where it is undefined or not measured.
    """
    rows = {
        int(sample): row for row, sample in enumerate(shown.sample) if shown.kind[row] != PERTURBED
    }
    measured = tuple(residual.curves) if residual is not None else ()
    column = residual.column(tau) if residual is not None else 0
    at = residual.taus[column] if residual is not None else np.nan
    places = {int(s): i for i, s in enumerate(residual.samples)} if residual is not None else {}
    ratios = {name: residual.ratio(name)[:, column] for name in measured} if residual else {}
    head = ["index", "name", "class", "set"]
    for model in shown.models:
        head += [f"x {model}", f"y {model}", f"predicted {model}", f"loss {model}"]
    head += [f"r {model} at tau {at:g}" for model in measured]
    body: list[list[object]] = []
    for sample in samples:
        row = rows.get(sample)
        kind = KINDS[int(shown.kind[row])] if row is not None else ""
        cells: list[object] = [
            sample,
            dataset.name_of(sample),
            dataset.classes[dataset.label_of(sample)],
        ]
        cells.append(kind)
        for model in shown.models:
            cells += _of_model(model, row, shown, dataset)
        cells += [_number(ratios[model], places.get(sample)) for model in measured]
        body.append(cells)
    return csv_text(head, body)


def _of_model(model: str, row: int | None, shown: Embedding, dataset: Dataset) -> list[object]:
    if row is None:
        return [""] * 4
    x, y = shown.xy[model][row].tolist()
    predicted = dataset.classes[int(shown.predicted[model][row])]
    return [x, y, predicted, float(shown.loss[model][row])]


def _number(values: np.ndarray, place: int | None) -> object:
    if place is None or not np.isfinite(values[place]):
        return ""
    return float(values[place])
