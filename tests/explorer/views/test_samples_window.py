"""Samples in the real window: the smallest tau searched by the engine, and test samples."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from patience import PATIENCE_MS as WAIT
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from quick import FORM, QuickFactory, finish

from explorer.app import Explorer, Options
from explorer.state import settings
from explorer.views.samples.sort_keys import TAU
from explorer.views.samples.subsets import TEST
from explorer.views.samples.view import SamplesView


@pytest.fixture
def explorer(qtbot: QtBot, tmp_path: Path) -> Iterator[Explorer]:
    """A window on Iris."""
    made = Explorer(Options(store=tmp_path / "store"), QuickFactory(tmp_path / "store"))
    made.state.form = FORM
    settings.record_session(made.settings, made.state)
    with qtbot.waitSignal(made.jobs.idle, timeout=WAIT):
        made.show()
    yield made
    finish(made, qtbot)


def _samples(explorer: Explorer) -> SamplesView:
    view = explorer.window.views["samples"]
    assert isinstance(view, SamplesView)
    return view


def test_samples_are_sorted_by_the_smallest_tau_that_the_engine_finds(
    explorer: Explorer, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(explorer.controller.shown.completed, timeout=WAIT):
        explorer.controller.run()
    samples, state = _samples(explorer), explorer.state
    samples.order.sort.setFocus()
    samples.order.sort.setCurrentText(TAU)
    qtbot.waitUntil(lambda: state.recognition is not None, timeout=WAIT)
    found = state.recognition
    assert found is not None and found.model == "original"
    assert tuple(found.samples.tolist()) == state.forget
    taus = np.where(np.isnan(found.taus), np.inf, found.taus)
    order = found.samples[np.argsort(taus, kind="stable")]
    assert samples.model.shown[: len(order)].tolist() == order.tolist()
    assert not samples.note.text()
    caption = samples.model.caption
    assert caption is not None and caption(int(order[0])).startswith("τ* ")


def test_a_test_sample_is_looked_at_but_not_forgotten(explorer: Explorer, qtbot: QtBot) -> None:
    samples, state = _samples(explorer), explorer.state
    samples.scope.sets.setCurrentText(TEST)
    before = state.forget
    grid = samples.grid
    QTest.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=grid.place_rect(2).center())
    dataset = state.dataset
    assert dataset is not None
    assert state.selection.current == len(dataset.train_y) + 2
    QTest.keyClick(grid, Qt.Key.Key_F)
    assert state.forget == before
    assert "Test samples were never trained on" in explorer.window.toasts.sentences()[-1]
