"""Plausibility check of a supplied Original: poor accuracy suggests a different input scaling."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np

from engine.errors import CheckpointError, DataError, SpecError
from engine.metrics import accuracy
from engine.pipeline.models import StudyModels
from engine.runtime.progress import Reporter
from engine.spec import GIVEN
from engine.study import compose
from engine.study.plan import Plan

CHANCE = 0.1  # fraction of the range from the majority rate to 100 % that still counts as chance
FAR = 20.0  # accuracy points between the measured value and the one stated in the file
ADVICE = (
    "It may have been trained with another normalization: set it with --normalize none (the "
    "network does it itself) or --normalize MEANS/DEVIATIONS, e.g. 0.5,0.5,0.5/0.25,0.25,0.25. The "
    "order of classes or channels may differ as well."
)


def warn(work: StudyModels, plan: Plan, report: Reporter) -> None:
    """Log a warning if the Original was supplied and its training accuracy is implausible."""
    supplied = compose.foreign_model(plan.spec, "original")
    if supplied is None or plan.spec.model.name == GIVEN:
        return
    with contextlib.suppress(DataError, SpecError):  # missing data allow no check
        y = work.datasets.load(plan.spec.data, Reporter()).train_y
        original = work.models(plan).get("original")
        if original is not None:
            warning = sentence(accuracy(original.train_logits, y), y, _claim(Path(supplied.path)))
            if warning:
                report.log(warning)


def sentence(reached: float, y: np.ndarray, claim: float | None) -> str:
    """Warning about an accuracy of `reached` percent on the labels y (n,); '' if plausible.

    claim: accuracy in percent that the checkpoint states, None if it states none.
    """
    largest = 100 * float(np.bincount(y).max() / len(y))
    start = f"The supplied Original is right on {reached:.1f} % of the training set, "
    if reached <= largest + CHANCE * (100 - largest):
        return f"{start}which is chance (its largest class is {largest:.1f} %). {ADVICE}"
    if claim is not None and claim - reached > FAR:
        return f"{start}but its file states {claim:.1f} %. {ADVICE}"
    return ""


def _claim(path: Path) -> float | None:
    """The accuracy that the file states; None if it states none or is missing."""
    from engine.external import weights
    from engine.weight_files.wrappers import accuracy as claimed

    with contextlib.suppress(CheckpointError):
        return claimed(weights.content_of(path)[0])
    return None
