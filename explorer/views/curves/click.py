"""The result of a click on a curve: the forget samples that carry it at that tau."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.analysis.carriers import Carrier, carriers_at
from engine.analysis.curve_set import CurveSet
from engine.analysis.curves import PUBLISHED
from engine.analysis.measures import Measure
from explorer.views.curves.captions import count_text, selection_text

ELSEWHERE = "That study uses another dataset; open it to see these samples."


@dataclass(frozen=True, eq=False)
class Click:
    """carriers: the samples with r > 1, largest first, none if their dataset is not open; words: a
    sentence on how many there are; short: the same in a few words.
    """

    carriers: Sequence[Carrier]
    words: str
    short: str = ""


def click(curves: CurveSet, measure: Measure, name: str, x: float) -> Click | None:
    """The carriers of the curve of that name at x; None for a curve without samples."""
    line = curves.line(measure, name)
    if line is None or line.kind == PUBLISHED:
        return None
    run = curves.runs[line.run]
    if line.model not in run.residual.curves:
        return None
    i = int(np.argmin(np.abs(run.residual.taus - x)))
    where = f"in {line.label} at τ {run.residual.taus[i]:g}"
    where += f" ({run.name})" if run.name else ""
    carriers = carriers_at(run.residual, line.model, i)
    if not carriers:
        return Click((), f"No forget sample has r > 1 {where}; the selection is unchanged.")
    count = count_text(carriers, run.residual)
    if run.data != curves.runs[0].data:
        return Click((), f"{count} {where}. {ELSEWHERE}")
    short = f"{len(carriers):,} of {len(run.residual.samples):,} with r > 1"
    return Click(carriers, f"{count} {where}; {selection_text(carriers)}", short)
