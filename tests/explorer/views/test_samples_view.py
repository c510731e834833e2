"""Samples as thumbnails: mouse, keys, badges, tooltips, menu, and going to an index."""

from __future__ import annotations

from dataclasses import replace

import pytest
import synthetic
from mouse import drag
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from sampled import Sampled
from shown import Shown, press

from explorer.state.selection import ADD, REPLACE, Selection
from explorer.theme import LIGHT
from explorer.thumbnails.tiles import Tiles
from explorer.views.samples.context_menu import SampleMenu
from explorer.views.samples.subsets import ALL, CHOSEN, FORGET, RETAIN, TEST, TRAINING
from explorer.views.samples.view import SamplesView

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def _click(view: SamplesView, place: int, keys: Qt.KeyboardModifier = NONE) -> None:
    QTest.mouseClick(view.grid.viewport(), LEFT, keys, view.grid.place_rect(place).center())


# -- samples ----------------------------------------------------------------------------------
@pytest.fixture
def samples(shown: Shown) -> SamplesView:
    shown.state.dataset = synthetic.images()
    return shown.view(SamplesView)


def test_a_click_makes_a_sample_current_and_the_selection(
    samples: SamplesView, shown: Shown
) -> None:
    _click(samples, 7)
    assert shown.asked.calls == [("set_current", 7), ("select", [7], REPLACE)]
    _click(samples, 9)
    assert shown.state.selection == Selection(9, frozenset([9]))


def test_ctrl_click_adds_and_removes(samples: SamplesView, shown: Shown) -> None:
    _click(samples, 3)
    _click(samples, 5, CTRL)
    assert shown.state.selection.chosen == {3, 5}
    _click(samples, 3, CTRL)
    assert shown.state.selection.chosen == {5}


def test_shift_click_selects_the_range_in_the_order_shown(
    samples: SamplesView, shown: Shown
) -> None:
    samples.scope.classes.setCurrentIndex(2)  # class 1: samples 1, 5, 9, ...
    _click(samples, 1)
    _click(samples, 4, SHIFT)
    assert shown.state.selection == Selection(17, frozenset([5, 9, 13, 17]))


def test_dragging_selects_what_the_band_touches(samples: SamplesView, shown: Shown) -> None:
    columns = samples.model.grid.columns
    start = samples.grid.place_rect(1).center()
    end = samples.grid.place_rect(columns + 2).center()
    drag(samples.grid.viewport(), [start, (start + end) / 2, end])
    assert shown.last == ("select", [1, 2, columns + 1, columns + 2], REPLACE)
    drag(samples.grid.viewport(), [start, start + QPoint(12, 12)], CTRL)
    assert shown.last[2] == ADD


def test_the_header_counts_and_the_buttons_ask(samples: SamplesView, shown: Shown) -> None:
    assert samples.counts.text() == "200 samples · 0 to forget"
    assert not samples.buttons.forget.isEnabled()
    _click(samples, 0)
    _click(samples, 2, CTRL)
    press(samples, "Forget only these 2")
    assert shown.state.forget == (0, 2)
    assert samples.counts.text() == "200 samples · 2 to forget · 2 selected"
    assert not samples.buttons.forget.isEnabled()
    assert not samples.buttons.add.isEnabled()
    _click(samples, 5)
    assert "200 samples" not in samples.buttons.forget.toolTip()
    assert "(2 samples) becomes the sample selected" in samples.buttons.forget.toolTip()
    press(samples, "Add 1")
    assert shown.state.forget == (0, 2, 5)
    press(samples, "Remove 1")
    assert shown.state.forget == (0, 2)
    press(samples, "Forget only these 1")
    assert shown.state.forget == (5,)


def test_the_badge_is_drawn_on_forget_samples(samples: SamplesView, shown: Shown) -> None:
    def corner(place: int) -> set[str]:
        rect = samples.grid.place_rect(place)
        box = QRect(rect.right() - 12, rect.top() + 3, 10, 6)
        image = samples.grid.viewport().grab(box).toImage()
        size = image.size()
        return {
            image.pixelColor(x, y).name() for x in range(size.width()) for y in range(size.height())
        }

    before = corner(4)
    shown.state.forget = (4,)
    assert LIGHT.danger not in before
    assert LIGHT.danger in corner(4)
    assert LIGHT.danger not in corner(5)
    index = samples.model.index_of(4)
    assert "to forget" in index.data(Qt.ItemDataRole.AccessibleTextRole)


