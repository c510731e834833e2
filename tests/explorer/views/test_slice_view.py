"""The slice on the screen, and who asks for it when: coarse, then refined, only while seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import synthetic
from PySide6.QtCore import QObject, QPoint, QRect, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from real import Desk, run
from shown import Shown, press
from synthetic import slice_of

from engine.errors import Cancelled
from engine.results import COARSE, FINE
from engine.spec import RunSpec
from explorer.app import Explorer
from explorer.control.slice import PATIENCE_S, SampleProbe, SliceControl
from explorer.jobs.lanes import Job, Jobs
from explorer.plots.regions import SMALLEST, columns_for, outline
from explorer.state.app_state import AppState
from explorer.state.selection import Selection
from explorer.theme import contrast, theme_of
from explorer.views.slice import SliceView


# -- the view -------------------------------------------------------------------------------------
def test_empty_it_says_what_to_do_next(shown: Shown) -> None:
    view = shown.view(SliceView)
    assert view.panel.is_empty
    assert "Press Run" in view.panel.empty.text()
    shown.fill()
    shown.state.slice = None
    assert "slice through sample 5 (digits train 5)" in view.panel.empty.text()
    shown.state.set_problem("slice", "The loss has no slope at this sample.")
    assert view.panel.empty.text() == shown.state.problems["slice"]
    shown.state.selection = Selection()
    assert "Click a sample" in view.panel.empty.text()


def test_every_model_has_a_panel_with_its_share_of_the_ball(shown: Shown) -> None:
    shown.fill()
    shown.state.slice = slice_of()
    view = shown.view(SliceView)
    assert not view.panel.is_empty
    words = view.maps.accessibleDescription()
    assert "Original: 52 %" in words and "RURK: 0 %" in words and "Re-train 1: 52 %" in words
    assert "Sample 5" in view.heading.text() and "Gaussian at τ 0.2" in view.details.text()
    assert "true class class 1 (hatched)" in view.legend.accessibleDescription()
    assert "2.4 to each side" in view.caption.text() and "τ√d" in view.caption.text()
    boxes = [view.maps.panel_rect(k) for k in range(len(synthetic.MODELS))]
    page = view.maps.viewport().rect()
    assert all(page.contains(box) and box.width() == box.height() for box in boxes)
    assert not any(a.intersects(b) for a in boxes for b in boxes if a is not b)


@pytest.mark.parametrize("look", ["light", "dark"])
def test_the_models_names_above_the_panels_can_be_read(shown: Shown, look: str) -> None:
    shown.fill()
    shown.state.slice, shown.state.theme = slice_of(), look
    view = shown.view(SliceView)
    image = view.maps.viewport().grab().toImage()
    ground = theme_of(look).base
    for place in range(len(synthetic.MODELS)):
        box = view.maps.panel_rect(place)
        above = QRect(box.left(), box.top() - 16, box.width(), 15).intersected(image.rect())
        colors = {
            image.pixelColor(x, y).name()
            for x in range(above.left(), above.right())
            for y in range(above.top(), above.bottom())
        }
        assert max(contrast(color, ground) for color in colors) >= 4.4, place  # antialiased


def test_the_cursor_reads_class_and_confidence_with_up_on_top(shown: Shown) -> None:
    shown.fill()
    one = slice_of()
    said = np.full_like(one.predictions["gd"], 2)
    said[-1] = 3  # the farthest row along the second direction
    shown.state.slice = replace(one, predictions={**one.predictions, "original": said})
    view = shown.view(SliceView)
    box = view.maps.panel_rect(0)
    assert "Original predicts class 3 here" in view.maps.describe(box.topLeft())
    assert "class 2" in view.maps.describe(box.bottomLeft())
    middle = view.maps.describe(view.maps.panel_rect(1).center())
    assert "true class 0.90" in middle and "L2 distance 0 " in middle
    assert view.maps.describe(QPoint(1, 1)) == ""


def test_a_low_view_leaves_its_room_to_the_regions(shown: Shown) -> None:
    shown.fill()
    shown.state.slice = slice_of()
    view = shown.view(SliceView)
    view.resize(400, 500)
    QApplication.processEvents()
    assert view.caption.isVisible() and view.heading.toolTip() == ""
    view.resize(400, 240)
    QApplication.processEvents()
    assert not view.caption.isVisible() and view.caption.text()[:8] in view.heading.toolTip()
    assert "the sample" not in view.legend.accessibleDescription()
    assert view.maps.height() > 0.5 * 240


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_both_themes_draw_the_classes_colors(theme: str, shown: Shown) -> None:
    shown.fill()
    shown.state.slice = slice_of()
    view = shown.view(SliceView)
    view.grab()
    before = view.grab().toImage()
    shown.state.theme = theme
    after = view.grab().toImage()
    assert (before != after) == (theme == "dark")
    panel = view.maps.panel_rect(0)
    right = view.maps.images[0].pixelColor(FINE - 1, 0)
    at = view.maps.viewport().mapTo(view, QPoint(panel.right() - 4, panel.top() + 4))
    assert after.pixelColor(at) == right


def test_without_color_the_true_class_is_outlined_and_hatched(shown: Shown) -> None:
    shown.fill()
    same = slice_of()
    shown.state.slice = replace(same, predictions=dict(same.predictions))
    view = shown.view(SliceView)
    for image in view.maps.images:
        image.fill(Qt.GlobalColor.white)
    view.maps.viewport().update()
    drawn = view.maps.viewport().grab(view.maps.panel_rect(0)).toImage()
    half = drawn.width() // 2

    def dark(left: int, right: int) -> int:
        spots = ((x, y) for x in range(left, right) for y in range(4, 24))
        return sum(drawn.pixelColor(x, y).lightness() < 200 for x, y in spots)

    assert dark(4, half - 8) > 40
    assert dark(half + 8, drawn.width() - 4) == 0
    assert dark(half - 2, half + 6) >= 20


def test_coarse_then_refined(shown: Shown) -> None:
    shown.fill()
    view = shown.view(SliceView)
    shown.state.slice = slice_of(size=COARSE)
    assert view.maps.images[0].width() == COARSE
    assert "17 × 17 points" in view.details.text()
    tip = view.refine_button.toolTip
    assert tip() == "Compute this slice with 65 × 65 points, in less than a second"
    shown.state.slice = replace(slice_of(size=COARSE), seconds=10.0)
    assert tip().endswith("65 × 65 points, in about 2:26")  # (65 / 17)^2 as long
    press(view, "Refine")
    assert shown.last == ("refine_slice",)
    shown.state.slice = slice_of()
    assert view.maps.images[0].width() == FINE
    assert "17" not in view.details.text()


def test_what_leads_where_is_said(shown: Shown) -> None:
    shown.fill()
    view = shown.view(SliceView)
    shown.state.slice = slice_of(directions="attack")
    assert "an FGSM step against RURK" in view.caption.text()
    shown.state.slice = slice_of(directions="sample")
    assert "sample 17 (digits train 17), 2 away" in view.caption.text()
    assert "sample 17" in view.legend.accessibleDescription()
    shown.state.slice = replace(slice_of(directions="sample"), directions="chosen")
    assert "→ sample 17 (digits train 17), 2 away" in view.caption.text()
    shown.state.slice = replace(slice_of(), perturbation="linf")
    assert "L-infinity ball" in view.caption.text()
    shown.state.selection = Selection(6)
    assert (
        "Computing the slice through sample 6 (digits train 6); below is that of sample 5 (digits"
        in view.details.text()
    )


def test_a_plane_without_a_ball_shows_none_and_shares_of_all(shown: Shown) -> None:
    shown.fill()
    view = shown.view(SliceView)
    assert "τ ball" in view.legend.accessibleDescription()
    shown.state.slice = replace(slice_of(), perturbation="words", ball=np.zeros((0, 2)))
    assert view.caption.text().endswith("· %: share of the plane with the true class")
    assert "τ ball" not in view.legend.accessibleDescription()
    assert not view.grab().isNull()
    shown.state.slice = replace(slice_of(), perturbation="a-strangers")
    assert "outline: the ball on this plane · %: share inside" in view.caption.text()


def test_it_asks_while_seen_and_rests_while_hidden(shown: Shown) -> None:
    view = shown.view(SliceView)
    assert shown.last == ("look_slice", "random")
    view.directions.setCurrentIndex(1)
    view.directions.activated.emit(1)
    assert shown.last == ("look_slice", "attack")
    view.hide()
    assert shown.last == ("look_slice", "")
    view.show()
    assert shown.last == ("look_slice", "attack")


def test_the_pair_of_directions_is_kept_in_the_session(shown: Shown) -> None:
    view = shown.view(SliceView)
    view.restore_view_state({"directions": "sample"})
    assert view.view_state() == {"directions": "sample", "towards": 0}
    assert shown.last == ("look_slice", "sample")
    view.restore_view_state({"directions": "sideways", "towards": "far"})
    view.restore_view_state({})
    assert view.view_state() == {"directions": "sample", "towards": 0}
    view.restore_view_state({"directions": "chosen", "towards": 31})
    assert shown.last == ("look_slice", "chosen", 31)


def test_a_person_chooses_which_sample_to_look_towards(shown: Shown) -> None:
    shown.fill()
    shown.state.selection = Selection(5, frozenset([5, 42, 60]))
    view = shown.view(SliceView)
    assert not view.towards.isVisible()
    view.directions.setFocus()
    QTest.keyClick(view.directions, Qt.Key.Key_End)
    assert view.directions.currentText() == "Towards a chosen sample"
    assert view.towards.isVisible() and view.selected.isVisible()
    assert shown.last == ("look_slice", "chosen", 42)  # the selected one, not the current one
    view.towards.setFocus()
    view.towards.selectAll()
    QTest.keyClicks(view.towards, "17")
    assert shown.last == ("look_slice", "chosen", 42)  # not while typing
    QTest.keyClick(view.towards, Qt.Key.Key_Return)
    assert shown.last == ("look_slice", "chosen", 17)
    shown.state.selection = Selection(5, frozenset([88]))
    QTest.mouseClick(view.selected, Qt.MouseButton.LeftButton)
    assert shown.last == ("look_slice", "chosen", 88)
    shown.state.selection = Selection(5, frozenset([5]))
    assert not view.selected.isEnabled()
    assert view.towards.maximum() == len(shown.state.dataset or ()) - 1


# -- geometry -------------------------------------------------------------------------------------
def test_the_outline_runs_between_cells() -> None:
    mask = np.zeros((3, 3), bool)
    mask[1, 1] = True
    edges = {tuple(map(int, line)) for line in outline(mask)}
    assert edges == {(1, 1, 1, 2), (2, 1, 2, 2), (1, 1, 2, 1), (1, 2, 2, 2)}
    assert len(outline(np.ones((3, 3), bool))) == 0


@pytest.mark.parametrize(
    ("panels", "width", "height"), [(1, 300, 200), (7, 455, 230), (7, 900, 600)]
)
def test_panels_are_as_large_as_fits(panels: int, width: int, height: int) -> None:
    columns, side = columns_for(panels, width, height, 20)
    rows = -(-panels // columns)
    assert columns * (side + 10) + 10 <= width
    assert rows * (side + 30) + 10 <= height
    assert side >= SMALLEST


def test_where_nothing_fits_panels_keep_their_smallest_size() -> None:
    assert columns_for(22, 455, 120, 20) == (4, SMALLEST)


# -- who asks when --------------------------------------------------------------------------------
class Lane(Jobs):
    """Writes jobs down instead of doing them."""

    def __init__(self, folder: Path) -> None:
        super().__init__(None, folder)  # type: ignore[arg-type]
        self.asked: list[Job] = []

    def submit(self, job: Job) -> Job:
        self.asked.append(job)
        return job

    @property
    def sizes(self) -> list[int]:
        return [job.work.args[-1] for job in self.asked]  # type: ignore[attr-defined]


class Bench:
    """A lens on sample 5 of a study, with a lane that only takes notes."""

    def __init__(self, folder: Path) -> None:
        self.state, self.lane, self.home = AppState(), Lane(folder), QObject()
        self.sight: SampleProbe | None = SampleProbe(_spec(), 5, ("l2", 0.1))
        self.lens = SliceControl(self.state, self.lane, lambda: self.sight, self.home)

    def look(self, sample: int) -> None:
        assert self.sight is not None
        self.sight = self.sight._replace(sample=sample)
        self.state.selection = Selection(sample)


def _spec() -> RunSpec:
    made: Any = "the study"  # the lens only compares it
    return made  # type: ignore[no-any-return]


@pytest.fixture
def bench(tmp_path: Path, qtbot: QtBot) -> Bench:
    return Bench(tmp_path)


def test_the_lens_asks_coarse_then_fine_and_only_when_pointed(bench: Bench) -> None:
    bench.look(6)
    assert bench.lane.asked == []
    bench.lens.point("random")
    bench.lens.point("random")
    assert bench.lane.sizes == [COARSE]
    coarse = slice_of(6, COARSE)
    bench.lane.asked[0].done(coarse)
    assert bench.state.slice is coarse
    assert bench.lane.sizes == [COARSE, FINE]
    bench.lane.asked[1].done(slice_of(6))
    assert bench.lane.sizes == [COARSE, FINE]
    assert {job.channel for job in bench.lane.asked} == {"slice"}
    bench.lens.point("")
    bench.lens.point("random")  # what is shown already is not asked for again
    assert bench.lane.sizes == [COARSE, FINE]


def test_an_answer_to_an_older_question_is_not_shown(bench: Bench) -> None:
    bench.lens.point("random")
    bench.look(6)
    bench.lane.asked[0].done(slice_of(5, COARSE))
    bench.lane.asked[0].failed("Too late.")
    assert bench.state.slice is None and "slice" not in bench.state.problems
    assert bench.lane.sizes == [COARSE, COARSE]


def test_whoever_looks_away_stops_the_work_and_may_look_again(bench: Bench) -> None:
    bench.lens.point("random")
    bench.lens.point("")
    with pytest.raises(Cancelled):
        bench.lane.asked[0].reporter.check()
    bench.lens.point("random")
    assert bench.lane.sizes == [COARSE, COARSE]


def test_a_slow_slice_stays_coarse(bench: Bench) -> None:
    bench.lens.point("random")
    slow = replace(slice_of(5, COARSE), seconds=PATIENCE_S * (COARSE / FINE) ** 2 * 1.01)
    bench.lane.asked[0].done(slow)
    assert bench.state.slice is slow
    assert bench.lane.sizes == [COARSE]


def test_what_is_wrong_is_said_until_the_next_question(bench: Bench) -> None:
    bench.lens.point("attack")
    bench.lane.asked[0].failed("The loss has no slope at this sample.")
    assert "no slope" in bench.state.problems["slice"]
    bench.lens.point("random")
    assert "slice" not in bench.state.problems


def test_without_anything_under_the_lens_nothing_is_shown(bench: Bench) -> None:
    bench.lens.point("random")
    bench.lane.asked[0].done(slice_of(5, COARSE))
    bench.sight = None
    bench.state.selection = Selection(7)
    assert bench.state.slice is None


# -- with the real engine -------------------------------------------------------------------------
def test_the_controller_cuts_through_the_current_sample(desk: Desk) -> None:
    desk.open()
    desk.run()
    sizes: list[int] = []
    state = desk.state
    state.slice_changed.connect(lambda: sizes.append(len(state.slice.steps) if state.slice else 0))
    desk.wait(desk.controller.look_slice, "sample")
    assert sizes == [COARSE, FINE]
    assert state.slice is not None and state.slice.sample == state.selection.current
    assert list(state.slice.predictions) == ["original", "retrain-0", "gd"]
    desk.wait(desk.controller.set_probe, "linf", 0.05)
    assert (state.slice.perturbation, state.slice.tau) == ("linf", 0.05)
    desk.wait(desk.controller.choice.set_current, 3)
    assert state.slice.sample == 3
    dataset = state.dataset
    assert dataset is not None
    last = len(dataset) - 1  # of the test set
    desk.wait(desk.controller.look_slice, "chosen", last)
    assert state.slice.other == last
    assert state.slice.distance == pytest.approx(
        float(np.linalg.norm(dataset.pixels(last) - dataset.pixels(3))), rel=1e-5
    )
    desk.wait(desk.controller.choice.set_current, last)
    assert "Choose another sample as the direction" in state.problems["slice"]
    desk.wait(desk.controller.look_slice, "sample")
    assert state.slice is not None and state.slice.sample == last
    desk.controller.choice.set_current(None)
    assert state.slice is None
    assert desk.said == []


def test_behind_its_tab_it_costs_nothing_and_in_front_it_refines(
    explorer: Explorer, qtbot: QtBot
) -> None:
    run(explorer, qtbot)
    window, state = explorer.window, explorer.state
    view = window.views["slice"]
    assert window.docks["neighborhood"] in window.tabifiedDockWidgets(window.docks["slice"])
    assert not view.seen and window.views["neighborhood"].seen
    assert state.slice is None
    with qtbot.waitSignal(explorer.jobs.idle):
        window.go_to("slice")
    assert view.seen and not window.views["neighborhood"].seen
    assert state.slice is not None and len(state.slice.steps) == FINE
    assert isinstance(view, SliceView) and not view.panel.is_empty
    window.reset_layout()
    qtbot.waitUntil(lambda: not view.seen and window.views["neighborhood"].seen)
    before = state.slice
    with qtbot.waitSignal(explorer.jobs.idle):
        explorer.controller.choice.set_current(3)
    assert state.slice is before
