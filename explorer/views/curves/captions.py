"""Captions of Curves: how many copies and samples they rest on, and their caveats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from engine.analysis.carriers import Carrier
from engine.analysis.curve_set import PREVALENCE, RESIDUAL, CurveSet
from engine.analysis.measures import Measure
from engine.drawing.labels import NO_VERDICTS_NOTE, null_note, undefined_of_each
from engine.results import Residual

MOST = 200  # samples selected and listed by a click on a curve, at most
DISAGREEMENT = "disagreement"  # the name of its measure
READING = (
    "Hover to read values; click a curve to list its samples with r > 1. Click the name of a model "
    "to hide or show it. Thin vertical lines are intervals; with many models, that of the curve "
    "under the cursor. Drag the line to another τ; double-click to see what lies beyond the axis."
)
SPARSE = "Draws were adaptive: prevalence is given at the norms where all copies were drawn."
NOT_KEPT = "Predictions on each copy were not stored: only the bounds are drawn."


def heading(residual: Residual, wanted: int) -> str:
    """How many copies of how many samples; wanted: their final number, 0 once it is reached."""
    draws = f"c = {residual.draws:,} of {wanted:,}" if wanted else residual.said_draws
    return f"{draws} copies of each of {len(residual.samples):,} forget samples"


def about(residual: Residual | None, wanted: int, caveats: str) -> str:
    """All that is to be said of the curves, for the info mark."""
    if residual is None:
        return READING
    return "\n\n".join(filter(None, [f"{heading(residual, wanted)}.", READING, caveats]))


def notes(curves: CurveSet, measure: Measure | None, residual: Residual, log: bool) -> str:
    """Caveats of a measure's curves; measure: None = the loss; log: whether r has a log axis."""
    if measure is None:
        return ""
    parts = [curves.over_seeds()]
    if measure.name == PREVALENCE and residual.withheld:
        parts.append(NO_VERDICTS_NOTE)
    if measure.name == RESIDUAL and curves.band(measure) is not None:
        parts.append(null_note(residual.taus))
    parts += [f"{words}." for words in [curves.claim(measure)] if words]
    if measure.name == PREVALENCE and residual.drawn is not None and not residual.withheld:
        parts.append(SPARSE)
    if measure.name in (RESIDUAL, PREVALENCE):
        parts.append(undefined(residual, curves.runs[0].labels if curves.runs else {}, log))
    if measure.name == DISAGREEMENT and not residual.predictions:
        parts.append(NOT_KEPT)
    if curves.paper is not None and curves.has_paper(measure):
        parts.append(curves.paper.words_on(measure.published))
    return " ".join(part for part in parts if part)


def undefined(residual: Residual, labels: Mapping[str, str], log: bool) -> str:
    """Where r is undefined or cannot be drawn; '' if nowhere."""
    note = undefined_of_each(residual.undefined, labels, len(residual.samples))
    parts = [f"r is {note}, whose copies a Re-train never recognizes."] if note else []
    curves = residual.curves.values()
    zero = any((np.nan_to_num(curve.mean, nan=1.0) <= 0).any() for curve in curves)
    if zero and log:
        parts.append("r = 0 cannot be drawn on a log scale.")
    return " ".join(parts)


def count_text(carriers: Sequence[Carrier], residual: Residual) -> str:
    """How many samples carry a curve."""
    if residual.withheld:  # their share of all samples would be the prevalence
        return f"{len(carriers):,} forget samples had r > 1 in their draws"
    has = "has" if len(carriers) == 1 else "have"
    return f"{len(carriers):,} of {len(residual.samples):,} forget samples {has} r > 1"


def selection_text(carriers: Sequence[Carrier]) -> str:
    """Which of the carriers are selected."""
    if len(carriers) > MOST:
        return f"the {MOST} with the largest r are selected."
    return "it is selected." if len(carriers) == 1 else "they are selected."
