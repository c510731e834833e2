"""Words of figures are divided evenly: legends into full lines, labels before their unit."""

from __future__ import annotations

from itertools import pairwise

import pytest

pytest.importorskip("matplotlib")

from matplotlib.lines import Line2D

from engine.figures.canvas import blank_page
from engine.figures.layout import fit
from engine.figures.legends import add_legend
from engine.figures.metrics import _parts
from engine.figures.page_options import BELOW

LABEL = "τ: Gaussian, standard deviation per pixel (pixel range [0, 1])"


def test_no_entry_of_a_legend_is_left_alone_in_a_line() -> None:
    page = blank_page(183, 60)
    names = [
        "retain", "test", "perturbed copy", "forget", "T-shirt/top", "Trouser", "Pullover", "Shirt",
        "Ankle boot",
    ]  # fmt: skip
    add_legend(page, [Line2D([], [], label=name) for name in names], 8, place=BELOW)
    columns = page.legends[0]._ncols
    lines = -(-len(names) // columns)
    assert columns * (lines - 1) < len(names) <= columns * lines
    assert len(names) - columns * (lines - 1) >= columns - 1, "the last line is not nearly full"


def test_an_axis_label_breaks_before_its_unit() -> None:
    page = blank_page(89, 60)
    page.set_layout_engine("constrained")
    axes = page.add_subplot()
    axes.set_xlabel(LABEL, fontsize=8)
    fit(page)
    assert axes.get_xlabel() == LABEL.replace(" (", "\n(")


def test_the_parts_of_a_table_are_equally_wide() -> None:
    widths = [20, 18, 14, 15, 12, 15, 13, 11, 14, 16, 19, 17]
    parts = _parts(widths, 89)
    assert len(parts) > 1
    ends = [edges[-1] for _, edges in parts]
    assert max(ends) - min(ends) < 1e-6 and max(ends) <= 89
    for columns, edges in parts:
        room = [after - before for before, after in pairwise(edges)]
        assert all(one >= widths[i] - 1e-6 for one, i in zip(room, columns[1:], strict=True))
