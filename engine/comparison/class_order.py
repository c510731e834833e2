"""Which classes are shown where there are too many to read: those in which two models differ."""

from __future__ import annotations

import numpy as np

from engine.arrays import Integers
from engine.comparison.pair import ClassGaps, Comparison, Groups, class_gaps

MOST = 30  # classes that can be read at once


def shown_classes(gaps: ClassGaps, *, by_gap: bool = False, most: int = MOST) -> Integers:
    """The groups with samples, at most `most`: those with the largest gaps, in their order.

    by_gap: largest gap first.
    """
    rows = np.flatnonzero(gaps.samples)
    largest = rows[np.argsort(-np.abs(gaps.gap[rows]), kind="stable")][:most]
    return np.asarray(largest if by_gap else np.sort(largest), np.int64)


def left_out_words(gaps: ClassGaps, shown: int) -> str:
    """'170 more classes differ less' for those that are not shown, or ''."""
    more = int(np.count_nonzero(gaps.samples)) - shown
    if more <= 0:
        return ""
    return f"{more:,} more class{'es differ' if more > 1 else ' differs'} less"


def readable_groups(comparison: Comparison, groups: Groups, most: int = MOST) -> Groups:
    """The groups, if they are at most `most`; else those with the largest gaps and all others.

    The last group then holds the other ones.
    """
    if len(groups.names) <= most:
        return groups
    apart = shown_classes(class_gaps(comparison, groups), most=most - 1)
    place = np.full(len(groups.names), len(apart))
    place[apart] = np.arange(len(apart))
    names = [groups.names[one] for one in apart]
    return Groups((*names, f"{len(groups.names) - len(apart):,} others"), place[groups.of])
