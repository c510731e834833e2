"""Which of many pictures are drawn, and where names go, so that none covers another."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

GAP = 1.0  # pixels between two pictures
FINE = 4  # cells along a picture's side, each with one candidate
STEPS = (0.0, 18.0, 30.0, 44.0, 60.0, 80.0)  # pixels that a name may lie away from its place
AWAY = 0.014  # cost of a pixel of distance, in covered pictures


def fitting(places: np.ndarray, priority: np.ndarray, side: float) -> np.ndarray:
    """Rows (k,) of the squares around places (n, 2) that fit beside each other.

    Greedy: of two that would overlap, the one with the larger priority (n,) stays. side: of the
    squares, in the unit of the places. The result depends on where places lie relative to each
    other and to a grid through the origin, so it stays as it is while a view is moved.
    """
    reach = side + GAP
    rows = np.flatnonzero(np.isfinite(places).all(1))
    if not len(rows):
        return rows
    rows = _first_of_cells(rows, places, priority, reach / FINE)
    cells = np.floor(places[rows] / reach).astype(np.int64)
    taken: dict[tuple[int, int], list[tuple[float, float]]] = {}
    chosen = []
    listed = zip(rows.tolist(), places[rows].tolist(), cells.tolist(), strict=True)
    for row, (x, y), (column, line) in listed:
        if any(
            abs(x - a) < reach and abs(y - b) < reach
            for i in (column - 1, column, column + 1)
            for j in (line - 1, line, line + 1)
            for a, b in taken.get((i, j), ())
        ):
            continue
        taken.setdefault((column, line), []).append((x, y))
        chosen.append(row)
    return np.array(chosen, np.intp)


def _first_of_cells(
    rows: np.ndarray, places: np.ndarray, priority: np.ndarray, side: float
) -> np.ndarray:
    """The row with the largest priority of each cell of a grid, by falling priority."""
    order = rows[np.argsort(-priority[rows], kind="stable")]
    cells = np.floor(places[order] / side).astype(np.int64)
    cells -= cells.min(0)
    number = cells[:, 0] * (int(cells[:, 1].max()) + 1) + cells[:, 1]
    _, first = np.unique(number, return_index=True)
    return np.asarray(order[np.sort(first)])


def name_places(
    anchors: np.ndarray, sizes: np.ndarray, covered: np.ndarray, half: float
) -> np.ndarray:
    """(n, 2) centers of names (n, 2) in size near their anchors (n, 2); NaN where none is free.

    Names never overlap; earlier ones choose first. Where possible they leave out the squares of
    half-width `half` around covered (m, 2).
    """
    centers = np.full((len(anchors), 2), np.nan)
    offsets = np.array(list(_offsets()))
    away = np.hypot(*offsets.T) * AWAY
    taken = np.empty((0, 4))
    for i, (anchor, size) in enumerate(zip(anchors, sizes, strict=True)):
        middles = anchor + offsets
        boxes = np.concatenate([middles - size / 2, middles + size / 2], 1)
        cost = away + _hits(boxes, _around(covered, half))
        cost[_hits(boxes, taken) > 0] = np.inf
        best = int(np.argmin(cost))
        if np.isfinite(cost[best]):
            centers[i] = middles[best]
            taken = np.concatenate([taken, boxes[best : best + 1]])
    return centers


def _offsets() -> Iterator[tuple[float, float]]:
    for step in STEPS:
        for dx, dy in ((0, -1), (0, 1), (-1, 0), (1, 0), (-1, -1), (1, -1), (-1, 1), (1, 1)):
            yield dx * step * 1.4, dy * step
            if not step:
                break


def _around(middles: np.ndarray, half: float) -> np.ndarray:
    """(m, 4) left, top, right, bottom of squares around middles (m, 2)."""
    return np.concatenate([middles - half, middles + half], 1)


def _hits(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(k,) how many of the other boxes (m, 4) each of the boxes (k, 4) overlaps."""
    one, other = boxes[:, None], others[None]
    across = (one[..., 0] < other[..., 2]) & (one[..., 2] > other[..., 0])
    down = (one[..., 1] < other[..., 3]) & (one[..., 3] > other[..., 1])
    return np.asarray((across & down).sum(1))
