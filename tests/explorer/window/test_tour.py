"""The tour is walked by keys alone; each step lights a real widget and hides none of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from quick import QuickFactory, finish

from explorer.app import Explorer, Options
from explorer.widgets.notifications import Toast
from explorer.window.tour import CARD_WIDTH, Tour, card_place
from explorer.window.tour_steps import STEPS


def begin(explorer: Explorer, qtbot: QtBot) -> Tour:
    explorer.window.actions_.by_name["tour"].trigger()
    tour = explorer.window.findChild(Tour)
    qtbot.waitUntil(lambda: QApplication.focusWidget() is tour)
    return tour


def press(key: Qt.Key) -> None:
    QTest.keyClick(QApplication.focusWidget(), key)


def test_seven_steps_by_the_arrow_keys_and_back(explorer: Explorer, qtbot: QtBot) -> None:
    assert len(STEPS) == 7
    tour = begin(explorer, qtbot)
    window = explorer.window
    seen = []
    for number, step in enumerate(STEPS):
        assert tour.number == number and tour.card.title.text() == step.title
        qtbot.waitUntil(lambda: tour.target is not None and tour.lit.isValid())
        target = tour.target
        assert target is not None and target is step.find(window)
        place = QRect(target.mapTo(window, QPoint(0, 0)), target.size())
        qtbot.waitUntil(
            lambda target=target: tour.lit.contains(
                QRect(target.mapTo(window, QPoint(0, 0)), target.size()).intersected(window.rect())
            )
        )
        inside = place.intersected(window.rect()).center()
        card = tour.card.geometry()
        assert window.rect().contains(card)
        assert not card.intersects(tour.lit) or tour.lit.width() > window.width() // 2
        if not card.contains(inside):
            assert not tour.mask().contains(inside)  # a click there reaches the widget
        assert window.children()[-1] is tour  # nothing lies over the shade
        assert step.title in tour.accessibleName() and step.text in tour.accessibleDescription()
        seen.append(target)
        press(Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: window.findChild(Tour) is None)
    assert len(set(seen)) >= 5


@pytest.mark.parametrize(
    ("forward", "backward"),
    [(Qt.Key.Key_Return, Qt.Key.Key_Backspace), (Qt.Key.Key_Space, Qt.Key.Key_Up),
     (Qt.Key.Key_Tab, Qt.Key.Key_Backtab), (Qt.Key.Key_PageDown, Qt.Key.Key_PageUp)],
)  # fmt: skip
def test_other_keys_go_forward_and_back_too(
    explorer: Explorer, qtbot: QtBot, forward: Qt.Key, backward: Qt.Key
) -> None:
    tour = begin(explorer, qtbot)
    assert not tour.card.back.isEnabled()
    for key, number in ((forward, 1), (forward, 2), (backward, 1), (backward, 0), (backward, 0)):
        press(key)
        assert tour.number == number
    press(Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: explorer.window.findChild(Tour) is None)


def test_escape_ends_it_where_it_began(explorer: Explorer, qtbot: QtBot) -> None:
    window = explorer.window
    window.show_workspace("attack")
    window.bar.dataset.setFocus()
    before, look = QApplication.focusWidget(), window.look().workspace
    begin(explorer, qtbot)
    assert window.look().workspace == "explore"
    press(Qt.Key.Key_Escape)  # does not stop a running job, as Esc does otherwise
    qtbot.waitUntil(lambda: window.findChild(Tour) is None)
    assert window.look().workspace == look == "attack"
    assert QApplication.focusWidget() is before
    assert window.actions_.by_name["cancel"].shortcut().toString() == "Esc"


def test_buttons_do_the_same_and_it_begins_once(explorer: Explorer, qtbot: QtBot) -> None:
    tour = begin(explorer, qtbot)
    explorer.window.dialogs.show_tour()
    assert len(explorer.window.findChildren(Tour)) == 1
    left = Qt.MouseButton.LeftButton
    qtbot.mouseClick(tour.card.forward, left)
    qtbot.mouseClick(tour.card.forward, left)
    qtbot.mouseClick(tour.card.back, left)
    assert tour.number == 1 and QApplication.focusWidget() is tour
    qtbot.mouseClick(tour.card.close_button, left)
    qtbot.waitUntil(lambda: explorer.window.findChild(Tour) is None)


def test_it_follows_the_size_of_the_window(explorer: Explorer, qtbot: QtBot) -> None:
    tour = begin(explorer, qtbot)
    for size in (QSize(1280, 800), QSize(960, 600), QSize(1440, 900)):
        explorer.window.resize(size)
        qtbot.waitUntil(lambda: tour.size() == explorer.window.size())
        assert explorer.window.rect().contains(tour.card.geometry())
    press(Qt.Key.Key_Escape)


@pytest.mark.parametrize("lit", [QRect(), QRect(0, 0, 900, 500), QRect(600, 300, 300, 200),
                                 QRect(0, 400, 960, 200), QRect(0, 0, 100, 600)])  # fmt: skip
def test_the_card_is_always_inside_the_window(lit: QRect) -> None:
    window, card = QRect(0, 0, 960, 600), QSize(CARD_WIDTH, 220)
    assert window.contains(QRect(card_place(lit, card, window), card))


def test_the_first_start_offers_it_and_the_second_does_not(qtbot: QtBot, tmp_path: Path) -> None:
    store = tmp_path / "new"
    for first in (True, False):
        explorer = Explorer(Options(store=store, dataset="iris"), QuickFactory(store))
        with qtbot.waitSignal(explorer.jobs.idle):
            explorer.show()
        offers = [  # it goes away by itself: it lies over the strip of samples
            toast.notice.action
            for toast in explorer.window.findChildren(Toast)
            if "Seven steps" in toast.notice.sentence and not toast.notice.stays
        ]
        assert offers == (["Take the tour"] if first else [])
        explorer.window.dialogs.show_tour()  # by the menu: nothing is left to offer
        assert not [one for one in explorer.window.toasts.toasts if one.notice.action in offers]
        press(Qt.Key.Key_Escape)
        finish(explorer, qtbot)
