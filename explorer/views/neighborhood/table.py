"""A neighborhood as a table of copies and verdicts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engine.analysis.sample_curve import Spread, own_curves
from engine.datasets.base import Dataset, feature_names
from engine.drawing.copy_words import changed_words, moved_features
from engine.drawing.difference_image import amplified
from engine.residual.sample_ratio import Ratio, ratios_around
from engine.results import Neighborhood, Residual, retrain_names
from explorer.plots.matrix import CLOSED, OPEN, ModelRow, Table
from explorer.plots.sample_curve import SampleRatios, interval_words, short
from explorer.theme import Theme
from explorer.views.neighborhood.captions import ratio_tip
from explorer.widgets.message_picture import Words, marked_words, plain_words


def table_of(
    shown: Neighborhood,
    dataset: Dataset,
    theme: Theme,
    label: Callable[[str], str],
    changes: bool,
    unfolded: bool = True,
) -> Table:
    """The copies, nearest to the sample first, with every model's predictions.

    label: display name of a model; changes: whether to add the amplified perturbations; unfolded:
    whether each Re-train has a row of its own below the row that sums them up.
    """
    clean = _clean(dataset, shown)
    sizes = _distances(shown.copies, clean)
    order = np.argsort(sizes, kind="stable")
    copies, ratios = shown.copies[order], ratios_around(shown)
    added, factor = amplified(copies, clean) if clean is not None and changes else (None, 0.0)
    rows: list[ModelRow] = []
    retrains = retrain_names(shown.predictions)
    for name in shown.predictions:
        if len(retrains) > 1 and name == retrains[0]:
            rows.append(_retrains(shown, retrains, theme, order, unfolded))
        if name not in retrains or len(retrains) == 1 or unfolded:
            color = theme.model_style(name).color
            rows.append(
                _row(shown, name, label(name), color, dataset.classes, order, ratios.get(name))
            )
    color, words = theme.class_color(shown.label), _words(shown, order, theme)
    message = plain_words(dataset.texts[shown.sample]) if dataset.texts and words else ()
    notes = _notes(shown, clean, order, dataset)
    return Table(
        clean, "sample", color, copies, sizes[order], rows, added, factor, words, message, notes
    )


def _words(shown: Neighborhood, order: np.ndarray, theme: Theme) -> list[Words]:
    """The copies as messages, with what changed in color; [] where they are none."""
    if not shown.edits:
        return []
    new, dropped = theme.readable(theme.accent), theme.readable(theme.danger)
    return [marked_words(shown.edits[copy], new, dropped) for copy in order.tolist()]


def _notes(
    shown: Neighborhood, clean: np.ndarray | None, order: np.ndarray, dataset: Dataset
) -> list[str]:
    """What each copy changed, in words: of messages and of named features."""
    if shown.edits:
        return [changed_words(shown.edits[copy]) for copy in order.tolist()]
    if clean is None or dataset.is_image or dataset.texts:
        return []
    names = feature_names(dataset)
    return [moved_features(copy, clean, names) for copy in shown.copies[order]]


def _row(
    shown: Neighborhood,
    name: str,
    label: str,
    color: str,
    classes: tuple[str, ...],
    order: np.ndarray,
    ratio: Ratio | None,
) -> ModelRow:
    brief = f"  r {short(float(ratio.r))}" if ratio and ratio.against else ""
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
        brief=f"{shown.counts[name]} / {len(order)}{brief}",
    )


def _retrains(
    shown: Neighborhood, names: list[str], theme: Theme, order: np.ndarray, unfolded: bool
) -> ModelRow:
    """One row that sums up all Re-trains."""
    right = np.stack([shown.predictions[name][order] == shown.label for name in names])
    confidence = np.mean([shown.confidence[name][order] for name in names], axis=0)
    counts = sorted(shown.counts[name] for name in names)
    low, high, copies = counts[0], counts[-1], len(order)
    span = f"{low}" if low == high else f"{low} to {high}"
    label = f"{len(names)} Re-trains"
    each = ", ".join(str(shown.counts[name]) for name in names)
    return ModelRow(
        label=label,
        color=theme.model_style(names[0]).color,
        predictions=[""] * copies,
        correct=right.mean(axis=0) > 0.5,
        confidence=confidence,
        result=f"{span} of {copies}",
        tip=f"{label} recognize {each} of {copies} copies: the reference of r. A click on the "
        f"name {'hides' if unfolded else 'shows'} each of them.",
        brief=f"{span} / {copies}",
        share=right.mean(axis=0),
        fold=OPEN if unfolded else CLOSED,
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


def ratios_of(
    residual: Residual, shown: Neighborhood, model: str, around: Spread, tau: float
) -> SampleRatios:
    """The sample's r over tau in every model, beside its spread over the forget set in one."""
    curves = own_curves(residual, shown.sample)
    return SampleRatios(
        sample=shown.sample,
        perturbation=residual.perturbation,
        taus=residual.taus,
        samples=len(residual.samples),
        model=model,
        spread=around,
        curves=curves,
        around={} if curves else ratios_around(shown),
        tau=tau,
    )
