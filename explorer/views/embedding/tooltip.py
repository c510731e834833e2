"""The tooltip of a point of the embedding."""

from __future__ import annotations

import html
from collections.abc import Mapping

import numpy as np

from engine.datasets.base import Dataset
from engine.forget_sets.sample_names import sample_title
from engine.results import PERTURBED, Embedding, Residual
from explorer.theme import Theme
from explorer.views.embedding.marks import KINDS
from explorer.widgets.sample_picture import html_beside, html_picture

SIDE = 96  # logical pixels of the picture


def describe(
    row: int,
    shown: Embedding,
    dataset: Dataset,
    labels: Mapping[str, str],
    residual: Residual | None,
    column: int,
    theme: Theme,
) -> str:
    """The tooltip of a point, as rich text.

    labels: model -> label, for the models described; column: index of the tau of r.
    """
    sample, label = int(shown.sample[row]), int(shown.label[row])
    picture = html_picture(dataset.raw(sample), SIDE, theme.class_color(label), theme.base)
    lines = [
        f"<b>{html.escape(sample_title(sample, dataset))}</b>, {_kind(row, shown)}",
        f"class {html.escape(dataset.classes[label])}",
        *(_answer(row, shown, dataset, model, label) for model, label in labels.items()),
        *_ratios(sample, labels, residual, column),
    ]
    return html_beside(picture, lines)


def _kind(row: int, shown: Embedding) -> str:
    kind = int(shown.kind[row])
    tau = f" at τ {shown.tau[row]:g} (picture: unperturbed)" if kind == PERTURBED else ""
    return f"{KINDS[kind].label}{tau}"


def _answer(row: int, shown: Embedding, dataset: Dataset, model: str, label: str) -> str:
    predicted = int(shown.predicted[model][row])
    mark = "✓" if predicted == shown.label[row] else "✗"
    name, loss = html.escape(dataset.classes[predicted]), float(shown.loss[model][row])
    return f"{html.escape(label)}: {name} {mark}, loss {loss:.3g} nats"


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
            lines.append(f"r of {html.escape(label)} at τ {residual.taus[column]:g}: {words}")
    return lines
