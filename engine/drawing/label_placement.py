"""Place labels of points so that they overlap neither points nor each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

GAP = 7.0  # pixels between a point and its label
Box = tuple[float, float, float, float]  # left, top, width, height


def label_positions(
    points: np.ndarray,
    sizes: np.ndarray,
    page: Box,
    radius: float = 5.0,
    covered: Sequence[Box] = (),
) -> np.ndarray:
    """(n, 2) left and top of each label, in the pixels of points (n, 2); sizes (n, 2).

    Candidates are right of the point, left, above, below, and the corners; the first on the page
    that overlaps no point, earlier label or `covered` box is used. NaN if there is none.
    """
    point_boxes = [(x - radius, y - radius, 2 * radius, 2 * radius) for x, y in points.tolist()]
    occupied: list[Box] = [*covered, *point_boxes]
    positions = np.full((len(points), 2), np.nan)
    for i, ((x, y), (width, height)) in enumerate(
        zip(points.tolist(), sizes.tolist(), strict=True)
    ):
        for box in _around(x, y, width, height):
            if _within(box, page) and not any(_overlap(box, other) for other in occupied):
                occupied.append(box)
                positions[i] = box[:2]
                break
    return positions


def _around(x: float, y: float, width: float, height: float) -> Iterator[Box]:
    right, left, level = x + GAP, x - GAP - width, y - height / 2
    above, below, center = y - GAP - height, y + GAP, x - width / 2
    for corner in ((right, level), (left, level), (center, above), (center, below)):
        yield (*corner, width, height)
    for corner in ((right, above), (right, below), (left, above), (left, below)):
        yield (*corner, width, height)


def _within(box: Box, page: Box) -> bool:
    left, top, width, height = page
    across = left <= box[0] and box[0] + box[2] <= left + width
    return across and top <= box[1] and box[1] + box[3] <= top + height


def _overlap(one: Box, other: Box) -> bool:
    beside = one[0] + one[2] <= other[0] or other[0] + other[2] <= one[0]
    return not beside and one[1] + one[3] > other[1] and other[1] + other[3] > one[1]
