"""Critical tau: cumulative curves over the band of the Re-trains, linked to the samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import synthetic
from mouse import drag
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from shown import Shown

from engine.errors import Cancelled
from engine.results import Recognition
from engine.runtime.progress import Reporter
from engine.spec import ProbeSpec
from explorer.jobs import probe_tasks
from explorer.state.selection import REPLACE, Selection
from explorer.views.critical.view import CriticalView

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


@pytest.fixture
def view(shown: Shown) -> CriticalView:
    shown.fill()
    made = shown.view(CriticalView)
    for _ in range(2):
        QApplication.processEvents()
        made.grab()
    return made


def pixel(view: CriticalView, x: float, y: float) -> QPoint:
    plot = view.chart.plot
    at: QPoint = plot.mapFromScene(plot.getViewBox().mapViewToScene(QPointF(x, y)))
    return at


def asked(shown: Shown, name: str) -> list[tuple[Any, ...]]:
    return [call for call in shown.asked.calls if call[0] == name]


# -- what is drawn ----------------------------------------------------------------------------
def test_each_model_has_its_curve_and_the_retrains_are_a_band(view: CriticalView) -> None:
    assert set(view.chart.curves) == {"original", "rurk", "gd"}
    x, y = view.chart.curves["gd"].getData()
    assert y[np.searchsorted(x, 0.1, side="right") - 1] == pytest.approx(60)  # 0, 0.02 ... 0.1
    assert y[-1] == 100
    assert view.chart.curves["rurk"].getData()[1][-1] == 50
    names = {label.name: label.text for label in view.chart.notes.labels}
    assert names == {"original": "Original", "rurk": "RURK", "gd": "GD"}
    band = view.chart.bands[""].path().boundingRect()
    assert (band.top(), band.bottom()) == pytest.approx((10, 100))
    assert "5 samples of a model" in view.info.toolTip() or "0 to 5" in view.info.toolTip()


def test_the_name_of_the_band_covers_no_ring(view: CriticalView) -> None:
    text, box = view.chart.notes.band_box() or ("", QRectF())
    assert text == "Re-trains: lowest to highest"
    at = view.chart.plot.getViewBox().mapSceneToView(box.center())
    view.chart.keep_clear([(at.x(), at.y())])
    _, moved = view.chart.notes.band_box() or ("", QRectF())
    assert not moved.intersects(box)
    view._mark_samples()
    assert set(view.chart.notes.band.spots) == set(view.rings.values())


def test_all_models_are_asked_for_while_the_view_is_seen(view: CriticalView, shown: Shown) -> None:
    wanted = ("original", "rurk", "gd", "retrain-0", "retrain-1")
    assert asked(shown, "look")[0] == ("look", "recognitions", wanted)
    view.hide()
    assert shown.last == ("look_away", "recognitions")


def test_what_is_found_so_far_is_drawn_and_the_rest_announced(
    view: CriticalView, shown: Shown
) -> None:
    every = synthetic.recognitions()
    shown.state.recognitions = {name: every[name] for name in ("original", "rurk")}
    assert set(view.chart.curves) == {"original", "rurk"}
    assert view.note.isVisible()
    assert view.note.text() == "Searching GD: 2 of 5 models are done."
    shown.state.recognitions = every
    assert not view.note.isVisible()


def test_a_single_retrain_is_a_curve(view: CriticalView, shown: Shown) -> None:
    every = synthetic.recognitions()
    del every["retrain-1"]
    shown.state.recognitions = every
    assert "retrain-0" in view.chart.curves and "" not in view.chart.bands


def test_hovering_reads_counts_and_shares_in_every_model(view: CriticalView, shown: Shown) -> None:
    QTest.mouseMove(view.chart.plot.viewport(), pixel(view, 0.101, 55))
    shown.qtbot.waitUntil(lambda: view.chart.card.text() != "")
    text = view.chart.card.text()
    assert "Original 10 of 10 (100 %)" in text
    assert "GD 6 of 10 (60 %)" in text
    assert "RURK 2 of 10 (20 %) 5 not up to τ 0.4" in text
    assert "Re-trains 3 to 4 of 10" in text


# -- samples ----------------------------------------------------------------------------------
def test_a_drag_selects_the_samples_of_the_chosen_model(view: CriticalView, shown: Shown) -> None:
    view.model.setCurrentIndex(view.model.findData("gd"))
    view.model.activated.emit(view.model.currentIndex())
    start, end = pixel(view, 0.05, 50), pixel(view, 0.11, 50)
    drag(view.chart.plot.viewport(), [start, (start + end) / 2, end])
    assert asked(shown, "select") == [("select", [13, 17, 21], REPLACE)]  # 0.06, 0.08, 0.1
    assert view.chart.message.text().startswith("GD recognizes 3 forget samples again between")
    assert view.box.viewRange()[0][0] < 0.05  # the drag has not moved the plot


def test_a_click_on_a_curve_chooses_its_model_and_selects_up_to_there(
    view: CriticalView, shown: Shown
) -> None:
    at = pixel(view, 0.17, 30)  # RURK: samples 0, 2, 4 at 0, 0.08, 0.16
    QTest.mouseClick(view.chart.plot.viewport(), LEFT, NONE, at)
    assert asked(shown, "select") == [("select", [1, 9, 17], REPLACE)]
    assert view.model.currentData() == "rurk"
    assert "within τ 0.17; they are selected" in view.chart.message.text()


def test_what_is_not_recognized_again_can_be_selected(view: CriticalView, shown: Shown) -> None:
    view.missing_button.click()  # the first method: RURK
    assert shown.last == ("select", [5, 13, 21, 29, 37], REPLACE)
    assert "5 forget samples again up to τ 0.4" in view.chart.message.text()


def test_an_empty_range_leaves_the_selection(view: CriticalView, shown: Shown) -> None:
    view.box.ranged.emit(0.385, 0.39, True)
    assert asked(shown, "select") == []
    assert "no forget sample" in view.chart.message.text()


def test_the_current_sample_is_ringed_on_every_curve(view: CriticalView, shown: Shown) -> None:
    assert shown.state.selection.current == 5  # the second sample
    assert view.rings == {"original": (0.01, 20), "gd": (0.02, 20), "rurk": (0.4, 50)}
    shown.state.selection = Selection(2)  # not forgotten
    assert view.rings == {}


def test_a_hidden_model_is_listed_and_comes_back(view: CriticalView) -> None:
    for there in (False, True):
        at = view.chart.notes.boxes()["gd"].center().toPoint()
        QTest.mouseClick(view.chart.plot.viewport(), LEFT, NONE, at)
        view.grab()
        assert ("gd" in view.chart.curves) == there
        QTest.qWait(QApplication.doubleClickInterval() + 20)


def test_model_and_hidden_models_are_kept(view: CriticalView, shown: Shown) -> None:
    view.restore_view_state({"model": "gd", "hidden": ["rurk", 3]})
    assert view.model.currentData() == "gd"
    assert set(view.chart.curves) == {"original", "gd"}
    kept = view.view_state()
    assert kept == {"model": "gd", "hidden": ["rurk"]}
    view.restore_view_state({"model": 7, "hidden": "x"})
    assert view.view_state() == kept
    view.export_button.click()
    assert shown.last == ("ask_figure", "critical", {"hidden": ["rurk"]})


# -- the search -------------------------------------------------------------------------------
class Engine:
    """Finds the smallest tau of a model at once, and counts."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def recognition(self, spec: Any, model: str, report: Reporter, *, draws: int) -> Recognition:
        self.asked.append((model, draws))
        return synthetic.recognitions()[model]


