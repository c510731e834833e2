from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engine.analysis.pareto import DOWN, NEAR, UP, Goal, front, outline, stairs

COSTS = np.array([[1.0, 4.0], [2.0, 2.0], [4.0, 1.0], [3.0, 3.0], [2.0, 5.0]])


def test_the_front_is_what_nothing_beats_in_both() -> None:
    assert front(COSTS).tolist() == [0, 1, 2]


def test_rows_with_an_unknown_cost_take_no_part() -> None:
    unknown = np.array([[0.0, np.nan], [np.nan, 0.0], [5.0, 5.0]])
    assert front(unknown).tolist() == [2]
    assert front(unknown[:2]).tolist() == []
    assert front(np.empty((0, 2))).tolist() == []


def test_equal_points_share_their_place_and_a_tie_in_one_measure_is_beaten() -> None:
    assert front(np.array([[1.0, 2.0], [1.0, 2.0], [1.0, 3.0]])).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("goal", "best", "worse"),
    [
        (Goal(UP), 99.0, 98.0),
        (Goal(DOWN), 0.5, 4.0),
        (Goal(NEAR, 1.0), 0.9, 1.3),
        (Goal(NEAR, 11.4), 12.0, 1.4),
    ],
)
def test_a_better_value_costs_less_and_costs_lead_back_to_values(
    goal: Goal, best: float, worse: float
) -> None:
    cheap, dear = goal.cost([best, worse])
    assert cheap < dear
    back = {side: float(goal.values(cheap, side)) for side in goal.sides}
    assert any(value == pytest.approx(best) for value in back.values())
    assert all(float(goal.cost(value)) == pytest.approx(cheap) for value in back.values())


def test_without_a_target_nothing_is_near() -> None:
    assert np.isnan(Goal(NEAR).cost([1.0, 2.0])).all()
    assert stairs(np.ones((2, 2)), (Goal(NEAR), Goal(DOWN))) == []


def test_stairs_go_through_every_point_of_the_front_and_around_it() -> None:
    corners = outline(COSTS[[0, 1, 2]], 10).tolist()
    assert corners == [[1, 14], [1, 4], [2, 4], [2, 2], [4, 2], [4, 1], [14, 1]]


def test_around_a_target_the_stairs_are_mirrored() -> None:
    points = np.array([[1.0, 1.4], [2.0, 0.9], [3.0, 1.5]])  # gap, r
    above, below = stairs(points, (Goal(DOWN), Goal(NEAR, 1.0)))
    assert above[1:4, 1] == pytest.approx([1.4, 1.4, 1.1])
    assert below[1:4, 1] == pytest.approx([0.6, 0.6, 0.9])
    assert above[:, 0] == pytest.approx(below[:, 0])
    assert len(stairs(points, (Goal(NEAR, 2.0), Goal(NEAR, 1.0)))) == 4


def test_upwards_the_stairs_descend_to_the_right() -> None:
    points = np.array([[90.0, 3.0], [95.0, 5.0], [80.0, 9.0]])  # accuracy up, time down
    (only,) = stairs(points, (Goal(UP), Goal(DOWN)))
    assert only[1:4].tolist() == [[95, 5], [90, 5], [90, 3]]


@given(arrays(np.float64, (7, 2), elements=st.floats(-9, 9)))
def test_every_point_is_on_the_front_or_beaten_by_one_of_it(costs: np.ndarray) -> None:
    best = set(front(costs).tolist())
    for i, own in enumerate(costs):
        beaten = any((costs[j] <= own).all() and (costs[j] < own).any() for j in best)
        assert beaten != (i in best)
