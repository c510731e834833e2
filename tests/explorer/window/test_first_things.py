"""What a user would try first, with the mouse, in the real window on the real engine.

Other first things have tests of their own: a slice refines (test_slice_view), layers of A and B
(test_compare_view), worst samples (test_around), bundles (test_bundle_window), sessions
(test_session), dropping (test_drop), runs (test_runs_view), the keyboard (test_keyboard).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from mouse import drag
from patience import PATIENCE_MS as WAIT
from PySide6.QtCore import QEventLoop, QPoint, QPointF, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QStyle, QStyleOptionSlider
from pytestqt.qtbot import QtBot
from quick import FORM, QuickFactory, finish

from engine.results import RETAIN
from explorer import theme
from explorer.app import Explorer, Options
from explorer.dialogs.report_dialog import ReportDialog
from explorer.state import settings
from explorer.views.attack.view import AttackView
from explorer.views.compare.view import CompareView
from explorer.views.curves.view import CurvesView
from explorer.views.embedding.view import EmbeddingView
from explorer.views.live.view import LiveView
from explorer.views.metrics import MetricsView
from explorer.views.neighborhood.view import NeighborhoodView
from explorer.views.samples.view import SamplesView
from explorer.window.command_palette import CommandPalette
from explorer.window.window import SIZE

LEFT = Qt.MouseButton.LeftButton
NONE, SHIFT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture(scope="module")
def measured(qapp: QApplication, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one study, computed once, and the settings of a window that shows it."""
    store: Path = tmp_path_factory.mktemp("first") / "store"
    result = Explorer(Options(store=store), QuickFactory(store))
    result.state.form = FORM
    stored = settings.Settings(theme="light")
    settings.record_session(stored, result.state)
    settings.save(settings.file_in(store), stored)
    _end(result)
    result = Explorer(Options(store=store), QuickFactory(store))
    result.show()
    _until(lambda: result.state.dataset is not None and not result.jobs.busy())
    result.controller.run()
    _until(lambda: result.state.study is not None and not result.jobs.busy())
    _end(result)
    return store


def _end(explorer: Explorer) -> None:
    """Close a window and delete it: the next test that counts windows is not to see it."""
    explorer.close()
    explorer.window.deleteLater()
    explorer.deleteLater()


@pytest.fixture
def explorer(
    measured: Path, qtbot: QtBot, qapp: QApplication, tmp_path: Path
) -> Iterator[Explorer]:
    theme.apply(qapp, theme.LIGHT)
    shutil.copytree(measured, tmp_path / "mine")
    result = Explorer(Options(store=tmp_path / "mine"), QuickFactory(tmp_path / "mine"))
    result.show()
    result.window.resize(SIZE)
    qtbot.waitUntil(lambda: result.state.study is not None and not result.jobs.busy(), timeout=WAIT)
    result.window.activateWindow()
    yield result
    finish(result, qtbot)


def front(explorer: Explorer, name: str, qtbot: QtBot) -> None:
    """Bring a dock to the front, shown by the workspace or not."""
    explorer.window.go_to(name)
    qtbot.waitUntil(lambda: explorer.window.views[name].seen)
    qtbot.waitUntil(lambda: not explorer.jobs.busy(), timeout=WAIT)
    QApplication.processEvents()


# -- samples and embedding --------------------------------------------------------------------
def test_a_lasso_makes_a_forget_set_which_is_undone_and_redone(
    explorer: Explorer, qtbot: QtBot
) -> None:
    view, state = explorer.window.views["embedding"], explorer.state
    qtbot.waitUntil(lambda: state.embedding is not None, timeout=WAIT)
    assert isinstance(view, EmbeddingView) and state.embedding is not None
    before, cloud = state.forget, state.embedding
    pane = view.right.pane
    wanted = (cloud.label == 0) & (cloud.kind == RETAIN)
    low, high = pane.positions[wanted].min(0), pane.positions[wanted].max(0)
    corners = [(low[0], low[1]), (high[0], low[1]), (high[0], high[1]), (low[0], high[1])]
    places = [_pixel(pane, *corner) for corner in corners]
    grown = [place + QPoint(*(6 * s for s in side)) for place, side in zip(
        places, [(-1, 1), (1, 1), (1, -1), (-1, -1)], strict=True)]  # fmt: skip
    drag(pane.plot.viewport(), [*grown, grown[0]], SHIFT)
    chosen = state.selection.chosen
    assert set(cloud.sample[wanted].tolist()) <= chosen
    QTest.mouseClick(view.bar.buttons.forget, LEFT)
    lassoed = state.forget
    assert set(lassoed) == {one for one in chosen if not state.dataset.is_test(one)}  # type: ignore[union-attr]
    assert explorer.window.bar.forget.currentText() == f"{len(lassoed)} chosen samples"
    window = explorer.window
    QTest.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert state.forget == before
    QTest.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier | SHIFT)
    assert state.forget == lassoed


