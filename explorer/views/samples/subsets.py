"""The sets of samples that can be shown: training, retain, forget, test set, selection."""

from __future__ import annotations

import numpy as np

from engine.arrays import Mask

TRAINING, RETAIN, FORGET = "Training set", "Retain set", "Forget set"
TEST, ALL, CHOSEN = "Test set", "All samples", "Selected only"
VALIDATION = "Validation set"
SHOW = {  # set -> (property of AppState it depends on, tooltip)
    TRAINING: ("dataset", "The whole training set, validation samples included"),
    RETAIN: ("forget", "The training samples that the next run does not forget"),
    FORGET: ("forget", "The forget set of the next run"),
    VALIDATION: (
        "dataset",
        "Training samples held out for validation: neither learned nor used as test samples",
    ),
    TEST: ("dataset", "The test set, numbered after the training set; never learned"),
    ALL: ("dataset", "Training set and test set"),
    CHOSEN: ("selection", "The selected samples"),
}


def members(name: str, forget: Mask, chosen: Mask, trained: int, held: Mask) -> Mask:
    """(n + m,) mask of the samples of the set; n = `trained`.

    forget, chosen, held: (n + m,) masks of the forget set, the selection, the validation set.
    """
    training = np.arange(len(chosen)) < trained
    return {
        TRAINING: training, RETAIN: training & ~held & ~forget, FORGET: forget.copy(),
        VALIDATION: held.copy(), TEST: ~training, ALL: np.ones(len(chosen), bool),
        CHOSEN: chosen.copy(),
    }[name]  # fmt: skip


def size_of(name: str, samples: int, trained: int) -> int:
    """The size of what the set is a part of: training set, test set or both."""
    if name == TEST:
        return samples - trained
    return samples if name in (ALL, CHOSEN) else trained
