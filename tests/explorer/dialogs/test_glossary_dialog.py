"""Help > Glossary: searched by typing, walked through by keys, beside the window, in two themes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QTextDocumentFragment
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from engine.drawing.glossary import Term, terms
from explorer import theme
from explorer.app import Explorer
from explorer.dialogs.glossary_dialog import SUBSCRIPT, GlossaryDialog, meaning

NAMES = [one.name for one in terms()]


@pytest.fixture
def dialog(qtbot: QtBot) -> Iterator[GlossaryDialog]:
    made = GlossaryDialog(None)
    made.show()
    yield made
    made.close()
    made.deleteLater()


def listed(dialog: GlossaryDialog) -> list[str]:
    return [dialog.list.item(row).text() for row in range(dialog.list.count())]


def explained(dialog: GlossaryDialog) -> str:
    """The name of the term that the text is about."""
    return dialog.meaning.toPlainText().partition("\n")[0]


def test_it_opens_on_all_terms_with_the_first_one_explained(dialog: GlossaryDialog) -> None:
    assert listed(dialog) == NAMES
    assert explained(dialog) == NAMES[0]


def test_typing_narrows_the_list_and_explains_the_best_match(
    dialog: GlossaryDialog, qtbot: QtBot
) -> None:
    qtbot.keyClicks(dialog.line, "null band")
    assert listed(dialog)[0] == explained(dialog) == "Null band"
    assert len(listed(dialog)) < len(NAMES)
    text = dialog.meaning.toPlainText()
    assert "a curve outside that is evidence" in text and "Source: " in text
    dialog.line.clear()
    assert listed(dialog) == NAMES
    assert explained(dialog) == "Null band"  # what was read stays


def test_words_that_no_term_has_are_said(dialog: GlossaryDialog, qtbot: QtBot) -> None:
    qtbot.keyClicks(dialog.line, "zebra")
    assert listed(dialog) == [] and dialog.term is None
    assert dialog.meaning.toPlainText() == "No term matches all of these words."


def test_arrow_keys_in_the_line_move_through_the_list(dialog: GlossaryDialog, qtbot: QtBot) -> None:
    qtbot.keyClick(dialog.line, Qt.Key.Key_Down)
    qtbot.keyClick(dialog.line, Qt.Key.Key_Down)
    assert explained(dialog) == NAMES[2]
    qtbot.keyClick(dialog.line, Qt.Key.Key_Up)
    assert explained(dialog) == NAMES[1]
    qtbot.keyClick(dialog.list, Qt.Key.Key_End)
    assert explained(dialog) == NAMES[-1]


def test_links_lead_to_related_terms_by_mouse_and_by_keys(
    dialog: GlossaryDialog, qtbot: QtBot
) -> None:
    qtbot.keyClicks(dialog.line, "undecided")
    assert listed(dialog) == ["Verdict"]
    dialog.meaning.anchorClicked.emit(QUrl("Adaptive%20draws"))
    assert explained(dialog) == "Adaptive draws"  # although the search did not list it
    assert listed(dialog) == NAMES and dialog.line.text() == ""
    dialog.meaning.setFocus()
    qtbot.keyClick(dialog.meaning, Qt.Key.Key_Tab)
    qtbot.keyClick(dialog.meaning, Qt.Key.Key_Return)
    assert explained(dialog) == "Draws"  # the first of its links


def test_an_unknown_term_changes_nothing(dialog: GlossaryDialog) -> None:
    dialog.show_term("Zebra")
    assert explained(dialog) == NAMES[0]


@pytest.mark.parametrize("term", terms(), ids=lambda term: term.name)
def test_every_term_is_shown_letter_by_letter(term: Term) -> None:
    shown = QTextDocumentFragment.fromHtml(meaning(term)).toPlainText()
    for part in (term.name, term.source, *term.see):
        assert part in shown
    for part in (term.text, term.formula):
        assert SUBSCRIPT.sub(r"\1", part) in shown


def test_indices_are_subscripts() -> None:
    shown = meaning(Term("r", "Of S_f and mia_acc.", "r_τ < 1"))
    assert "S<sub>f</sub> and mia_acc" in shown and "r<sub>τ</sub> &lt; 1" in shown


def test_help_opens_one_glossary_beside_the_window(explorer: Explorer, qtbot: QtBot) -> None:
    window = explorer.window
    window.actions_.by_name["glossary"].trigger()
    dialog = window.findChild(GlossaryDialog)
    assert dialog.isVisible() and not dialog.isModal()
    dialog.show_term("Posterior")
    QTest.keyClick(window, Qt.Key.Key_F1, Qt.KeyboardModifier.ShiftModifier)
    assert window.findChildren(GlossaryDialog) == [dialog]  # no second one
    assert dialog.term is not None and dialog.term.name == "Posterior"
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_links_of_an_open_glossary_follow_the_theme(explorer: Explorer, qtbot: QtBot) -> None:
    window = explorer.window
    for name in ("light", "dark", "light"):
        window.choose_theme(name)
        window.dialogs.show_glossary()
        dialog = window.findChild(GlossaryDialog)
        accent = theme.theme_of(name).accent
        qtbot.waitUntil(lambda dialog=dialog, accent=accent: accent in dialog.meaning.toHtml())
    dialog.close()
