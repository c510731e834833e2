"""The hint of an empty view: its sentence, what is waited for, and an offer that is always seen."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from explorer.widgets.empty_hint import EmptyHint

SENTENCE = "No curves yet. Press Run: the first estimates appear here and are refined live."


@pytest.fixture
def hint(qtbot: QtBot) -> EmptyHint:
    made = EmptyHint()
    qtbot.addWidget(made)
    made.say(SENTENCE)
    made.resize(300, 300)
    made.show()
    return made


def size(hint: EmptyHint, height: int) -> None:
    hint.resize(300, height)
    QApplication.processEvents()


def test_what_is_on_its_way_stands_in_place_of_the_sentence(hint: EmptyHint) -> None:
    hint.wait_for("Opening Fashion ...")
    assert hint.label.text() == "Opening Fashion ..."
    hint.say("Something else")
    assert hint.label.text() == "Opening Fashion ..."
    hint.wait_for("")
    assert hint.label.text() == "Something else"


def test_an_offer_is_shown_below_and_alone_where_there_is_little_room(hint: EmptyHint) -> None:
    assert not hint.offer_button.isVisible() and hint.label.isVisible()
    hint.make_offer("The store has a study of Fashion.", "Show it")
    size(hint, 300)
    assert hint.offer_button.isVisible() and hint.label.isVisible()
    assert hint.label.geometry().bottom() < hint.offer_button.mapTo(hint, hint.rect().topLeft()).y()
    size(hint, hint.offer_button.height() + 10)
    assert hint.offer_button.isVisible() and not hint.label.isVisible()
    size(hint, 300)
    assert hint.label.isVisible()
    hint.make_offer("", "")
    size(hint, 60)
    assert hint.label.isVisible() and not hint.offer_button.isVisible()
