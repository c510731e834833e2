"""A neighborhood as a table of copies and verdicts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engine.datasets.base import Dataset
from engine.drawing.difference_image import amplified
from engine.residual.sample_ratio import Ratio, ratios_around
from engine.results import Neighborhood
from explorer.plots.matrix import ModelRow, Table
from explorer.plots.sample_curve import interval_words
from explorer.theme import Theme
from explorer.views.neighborhood.captions import ratio_tip


def table_of(
    shown: Neighborhood,
    dataset: Dataset,
    theme: Theme,
    label: Callable[[str], str],
    changes: bool,
) -> Table:
    """The copies, nearest to the sample first, with every model's predictions.

    label: display name of a model; changes: whether to add the amplified perturbations.
    """
    clean = _clean(dataset, shown)
    sizes = _distances(shown.copies, clean)
    order = np.argsort(sizes, kind="stable")
    copies, ratios = shown.copies[order], ratios_around(shown)
    added, factor = amplified(copies, clean) if clean is not None and changes else (None, 0.0)
    rows = [
        _row(shown, name, label(name), theme.model_style(name).color, dataset.classes, order,
             ratios.get(name))
        for name in shown.predictions
    ]  # fmt: skip
    color = theme.class_color(shown.label)
    return Table(clean, "original", color, copies, sizes[order], rows, added, factor)


def _row(
    shown: Neighborhood,
    name: str,
    label: str,
    color: str,
    classes: tuple[str, ...],
    order: np.ndarray,
    ratio: Ratio | None,
) -> ModelRow:
    predicted, count = shown.predictions[name][order], f"{shown.counts[name]} of {len(order)}"
    return ModelRow(
        label=label,
        color=color,
        predictions=[classes[int(k)] for k in predicted],
        correct=predicted == shown.label,
        confidence=shown.confidence[name][order],
        result=count,
        detail=f"r {interval_words(ratio)}" if ratio else "",
        tip=f"{label} recognizes {count} copies. {ratio_tip(ratio)}",
    )


def _clean(dataset: Dataset, shown: Neighborhood) -> np.ndarray | None:
    """The unperturbed sample in [0, 1], or None if it is not of this dataset."""
    if not 0 <= shown.sample < len(dataset):
        return None
    sample = dataset.pixels(shown.sample)
    return sample if sample.shape == shown.copies.shape[1:] else None


def _distances(copies: np.ndarray, clean: np.ndarray | None) -> np.ndarray:
    """(c,) L2 distance of each copy from the sample."""
    if clean is None:
        return np.zeros(len(copies))
    distances: np.ndarray = np.linalg.norm((copies - clean).reshape(len(copies), -1), axis=1)
    return distances
