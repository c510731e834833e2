"""The Pareto front of models in two measures, and its outline.

A measure is best when high, low, or near a target such as Re-train's value; each is turned into a
cost to be minimized. Plain numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.arrays import Floats

UP, DOWN, NEAR = "up", "down", "near"
FAR = 50.0  # how far an outline extends past its last point, in spreads of the costs


@dataclass(frozen=True)
class Goal:
    """Which way a measure is better: UP, DOWN, or NEAR the value `target`."""

    better: str
    target: float = np.nan

    def cost(self, values: ArrayLike) -> Floats:
        """Costs of the values, smaller is better; NaN where a value or the target is unknown."""
        numbers = np.asarray(values, np.float64)
        if self.better == NEAR:
            return np.abs(numbers - self.target)
        return -numbers if self.better == UP else numbers

    def values(self, costs: ArrayLike, side: int = 1) -> Floats:
        """The values with these costs; side: 1 above the target, -1 below it."""
        numbers = np.asarray(costs, np.float64)
        if self.better == NEAR:
            return self.target + side * numbers
        return -numbers if self.better == UP else numbers

    @property
    def sides(self) -> tuple[int, ...]:
        """The sides of the target on which equal costs lie."""
        return (1, -1) if self.better == NEAR else (1,)


def front(costs: np.ndarray) -> NDArray[np.intp]:
    """Indices of the non-dominated rows of costs (n, m), sorted by first cost, then the others.

        p dominates q   where p_i <= q_i for all i and p_i < q_i for some i

    Rows with NaN are ignored; equal rows are all on the front.

    >>> front(np.array([[2.0, 1.0], [1.0, 2.0], [2.0, 2.0], [np.nan, 0.0]]))
    array([1, 0])
    """
    finite_rows = np.flatnonzero(np.isfinite(costs).all(1))
    finite_costs = costs[finite_rows]
    no_larger = (finite_costs[:, None] <= finite_costs[None]).all(2)
    smaller = (finite_costs[:, None] < finite_costs[None]).any(2)
    optimal = finite_rows[~(no_larger & smaller).any(0)]
    order = np.lexsort(costs[optimal].T[::-1])
    return np.asarray(optimal[order], np.intp)


def outline(costs: np.ndarray, far: float) -> Floats:
    """(2k + 1, 2) corners of the staircase over the k points of a front, in the order of `front`.

    Points on or behind the staircase are dominated or on the front; it extends by `far` past the
    first and the last point.
    """
    x, y = costs[:, 0], costs[:, 1]
    across = np.concatenate([np.repeat(x, 2), [x[-1] + far]])
    along = np.concatenate([[y[0] + far], np.repeat(y, 2)])
    return np.stack([across, along], 1)


def stairs(points: np.ndarray, goals: Sequence[Goal]) -> list[Floats]:
    """Outlines (k, 2) of the front of points (n, 2), in the units of the points.

    For a target there is one on either side. Empty if no point is known in both measures.
    """
    costs = np.stack([goal.cost(points[:, i]) for i, goal in enumerate(goals)], 1)
    best = costs[front(costs)]
    if not len(best):
        return []
    finite = costs[np.isfinite(costs).all(1)]
    far = FAR * max(1.0, float(np.ptp(finite, axis=0).max()))
    corners = outline(best, far)
    across, along = goals
    return [
        np.stack([across.values(corners[:, 0], a), along.values(corners[:, 1], b)], 1)
        for a in across.sides
        for b in along.sides
    ]
