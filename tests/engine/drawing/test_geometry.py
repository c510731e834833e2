from __future__ import annotations

import numpy as np
import pytest

from engine.drawing.geometry import (
    Grid,
    bounds,
    in_polygon,
    nearest,
    runs,
    toward,
    turned_to_fit,
)

POINTS = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
SQUARE = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]])


def test_nearest_takes_the_closest_point_within_the_radius() -> None:
    assert nearest(POINTS, (0.9, 0.1), (100, 100), 20) == 1


def test_nearest_measures_in_pixels_not_in_data() -> None:
    stretched = (100.0, 1.0)  # y is a hundred times flatter on the screen
    assert nearest(POINTS, (0.4, 1.0), stretched, 50) == 2
    assert nearest(POINTS, (0.05, 0.9), (-100.0, -1.0), 8) == 2  # axes may point either way


def test_nothing_is_picked_beyond_the_radius() -> None:
    assert nearest(POINTS, (0.5, 0.5), (100, 100), 8) is None
    assert nearest(np.empty((0, 2)), (0, 0), (1, 1), 8) is None


def test_of_points_at_one_place_the_one_on_top_is_picked() -> None:
    assert nearest(np.zeros((3, 2)), (0, 0), (1, 1), 8) == 2


def test_undefined_points_are_never_picked() -> None:
    points = np.array([[np.nan, np.nan], [1.0, 1.0]])
    assert nearest(points, (0, 0), (1, 1), 8) == 1


def test_points_in_a_square() -> None:
    points = np.array([[2.0, 2.0], [5.0, 2.0], [-1.0, 2.0], [2.0, 5.0]])
    assert in_polygon(points, SQUARE).tolist() == [True, False, False, False]


def test_a_notch_is_outside() -> None:
    arrow = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [2.0, 1.0], [0.0, 4.0]])
    assert in_polygon(np.array([[2.0, 3.0], [2.0, 0.5]]), arrow).tolist() == [False, True]


def test_the_direction_of_the_lasso_does_not_matter() -> None:
    points = np.random.default_rng(0).uniform(-1, 5, (500, 2))
    forward, backward = in_polygon(points, SQUARE), in_polygon(points, SQUARE[::-1])
    assert np.array_equal(forward, backward)
    inside = ((points > 0) & (points < 4)).all(1)
    assert np.array_equal(forward, inside)


def test_a_line_holds_nothing() -> None:
    assert not in_polygon(POINTS, SQUARE[:2]).any()
    assert in_polygon(np.empty((0, 2)), SQUARE).shape == (0,)


def test_bounds_leave_a_margin_and_ignore_undefined_points() -> None:
    points = np.array([[0.0, 0.0], [10.0, 20.0], [np.nan, 3.0]])
    assert bounds(points, 0.1) == pytest.approx((-1, -2, 11, 22))


def test_bounds_of_one_point_and_of_none_have_an_area() -> None:
    assert bounds(np.array([[3.0, 4.0]])) == (2.5, 3.5, 3.5, 4.5)
    assert bounds(np.empty((0, 2))) == (-0.5, -0.5, 0.5, 0.5)


def test_runs_are_the_unbroken_stretches() -> None:
    mask = np.array([True, True, False, True, False])
    assert runs(mask) == [slice(0, 2), slice(3, 4)]
    assert runs(np.zeros(3, bool)) == []


def test_a_grid_wraps_and_ends_with_the_last_cell() -> None:
    grid = Grid(count=10, width=220, cell=50)
    assert (grid.columns, grid.rows) == (4, 3)
    assert grid.position(1, 2) == 6
    assert grid.position(2, 2) is None  # the last row has two cells
    assert grid.position(0, 4) is None
    assert Grid(3, 10, 50).columns == 1  # narrower than one cell


def test_a_band_takes_the_cells_it_touches_in_any_direction() -> None:
    grid = Grid(count=10, width=220, cell=50)
    assert grid.within(60, 10, 110, 60).tolist() == [1, 2, 5, 6]
    assert grid.within(110, 60, 60, 10).tolist() == [1, 2, 5, 6]
    assert grid.within(0, 100, 500, 500).tolist() == [8, 9]


def test_higher_cells_are_found_by_their_own_height() -> None:
    grid = Grid(10, 100, 25, 40)  # four columns of 25 px, rows of 40 px
    assert grid.rows == 3
    assert grid.within(30, 45, 30, 79).tolist() == [5]
    assert grid.within(0, 39, 0, 40).tolist() == [0, 4]


def test_toward_goes_to_the_nearest_within_45_degrees() -> None:
    points = np.array([[0, 0], [3, 0.5], [1, 5], [-2, 0], [np.nan, 0], [1, 0.9]], np.float32)
    assert toward(points, 0, (1, 0)) == 5
    assert toward(points, 0, (0, 1)) == 2
    assert toward(points, 0, (-1, 0)) == 3
    assert toward(points, 0, (0, -1)) is None


def test_a_layout_is_turned_to_use_the_page() -> None:
    def scale(points: np.ndarray) -> float:
        width, height = np.ptp(points, axis=0).tolist()
        return min(1.6 / width, 1 / height)

    tall = np.random.default_rng(0).normal(size=(400, 2)) * [1, 6]
    turned = tall @ turned_to_fit(tall, 1.6)
    assert scale(turned) > 1.5 * scale(tall)
    assert np.linalg.norm(turned, axis=1) == pytest.approx(np.linalg.norm(tall, axis=1))
    frame = np.array([[0, 0], [1.6, 0], [0, 1], [1.6, 1.0]])
    assert turned_to_fit(frame, 1.6) == pytest.approx(np.eye(2))
    assert turned_to_fit(np.full((3, 2), np.nan), 1.6) == pytest.approx(np.eye(2))
