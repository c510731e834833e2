"""Which points of an embedding are remarkable in one model: plain numpy."""

from __future__ import annotations

import numpy as np

from engine.arrays import Mask
from engine.results import FORGET, RETAIN, TEST, Embedding

FORGOTTEN, RECOGNIZED, LOST = "forgotten", "still recognized", "wrongly lost"
HIGHLIGHTS = {  # what can be highlighted, and what it means
    FORGOTTEN: "Forget samples that the model does not get right any more",
    RECOGNIZED: "Forget samples that it gets right, though most Re-trains do not",
    LOST: "Retain and test samples that it gets wrong, though Original has them right",
}


def highlights(
    shown: Embedding, model: str, original: np.ndarray, retrained: np.ndarray
) -> dict[str, Mask]:
    """Highlight -> (m,) which points it picks in this model.

    original (n,): which samples, test after training samples, Original gets right; retrained
    (n,): the share of the Re-trains that does.
    """
    right, sample = shown.right(model), shown.sample
    forget = shown.kind == FORGET
    others = (shown.kind == RETAIN) | (shown.kind == TEST)
    return {
        FORGOTTEN: forget & ~right,
        RECOGNIZED: forget & right & (retrained[sample] < 0.5),
        LOST: others & ~right & original[sample],
    }
