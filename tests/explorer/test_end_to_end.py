"""End to end: the real window, the real engine, real mouse events, and the same numbers
on the screen, in the HDF5 file and on the command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
from patience import PATIENCE_MS as WAIT
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from engine.__main__ import main
from engine.results import FORGET, PERTURBED, TEST
from explorer.app import Explorer, Options
from explorer.views.curves.tabs import RESIDUAL
from explorer.views.curves.view import CurvesView
from explorer.views.embedding.view import EmbeddingView
from explorer.views.samples.sort_keys import INDEX
from explorer.views.samples.view import SamplesView

LEFT = Qt.MouseButton.LeftButton

pytestmark = pytest.mark.end_to_end


@pytest.fixture
def explorer(qtbot: QtBot, tmp_path: Path) -> Iterator[Explorer]:
    result = Explorer(Options(store=tmp_path / "store", dataset="digits", device="cpu"))
    with qtbot.waitSignal(result.jobs.idle, timeout=WAIT):
        result.show()
    yield result
    assert result.close()
    result.window.deleteLater()
    result.deleteLater()
    qtbot.wait(10)


def view(explorer: Explorer, name: str) -> object:
    return explorer.window.views[name]


def click_thumbnail(samples: SamplesView, place: int, *, add: bool = False) -> None:
    keys = Qt.KeyboardModifier.ControlModifier if add else Qt.KeyboardModifier.NoModifier
    samples.grid.scrollTo(samples.grid.model().index(0, 0))
    QTest.mouseClick(samples.grid.viewport(), LEFT, keys, samples.grid.place_rect(place).center())


def click_point(embedding: EmbeddingView, row: int) -> None:
    pane = embedding.right.pane
    x, y = pane.points.xy[row]
    at: QPoint = pane.plot.mapFromScene(pane.box.mapViewToScene(QPointF(x, y)))
    QTest.mouseClick(pane.plot.viewport(), LEFT, Qt.KeyboardModifier.ControlModifier, at)


def run(explorer: Explorer, qtbot: QtBot) -> None:
    with qtbot.waitSignal(explorer.controller.shown.completed, timeout=WAIT):
        QTest.mouseClick(explorer.window.bar.run_button, LEFT)
    qtbot.waitUntil(lambda: not explorer.jobs.busy(), timeout=WAIT)
    qtbot.wait(50)


def test_clicked_samples_are_forgotten_and_the_same_numbers_are_everywhere(
    explorer: Explorer, qtbot: QtBot, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    samples, embedding = view(explorer, "samples"), view(explorer, "embedding")
    curves = view(explorer, "curves")
    assert isinstance(samples, SamplesView)
    assert isinstance(embedding, EmbeddingView)
    assert isinstance(curves, CurvesView)
    state = explorer.state
    assert state.dataset is not None
    assert state.dataset.spec.name == "digits"
    run(explorer, qtbot)  # the suggested study, to have points to click
    assert state.study is not None
    first = state.study.key
    assert state.embedding is not None
    assert (state.embedding.kind == FORGET).sum() == 70

    explorer.window.show_workspace("choose")
    QTest.qWait(100)
    sort = samples.order.sort  # a strip that was enlarged keeps its order
    sort.setCurrentIndex(sort.findText(INDEX))
    sort.activated.emit(sort.currentIndex())
    QTest.qWait(100)
    for number, place in enumerate((3, 5, 17)):
        click_thumbnail(samples, place, add=number > 0)
    assert state.selection.chosen == {3, 5, 17}
    xy = embedding.right.pane.positions
    others = np.linalg.norm(xy[:, None] - xy[None], axis=2)
    loneliest = (others + 1e9 * np.eye(len(others))).min(1)
    unfit = np.isin(state.embedding.kind, (TEST, PERTURBED))
    taken = np.isin(state.embedding.sample, [3, 5, 17]) | unfit
    row = int(np.where(taken, -1, loneliest).argmax())
    QTest.qWait(QApplication.doubleClickInterval() + 50)
    click_point(embedding, row)
    clicked = state.selection.current  # a picture may lie over the point
    assert clicked is not None and clicked not in (3, 5, 17)
    assert state.selection.chosen == {3, 5, 17, clicked}
    QTest.mouseClick(samples.buttons.forget, LEFT)
    assert state.forget == tuple(sorted({3, 5, 17, clicked}))

    run(explorer, qtbot)
    study = state.study
    assert study is not None
    assert study.key != first
    assert study.forget.tolist() == list(state.forget)
    assert not explorer.notifier.errors

    explorer.window.show_workspace("explore")
    qtbot.waitUntil(lambda: curves.seen)
    qtbot.wait(50)
    curves.tabs.setCurrentIndex(RESIDUAL)
    shown = curves.residual.curves["gd"].getData()[1]
    with h5py.File(tmp_path / "store" / "studies" / f"{study.key}.h5") as file:
        stored = file["curves/gd/mean"][()]
        counts = {name: file[f"counts/{name}"][()] for name in ("gd", "retrain-0")}
    assert np.array_equal(shown, stored, equal_nan=True)
    assert counts["gd"].shape == (4, 11)
    capsys.readouterr()
    assert main(["table", study.key, "--store", str(tmp_path / "store")]) == 0
    table = capsys.readouterr().out
    for value in stored[np.isfinite(stored)]:
        assert f"{value:.3f}" in table

    near = state.neighborhood
    assert near is not None
    assert near.sample == clicked
    at = int(np.flatnonzero(np.isclose(study.residual.taus, near.tau))[0])
    place = state.forget.index(clicked)
    assert near.counts["gd"] == counts["gd"][place, at]
    assert near.counts["retrain-0"] == counts["retrain-0"][place, at]
