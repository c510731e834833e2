"""Curves draws the certified share of the forget set, and says why there is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import synthetic
from shown import Shown

from explorer.views.curves.tabs import CERTIFIED
from explorer.views.curves.view import CurvesView


def test_certified_shares_are_drawn_read_and_hidden(shown: Shown) -> None:
    shown.fill()
    radii = {"original": np.repeat([0.0, 0.2], 5), "gd": np.zeros(10), "rurk": np.zeros(10)}
    shown.state.residual = replace(synthetic.residual(), certified_radius=radii)
    view = shown.view(CurvesView)
    view.tabs.setCurrentIndex(CERTIFIED)
    x, y = view.certified.curves["original"].getData()
    assert y[0] == pytest.approx(50) and y[x < 0.2][-1] == pytest.approx(50) and y[-1] == 0
    assert not view.log.isEnabled()
    view.certified.hovered.emit(0.1)
    words = view.certified.card.text()
    assert "radius 0.1" in words and "Original 50.0 %" in words and "GD 0.0 %" in words
    assert view.figures()["curves"]["measure"] == "certified"
    assert "log" not in view.figures()["curves"]


def test_where_nothing_is_certified_it_says_what_it_takes(shown: Shown) -> None:
    shown.fill()
    view = shown.view(CurvesView)
    view.tabs.setCurrentIndex(CERTIFIED)
    assert "takes Gaussian noise" in view.certified.message.text()
    view.certified.hovered.emit(0.1)
    assert view.certified.cross is None
