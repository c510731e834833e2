"""The card of a view's secondary controls."""

from __future__ import annotations

from PySide6.QtWidgets import QComboBox, QStyle, QStyleOptionComboBox, QWidget
from pytestqt.qtbot import QtBot

from explorer.widgets.options_card import WIDEST, OptionsButton


def _text_width(box: QComboBox) -> int:
    option = QStyleOptionComboBox()
    box.initStyleOption(option)
    part = QStyle.SubControl.SC_ComboBoxEditField
    field = box.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, part, box)
    return field.width()


def test_a_box_is_as_wide_as_entries_that_came_after_it_was_shown(qtbot: QtBot) -> None:
    frame = QWidget()
    qtbot.addWidget(frame)
    button, box = OptionsButton("a view", frame), QComboBox()
    box.addItem("GD")
    button.card.add(box, "Measures of")
    frame.show()
    button.card.open_below(button)
    button.card.hide()
    box.addItem("the first method of this study (RURK)")
    box.setCurrentIndex(1)
    button.card.open_below(button)
    assert _text_width(box) >= box.fontMetrics().horizontalAdvance(box.currentText())
    box.addItem("a class with a long name " * 10)
    button.card.open_below(button)
    assert box.width() <= WIDEST
    button.card.hide()


def test_a_box_that_sets_its_own_width_keeps_it(qtbot: QtBot) -> None:
    policy = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
    frame = QWidget()
    qtbot.addWidget(frame)
    button, box = OptionsButton("a view", frame), QComboBox()
    box.setSizeAdjustPolicy(policy)
    button.card.add(box)
    assert box.sizeAdjustPolicy() == policy