def test_samples_are_sorted_by_r_and_the_first_becomes_current(
    explorer: Explorer, qtbot: QtBot
) -> None:
    view, state = explorer.window.views["samples"], explorer.state
    assert isinstance(view, SamplesView) and state.residual is not None
    row = view.order
    row.sort.setFocus()
    QTest.keyClick(row.sort, Qt.Key.Key_Home)  # a strip begins at r at the shown tau
    while row.sort.currentText() != "r":
        QTest.keyClick(row.sort, Qt.Key.Key_Down)
    QApplication.processEvents()
    QTest.mouseClick(view.grid.viewport(), LEFT, NONE, view.grid.place_rect(0).center())
    first = state.selection.current
    assert first in state.residual.samples.tolist()
    qtbot.waitUntil(lambda: state.neighborhood is not None and state.neighborhood.sample == first)


# -- neighborhood and curves ------------------------------------------------------------------
def test_the_tau_slider_is_dragged_and_the_copies_are_redrawn(
    explorer: Explorer, qtbot: QtBot
) -> None:
    view, state = explorer.window.views["neighborhood"], explorer.state
    assert isinstance(view, NeighborhoodView) and state.neighborhood is not None
    before, picture = state.neighborhood, view.matrix.grab().toImage()
    slider = view.slider
    handle = _handle(slider)
    end = QPoint(4 if handle.x() > slider.width() // 2 else slider.width() - 4, handle.y())
    drag(slider, [handle, (handle + end) / 2, end])
    wanted = state.residual.taus[slider.value()]  # type: ignore[union-attr]
    assert wanted != before.tau
    qtbot.waitUntil(
        lambda: state.neighborhood is not None and np.isclose(state.neighborhood.tau, wanted),
        timeout=WAIT,
    )
    QApplication.processEvents()
    assert view.matrix.grab().toImage() != picture


def test_a_click_on_a_curve_lists_the_samples_that_carry_it(
    explorer: Explorer, qtbot: QtBot
) -> None:
    front(explorer, "curves", qtbot)
    view, state = explorer.window.views["curves"], explorer.state
    assert isinstance(view, CurvesView) and state.residual is not None
    view.grab()
    chart = view.charts[0]
    taus, means = chart.curves["gd"].getData()
    at = int(np.flatnonzero(np.isfinite(means))[-1])
    box = chart.plot.getViewBox()
    place = chart.plot.mapFromScene(box.mapViewToScene(QPointF(taus[at], means[at])))
    QTest.mouseClick(chart.plot.viewport(), LEFT, NONE, place)
    QApplication.processEvents()
    assert state.probe[1] == pytest.approx(float(taus[at]))
    carriers = state.selection.chosen
    if carriers:
        assert view.samples.isVisible()
        assert view.samples.table.model().rowCount() == len(carriers)
        assert carriers <= set(state.residual.samples.tolist())
    else:
        assert "No forget sample" in chart.message.text() or not view.samples.isVisible()


# -- compare, attack, live --------------------------------------------------------------------
def test_a_and_b_are_chosen_and_a_class_is_clicked(explorer: Explorer, qtbot: QtBot) -> None:
    front(explorer, "comparison", qtbot)
    view, state = explorer.window.views["comparison"], explorer.state
    assert isinstance(view, CompareView) and state.dataset is not None
    assert (view.a.currentData(), view.b.currentData()) == ("gd", "retrain-0")
    QTest.mouseClick(view.swap, LEFT)
    assert (view.a.currentData(), view.b.currentData()) == ("retrain-0", "gd")
    bars = view.classes.rows
    QTest.mouseClick(bars.viewport(), LEFT, NONE, bars.place_of(1).center())
    QApplication.processEvents()
    chosen = state.selection.chosen
    assert chosen and all(state.dataset.is_test(one) for one in chosen)
    assert len({int(state.dataset.label_of(one)) for one in chosen}) == 1


def test_the_threshold_of_the_attack_is_dragged(explorer: Explorer, qtbot: QtBot) -> None:
    front(explorer, "attack", qtbot)
    view = explorer.window.views["attack"]
    assert isinstance(view, AttackView)
    qtbot.waitUntil(lambda: not view.panel.is_empty, timeout=WAIT)
    view.grab()
    before, plot = view.sentence.text(), view.scores.plot
    (low, high), line = plot.viewRange()[0], view.scores.line_at
    start = plot.place(line, 1.0)
    far = low + 0.05 * (high - low) if line > (low + high) / 2 else high - 0.05 * (high - low)
    drag(plot.viewport(), [start, QPoint(plot.place(far, 1.0).x(), start.y())])
    assert view.sentence.text() != before and "Threshold" in view.sentence.text()


def test_epochs_are_replayed_after_the_run(explorer: Explorer, qtbot: QtBot) -> None:
    front(explorer, "epochs", qtbot)
    view = explorer.window.views["epochs"]
    assert isinstance(view, LiveView)
    qtbot.waitUntil(lambda: view.transport.slider.maximum() > 0, timeout=WAIT)
    last = view.transport.label.text()
    slider = view.transport.slider
    drag(slider, [_handle(slider), QPoint(2, slider.height() // 2)])
    assert view.transport.label.text().startswith("epoch 0 of")
    assert view.transport.label.text() != last


# -- metrics, palette, report -----------------------------------------------------------------
def test_the_table_is_sorted_and_copied_as_latex(explorer: Explorer, qtbot: QtBot) -> None:
    view = explorer.window.views["metrics"]
    assert isinstance(view, MetricsView)
    header = view.table.horizontalHeader()
    at = QPoint(header.sectionPosition(2) + 20, header.height() // 2)
    orders = []
    for _ in range(2):
        QTest.qWait(QApplication.doubleClickInterval() + 50)
        QTest.mouseClick(header.viewport(), LEFT, NONE, at)
        model = view.table.model()
        orders.append([model.index(row, 0).data() for row in range(model.rowCount())])
    assert sorted(orders[0]) == sorted(orders[1]) and orders[0] != orders[1]
    view.copies.actions()[2].trigger()
    assert "\\toprule" in QApplication.clipboard().text()


def test_the_palette_finds_docks_models_themes_and_recent_files(
    explorer: Explorer, qtbot: QtBot, tmp_path: Path
) -> None:
    window = explorer.window
    explorer.controller.files.save_session(tmp_path / "kept.json")
    qtbot.waitUntil(lambda: not explorer.jobs.busy(), timeout=WAIT)
    QTest.keyClick(window, Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier | SHIFT)
    palette = window.findChild(CommandPalette)
    listed = {entry.text for entry in palette._entries}
    models = {explorer.controller.state.label(name) for name in explorer.state.models}
    assert len(models) == 3 and models <= listed  # File > Export checkpoint
    assert {dock.windowTitle() for dock in window.docks.values()} <= listed
    assert {"Dark", "Light", "Follow system", "Reset layout"} <= listed
    assert any("kept" in text for text in listed)
    menus = window.actions_.menus.values()
    below = [menu.menuAction() for menu in menus]
    in_menus = {
        action.text().replace("&&", "&")
        for menu in menus
        for action in menu.actions()
        if action.text() and action not in below and not action.text().startswith("&")
    }
    assert {text.rstrip(" .") for text in in_menus} <= listed | {"Commands"}
    qtbot.keyClicks(palette.line, "go slice")
    assert palette.list.topLevelItem(0).text(0) == "Slice"
    QTest.keyClick(palette.line, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.views["slice"].seen)


def test_the_report_is_written_by_one_click(
    explorer: Explorer, qtbot: QtBot, tmp_path: Path
) -> None:
    explorer.window.actions_.by_name["report"].trigger()
    dialog = explorer.window.findChild(ReportDialog)
    out = tmp_path / "report.html"
    dialog.place.line.selectAll()
    qtbot.keyClicks(dialog.place.line, str(out))
    QTest.mouseClick(dialog.write, LEFT)
    qtbot.waitUntil(lambda: out.exists() and not explorer.jobs.busy(), timeout=WAIT)
    page = out.read_text(encoding="utf-8")
    assert "<svg" in page and "Iris" in page and "http://" not in page.split("<body")[0]
    assert not explorer.notifier.errors


def _pixel(pane: object, x: float, y: float) -> QPoint:
    at: QPoint = pane.plot.mapFromScene(pane.box.mapViewToScene(QPointF(x, y)))  # type: ignore[attr-defined]
    return at


def _handle(slider: object) -> QPoint:
    """The handle of a slider."""
    option = QStyleOptionSlider()
    slider.initStyleOption(option)  # type: ignore[attr-defined]
    style = slider.style()  # type: ignore[attr-defined]
    part = QStyle.SubControl.SC_SliderHandle
    kind = QStyle.ComplexControl.CC_Slider
    result: QPoint = style.subControlRect(kind, option, part, slider).center()
    return result


def _until(done: object) -> None:
    loop, timer = QEventLoop(), QTimer()

    def look() -> None:
        if done():  # type: ignore[operator]
            loop.quit()

    timer.timeout.connect(look)
    timer.start(20)
    QTimer.singleShot(WAIT, loop.quit)
    loop.exec()
    timer.stop()
    assert done()  # type: ignore[operator]
