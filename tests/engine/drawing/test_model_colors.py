"""Every method has a look of its own, and the null band one that no model has."""

from __future__ import annotations

from engine import registry
from engine.drawing.palette import NULL_BAND, NULL_BAND_DARK, model_style, rgb


def test_no_two_registered_models_look_alike() -> None:
    names = ["original", *registry.names("method")]
    styles = [model_style(name) for name in names]
    assert len({(style.color, style.symbol) for style in styles}) == len(names)
    assert len({(style.color, style.dash) for style in styles}) == len(names)


def test_the_null_band_is_bluish_and_no_model_has_its_colors() -> None:
    colors = {model_style(name).color for name in ("original", *registry.names("method"))}
    for band in (NULL_BAND, NULL_BAND_DARK):
        for color in band:
            red, green, blue = rgb(color)
            assert blue > green > red
            assert color not in colors
    assert max(rgb(model_style("original").color)) < 0x60  # darker than the band's edge
