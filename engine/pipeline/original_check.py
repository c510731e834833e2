"""Whether a given Original answers as its trainer saw it; if not, its input may differ."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np

from engine.errors import CheckpointError, DataError, SpecError
from engine.external import weights
from engine.metrics import accuracy
from engine.pipeline.models import Workshop
from engine.runtime.progress import Reporter
from engine.study import compose
from engine.study.plan import Plan
from engine.weight_files.wrappers import accuracy as claimed

CHANCE = 0.1  # share of the way from the largest class to all right, up to which it is chance
FAR = 20.0  # points of accuracy between what is measured and what a file says of itself
ADVICE = (
    "It may have been trained with another normalization: set it by --normalize none (the network "
    "does it itself) or --normalize MEANS/DEVIATIONS, e.g. 0.5,0.5,0.5/0.25,0.25,0.25. The order "
    "of classes or channels may differ as well."
)


def say(work: Workshop, plan: Plan, report: Reporter) -> None:
    """Log one line if the Original is given and its training accuracy tells of another input."""
    one = compose.given(plan.spec, "original")
    if one is None:
        return
    with contextlib.suppress(DataError, SpecError):  # data that are gone tell nothing
        y = work.datasets.load(plan.spec.data, Reporter()).train_y
        found = work.models(plan).get("original")
        if found is not None:
            said = sentence(accuracy(found.train_logits, y), y, _claim(Path(one.path)))
            if said:
                report.log(said)


def sentence(reached: float, y: np.ndarray, claim: float | None) -> str:
    """What is strange about an accuracy of `reached` percent on the labels y (n,); '' if nothing.

    claim: percent that the checkpoint says of itself, None if it does not.
    """
    largest = 100 * float(np.bincount(y).max() / len(y))
    start = f"The given Original is right on {reached:.1f} % of the training set, "
    if reached <= largest + CHANCE * (100 - largest):
        return f"{start}which is chance (its largest class is {largest:.1f} %). {ADVICE}"
    if claim is not None and claim - reached > FAR:
        return f"{start}but its file speaks of {claim:.1f} %. {ADVICE}"
    return ""


def _claim(path: Path) -> float | None:
    """What the file says of its accuracy; None where it does not, or is gone."""
    with contextlib.suppress(CheckpointError):
        return claimed(weights.content_of(path)[0])
    return None
