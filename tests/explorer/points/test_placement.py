"""Which pictures fit beside each other, where names go, and densities."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.points.density import CELL, draw_density
from explorer.points.placement import GAP, fitting, name_places


def test_of_two_that_overlap_the_more_important_stays() -> None:
    places = np.array([[0.0, 0.0], [5.0, 0.0], [100.0, 0.0], [np.nan, 0.0]])
    assert sorted(fitting(places, np.array([1.0, 2.0, 0.0, 9.0]), 20).tolist()) == [1, 2]
    assert sorted(fitting(places, np.array([3.0, 2.0, 0.0, 9.0]), 20).tolist()) == [0, 2]
    assert len(fitting(np.full((3, 2), np.nan), np.zeros(3), 20)) == 0


def test_no_two_of_many_overlap_and_no_room_is_left_for_another() -> None:
    rng = np.random.default_rng(1)
    places, side = rng.uniform(0, 600, (3000, 2)), 30.0
    rows = fitting(places, rng.random(3000), side)
    apart = np.abs(places[rows][:, None] - places[rows][None]).max(2)
    assert (apart + np.eye(len(rows)) * 1e9).min() >= side + GAP
    free = np.abs(places[:, None] - places[rows][None]).max(2).min(1) >= 1.5 * (side + GAP)
    assert not free.any()


def test_the_choice_does_not_depend_on_where_the_view_is() -> None:
    rng = np.random.default_rng(2)
    places, priority = rng.uniform(0, 900, (500, 2)), rng.random(500)
    left = np.flatnonzero(places[:, 0] < 700)
    whole = set(fitting(places, priority, 24).tolist())
    part = {int(left[row]) for row in fitting(places[left], priority[left], 24)}
    inner = set(np.flatnonzero(places[:, 0] < 500).tolist())
    assert whole & inner == part & inner


def test_names_avoid_each_other_and_pictures_and_stay_near() -> None:
    anchors = np.array([[100.0, 100.0], [104.0, 102.0], [300.0, 100.0]])
    sizes = np.array([[60.0, 20.0]] * 3)
    covered = np.array([[300.0, 100.0]])
    centers = name_places(anchors, sizes, covered, 14.0)
    assert centers[0] == pytest.approx(anchors[0])
    assert (np.abs(centers[0] - centers[1]) >= [60, 20]).any()
    assert (np.abs(centers[2] - covered[0]) >= [44, 24]).any()
    assert np.hypot(*(centers - anchors).T).max() < 140


def test_a_name_goes_as_far_as_60_pixels_rather_than_over_a_picture() -> None:
    xs, ys = np.meshgrid(np.arange(-270, 271, 90), [-30, 0, 30])
    covered = 400 + np.column_stack([xs.ravel(), ys.ravel()]).astype(float)
    size = np.array([[70.0, 19.0]])  # wherever it is among them, it covers one at least
    center = name_places(np.array([[400.0, 400.0]]), size, covered, 14.0)[0]
    assert (np.abs(covered - center) >= size[0] / 2 + 14).any(1).all()


def test_a_name_without_any_free_place_is_left_out() -> None:
    anchors = np.zeros((80, 2))
    centers = name_places(anchors, np.full((80, 2), 60.0), np.empty((0, 2)), 10.0)
    assert np.isnan(centers).any() and np.isfinite(centers[0]).all()


def _density(places: np.ndarray, colors: np.ndarray, corner: tuple[int, int]) -> np.ndarray:
    pixels = np.zeros((40, 60), np.uint32)
    draw_density(pixels, places, colors, corner)
    return pixels


def test_a_density_is_more_opaque_where_more_points_lie_and_mixes_their_colors() -> None:
    one = np.array([[10], [10]])
    many = np.repeat([[40], [20]], 50, axis=1)
    places = np.concatenate([one, many], 1).astype(np.int32)
    colors = np.concatenate([[[255, 0, 0]], np.repeat([[255, 0, 0], [0, 0, 255]], 25, axis=0)])
    pixels = _density(places, colors.astype(float), (0, 0))
    alpha = pixels >> 24
    assert 0 < alpha[10, 10] < alpha[20, 40] and alpha[35, 5] == 0
    red, blue = (int(pixels[20, 40] >> shift & 255) for shift in (16, 0))
    assert abs(red - blue) <= 2 and red > 60
    assert ((pixels >> 16 & 255) <= alpha).all()  # premultiplied


@pytest.mark.parametrize("shift", [(0, 0), (1, 0), (3, 5), (-7, 2)])
def test_neighboring_areas_of_a_density_fit(shift: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    places = rng.integers(-40, 100, (2, 3000)).astype(np.int32)
    colors = np.full((3000, 3), 90.0)
    whole = _density(places, colors, (0, 0))
    moved = _density(places - np.array(shift, np.int32)[:, None], colors, shift)
    a = whole[8:30, 10:50]
    b = moved[8 - shift[1] : 30 - shift[1], 10 - shift[0] : 50 - shift[0]]
    assert CELL == 2 and (a == b).all()
