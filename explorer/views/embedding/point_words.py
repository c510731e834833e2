"""What is said of a point of the embedding: its sample, the models' answers, and r."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engine.datasets.base import Dataset
from engine.forget_sets.sample_names import shortened_name
from engine.results import PERTURBED, Embedding, Residual
from explorer.theme import Theme
from explorer.views.embedding.marks import KINDS
from explorer.widgets.sample_picture import Drawable, drawable


@dataclass(frozen=True, eq=False)
class PointWords:
    """Title, file or other name, and lines of plain text; sample and color of its picture."""

    title: str
    name: str
    lines: tuple[str, ...]
    sample: Drawable
    color: str


def words_of(
    row: int,
    shown: Embedding,
    dataset: Dataset,
    labels: Mapping[str, str],
    residual: Residual | None,
    column: int,
    theme: Theme,
) -> PointWords:
    """The words on a point.

    labels: model -> label, for the models described; column: index of the tau of r.
    """
    sample, label = int(shown.sample[row]), int(shown.label[row])
    return PointWords(
        f"{dataset.classes[label]}, sample {sample}",
        shortened_name(dataset.name_of(sample)),
        (
            _kind(row, shown),
            *(_answer(row, shown, dataset, model, label) for model, label in labels.items()),
            *_ratios(sample, labels, residual, column),
        ),
        drawable(dataset, sample),
        theme.class_color(label),
    )


def _kind(row: int, shown: Embedding) -> str:
    kind = int(shown.kind[row])
    if kind == PERTURBED:
        return f"copy perturbed at τ {shown.tau[row]:g} (picture: unperturbed)"
    return f"{KINDS[kind].label} set"


def _answer(row: int, shown: Embedding, dataset: Dataset, model: str, label: str) -> str:
    predicted = int(shown.predicted[model][row])
    mark = "✓" if predicted == shown.label[row] else "✗"
    loss = float(shown.loss[model][row])
    return f"{label}: {mark} {dataset.classes[predicted]}, loss {loss:.3g} nats"


def _ratios(
    sample: int, labels: Mapping[str, str], residual: Residual | None, column: int
) -> list[str]:
    if residual is None or sample not in residual.samples:
        return []
    place = int(np.flatnonzero(residual.samples == sample)[0])
    lines = []
    for model, label in labels.items():
        if model in residual.curves:
            own = residual.ratio(model)[place, column]
            words = f"{own:.3g}" if np.isfinite(own) else "undefined"
            lines.append(f"r of {label} at τ {residual.taus[column]:g}: {words}")
    return lines
