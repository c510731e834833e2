"""The attack on the screen: the threshold is dragged, and counts, ROC and walls follow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import synthetic
from mouse import drag
from patience import calls_of
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QWidget
from pytestqt.qtbot import QtBot
from quick import finish
from real import run, start
from shown import LEFT, Shown, press

from engine.membership.reference_scores import reference_note
from engine.membership.results import Attack, Estimate
from engine.membership.roc import counts
from engine.membership.scores import SCORES
from explorer.state.selection import ADD, REMOVE, REPLACE, Selection
from explorer.views.attack import captions
from explorer.views.attack.view import AttackView
from explorer.widgets import markup

NONE = Qt.KeyboardModifier.NoModifier
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def view(shown: Shown) -> AttackView:
    shown.fill()
    shown.state.attack = synthetic.membership(shown.state.dataset, members="retain")
    made = shown.view(AttackView)
    made.resize(760, 620)
    QApplication.processEvents()
    return made


def told(view: AttackView) -> tuple[int, int, int, int]:
    """(TP, FN, FP, TN) at the threshold, which the sentence says too."""
    calls = view.threshold.counts
    assert calls is not None
    tp, fn, fp, tn = calls.tp, calls.fn, calls.fp, calls.tn
    words = markup.plain(view.sentence.text())
    assert f"{tp} of {tp + fn} members caught (TP), {fn} missed (FN); " in words
    assert f"{fp} of {fp + tn} non-members flagged (FP), {tn} cleared" in words
    return tp, fn, fp, tn


def expected(found: Attack, at: float) -> tuple[int, int, int, int]:
    one = next(iter(found.models.values()))
    calls = counts(SCORES[found.score], one.values, found.member, at)
    return calls.tp, calls.fn, calls.fp, calls.tn


def choose(combo: QComboBox, name: str) -> None:
    combo.setCurrentIndex(combo.findData(name))


def drag_to(view: AttackView, fraction: float) -> None:
    """Drag the line from where it is to a fraction of the histogram's width."""
    plot = view.scores.plot
    low, high = plot.viewRange()[0]
    line = plot.place(view.scores.line_at, 1.0)
    end = QPoint(plot.place(low + fraction * (high - low), 1.0).x(), line.y())
    drag(plot.viewport(), [line, (line + end) / 2, end])


# -- asking -----------------------------------------------------------------------------------
def test_it_asks_while_it_is_seen_and_stops_when_it_is_not(shown: Shown) -> None:
    shown.fill()
    view = shown.view(AttackView)
    question = ("look", "attack", "rurk", "retrain-0", "confidence", "forget", True)
    assert shown.last == question
    view.hide()
    assert shown.last == ("look_away", "attack")
    view.show()
    assert shown.last == question


@pytest.mark.parametrize(
    ("choose", "place", "value"),
    [
        (lambda view: choose(view.options.score, "margin"), 4, "margin"),
        (lambda view: choose(view.options.score, "u-lira"), 4, "u-lira"),
        (lambda view: choose(view.options.score, "rmia"), 4, "rmia"),
        (lambda view: choose(view.options.members, "retain"), 5, "retain"),
        (lambda view: view.options.matched.click(), 6, False),
        (lambda view: QTest.keyClick(view.options.a, Qt.Key.Key_Up), 2, "retrain-1"),
        (lambda view: QTest.keyClick(view.options.b, Qt.Key.Key_Down), 3, "retrain-1"),
    ],
)
def test_every_choice_asks_anew(
    choose: Callable[[AttackView], None], place: int, value: object, shown: Shown
) -> None:
    shown.fill()
    view = shown.view(AttackView)
    choose(view)
    assert shown.last[:2] == ("look", "attack")
    assert shown.last[place] == value


def test_empty_states_say_what_is_missing(shown: Shown) -> None:
    view = shown.view(AttackView)
    assert "Press Run" in view.panel.empty.text()
    shown.fill()
    assert not view.panel.is_empty
    shown.state.attack = None
    assert view.panel.empty.text() == "Computing the attack on RURK."
    shown.state.set_problem("attack", "No test sample belongs to the members' classes.")
    assert "No test sample" in view.panel.empty.text()


def test_scores_per_sample_say_what_they_compare_with_or_that_it_is_too_little(
    view: AttackView, shown: Shown
) -> None:
    found = shown.state.attack
    assert found is not None
    note = reference_note("u-lira", 2, 1, False)
    shown.state.attack = replace(found, score="u-lira", note=note)
    assert note in view.estimates.text() and note in view.info.text_shown()
    assert "takes 8" in note
    shown.state.set_problem("attack", "U-LiRA needs 2 or more models that never saw the forget set")
    assert "U-LiRA needs 2 or more models" in view.panel.empty.text()
    assert view.options.a.isVisible()  # as are the options, so that another score can be chosen


