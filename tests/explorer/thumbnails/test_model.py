"""Thumbnails that are drawn all at once look exactly like those drawn one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import synthetic
from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from engine.datasets.base import Dataset
from explorer.theme import DARK, LIGHT, Theme
from explorer.thumbnails.grid import ThumbnailGrid
from explorer.thumbnails.model import ThumbnailModel
from explorer.thumbnails.tiles import Tiles, fitted
from explorer.widgets.sample_picture import picture

SHAPES = [(1, 8, 8), (3, 32, 32), (3, 28, 20), (2, 5, 7), (1, 38, 38)]
SAMPLES = 200


def dataset(shape: tuple[int, ...]) -> Dataset:
    """Noise in 30 classes, and twenty test samples."""
    x = np.random.default_rng(0).integers(0, 256, (SAMPLES, *shape), dtype=np.uint8)
    y = np.arange(SAMPLES) % 30
    names = tuple(f"class {number}" for number in range(30))
    made = synthetic.images()
    return replace(
        made, classes=names, train_x=x, train_y=y, test_x=x[:20, ..., ::-1], test_y=y[:20]
    )


def grid(
    qtbot: QtBot, shape: tuple[int, ...], caption: bool, theme: Theme = LIGHT
) -> ThumbnailGrid:
    """All samples backwards, test samples first, some of them chosen, forgotten, current."""
    shown = dataset(shape)
    model = ThumbnailModel(str, None)  # type: ignore[arg-type]
    made = ThumbnailGrid(model)
    qtbot.addWidget(made)
    made.artist.set_theme(theme)
    model.set_dataset(shown)
    model.chosen, model.forget = np.arange(220) % 5 == 0, np.arange(220) % 7 == 0
    model.current = 215
    model.set_shown(np.arange(219, -1, -1), _words if caption else None)
    made.resize(400, 300)
    made.show()
    qtbot.waitExposed(made)
    return made


def _words(sample: int) -> str:
    return f"{'a very long name' if sample % 9 == 0 else 'loss'} {sample / 7:.2f}"


def seen(made: ThumbnailGrid, ratio: float, area: QRect | None = None) -> QImage:
    """The viewport's picture at so many device pixels per logical one."""
    viewport = made.viewport()
    area = area or viewport.rect()
    image = QImage(area.size() * ratio, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(ratio)
    viewport.render(image, QPoint(), area)
    return image


@pytest.mark.parametrize("ratio", [1.0, 2.0, 1.5])
@pytest.mark.parametrize("shape", SHAPES)
def test_all_at_once_is_one_by_one(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...], ratio: float
) -> None:
    theme = DARK if ratio == 2 else LIGHT
    made = [grid(qtbot, shape, caption, theme) for caption in (False, True)]
    for one in made:
        one.verticalScrollBar().setValue(31)
    at_once = [seen(one, ratio) for one in made]
    assert len({at_once[0].pixel(x, 60) for x in range(300)}) > 5
    monkeypatch.setattr(Tiles, "suit", lambda *_: False)
    for one in made:
        one.artist.forget_pictures()
    assert at_once == [seen(one, ratio) for one in made]


def test_a_part_is_painted_as_it_is_in_the_whole(qtbot: QtBot) -> None:
    made = grid(qtbot, (3, 32, 32), True)
    made.verticalScrollBar().setValue(made.verticalScrollBar().maximum() - 5)
    whole = seen(made, 1.0)
    for top, high in ((0, 7), (61, 1), (100, 90), (290, 8)):
        part = QRect(0, top, made.viewport().width(), high)
        assert seen(made, 1.0, part) == whole.copy(part)


@pytest.mark.parametrize("side", [38, 57, 76])
@pytest.mark.parametrize("shape", SHAPES)
def test_pixels_are_enlarged_as_qt_enlarges_them(shape: tuple[int, ...], side: int) -> None:
    shown = dataset(shape)
    assert Tiles.suit(shown, side)
    samples = np.array([0, 199, 3, 219, 200])
    for sample, tile in zip(samples, Tiles(shown, side).of(samples), strict=True):
        plain = fitted(picture(shown.raw(int(sample))), side)
        plain = plain.convertToFormat(QImage.Format.Format_RGB32)
        values = np.frombuffer(plain.constBits(), np.uint32).reshape(tile.shape)
        assert np.array_equal(tile, values)


def test_images_that_are_made_smaller_and_features_are_drawn_one_by_one() -> None:
    assert not Tiles.suit(dataset((3, 64, 64)), 38)
    assert not Tiles.suit(synthetic.features(), 38)
