from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtGui import QImage

from explorer.points.pixel_map import PixelMap
from explorer.points.raster import Layer, Raster
from explorer.points.stamps import CIRCLE, CROSS, DIAMOND, RING

SIZE = (240, 180)
PALETTE = np.array([[255.0, 0, 0], [0, 160, 0], [0, 0, 255]])
POINTS = 3000


def view(dx: float = 0.0, dy: float = 0.0, scale: float = 40.0, ratio: float = 1.0) -> PixelMap:
    """Such a part of the plane, in a picture of 240 x 180 pixels."""
    return PixelMap((0.0, 0.0), SIZE, (scale, -scale), (120.3 + dx, 90.6 + dy), ratio)


def pixels(image: QImage) -> np.ndarray:
    """(height, width) uint32, a copy."""
    lines = np.frombuffer(image.constBits(), np.uint32)
    width = image.bytesPerLine() // 4
    padded = np.zeros(image.height() * width, np.uint32)
    padded[: len(lines)] = lines[: len(padded)]
    return padded.reshape(-1, width)[:, : image.width()].copy()


def filled(seed: int = 0) -> Raster:
    """Points in three layers and two rings, some of them nowhere and some beyond the picture."""
    rng = np.random.default_rng(seed)
    xy = rng.normal(0, 1.5, (POINTS, 2))
    xy[::97] = np.nan
    made = Raster()
    made.set_points(xy)
    made.set_colors(PALETTE, (0, 0, 0))
    made.set_layers(layers(), rng.integers(0, 3, POINTS))
    made.set_rings([Layer(np.array([5, 9]), RING, 7.0, ink="#ff00ff")])
    return made


def layers() -> list[Layer]:
    """Three marks, the later ones on top."""
    row = np.arange(POINTS)
    return [
        Layer(row[row % 3 == 0], CIRCLE, 2.5),
        Layer(row[row % 3 == 1], DIAMOND, 3.5, 1.0),
        Layer(row[row % 3 == 2], CROSS, 3.0),
    ]


def plainly(raster: Raster, seen: PixelMap, color: np.ndarray) -> np.ndarray:
    """The same picture, drawn point by point and pixel by pixel."""
    picture = np.zeros(SIZE[::-1], np.uint32)
    rings = [Layer(np.array([5, 9]), RING, 7.0, ink="#ff00ff")]
    for layer in [*layers(), *rings]:
        mark = layer.mark(seen.ratio)
        for row in layer.rows:
            at = np.floor(raster.xy[row] * seen.scale + np.array(seen.shift))
            if not np.isfinite(at).all():
                continue
            ink = np.array([255.0, 0, 255]) if layer.ink else PALETTE[color[row]]
            values = mark.values(ink[None], (0, 0, 0))[0]
            x, y = (at[0] + mark.dx).astype(int), (at[1] + mark.dy).astype(int)
            inside = (x >= 0) & (x < SIZE[0]) & (y >= 0) & (y < SIZE[1])
            picture[y[inside], x[inside]] = values[inside]
    return picture


@pytest.mark.parametrize("ratio", [1.0, 2.0])
def test_the_picture_is_that_of_stamping_point_by_point(ratio: float) -> None:
    color = np.random.default_rng(1).integers(0, 3, POINTS)
    raster = filled()
    raster.set_layers(layers(), color)
    found = pixels(raster.image(view(ratio=ratio)))
    assert np.array_equal(found, plainly(raster, view(ratio=ratio), color))


@pytest.mark.parametrize("ratio", [1.0, 2.0])
def test_a_view_that_is_shifted_by_pixels_is_exactly_that_drawn_anew(ratio: float) -> None:
    raster, rng = filled(), np.random.default_rng(2)
    dx = dy = 0
    raster.image(view(ratio=ratio))
    for step in rng.integers(-60, 60, (40, 2)):
        dx, dy = (0, 0) if abs(dx) + abs(dy) > 200 else (dx + int(step[0]), dy + int(step[1]))
        slid = pixels(raster.image(view(dx, dy, ratio=ratio)))
        assert np.array_equal(slid, pixels(filled().image(view(dx, dy, ratio=ratio)))), (dx, dy)


def test_points_keep_their_places_to_one_another_while_a_view_is_dragged() -> None:
    raster = filled()
    before = pixels(raster.image(view()))
    after = pixels(raster.image(view(3.4, 0.3)))  # of all fractions of a pixel
    assert np.array_equal(after[:, 3:], before[:, :-3])
    back = pixels(raster.image(view()))
    assert np.array_equal(back, before)


def test_a_view_of_another_scale_or_far_away_is_drawn_anew() -> None:
    raster = filled()
    raster.image(view())
    for other in (view(scale=43.0), view(dx=1000.0), view(dx=70.0, dy=-500.0), view(ratio=2.0)):
        assert np.array_equal(pixels(raster.image(other)), pixels(filled().image(other)))


def test_colors_that_change_again_and_again_look_like_the_first_ones() -> None:
    raster, rng = filled(), np.random.default_rng(3)
    raster.image(view())
    for turn in range(6):
        color, palette = rng.integers(0, 3, POINTS), np.roll(PALETTE, turn // 3, 0)
        fresh = filled()
        for one in (raster, fresh):
            one.set_layers(layers(), color)
            one.set_colors(palette, (turn, turn, turn))
        assert np.array_equal(pixels(raster.image(view())), pixels(fresh.image(view()))), turn


def test_rings_come_and_go_whatever_was_drawn_before() -> None:
    raster = filled()
    for radius in (0.0, 3.0, 12.0, 12.0, 12.0, 5.0, 0.0, 12.0):
        rings = [Layer(np.array([4, 8]), RING, radius, ink="#00ffff")] if radius else []
        fresh = filled()
        for one in (raster, fresh):
            one.set_rings(rings)
        assert np.array_equal(pixels(raster.image(view())), pixels(fresh.image(view()))), radius


def test_other_marks_and_rings_are_seen_at_once() -> None:
    raster = filled()
    for _ in range(4):
        raster.set_rings([])
        raster.image(view())
    fresh = filled()
    only = [Layer(np.arange(0, POINTS, 2), CIRCLE, 4.0)]
    for one in (raster, fresh):
        one.set_layers(only, np.zeros(POINTS, int))
        one.set_rings([Layer(np.array([4]), RING, 9.0, ink="#00ffff")])
    assert np.array_equal(pixels(raster.image(view())), pixels(fresh.image(view())))


def test_without_points_the_picture_is_empty() -> None:
    raster = Raster()
    raster.set_points(np.empty((0, 2)))
    raster.set_layers([], np.empty(0, int))
    for _ in range(4):
        raster.set_rings([])
        assert not pixels(raster.image(view())).any()