# -- the threshold ----------------------------------------------------------------------------
def test_at_first_the_held_out_threshold_is_shown(view: AttackView, shown: Shown) -> None:
    found = shown.state.attack
    assert found is not None
    at = found.models["gd"].threshold
    assert f"{at:.4g}" in view.sentence.text()
    assert f"chosen on {len(found.held_out) // 2} + " in view.sentence.text()
    assert told(view) == expected(found, at)
    assert not view.reset_button.isEnabled()


def test_dragging_the_line_moves_counts_roc_and_walls_at_once(
    view: AttackView, shown: Shown
) -> None:
    found = shown.state.attack
    assert found is not None
    seen = set()
    for fraction in (0.2, 0.5, 0.8):
        drag_to(view, fraction)
        at = view.threshold.value
        tp, fn, fp, tn = told(view)
        assert (tp, fn, fp, tn) == expected(found, at)
        assert "moved by hand" in view.sentence.text()
        assert (len(view.caught.shown), len(view.missed.shown)) == (tp, fn)
        n = found.size
        assert view.rates.operating_point() == pytest.approx((100 * fp / n, 100 * tp / n))
        seen.add(tp)
    assert len(seen) == 3
    press(view, "Held-out threshold")
    assert told(view) == expected(found, found.models["gd"].threshold)


def test_walls_part_the_members_with_the_nearest_to_the_threshold_first(
    view: AttackView, shown: Shown
) -> None:
    found = shown.state.attack
    assert found is not None
    drag_to(view, 0.5)
    value = dict(zip(found.samples.tolist(), found.models["gd"].values, strict=True))
    caught, missed = (wall.shown.tolist() for wall in view.walls)
    assert sorted(caught + missed) == sorted(found.samples[found.member].tolist())
    assert [value[i] for i in caught] == sorted(value[i] for i in caught)
    assert [value[i] for i in missed] == sorted((value[i] for i in missed), reverse=True)
    assert min(value[i] for i in caught) >= view.threshold.value > max(value[i] for i in missed)


def test_arrow_keys_pass_one_sample_and_backspace_goes_back(view: AttackView, shown: Shown) -> None:
    found = shown.state.attack
    assert found is not None
    plot = view.scores.plot
    before = sum(told(view)[::2])
    QTest.keyClick(plot, Qt.Key.Key_Right)
    assert sum(told(view)[::2]) == before - 1  # one sample fewer is called a member
    QTest.keyClick(plot, Qt.Key.Key_Left)
    QTest.keyClick(plot, Qt.Key.Key_Left)
    assert sum(told(view)[::2]) == before + 1
    QTest.keyClick(plot, Qt.Key.Key_Left, SHIFT)
    assert sum(told(view)[::2]) == before + 1 + len(found.samples) // 10
    QTest.keyClick(plot, Qt.Key.Key_Home)
    assert told(view)[:2] == (found.size, 0)
    QTest.keyClick(plot, Qt.Key.Key_End)
    assert told(view) == (0, found.size, 0, found.size)
    QTest.keyClick(plot, Qt.Key.Key_Backspace)
    assert sum(told(view)[::2]) == before
    assert "held-out" in view.sentence.text()


