"""The row, the marks and the offers that say which study is shown and which is to be had."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from real import WAIT, run

from explorer.app import Explorer
from explorer.state.queued_run import RUNNING, STOPPED, Order, QueuedRun
from explorer.window.stale_row import BACK, RUN, SHOW
from explorer.window.study_hints import RUNS

LEFT = Qt.MouseButton.LeftButton


def settle(explorer: Explorer, qtbot: QtBot) -> None:
    qtbot.wait(1)
    qtbot.waitUntil(lambda: not explorer.jobs.busy(), timeout=WAIT)


def marked(explorer: Explorer) -> set[str]:
    """The views whose titles say that they show another study."""
    titles = {name: box.titleBarWidget() for name, box in explorer.window.docks.items()}
    return {name for name, title in titles.items() if not title.mark.isHidden()}


def test_the_row_says_what_is_shown_and_both_buttons_end_that(
    explorer: Explorer, qtbot: QtBot
) -> None:
    row = explorer.window.bar.stale
    assert row.isHidden()
    run(explorer, qtbot)
    settle(explorer, qtbot)
    assert row.isHidden() and marked(explorer) == set()
    explorer.controller.opening.change_form(draws=20)
    settle(explorer, qtbot)
    assert row.isVisible()
    assert row.sentence.text() == "Shown: 10 copies. You chose 20 copies."
    assert (row.forward.text(), row.back.text()) == (RUN, BACK)
    views = explorer.window.views
    assert marked(explorer) == {name for name, view in views.items() if view.of_study}
    assert {"curves", "metrics", "embedding", "neighborhood"} <= marked(explorer)
    assert "samples" not in marked(explorer)

    qtbot.mouseClick(row.back, LEFT)
    settle(explorer, qtbot)
    assert row.isHidden() and explorer.state.form.draws == 10 and marked(explorer) == set()

    explorer.controller.opening.change_form(draws=20)
    settle(explorer, qtbot)
    with qtbot.waitSignal(explorer.controller.shown.completed, timeout=WAIT):
        qtbot.mouseClick(row.forward, LEFT)
    settle(explorer, qtbot)
    assert row.isHidden()
    assert explorer.state.study is not None and explorer.state.study.residual.draws == 20

    explorer.controller.opening.change_form(draws=10)
    settle(explorer, qtbot)
    assert row.forward.text() == SHOW
    qtbot.mouseClick(row.forward, LEFT)
    settle(explorer, qtbot)
    assert row.isHidden()
    assert explorer.state.study is not None and explorer.state.study.residual.draws == 10


def test_empty_views_offer_the_stored_study_of_these_data(explorer: Explorer, qtbot: QtBot) -> None:
    curves, samples = explorer.window.views["curves"].panel, explorer.window.views["samples"].panel
    assert curves.is_empty and not curves.hint.offers
    run(explorer, qtbot)
    settle(explorer, qtbot)
    key = explorer.state.study.key if explorer.state.study else ""
    explorer.controller.opening.change_form(draws=20)
    explorer.controller.shown.clear()  # as after a start with settings of which nothing is stored
    settle(explorer, qtbot)
    assert curves.is_empty
    assert curves.hint.offer.text() == "The store has a study of Iris."
    assert curves.hint.offer_button.text() == "Show it"
    assert not samples.hint.offers
    qtbot.mouseClick(curves.hint.offer_button, LEFT)
    settle(explorer, qtbot)
    assert explorer.state.study is not None and explorer.state.study.key == key
    assert explorer.state.form.draws == 10  # the form describes what is shown
    assert not curves.is_empty and not curves.hint.offers

    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        explorer.controller.opening.open_dataset("digits")
    assert curves.is_empty and not curves.hint.offers  # there are none of these data


def test_an_empty_view_says_that_the_study_is_running(explorer: Explorer, qtbot: QtBot) -> None:
    hint = explorer.window.views["embedding"].panel.hint
    assert "Press Run" in hint.label.text()
    dataset = explorer.state.dataset
    assert dataset is not None
    order = Order(explorer.state.form, (1, 5), dataset.spec.fingerprint, "Iris")
    explorer.state.runs = (QueuedRun(1, order, RUNNING),)
    assert hint.label.text() == RUNS
    explorer.state.runs = (QueuedRun(1, replace(order, fingerprint="another"), RUNNING),)
    assert "Press Run" in hint.label.text()
    explorer.state.runs = (QueuedRun(1, order, STOPPED),)
    assert "Press Run" in hint.label.text()
