"""The models that no other beats in both of two measures: the Pareto front, and its outline.

A measure is better upwards, downwards, or near a value such as that of Re-train; each becomes a
cost that is better the smaller it is. Plain numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.arrays import Floats

UP, DOWN, NEAR = "up", "down", "near"
FAR = 50.0  # how far an outline goes on behind its last point, in spreads of the costs


@dataclass(frozen=True)
class Goal:
    """Which way a measure is better: UP, DOWN, or NEAR the value `target`."""

    better: str
    target: float = np.nan

    def cost(self, values: ArrayLike) -> Floats:
        """What the values cost, smaller is better; NaN where a value or the target is unknown."""
        numbers = np.asarray(values, np.float64)
        if self.better == NEAR:
            return np.abs(numbers - self.target)
        return -numbers if self.better == UP else numbers

    def values(self, costs: ArrayLike, side: int = 1) -> Floats:
        """The values that cost so much; side: 1 above the target, -1 below it."""
        numbers = np.asarray(costs, np.float64)
        if self.better == NEAR:
            return self.target + side * numbers
        return -numbers if self.better == UP else numbers

    @property
    def sides(self) -> tuple[int, ...]:
        """On which sides of the target equal costs lie."""
        return (1, -1) if self.better == NEAR else (1,)


def front(costs: np.ndarray) -> NDArray[np.intp]:
    """Rows of costs (n, m) that no other row dominates, by their first cost, then the others.

        p dominates q   where p_i <= q_i for all i and p_i < q_i for some i

    Rows with NaN take no part; of equal rows all are on the front.

    >>> front(np.array([[2.0, 1.0], [1.0, 2.0], [2.0, 2.0], [np.nan, 0.0]]))
    array([1, 0])
    """
    known = np.flatnonzero(np.isfinite(costs).all(1))
    own = costs[known]
    no_larger = (own[:, None] <= own[None]).all(2)
    smaller = (own[:, None] < own[None]).any(2)
    kept = known[~(no_larger & smaller).any(0)]
    order = np.lexsort(costs[kept].T[::-1])
    return np.asarray(kept[order], np.intp)


def outline(costs: np.ndarray, far: float) -> Floats:
    """(2k + 1, 2) corners of the stairs over k points of a front, in the order of `front`.

    What lies on or behind the stairs is dominated, or on the front; they begin and end `far`
    behind the first and the last point.
    """
    x, y = costs[:, 0], costs[:, 1]
    across = np.concatenate([np.repeat(x, 2), [x[-1] + far]])
    along = np.concatenate([[y[0] + far], np.repeat(y, 2)])
    return np.stack([across, along], 1)


def stairs(points: np.ndarray, goals: Sequence[Goal]) -> list[Floats]:
    """The outlines (k, 2) of the front of points (n, 2), in the points' own units.

    Around a target there is one on either side. Empty where no point is known in both measures.
    """
    costs = np.stack([goal.cost(points[:, i]) for i, goal in enumerate(goals)], 1)
    best = costs[front(costs)]
    if not len(best):
        return []
    known = costs[np.isfinite(costs).all(1)]
    far = FAR * max(1.0, float(np.ptp(known, axis=0).max()))
    corners = outline(best, far)
    across, along = goals
    return [
        np.stack([across.values(corners[:, 0], a), along.values(corners[:, 1], b)], 1)
        for a in across.sides
        for b in along.sides
    ]