@pytest.mark.parametrize("log", [False, True])
def test_the_operating_point_is_dragged_along_the_roc(
    log: bool, view: AttackView, shown: Shown
) -> None:
    found = shown.state.attack
    assert found is not None
    view.options.log.setChecked(log)
    roc = found.models["gd"].roc
    for step in (len(roc.tp) // 3, 2 * len(roc.tp) // 3):
        plot = view.rates.plot
        at = plot.place(*view.rates.point_of(step))
        drag(plot.viewport(), [plot.place(*view.rates.point_of(1)), at])
        tp, _, fp, _ = told(view)
        assert abs(tp - roc.tp[step]) + abs(fp - roc.fp[step]) <= 2  # a pixel is a sample or two
    QTest.keyClick(view.rates.plot, Qt.Key.Key_Right)
    assert sum(told(view)[::2]) == tp + fp + 1


def test_a_loss_is_dragged_on_its_own_axis(view: AttackView, shown: Shown) -> None:
    made = synthetic.membership(shown.state.dataset, members="retain", score="loss")
    shown.state.attack = made
    drag_to(view, 0.35)
    assert told(view) == expected(made, view.threshold.value)
    few = told(view)[0]
    drag_to(view, 0.65)  # members lie to the left of a larger loss
    assert told(view)[0] > few


def test_the_threshold_stays_for_another_model_and_goes_with_another_score(
    view: AttackView, shown: Shown
) -> None:
    drag_to(view, 0.5)
    at = view.threshold.value
    shown.state.attack = synthetic.membership(shown.state.dataset, 0.5, members="retain")
    assert view.threshold.value == at
    other = synthetic.membership(shown.state.dataset, members="retain", score="margin")
    shown.state.attack = other
    assert view.threshold.value == other.models["gd"].threshold


def test_a_move_loops_over_none_of_two_thousand_samples(shown: Shown) -> None:
    shown.fill()
    dataset = synthetic.images(2400)
    dataset = replace(dataset, test_x=dataset.train_x[:2200], test_y=dataset.train_y[:2200])
    shown.state.dataset = dataset
    shown.state.models = synthetic.models(dataset)
    shown.state.attack = synthetic.membership(dataset, members="retain")
    view = shown.view(AttackView)
    assert len(view.threshold.attack.samples) > 2000  # type: ignore[union-attr]
    spent = [
        calls_of(lambda: QTest.keyClick(view.scores.plot, Qt.Key.Key_Right)) for _ in range(15)
    ]
    assert max(spent) < 1300


# -- walls ------------------------------------------------------------------------------------
def _click(wall: QWidget, grid: QWidget, place: int, keys: Qt.KeyboardModifier = NONE) -> None:
    QTest.mouseClick(grid.viewport(), LEFT, keys, grid.place_rect(place).center())  # type: ignore[attr-defined]


def test_a_click_on_a_wall_looks_and_ctrl_selects(view: AttackView, shown: Shown) -> None:
    wall = view.caught
    first, second = (int(sample) for sample in wall.shown[:2])
    _click(wall, wall.grid, 0)
    assert shown.state.selection == Selection(first)
    _click(wall, wall.grid, 1, CTRL)
    assert shown.last == ("select", [second], ADD)
    _click(wall, wall.grid, 1, CTRL)
    assert shown.last == ("select", [second], REMOVE)
    QTest.keyClick(wall.grid, Qt.Key.Key_Left)
    assert shown.state.selection.current == first


def test_buttons_select_the_caught_and_the_missed(view: AttackView, shown: Shown) -> None:
    drag_to(view, 0.5)
    press(view, "Select caught")
    assert shown.last == ("select", view.caught.shown.tolist(), REPLACE)
    press(view, "Select missed")
    assert shown.state.selection.chosen == set(view.missed.shown.tolist())
    QTest.keyClick(view.scores.plot, Qt.Key.Key_End)
    assert not view.caught.select_button.isEnabled()
    assert view.missed.select_button.isEnabled()


def test_a_tooltip_tells_the_scores_under_both_models(view: AttackView, shown: Shown) -> None:
    found = shown.state.attack
    assert found is not None
    sample = int(view.caught.shown[0])
    words = view.describe(sample)
    place = found.samples.tolist().index(sample)
    assert f"Sample {sample}" in words
    assert f"GD: confidence {found.models['gd'].values[place]:.4g}" in words
    assert "Re-train 0: confidence" in words


# -- small sets, words, memory ----------------------------------------------------------------
@pytest.mark.parametrize("kind", [synthetic.images, synthetic.features])
def test_ten_members_say_what_they_cannot_resolve(kind: Callable[[], object], shown: Shown) -> None:
    shown.fill()
    dataset = kind()
    shown.state.dataset = dataset  # type: ignore[assignment]
    shown.state.attack = synthetic.membership(dataset)  # type: ignore[arg-type]
    view = shown.view(AttackView)
    assert "with 5 non-members the FPR has steps of 20 %" in view.estimates.text()
    assert "AUC of GD minus AUC of Re-train 0" in view.estimates.text()
    assert view.estimates.text() in view.info.toolTip()
    assert sum(told(view)) == 10
    assert view.caught.grid.grab().toImage().pixelColor(24, 24).isValid()


def test_a_single_member_is_explained_and_can_still_be_dragged(shown: Shown) -> None:
    shown.fill()
    dataset = shown.state.dataset
    assert dataset is not None
    few = replace(dataset, test_x=dataset.test_x[:1], test_y=dataset.test_y[:1])
    shown.state.attack = synthetic.membership(few)
    view = shown.view(AttackView)
    assert "only one member" in view.sentence.text()
    assert "undefined" in view.estimates.text()
    QTest.keyClick(view.scores.plot, Qt.Key.Key_Left)
    assert sum(told(view)) == 2
    press(view, "Held-out threshold")
    assert "only one member" in view.sentence.text()


def test_choices_are_kept(view: AttackView, shown: Shown) -> None:
    view.options.log.setChecked(True)
    view.options.matched.setChecked(False)
    view.options.members.setCurrentIndex(1)
    QTest.keyClick(view.options.a, Qt.Key.Key_End)
    drag_to(view, 0.4)
    kept = view.view_state()
    again = shown.view(AttackView)
    again.restore_view_state(kept)
    assert again.view_state() == kept
    assert (kept["a"], kept["log"], kept["matched"], kept["members"]) == (
        "gd", True, False, "retain",
    )  # fmt: skip
    assert told(again) == told(view)


def test_export_carries_the_choices_and_the_threshold(view: AttackView, shown: Shown) -> None:
    drag_to(view, 0.4)
    press(view, "Export…")
    name, options = shown.last[1:]
    assert name == "attack"
    assert options == {
        "a": "rurk", "b": "retrain-0", "score": "confidence", "members": "forget",
        "matched": True, "threshold": view.threshold.value, "log": False,
    }  # fmt: skip


def test_in_the_window_a_study_is_attacked(qtbot: QtBot, tmp_path: Path) -> None:
    explorer = start(qtbot, tmp_path)
    run(explorer, qtbot)
    window, state = explorer.window, explorer.state
    window.go_to("attack")
    view = window.views["attack"]
    assert isinstance(view, AttackView)
    qtbot.waitUntil(lambda: state.attack is not None and not view.panel.is_empty)
    assert set(state.attack.samples[state.attack.member]) <= set(state.forget)
    total = 2 * state.attack.size
    QTest.keyClick(view.scores.plot, Qt.Key.Key_Home)
    tp, fn, fp, tn = told(view)
    assert (tp + fn + fp + tn, fn) == (total, 0)
    press(view, "Select caught")
    assert state.selection.chosen == set(view.caught.shown.tolist())
    finish(explorer, qtbot)


# -- the finding ------------------------------------------------------------------------------
def estimated(auc: tuple[float, float, float], gap: tuple[float, float, float]) -> Attack:
    """An attack with this AUC of model A and this difference to B, each with its interval."""
    made = synthetic.membership(synthetic.images())
    (a, first), (b, second) = made.models.items()
    models = {a: replace(first, auc=Estimate(*auc)), b: second}
    return replace(made, models=models, difference=Estimate(*gap))


@pytest.mark.parametrize(
    ("auc", "gap", "words"),
    [
        (
            (0.72, 0.61, 0.83), (0.2, 0.05, 0.35),
            "Members of GD are told from non-members better than by chance (AUC 0.72 [0.61, "
            "0.83]); the attack does better than on Re-train 0: the AUCs differ by 0.20.",
        ),
        (
            (0.52, 0.41, 0.63), (-0.01, -0.1, 0.08),
            "Members of GD cannot be told from non-members (AUC 0.52 [0.41, 0.63]); the attack "
            "does as well on Re-train 0: the AUCs differ by 0.01.",
        ),
        (
            (float("nan"), float("nan"), float("nan")), (0.0, 0.0, 0.0),
            "Too few samples to tell whether members of GD can be recognized.",
        ),
    ],
)  # fmt: skip
def test_a_sentence_says_what_the_attack_finds(
    auc: tuple[float, float, float], gap: tuple[float, float, float], words: str
) -> None:
    labels = {"gd": "GD", "rurk": "GD", "retrain-0": "Re-train 0"}
    assert captions.verdict(estimated(auc, gap), lambda name: labels[name]) == words


def test_the_plots_have_most_of_a_large_dock_and_no_controls_above_them(shown: Shown) -> None:
    shown.fill()
    view = shown.view(AttackView)
    view.panel.bar.hide()  # in the dock's title
    view.resize(800, 660)
    for _ in range(2):
        QApplication.processEvents()
        view.grab()
    plots = [part.plot.height() for part in (view.scores, view.rates)]
    assert min(plots) >= 0.45 * view.height()
    assert all(wall.isVisible() and wall.grid.height() >= 48 for wall in view.walls)
    assert not view.options.score.isVisible()  # on the card of options
