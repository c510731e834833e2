"""Two measures of every model against each other, with the Pareto front of the methods."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engine.analysis.model_table import RETRAIN, ModelRow, ModelTable, Quantity
from engine.analysis.pareto import NEAR, UP, Goal, front, stairs
from engine.arrays import Floats

REFERENCES = ("original", RETRAIN)  # drawn, but not candidates for the front


@dataclass(frozen=True)
class Point:
    """One model of one run: its values and intervals; front: whether it is Pareto-optimal.

    bounds: for x and for y, whether the value is a lower bound because it is censored.
    """

    row: ModelRow
    x: float
    y: float
    x_interval: tuple[float, float]
    y_interval: tuple[float, float]
    front: bool
    bounds: tuple[bool, bool] = (False, False)

    def name(self, x: Quantity, y: Quantity) -> str:
        """Label of the point: the model, with those of its values that are lower bounds."""
        axes = zip((x, y), (self.x, self.y), self.bounds, strict=True)
        words = [one.text(value, True) for one, value, bound in axes if bound]
        return f"{self.row.name} ({', '.join(words)})" if words else self.row.name


@dataclass(frozen=True, eq=False)
class Scatter:
    """Points, the names of models omitted for lack of a value, and the outlines of the front.

    stairs: outlines (k, 2) in the units of x and y; goals: of x and of y.
    """

    x: Quantity
    y: Quantity
    goals: tuple[Goal, Goal]
    points: tuple[Point, ...]
    left_out: tuple[str, ...]
    stairs: tuple[Floats, ...]

    def targets_bound(self, quantity: Quantity) -> bool:
        """Whether the open study's Re-train has only a lower bound for this quantity."""
        axis = 0 if quantity is self.x else 1
        own = [one for one in self.points if (one.row.number, one.row.model) == (0, RETRAIN)]
        return any(one.bounds[axis] for one in own)

    @property
    def best(self) -> list[Point]:
        """The points on the front, sorted by x."""
        return sorted((one for one in self.points if one.front), key=lambda one: one.x)


def scatter(board: ModelTable, x: Quantity, y: Quantity) -> Scatter:
    """The board's rows in two quantities; goals near Re-train refer to that of the open study."""
    goals = (x.goal(board.reference(0, x.name)), y.goal(board.reference(0, y.name)))
    finite = [row for row in board.rows if all(map(math.isfinite, _at(row, x, y)))]
    methods = [row for row in finite if row.model not in REFERENCES]
    values = np.array([_at(row, x, y) for row in methods]).reshape(-1, 2)
    costs = np.stack([goal.cost(values[:, i]) for i, goal in enumerate(goals)], 1)
    best = [methods[i] for i in front(costs)]
    points = [_point(row, x, y, any(row is one for one in best)) for row in finite]
    left_out = [row.name for row in board.rows if not any(row is one for one in finite)]
    return Scatter(x, y, goals, tuple(points), tuple(left_out), tuple(stairs(values, goals)))


def axis(quantity: Quantity, board: ModelTable, goal: Goal) -> str:
    """Axis label: quantity, unit, tau, and which way is better."""
    unit = f" ({quantity.unit})" if quantity.unit else ""
    at = f" at τ {board.tau:g}" if quantity.at_tau else ""
    bound = board.reference_entry(0, quantity.name).bound
    return f"{quantity.label}{unit}{at}, {goal_text(quantity, goal, bound)}"


def goal_text(quantity: Quantity, goal: Goal, bound: bool = False) -> str:
    """Which way is better, in words; bound: whether Re-train's value is a lower bound."""
    if goal.better != NEAR:
        return "higher is better" if goal.better == UP else "lower is better"
    if quantity.better == RETRAIN:
        return f"best near Re-train's {quantity.text(goal.target, bound)}"
    return f"best near {goal.target:g}"


def sheet(plot: Scatter) -> tuple[list[str], list[list[object]]]:
    """(header, rows) for CSV, one row per model."""
    x, y = plot.x.name, plot.y.name
    header = ["model", "name", "run", "seeds", x, f"{x}_low", f"{x}_high", y, f"{y}_low"]
    header += [f"{y}_high", f"{x}_censored", f"{y}_censored", "on_front"]
    rows: list[list[object]] = [
        [
            one.row.model, one.row.label, one.row.run, one.row.n,
            one.x, *one.x_interval, one.y, *one.y_interval, *map(int, one.bounds), int(one.front),
        ]
        for one in plot.points
    ]  # fmt: skip
    return header, rows


def _at(row: ModelRow, x: Quantity, y: Quantity) -> tuple[float, float]:
    return row.entry(x.name).mean, row.entry(y.name).mean


def _point(row: ModelRow, x: Quantity, y: Quantity, on_front: bool) -> Point:
    across, along = row.entry(x.name), row.entry(y.name)
    return Point(
        row, across.mean, along.mean, across.interval, along.interval, on_front,
        (across.bound, along.bound),
    )  # fmt: skip
