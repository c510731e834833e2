"""The legend of a figure: right of the axes, below or inside them, in lines that fit the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from engine.figures.layout import Page, text_width, wrap
from engine.figures.page_options import AUTO, BELOW, INSIDE, NONE, RIGHT, page_options

WIDE = 140.0  # mm of width from which a legend may stand right of the axes
SEVERAL = 4  # entries from which it does
SHARE = 0.32  # of the width, at most, for a legend at the right
MARK, PAD, APART = 2.6, 0.6, 1.4  # sizes of the font: sample line, its gap, gap of columns
SMALLEST = 5.0  # points


def small(font_size: float) -> float:
    """The font size of tick labels, legends and notes, in points."""
    return max(min(SMALLEST, font_size), font_size - 1)


def add_legend(
    page: Page,
    handles: Sequence[Any],
    font_size: float,
    *,
    axes: Axes | None = None,
    place: str = AUTO,
) -> None:
    """Add a legend of these artists with their labels.

    axes: those that a legend inside belongs to, by default the first; place: where it stands unless
    the options of the page say otherwise.
    """
    chosen = page_options().legend
    chosen = place if chosen == AUTO else chosen
    if chosen == AUTO:
        chosen = RIGHT if page.width_mm >= WIDE and len(handles) >= SEVERAL else BELOW
    if not handles or chosen == NONE:
        return
    size = small(font_size)
    common: dict[str, Any] = {
        "fontsize": size, "handlelength": MARK, "handletextpad": PAD, "columnspacing": APART,
        "borderaxespad": 0.3,
    }  # fmt: skip
    room = page.width_mm * (SHARE if chosen == RIGHT else 0.97) - _beside(size)
    labels = [wrap(page, str(one.get_label()), room, size) for one in handles]
    if chosen == INSIDE:
        inside = axes or page.axes[0]
        inside.legend(
            handles, labels, loc="best", facecolor="white", edgecolor="none", framealpha=0.85,
            **common,
        )  # fmt: skip
    elif chosen == RIGHT:
        if page_options().title:  # above the panels, where the legend would begin
            page.legend(handles, labels, loc="outside right center", frameon=False, **common)
        else:
            page.legend(handles, labels, loc="outside right upper", frameon=False, **common)
    else:
        page.legend(
            handles, labels, loc="outside lower center", frameon=False,
            ncols=_columns(page, labels, size), **common,
        )  # fmt: skip


def _columns(page: Page, labels: Sequence[str], size: float) -> int:
    """The number of columns that needs the fewest lines on the page, and fills them evenly."""
    widths = np.array([text_width(page, label, size) for label in labels])
    em = size / 72 * 25.4
    for count in range(len(labels), 1, -1):
        columns = [part.max() for part in np.array_split(widths, count) if len(part)]
        if sum(columns) + count * _beside(size) + (count - 1) * APART * em <= page.width_mm * 0.97:
            return math.ceil(len(labels) / math.ceil(len(labels) / count))
    return 1


def _beside(size: float) -> float:
    """The width in mm of all of an entry but its words."""
    return (MARK + PAD) * size / 72 * 25.4
