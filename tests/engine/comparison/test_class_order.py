"""Of very many classes, those are shown in which two models differ most."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.comparison.class_order import left_out_words, readable_groups, shown_classes
from engine.comparison.pair import Comparison, SidePredictions, class_gaps, every_class

EACH = 4  # samples of a class


def many(classes: int, wrong: set[int]) -> Comparison:
    """Both models recognize everything, but B no sample of the classes in `wrong`."""
    labels = np.repeat(np.arange(classes), EACH)
    sure = np.full(len(labels), 0.9)
    other = np.where(np.isin(labels, list(wrong)), (labels + 1) % classes, labels)
    first = SidePredictions(labels, sure, sure)
    return Comparison(
        "test", np.arange(len(labels)), labels, classes, first, SidePredictions(other, sure, sure)
    )


def test_the_largest_gaps_stay_in_the_order_of_classes() -> None:
    comparison = many(200, {7, 150, 31})
    gaps = class_gaps(comparison, every_class([str(k) for k in range(200)]))
    shown = shown_classes(gaps)
    assert len(shown) == 30 and {7, 31, 150} <= set(shown.tolist())
    assert shown.tolist() == sorted(shown.tolist())
    assert shown_classes(gaps, by_gap=True)[:3].tolist() == [7, 31, 150]
    assert left_out_words(gaps, len(shown)) == "170 more classes differ less"
    assert left_out_words(gaps, 199) == "1 more class differs less"
    assert left_out_words(gaps, 200) == ""


def test_other_classes_share_a_group() -> None:
    comparison = many(50, {3, 40})
    groups = every_class([f"class {k}" for k in range(50)])
    few = readable_groups(comparison, groups, 5)
    assert len(few.names) == 5 and few.names[-1] == "46 others"
    assert {"class 3", "class 40"} <= set(few.names)
    assert few.names[int(few.of[40])] == "class 40" and int(few.of[49]) == 4
    assert readable_groups(comparison, groups, 50) is groups


@pytest.mark.parametrize("width", [89.0, 183.0])
def test_a_figure_of_200_classes_fits_on_a_page(width: float, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from xml.etree import ElementTree

    from engine.figures.class_gaps import classes
    from engine.figures.pair import Names
    from engine.figures.predictions import predictions

    comparison = many(200, {7, 150, 31})
    groups = every_class([f"a class with a long name, number {k}" for k in range(200)])
    names = Names("gd", "retrain-0", "GD", "Re-train 0")
    for draw in (classes, predictions):
        drawn, table, *_ = draw(comparison, groups, names, tmp_path / "f.svg", width_mm=width)
        height = float(ElementTree.parse(drawn).getroot().attrib["height"].removesuffix("pt"))
        assert height / 72 * 25.4 < 240
        listed = table.read_text(encoding="utf-8")
        assert all(f"number {k}" in listed for k in (0, 99, 199))  # the numbers are complete
    whole = classes(comparison, groups, names, tmp_path / "f.svg", width_mm=width)[0]
    assert "170 more classes differ less" in whole.read_text(encoding="utf-8")
