"""The Live view: follows a method epoch by epoch, and replays it by slider, play and keyboard."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import synthetic
from mouse import drag
from patience import PATIENCE
from patience import PATIENCE_MS as WAIT
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QStyle, QStyleOptionSlider
from pytestqt.qtbot import QtBot
from quick import FORM, QuickFactory
from shown import LEFT, Shown, press

from engine.analysis.epoch_series import Epochs
from explorer.control.controller import Controller
from explorer.jobs.lanes import HEAVY, Jobs
from explorer.plots.verdicts import Block, VerdictStrip
from explorer.state.app_state import AppState
from explorer.state.notice import ERROR
from explorer.state.selection import Selection
from explorer.state.session import Session
from explorer.theme import LIGHT, apply
from explorer.views.live.view import LiveView
from explorer.widgets.panel import MARGIN
from explorer.widgets.player import EpochPlayer
from explorer.window.workspaces import BESIDE


def filled(shown: Shown) -> LiveView:
    shown.fill()
    return shown.view(LiveView)


def drag_slider(view: LiveView, to: float) -> None:
    """Drag the handle from where it is to this share of the groove."""
    slider = view.transport.slider
    option = QStyleOptionSlider()
    slider.initStyleOption(option)
    handle = slider.style().subControlRect(
        QStyle.ComplexControl.CC_Slider, option, QStyle.SubControl.SC_SliderHandle, slider
    )
    start, y = handle.center().x(), slider.height() // 2
    end = round(to * (slider.width() - 1))
    drag(slider, [QPoint(start, y), QPoint((start + end) // 2, y), QPoint(end, y)])


def at(view: LiveView) -> str:
    return view.transport.label.text()


def drawn(view: LiveView) -> np.ndarray:
    """(T,) the curve of the epoch that is shown, as the plot has it."""
    return np.asarray(view.curve.curves["now"].getData()[1])


# -- what one epoch shows ------------------------------------------------------------------------
def test_the_last_epoch_is_shown_first_with_its_curve_and_verdicts(shown: Shown) -> None:
    view = filled(shown)
    seen = shown.state.epochs["rurk"]
    assert view.transport.live
    assert at(view) == "epoch 4 of 8"
    assert np.allclose(drawn(view), seen.curve(4))
    assert view.strip.accessibleDescription() == (
        "RURK 22/110 copies recognized; Original 110/110 copies recognized; "
        "all 2 Re-trains 44/110 copies recognized"
    )
    assert view.heading.text() == "retain 99.0 % · unlearn 80.0 % · test 97.0 %"
    assert "Watching took 0.5 s on top of 2.0 s of unlearning." in view.note.text()


def test_former_epochs_stay_as_faint_curves_the_fainter_the_older(shown: Shown) -> None:
    view = filled(shown)
    names = [name for name in view.curve.curves if name.startswith("before")]
    assert len(names) == 4
    shades = [view.curve.curves[f"before {i}"].opts["pen"].color().lightness() for i in range(4)]
    assert shades == sorted(shades, reverse=True)
    assert len(set(shades)) == 4
    view.transport.slider.setValue(1)
    assert [name for name in view.curve.curves if name.startswith("before")] == ["before 0"]


def test_the_axis_holds_still_while_epochs_change(shown: Shown) -> None:
    view = filled(shown)
    ranges = []
    for epoch in range(5):
        view.transport.slider.setValue(epoch)
        QApplication.processEvents()
        ranges.append(view.curve.plot.viewRange()[1])
    assert all(found == pytest.approx(ranges[0]) for found in ranges)
    assert ranges[0][0] < 0.5
    assert ranges[0][1] > 2


def test_where_r_is_undefined_the_view_says_so(shown: Shown) -> None:
    view = filled(shown)
    seen = shown.state.epochs["rurk"]
    lost = seen.references["retrain-0"].copy()
    lost[:3, -1] = 2  # never recognized at the last tau
    shown.state.epochs = {"rurk": replace(seen, references={**seen.references, "retrain-0": lost})}
    assert "undefined for up to 3 of 10 samples" in view.note.text()


def test_in_a_low_view_the_note_leaves_its_room_to_the_plots(shown: Shown) -> None:
    view = filled(shown)
    view.resize(420, 480)
    QApplication.processEvents()
    assert not view.note.isVisible() and not view.accuracy.isVisible()
    assert view.info.isVisible() and view.info.toolTip() == view.note.text() != ""
    view.resize(420, 700)
    QApplication.processEvents()
    assert view.note.isVisible() and view.accuracy.isVisible()


def test_reading_the_curve_moves_nothing(shown: Shown) -> None:
    view = filled(shown)
    before = view.curve.geometry(), view.note.text()
    view.curve.hovered.emit(0.2)
    assert view.curve.card.text() == "τ 0.2 · epoch 4 r 0.45 · epoch 0 r 2.25"
    assert (view.curve.geometry(), view.note.text()) == before
    view.curve.hovered.emit(float("nan"))
    assert view.curve.card.text() == ""


def test_it_opens_on_the_method_with_most_epochs(shown: Shown) -> None:
    shown.fill()
    shown.state.epochs = {
        "gd": synthetic.epochs("gd", 5),
        "rurk": synthetic.epochs("rurk", 2),  # one epoch: nothing to replay
    }
    view = shown.view(LiveView)
    assert view.method.currentData() == "gd" and at(view) == "epoch 4 of 8"


def test_stored_methods_are_looked_up_longest_first(shown: Shown) -> None:
    shown.fill()
    shown.state.epochs = {}
    models = dict(shown.state.models)
    models["gd"] = replace(models["gd"], loss=(1.0,) * 6)
    shown.state.models = models
    view = shown.view(LiveView)
    assert shown.last == ("look", "replay", "gd") and view.method.currentData() == "gd"


def test_an_attack_study_says_what_is_watched_instead(shown: Shown) -> None:
    view = filled(shown)
    shown.state.residual = replace(synthetic.residual(), perturbation="pgd")
    assert (
        "perturbs by PGD; epochs are watched with Gaussian noise of the same τ" in view.note.text()
    )


def test_where_a_sample_is_not_watched_a_watched_one_is_offered(shown: Shown) -> None:
    view = filled(shown)
    seen, study = shown.state.epochs["rurk"], shown.state.study
    assert study is not None and len(study.forget) == len(seen.samples) == 10
    assert not view.unwatched.isVisible()
    shown.state.selection = Selection(0)
    assert "sample 0 (digits train 0) is not a forget sample" in view.unwatched.label.text()
    assert view.unwatched.isVisible() and not view.strip.isVisible()
    shown.state.epochs = {"rurk": first_samples(seen, 6)}
    shown.state.selection = Selection(int(seen.samples[9]))
    words = "is not among the 6 forget samples (of 10) watched epoch by epoch."
    assert view.unwatched.label.text() == f"Sample {seen.samples[9]} {words}"
    press(view.unwatched, "Show a watched sample")
    chosen = shown.last[1]
    assert shown.last[0] == "set_current" and chosen in seen.samples[:6]
    shown.state.selection = Selection(chosen)
    assert view.strip.isVisible() and not view.unwatched.isVisible()
    shown.state.selection = Selection()
    assert view.unwatched.label.text().endswith("choose one to see the predictions on its copies.")


def first_samples(seen: Epochs, count: int) -> Epochs:
    """The epochs as if only the first samples had been watched."""
    return replace(
        seen,
        samples=seen.samples[:count],
        labels=seen.labels[:count],
        references={name: one[:count] for name, one in seen.references.items()},
        views=tuple(replace(one, predictions=one.predictions[:count]) for one in seen.views),
    )


def test_pointing_at_a_cell_says_what_the_model_calls_the_copy(qtbot: QtBot) -> None:
    strip = VerdictStrip()
    qtbot.addWidget(strip)
    strip.resize(400, 160)
    said = np.array([[8, 3], [8, 8]])
    blocks = [
        Block("RURK", "#112233", (said == 8).astype(float), said),
        Block("all 2 Re-trains", "#112233", np.array([[1.0, 0.5], [0.0, 1.0]])),
    ]
    strip.show_blocks(blocks, np.array([0.0, 0.2]), [str(i) for i in range(10)], LIGHT)
    first, second = strip.grid_of(0), strip.grid_of(1)
    top = QPoint(int(first.left()) + 3, int(first.top()) + 3)
    assert strip.describe(top) == "copy 1 at τ 0: RURK predicts 8 (correct)"
    low = QPoint(int(first.left()) + 3, int(first.bottom()) - 3)
    assert strip.describe(low) == "copy 2 at τ 0: RURK predicts 3 (wrong)"
    other = QPoint(int(second.left()) + 3, int(second.bottom()) - 3)
    assert strip.describe(other) == "copy 2 at τ 0: recognized by 50% of all 2 Re-trains"
    border = QPoint(int(second.right()), int(second.bottom()))
    assert (border.x(), border.y()) == (second.right(), second.bottom())
    assert strip.describe(border) == "copy 2 at τ 0.2: recognized by 100% of all 2 Re-trains"
    assert strip.describe(QPoint(1, 1)) == ""


def test_checks_crosses_and_dashes_look_different_without_color(qtbot: QtBot) -> None:
    strip = VerdictStrip()
    qtbot.addWidget(strip)
    strip.resize(120, 220)
    gray = replace(LIGHT, good="#555555", danger="#555555", muted="#555555")
    pictures = []
    for share in (1.0, 0.5, 0.0):
        blocks = [Block("", "#555555", np.full((1, 1), share))]
        strip.show_blocks(blocks, np.zeros(1), ["a"], gray)
        box = strip.grid_of(0).toRect()
        pictures.append(strip.grab(box).toImage())
    assert pictures[0] != pictures[1] != pictures[2] != pictures[0]


# -- replay --------------------------------------------------------------------------------------
def test_dragging_the_slider_replays_and_leaves_live(shown: Shown) -> None:
    view = filled(shown)
    drag_slider(view, 0.0)
    assert at(view) == "epoch 0 of 8"
    assert not view.transport.live
    assert np.allclose(drawn(view), shown.state.epochs["rurk"].curve(0))
    assert view.strip.accessibleDescription().startswith("RURK 110/110")
    drag_slider(view, 0.5)
    assert at(view) == "epoch 2 of 8"
    QTest.mouseClick(view.transport.live_button, LEFT)
    assert at(view) == "epoch 4 of 8"


def test_play_goes_through_all_epochs_and_stops_at_the_end(shown: Shown, qtbot: QtBot) -> None:
    view = filled(shown)
    view.transport.set_pace(16)
    seen: list[int] = []
    view.transport.moved.connect(seen.append)
    QTest.mouseClick(view.transport.play_button, LEFT)
    assert view.transport.playing
    assert view.transport.play_button.text() == "Pause"
    qtbot.waitUntil(lambda: not view.transport.playing)
    assert seen == [0, 1, 2, 3, 4]
    assert at(view) == "epoch 4 of 8"
    assert view.transport.play_button.text() == "Play"


def test_the_keyboard_steps_and_plays(shown: Shown, qtbot: QtBot) -> None:
    view = filled(shown)
    view.transport.set_pace(1)
    view.setFocus()
    QTest.keyClick(view, Qt.Key.Key_Left)
    assert at(view) == "epoch 3 of 8"
    QTest.keyClick(view.transport.slider, Qt.Key.Key_Left)
    assert at(view) == "epoch 2 of 8"
    QTest.keyClick(view, Qt.Key.Key_Right)
    assert at(view) == "epoch 3 of 8"
    QTest.keyClick(view.transport.slider, Qt.Key.Key_Space)
    assert view.transport.playing
    QTest.keyClick(view.transport.slider, Qt.Key.Key_Space)
    assert not view.transport.playing


def test_a_click_in_the_accuracies_goes_to_that_epoch(shown: Shown) -> None:
    shown.fill()
    view = shown.view(LiveView)
    view.resize(900, 640)
    QApplication.processEvents()
    plot = view.accuracy.plot
    box = plot.getViewBox()
    scene = box.mapViewToScene(type(box.viewRect().center())(1.1, 50))
    QTest.mouseClick(
        plot.viewport(), LEFT, Qt.KeyboardModifier.NoModifier, plot.mapFromScene(scene)
    )
    assert at(view) == "epoch 1 of 8"


def test_playing_stops_when_nobody_looks(shown: Shown) -> None:
    view = filled(shown)
    QTest.mouseClick(view.transport.play_button, LEFT)
    view.hide()
    assert not view.transport.playing


# -- live ----------------------------------------------------------------------------------------
def grow(shown: Shown, looks: int, model: str = "rurk", **more: Any) -> None:
    seen = synthetic.epochs(model, looks, finished=False)
    others = {name: one for name, one in shown.state.epochs.items() if name != model}
    shown.state.epochs = {**others, model: replace(seen, **more)}


def test_it_follows_the_newest_epoch_until_the_slider_is_moved(shown: Shown) -> None:
    shown.fill()
    shown.state.epochs = {}
    view = shown.view(LiveView)
    for looks in (1, 2, 3):
        grow(shown, looks)
        assert at(view) == f"epoch {looks - 1} of 8"
    drag_slider(view, 0.0)
    grow(shown, 4)
    assert at(view) == "epoch 0 of 8"
    assert view.transport.slider.maximum() == 3
    QTest.mouseClick(view.transport.live_button, LEFT)
    assert at(view) == "epoch 3 of 8"
    grow(shown, 5)
    assert at(view) == "epoch 4 of 8"


def test_it_follows_the_method_that_runs_unless_another_was_chosen(shown: Shown) -> None:
    shown.fill()
    view = shown.view(LiveView)
    grow(shown, 2, "gd")
    assert view.method.currentText() == "GD"
    view.method.setCurrentIndex(view.method.findData("rurk"))
    view.method.activated.emit(view.method.currentIndex())
    assert view.method.currentText() == "RURK"
    assert at(view) == "epoch 4 of 8"
    grow(shown, 3, "gd")
    assert view.method.currentText() == "RURK"
    QTest.mouseClick(view.transport.live_button, LEFT)
    assert view.method.currentText() == "GD"
    assert at(view) == "epoch 2 of 8"


# -- stored studies ------------------------------------------------------------------------------
def test_what_was_not_watched_is_said_and_can_be_watched_again(shown: Shown) -> None:
    shown.fill()
    shown.state.epochs = {}
    view = shown.view(LiveView)
    assert ("look", "replay", "rurk") in shown.asked.calls
    shown.state.set_problem("replay", "RURK was not watched when it was made.")
    assert view.panel.is_empty
    assert view.panel.empty.text() == "RURK was not watched when it was made."
    press(view, "Record epochs")
    assert shown.last == ("watch_again", "rurk")
    shown.state.busy = "Watching RURK again"
    assert not view.again_button.isEnabled()
    view.hide()
    assert shown.last == ("look_away", "replay")


def test_stored_epochs_are_replayed(shown: Shown) -> None:
    shown.fill()
    shown.state.epochs = {}
    view = shown.view(LiveView)
    shown.state.replay = synthetic.epochs("rurk", 3)
    assert at(view) == "epoch 2 of 8"
    assert not view.again_button.isVisible()
    shown.state.replay = replace(synthetic.epochs("rurk", 3), exact=False)
    assert "weights other than the stored model's" in view.note.text()


# -- with the real engine ------------------------------------------------------------------------
class Desk:
    """A controller on the real engine, with a Live view on the screen."""

    def __init__(self, qtbot: QtBot, store: Path) -> None:
        self.qtbot, self.state = qtbot, AppState()
        self.jobs = Jobs(QuickFactory(store), store / "reports")
        self.controller = Controller(self.state, self.jobs)
        self.view = LiveView(self.state, self.controller)
        qtbot.addWidget(self.view)
        self.view.resize(640, 560)
        self.view.show()

    def do(self, ask: Any, *words: Any) -> None:
        with self.qtbot.waitSignal(self.jobs.idle, timeout=WAIT):
            ask(*words)


def test_a_real_run_moves_the_view_epoch_by_epoch_and_is_replayed_from_the_store(
    qtbot: QtBot, tmp_path: Path
) -> None:
    desk = Desk(qtbot, tmp_path)
    settings = {"gd": {"epochs": 60, "batch": 4}}  # long enough to arrive in several portions
    desk.do(desk.controller.opening.start, Session(replace(FORM, settings=settings)))
    shown: list[str] = []
    desk.view.refreshed.connect(lambda: shown.append(desk.view.transport.label.text()))
    desk.do(desk.controller.run)
    moved = [text for i, text in enumerate(shown) if text and text not in shown[:i]]
    numbers = [int(text.split()[1]) for text in moved]
    assert len(numbers) >= 3, moved
    assert numbers == sorted(numbers)
    assert moved[-1] == "epoch 60 of 60"
    live = desk.state.epochs["gd"]
    study = desk.state.study
    assert live.finished
    assert study is not None
    whole = study.residual.predictions["gd"]
    assert np.array_equal(live.views[-1].predictions, whole[:, :, :10])

    desk.do(
        desk.controller.opening.open_study, study.key
    )  # as after a new start: nothing live is left
    qtbot.waitUntil(lambda: desk.state.replay is not None, timeout=WAIT)
    assert desk.state.epochs == {}
    drag_slider(desk.view, 0.0)
    assert at(desk.view) == "epoch 0 of 60"
    assert np.allclose(drawn(desk.view), live.curve(0), equal_nan=True)
    assert desk.jobs.close(PATIENCE)


def test_a_study_made_headless_is_watched_again(qtbot: QtBot, tmp_path: Path) -> None:
    from engine.runtime.progress import Reporter
    from engine.spec import DataSpec

    engine = QuickFactory(tmp_path)(print)
    iris = engine.dataset(DataSpec("iris"), Reporter())
    spec = engine.compose(iris, methods=("gd",), training={"epochs": 2}, retrains=1, draws=10)
    key = engine.run(spec, Reporter()).key
    desk = Desk(qtbot, tmp_path)
    desk.do(desk.controller.opening.start, Session(FORM))
    desk.do(desk.controller.opening.open_study, key)
    qtbot.waitUntil(lambda: "replay" in desk.state.problems, timeout=WAIT)
    assert "GD was not watched" in desk.view.panel.empty.text()
    with qtbot.waitSignal(desk.jobs.idle, timeout=WAIT):
        press(desk.view, "Record epochs")
    assert not desk.view.panel.is_empty
    assert desk.state.epochs["gd"].exact
    assert at(desk.view) == "epoch 10 of 10"
    assert desk.jobs.close(PATIENCE)


def test_watching_again_needs_a_finished_study(qtbot: QtBot, tmp_path: Path) -> None:
    desk = Desk(qtbot, tmp_path)
    said: list[tuple[str, str]] = []
    desk.controller.noticed.connect(lambda *words: said.append(words))
    desk.controller.watch_again("gd")
    assert said == [(ERROR, "There is no finished study yet. Press Run first.")]
    assert not desk.jobs.live(HEAVY)
    assert desk.jobs.close(PATIENCE)


def test_the_player_fits_a_narrow_dock(qapp: QApplication) -> None:
    apply(qapp, LIGHT)
    player = EpochPlayer()
    player.label.setText("epoch 40 of 40")
    assert player.minimumSizeHint().width() <= BESIDE - 2 * MARGIN
    player.deleteLater()
