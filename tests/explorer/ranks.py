"""The sample at which a study is shown first."""

from __future__ import annotations

from engine.analysis.ranking import leading_method, worst_first
from engine.results import Study


def first_in_rank(study: Study) -> int:
    """The forget sample with the largest r of the leading method, at the middle norm."""
    residual = study.residual
    return int(worst_first(residual, leading_method(residual), len(residual.taus) // 2)[0])