class Spec:
    forget = (1, 5)
    probe = ProbeSpec("gaussian", (0.0, 0.1), 10)


class Listening(Reporter):
    def __init__(self, stop: Callable[[int], bool]) -> None:
        super().__init__()
        self.points: list[dict[str, Recognition]] = []
        self._last = stop

    def on_point(self, channel: str, data: Any) -> None:
        assert channel == "recognitions"
        self.points.append(data)
        if self._last(len(self.points)):
            self.cancel()


def test_models_are_searched_one_after_another_and_shown_as_they_are_found() -> None:
    engine, report = Engine(), Listening(lambda count: False)
    found = probe_tasks.find_smallest_taus(Spec(), ("gd", "rurk"), engine, report)  # type: ignore[arg-type]
    assert list(found) == ["gd", "rurk"]
    assert [list(point) for point in report.points] == [["gd"], ["gd", "rurk"]]
    assert engine.asked == [("gd", 20), ("rurk", 20)]


def test_a_stopped_search_has_shown_what_it_found() -> None:
    engine, report = Engine(), Listening(lambda count: count == 1)
    with pytest.raises(Cancelled):
        probe_tasks.find_smallest_taus(Spec(), ("gd", "rurk"), engine, report)  # type: ignore[arg-type]
    assert engine.asked == [("gd", 20)]
