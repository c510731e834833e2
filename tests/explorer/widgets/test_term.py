"""Terms in labels are underlined where they stand, explained on hover, and open the glossary."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPoint, QRect, Qt
from PySide6.QtGui import QCursor, QHelpEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QLabel,
    QPushButton,
    QTableWidget,
    QToolTip,
    QWidget,
)
from pytestqt.qtbot import QtBot

from explorer.app import Explorer
from explorer.dialogs.glossary_dialog import GlossaryDialog
from explorer.widgets.forms import styled_label
from explorer.widgets.panel import muted_label
from explorer.widgets.term import TermLabel, explain
from explorer.widgets.term_finder import tag, term_of

SENTENCE = (
    "GD still recognizes perturbed copies of 19 of 70 forgotten samples more often than any "
    "Re-train;\nits curve leaves the null band from tau 0.04 on."
)
TERMS = ["Perturbation", "Forget set", "Re-train", "Null band", "Tau"]


class Desk(QWidget):
    """Notes which terms are asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def show_term(self, name: str) -> None:
        self.asked.append(name)


@pytest.fixture
def desk(qtbot: QtBot) -> Desk:
    result = Desk()
    qtbot.addWidget(result)
    result.resize(400, 300)
    result.show()
    return result


def on(desk: Desk, text: str, width: int = 260) -> TermLabel:
    label = TermLabel(text, desk)
    label.setWordWrap(True)
    label.setGeometry(10, 10, width, 150)
    label.show()
    return label


@pytest.mark.parametrize(
    "align",
    [
        Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter,
        Qt.AlignmentFlag.AlignCenter,
        Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop,
        Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom,
    ],
)
def test_the_dotted_line_lies_under_the_letters_of_the_term(
    desk: Desk, align: Qt.AlignmentFlag
) -> None:
    """Where the label drew a term, nothing is left if the term alone is blanked out."""
    label = on(desk, SENTENCE)
    label.setAlignment(align)
    assert label.terms() == TERMS
    image = label.grab().toImage()
    for box in label.underlines():
        letters = box.adjusted(0, 0, 0, -3)
        ground = image.pixelColor(0, 0)
        inked = [
            (x, y)
            for x in range(letters.left(), letters.right())
            for y in range(letters.top(), letters.bottom())
            if image.pixelColor(x, y) != ground
        ]
        assert inked, box
        first, last = min(x for x, _ in inked), max(x for x, _ in inked)
        assert first - letters.left() <= 2 and letters.right() - last <= 3, box
        assert label.contentsRect().contains(box.adjusted(1, 1, -1, -1)), box
    assert len(label.underlines()) >= len(TERMS)


def test_a_plain_label_looks_the_same_and_markup_stays_text(desk: Desk, qtbot: QtBot) -> None:
    plain, ours = QLabel("no such word", desk), on(desk, "no such word")
    plain.setWordWrap(True)
    plain.setGeometry(ours.geometry())
    plain.setTextFormat(Qt.TextFormat.PlainText)
    assert ours.terms() == [] and ours.grab().toImage() == plain.grab().toImage()
    hostile = on(desk, "<b>null band</b> <img src=x>")
    assert hostile.terms() == ["Null band"]
    assert hostile.text() == "<b>null band</b> <img src=x>"
    assert hostile.textFormat() == Qt.TextFormat.PlainText


def center_of(label: TermLabel, name: str) -> QPoint:
    return label.underlines()[label.terms().index(name)].center()


def test_hover_explains_and_a_click_opens_the_glossary(desk: Desk, qtbot: QtBot) -> None:
    label = on(desk, "the null band")
    place = center_of(label, "Null band")
    assert label.term_at(place) == "Null band" and label.term_at(QPoint(0, 0)) == ""
    QTest.mouseMove(label, place)
    assert label.cursor().shape() == Qt.CursorShape.PointingHandCursor
    tip = QHelpEvent(QEvent.Type.ToolTip, place, label.mapToGlobal(place))
    QApplication.sendEvent(label, tip)
    assert QToolTip.text().startswith("Null band: The range in which r")
    QToolTip.hideText()
    QTest.mouseClick(label, Qt.MouseButton.LeftButton, pos=place)
    QTest.mouseClick(label, Qt.MouseButton.LeftButton, pos=QPoint(1, 1))
    assert desk.asked == ["Null band"]


def test_a_new_text_or_width_moves_the_line(desk: Desk) -> None:
    label = on(desk, SENTENCE)
    before = label.underlines()
    label.setGeometry(QRect(10, 10, 390, 150))
    assert label.underlines() != before
    label.setText("nothing here")
    assert label.underlines() == [] and not label.hasMouseTracking()


def test_captions_and_messages_are_such_labels(qtbot: QtBot) -> None:
    for label in (muted_label("the null band"), styled_label("the null band", "question")):
        qtbot.addWidget(label)
        assert isinstance(label, TermLabel) and label.terms() == ["Null band"]


def test_f1_finds_the_term_of_any_widget(desk: Desk, qtbot: QtBot) -> None:
    button = QPushButton("Run", desk)
    button.setToolTip("Train, unlearn and measure residual knowledge")
    assert term_of(button, QPoint(1, 1)) == "Residual knowledge"
    tag(button, "Study")
    assert term_of(button, QPoint(1, 1)) == "Study"
    combo = QComboBox(desk)
    combo.addItems(["Gaussian"])
    assert term_of(combo, QPoint(1, 1)) == "Perturbation"
    table = QTableWidget(1, 2, desk)
    table.setHorizontalHeaderLabels(["zebra", "Prevalence"])
    table.setGeometry(0, 0, 300, 100)
    table.show()
    header = table.horizontalHeader()
    place = QPoint(header.sectionPosition(1) + 5, 5)
    assert term_of(header.viewport(), place) == "Prevalence"
    assert term_of(desk, QPoint(0, 0)) == ""
    assert explain(button, "Study") and desk.asked == ["Study"]


def test_f1_opens_the_glossary_at_the_focused_control_even_in_a_modal_dialog(
    explorer: Explorer, qtbot: QtBot
) -> None:
    window = explorer.window
    QCursor.setPos(window.mapToGlobal(QPoint(5, 5)))  # not on the dialog
    window.dialogs.ask_settings()
    modal = QApplication.activeModalWidget()
    assert modal is not None
    qtbot.waitUntil(lambda: QApplication.activeWindow() is modal)
    seed = next(one for one in modal.findChildren(QWidget, "draws"))
    seed.setFocus()
    QTest.keyClick(seed, Qt.Key.Key_F1)
    dialog = modal.findChild(GlossaryDialog)
    assert dialog is not None and dialog.isVisible()
    assert dialog.term is not None and dialog.term.name == "Draws"
    dialog.close()
    modal.close()
    window.show_term("Null band")
    dialog = window.findChild(GlossaryDialog)
    assert dialog.term.name == "Null band"
    dialog.close()
