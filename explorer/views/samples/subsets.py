"""The sets of samples that can be shown: training, retain, forget and test set, the selection."""

from __future__ import annotations

import numpy as np

from engine.arrays import Mask

TRAINING, RETAIN, FORGET = "Training set", "Retain set", "Forget set"
TEST, ALL, CHOSEN = "Test set", "All samples", "Selected only"
VALIDATION = "Validation set"
SHOW = {  # what that depends on, and what it means
    TRAINING: ("dataset", "Every sample of the training set, held out or not"),
    RETAIN: ("forget", "The training samples that the next run does not forget"),
    FORGET: ("forget", "The forget set of the next run"),
    VALIDATION: ("dataset", "Training samples that are held out: neither learned nor tested on"),
    TEST: ("dataset", "The test set, numbered after the training set; never learned"),
    ALL: ("dataset", "Training set and test set"),
    CHOSEN: ("selection", "The samples that are selected"),
}


def members(name: str, forget: Mask, chosen: Mask, trained: int, held: Mask) -> Mask:
    """(n + m,) which samples belong to the set; n = `trained`.

    forget, chosen, held: (n + m,) which are to forget, are selected, are held out for validation.
    """
    training = np.arange(len(chosen)) < trained
    return {
        TRAINING: training, RETAIN: training & ~held & ~forget, FORGET: forget.copy(),
        VALIDATION: held.copy(), TEST: ~training, ALL: np.ones(len(chosen), bool),
        CHOSEN: chosen.copy(),
    }[name]  # fmt: skip


def size_of(name: str, samples: int, trained: int) -> int:
    """How many of `samples` samples the set is a part of: training set, test set or both."""
    if name == TEST:
        return samples - trained
    return samples if name in (ALL, CHOSEN) else trained