def test_filters_show_one_class_the_forget_set_or_the_selection(
    samples: SamplesView, shown: Shown
) -> None:
    samples.scope.classes.setCurrentIndex(2)
    assert samples.model.shown.tolist() == list(range(1, 200, 4))
    assert samples.counts.text().startswith("50 of 200 samples")
    shown.state.forget = (1, 2, 5)
    samples.scope.sets.setCurrentText(FORGET)
    assert samples.model.shown.tolist() == [1, 5]
    samples.scope.classes.setCurrentIndex(0)
    shown.state.selection = Selection(None, frozenset([8, 9]))
    samples.scope.sets.setCurrentText(CHOSEN)
    assert samples.model.shown.tolist() == [8, 9]
    _click(samples, 0)  # looking at one of them does not empty the grid
    assert shown.state.selection == Selection(8, frozenset([8, 9]))


def test_keys_walk_select_and_forget(samples: SamplesView, shown: Shown) -> None:
    columns = samples.model.grid.columns
    _click(samples, 0)
    QTest.keyClick(samples.grid, Qt.Key.Key_Right)
    assert shown.state.selection.current == 1
    QTest.keyClick(samples.grid, Qt.Key.Key_Down)
    assert shown.state.selection.current == 1 + columns
    QTest.keyClick(samples.grid, Qt.Key.Key_Space)
    assert shown.state.selection.chosen == {0, 1 + columns}
    QTest.keyClick(samples.grid, Qt.Key.Key_End)
    assert shown.state.selection.current == 199
    QTest.keyClick(samples.grid, Qt.Key.Key_F)
    assert shown.state.forget == (0, 1 + columns)


def test_f_forgets_the_current_sample_when_none_is_selected(
    samples: SamplesView, shown: Shown
) -> None:
    shown.state.selection = Selection(6)
    QTest.keyClick(samples.grid, Qt.Key.Key_F)
    assert shown.state.forget == (6,)


def test_a_current_sample_set_elsewhere_is_scrolled_into_view(
    samples: SamplesView, shown: Shown
) -> None:
    shown.state.selection = Selection(199)
    assert samples.grid.viewport().rect().contains(samples.grid.place_rect(199).center())


def test_the_tooltip_names_class_and_what_models_say(samples: SamplesView, shown: Shown) -> None:
    assert shown.state.dataset is not None
    shown.state.models = synthetic.models(shown.state.dataset)
    text = samples.model.index_of(0).data(Qt.ItemDataRole.ToolTipRole)
    assert "Sample 0" in text
    assert "class 0" in text
    assert "retain set" in text
    row = next(row for row in text.split("<tr>") if "RURK" in row)
    assert "✗ class 3" in row and "98%" in row
    assert "<img src" in text


def test_features_are_bars_with_names_in_the_tooltip(shown: Shown) -> None:
    shown.state.dataset = synthetic.features()
    view = shown.view(SamplesView)
    text = view.model.index_of(0).data(Qt.ItemDataRole.ToolTipRole)
    assert f"sepal length {shown.state.dataset.train_x[0, 0]:.2f}" in text
    image = view.grid.viewport().grab(view.grid.place_rect(0)).toImage()
    assert len({image.pixelColor(x, 40).rgb() for x in range(48)}) > 1


