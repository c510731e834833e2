"""Both themes are legible, complete, and applied to Qt."""

from __future__ import annotations

import itertools
import re

import pytest
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication

from explorer import theme
from explorer.theme import DARK, LIGHT, Theme, contrast, theme_of
from explorer.window.actions import COMMANDS

MODELS = ("original", "retrain-0", "rurk", "gd", "ga")
both = pytest.mark.parametrize("look", [LIGHT, DARK], ids=["light", "dark"])


@both
def test_text_is_legible(look: Theme) -> None:
    """WCAG 2.1, AA: 4.5 to 1 for text."""
    for text in (look.text, look.muted, look.accent, look.danger, look.good):
        for ground in (look.window, look.base):
            assert contrast(text, ground) >= 4.5, (text, ground)
    assert contrast(look.on_accent, look.accent) >= 4.5


@both
def test_models_and_classes_are_visible_and_distinct(look: Theme) -> None:
    styles = [look.model_style(name) for name in MODELS]
    for color in [*look.class_colors, *(style.color for style in styles), look.class_color(99)]:
        assert contrast(color, look.base) >= theme.LEGIBLE - 0.01
    for one, other in itertools.combinations(styles, 2):
        assert one.color != other.color
        assert one.symbol != other.symbol
    assert len(set(look.class_colors)) == 10


def test_re_trains_look_alike_and_names_keep_their_style() -> None:
    assert LIGHT.model_style("retrain-0") == LIGHT.model_style("retrain-2")
    assert LIGHT.model_style("scrub") == LIGHT.model_style("scrub")


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@both
def test_the_style_sheet_has_every_color_filled_in(look: Theme) -> None:
    sheet = theme.style_sheet(look)
    assert "@" not in sheet
    assert look.accent in sheet
    assert set(re.findall(r"#[0-9a-f]{6}\b", sheet)) <= set(vars(look).values())


@both
def test_applying_reaches_the_application(qapp: QApplication, look: Theme) -> None:
    theme.apply(qapp, look)
    assert qapp.palette().color(QPalette.ColorRole.Window).name() == look.window
    assert look.accent in qapp.styleSheet()


@pytest.mark.parametrize("name", sorted({one.icon for one in COMMANDS if one.icon} | {"app"}))
def test_every_icon_is_drawn(qapp: QApplication, name: str) -> None:
    image = theme.icon(name, DARK).pixmap(32, 32).toImage()
    observed = {image.pixelColor(x, y).alpha() for x in range(32) for y in range(32)}
    assert 255 in observed


def test_names_resolve(qapp: QApplication) -> None:
    assert theme_of("dark") is DARK
    assert theme_of("anything") is LIGHT
    assert theme.resolve("dark") == "dark"
    assert theme.resolve("system") in ("light", "dark")
