"""What of an embedding is drawn as pictures, and where its classes are named."""

from __future__ import annotations

import numpy as np

from engine.analysis.point_colors import LEVELS, PointColors
from engine.datasets.base import Dataset
from engine.results import FORGET, PERTURBED, Embedding
from explorer.points.names import Name
from explorer.theme import Theme
from explorer.views.embedding.marks import CONTEXT, mixed

FIRST = 1000.0  # priority of forget samples over all others
SCATTER = 2654435761  # Knuth's multiplicative hash: a stable order that is none of the data's


def picture_candidates(
    shown: Embedding, one: PointColors, picked: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """((m,) bool, (m,) bool, (m,)): which points have pictures always, which ever, and priority.

    Forget samples always, the others if there is room; dimmed points (not in `picked`) and
    perturbed copies never. On a scale, forget samples with larger values come first.
    """
    ever = shown.kind != PERTURBED
    ever = ever if picked is None else ever & picked
    forget = shown.kind == FORGET
    order = (shown.sample.astype(np.uint64) * np.uint64(SCATTER) % np.uint64(1 << 32)) / 2**32
    on_scale = np.where(one.number < LEVELS, one.number, -1)
    level = -one.number if one.scale is None else on_scale  # remarkable groups come first
    return ever & forget, ever, np.where(forget, FIRST + level + order, order)


def class_names(
    shown: Embedding, xy: np.ndarray, dataset: Dataset, theme: Theme, *, pale: bool
) -> list[Name]:
    """The name of each class at the median of its visible points xy (m, 2), largest class first.

    pale: whether a dot in the class's color stands before the name.
    """
    visible = np.isfinite(xy).all(1) & (shown.kind != PERTURBED)
    labels = shown.label[visible]
    counts = np.bincount(labels, minlength=len(dataset.classes))
    result = []
    for label in np.argsort(-counts, kind="stable")[: int((counts > 0).sum())].tolist():
        x, y = np.median(xy[visible][labels == label], axis=0).tolist()
        color = theme.class_color(label) if pale else mixed(theme.text, theme.base, CONTEXT)
        result.append(Name(dataset.classes[label], x, y, color))
    return result
