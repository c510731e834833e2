"""Points of an embedding worth highlighting for one model, in plain numpy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engine.arrays import Mask
from engine.results import FORGET, RETAIN, TEST, Embedding

FORGOTTEN, RECOGNIZED, LOST = "forgotten", "still recognized", "wrongly lost"
HIGHLIGHTS = {  # highlight -> its meaning
    FORGOTTEN: "Forget samples that the model no longer classifies correctly",
    RECOGNIZED: "Forget samples that it classifies correctly, although most Re-trains do not",
    LOST: "Retain and test samples that it misclassifies, although Original is correct",
}


@dataclass(frozen=True, eq=False)
class Emphasis:
    """The points of one highlight: its meaning, and model -> (m,) bool."""

    words: str
    points: Mapping[str, Mask]


def highlights(
    embedding: Embedding, model: str, original: np.ndarray, retrained: np.ndarray
) -> dict[str, Mask]:
    """Highlight -> (m,) bool: the points it selects for this model.

    original (n,): which samples Original classifies correctly, training samples first, then test
    samples; retrained (n,): the share of Re-trains that do.
    """
    right, sample = embedding.right(model), embedding.sample
    forget = embedding.kind == FORGET
    others = (embedding.kind == RETAIN) | (embedding.kind == TEST)
    return {
        FORGOTTEN: forget & ~right,
        RECOGNIZED: forget & right & (retrained[sample] < 0.5),
        LOST: others & ~right & original[sample],
    }