def test_of_fifty_thousand_thumbnails_only_what_is_visible_is_drawn(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn, plain = set(), Tiles.of
    monkeypatch.setattr(Tiles, "of", lambda self, some: drawn.update(some) or plain(self, some))
    shown.state.dataset = synthetic.images(50_000, side=32)
    view = shown.view(SamplesView)
    bar, rows = view.grid.verticalScrollBar(), view.grid.viewport().height() // 48 + 2
    assert bar.maximum() > 100_000  # px
    for step in range(5):
        bar.setValue(step * bar.maximum() // 5)
        view.grid.viewport().repaint()
    assert 0 < len(drawn) <= 5 * rows * view.model.grid.columns


def test_filters_are_kept_and_nonsense_is_ignored(samples: SamplesView) -> None:
    samples.scope.classes.setCurrentIndex(2)
    kept = samples.view_state()
    samples.scope.classes.setCurrentIndex(0)
    samples.restore_view_state(kept)
    assert samples.scope.classes.currentIndex() == 2
    samples.restore_view_state({"class": 99, "show": "x"})
    assert samples.scope.classes.currentIndex() == 2


# -- splits -----------------------------------------------------------------------------------
def test_every_set_can_be_shown_and_test_samples_come_after(
    samples: SamplesView, shown: Shown
) -> None:
    shown.state.forget = (3, 4)
    sizes = {TRAINING: 200, RETAIN: 198, FORGET: 2, TEST: 20, ALL: 220, CHOSEN: 0}
    for text, size in sizes.items():
        samples.scope.sets.setCurrentText(text)
        assert len(samples.model.shown) == size, text
    samples.scope.sets.setCurrentText(TEST)
    assert samples.model.shown.tolist() == list(range(200, 220))
    assert samples.counts.text().startswith("20 samples")
    _click(samples, 3)
    assert shown.state.selection == Selection(203, frozenset([203]))
    index = samples.model.index_of(3)
    assert "test sample" in index.data(Qt.ItemDataRole.AccessibleTextRole)
    assert "never learned" in index.data(Qt.ItemDataRole.ToolTipRole)
    assert samples.note.text().startswith("1 test sample is selected: never learned")


def test_a_session_brings_class_and_set_back_before_the_data_are_there(shown: Shown) -> None:
    view = shown.view(SamplesView)
    view.restore_view_state({"class": 2, "show": FORGET, "sort": "Class", "filters": ["gd wrong"]})
    shown.state.forget = (1, 2, 5)
    shown.state.dataset = synthetic.images()
    assert view.scope.classes.currentIndex() == 2 and view.model.shown.tolist() == []
    assert "GD" not in view.counts.text() and "Press Run" in view.panel.empty.text()
    shown.state.models = synthetic.models(shown.state.dataset)
    assert view.filters.conditions and "No sample meets" in view.panel.empty.text()
    view.filters.set_conditions([])
    assert view.model.shown.tolist() == [1, 5]


# -- keys -------------------------------------------------------------------------------------
def test_keys_extend_toggle_select_and_page(samples: SamplesView, shown: Shown) -> None:
    columns = samples.model.grid.columns
    _click(samples, 2)
    QTest.keyClick(samples.grid, Qt.Key.Key_Right, SHIFT)
    QTest.keyClick(samples.grid, Qt.Key.Key_Down, SHIFT)
    assert shown.state.selection == Selection(
        3 + columns, frozenset(range(2, 4 + columns))
    )  # fmt: skip
    QTest.keyClick(samples.grid, Qt.Key.Key_Space)
    assert 3 + columns not in shown.state.selection.chosen
    QTest.keyClick(samples.grid, Qt.Key.Key_Return)
    assert shown.state.selection == Selection(3 + columns, frozenset([3 + columns]))
    QTest.keyClick(samples.grid, Qt.Key.Key_PageDown)
    paged = shown.state.selection.current
    assert paged is not None and paged > 3 + 3 * columns and (paged - 3) % columns == 0
    QTest.keyClick(samples.grid, Qt.Key.Key_PageUp)
    assert shown.state.selection.current == 3 + columns
    QTest.keyClick(samples.grid, Qt.Key.Key_Home)
    assert shown.state.selection.current == 0
    QTest.keyClick(samples.grid, Qt.Key.Key_A, CTRL)
    assert shown.state.selection.chosen == frozenset(range(200))
    QTest.keyClick(samples.grid, Qt.Key.Key_Escape)
    assert not shown.state.selection.chosen


def test_tab_goes_through_the_rows_into_the_grid(sampled: Sampled) -> None:
    view, found = sampled.view, []
    sampled.state.selection = Selection(None, frozenset([3]))
    view.scope.sets.setFocus()
    for _ in range(8):
        found.append(QApplication.focusWidget())
        QTest.keyClick(found[-1], Qt.Key.Key_Tab)
    status = view.controls.status
    expected = [view.scope.sets, view.order.sort, view.buttons.forget, status.slider, view.grid]
    assert [part for part in found if part in expected] == expected


def test_digits_typed_over_the_grid_go_to_an_index(samples: SamplesView, shown: Shown) -> None:
    samples.grid.setFocus()
    for key in (Qt.Key.Key_1, Qt.Key.Key_5, Qt.Key.Key_0, Qt.Key.Key_Return):
        QTest.keyClick(QApplication.focusWidget(), key)
    assert shown.state.selection == Selection(150, frozenset([150]))
    assert samples.grid.hasFocus()


# -- going to samples -------------------------------------------------------------------------
def test_go_to_an_index_shows_and_selects_it(sampled: Sampled) -> None:
    sampled.write("150")
    assert sampled.asked.calls == [("set_current", 150), ("select", [150], REPLACE)]
    rect = sampled.view.grid.place_rect(150)
    assert sampled.view.grid.viewport().rect().contains(rect)
    sampled.write("7")  # what was typed before is replaced
    assert sampled.state.selection.current == 7


def test_go_to_several_selects_them_all(sampled: Sampled) -> None:
    sampled.write("17, 3, 40-43")
    assert sampled.state.selection == Selection(17, frozenset([3, 17, 40, 41, 42, 43]))


def test_go_to_an_index_that_a_filter_hides_takes_the_filters_off(sampled: Sampled) -> None:
    view = sampled.view
    view.scope.classes.setCurrentIndex(2)
    view.filters.restore(["original right"])
    sampled.write("0")
    assert view.scope.classes.currentIndex() == 0 and not view.filters.conditions
    assert sampled.state.selection.current == 0 and 0 in sampled.order
    assert view.scope.sets.currentText() == TRAINING
    sampled.write("219")
    assert view.scope.sets.currentText() == ALL and sampled.state.selection.current == 219


@pytest.mark.parametrize("text", ["220", "x", "-1", "1.5"])
def test_an_index_that_does_not_exist_is_said(text: str, sampled: Sampled) -> None:
    sampled.write(text)
    assert sampled.asked.calls == []
    assert sampled.view.note.text() == f"There is no sample '{text}': indices are 0 to 219."
    QTest.keyClicks(sampled.view.go_to, "4\r")  # in place of what was wrong
    assert sampled.state.selection.current == 4
    assert not sampled.view.note.isVisible()


# -- the tooltip ------------------------------------------------------------------------------
def test_the_tooltip_names_the_largest_r_and_whose_it_is(sampled: Sampled) -> None:
    sampled.finish()
    sampled.state.forget = (1,)
    said = sampled.view.describe(1)
    assert "largest r: 10 (GD)" in said and "forget set of the next run" in said
    assert "largest r: undefined" in sampled.view.describe(9)
    assert "largest r" not in sampled.view.describe(2)


# -- the menu ---------------------------------------------------------------------------------
def _ask(sampled: Sampled, place: int) -> SampleMenu:
    """Right-click on a place of the grid."""
    from PySide6.QtGui import QContextMenuEvent

    grid = sampled.view.grid
    at = grid.place_rect(place).center()
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, grid.viewport().mapToGlobal(at))
    QApplication.sendEvent(grid.viewport(), event)
    menu = sampled.view.menu
    assert menu.isVisible()
    return menu


def _pick(menu: SampleMenu, text: str) -> None:
    action = next(action for action in menu.actions() if action.text().startswith(text))
    assert action.isEnabled(), text
    QTest.mouseClick(menu, LEFT, NONE, menu.actionGeometry(action).center())
    menu.close()


def test_the_menu_forgets_adds_and_removes(sampled: Sampled) -> None:
    _pick(_ask(sampled, 5), "Forget this sample")
    assert sampled.state.forget == (5,) and sampled.state.selection.current == 5
    sampled.click(7)
    sampled.click(8, CTRL)
    menu = _ask(sampled, 8)  # of the selection, which stays
    assert sampled.state.selection == Selection(8, frozenset([7, 8]))
    _pick(menu, "Add to the forget set")
    assert sampled.state.forget == (5, 7, 8)
    _pick(_ask(sampled, 7), "Remove from the forget set")
    assert sampled.state.forget == (5,)


def test_the_menu_selects_and_copies(sampled: Sampled) -> None:
    _pick(_ask(sampled, 5), "Select class 'class 1'")
    assert sampled.state.selection.chosen == frozenset(range(1, 200, 4))
    _pick(_ask(sampled, 5), "Invert the selection")
    assert len(sampled.state.selection.chosen) == 150 and 5 not in sampled.state.selection.chosen
    _pick(_ask(sampled, 5), "Copy the indices")
    assert QGuiApplication.clipboard().text() == "5"


def test_the_menu_says_why_a_test_sample_is_not_forgotten(sampled: Sampled) -> None:
    sampled.view.scope.sets.setCurrentText(TEST)
    menu = _ask(sampled, 0)
    entries = {action.text(): action.isEnabled() for action in menu.actions()}
    assert not entries["Forget this sample\tF"]
    assert "Test samples were never learned and cannot be forgotten" in entries
    menu.close()


@pytest.fixture
def sampled(qtbot: QtBot) -> Sampled:
    return Sampled(qtbot)


def test_another_dataset_starts_at_its_top_and_the_same_one_stays(
    samples: SamplesView, shown: Shown
) -> None:
    bar = samples.grid.verticalScrollBar()
    assert bar.maximum() > 0
    bar.setValue(bar.maximum())
    dataset = synthetic.images()
    shown.state.dataset = dataset  # drawn anew, as with another seed
    QApplication.processEvents()
    assert bar.value() > 0
    shown.state.dataset = replace(dataset, spec=replace(dataset.spec, fingerprint="other"))
    QApplication.processEvents()
    assert bar.value() == 0
