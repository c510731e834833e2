"""Widgets of layouts in their order, without Python objects for items that Qt frees by itself."""

from __future__ import annotations

import gc
from pathlib import Path

import shiboken6
from PySide6.QtWidgets import (
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLayoutItem,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from pytestqt.qtbot import QtBot

import explorer
from explorer.app import Explorer
from explorer.widgets.tab_order import laid_out, set_tab_order, tab_stops


def test_widgets_come_in_the_order_of_nested_layouts(qtbot: QtBot) -> None:
    frame = QWidget()
    qtbot.addWidget(frame)
    outer = QVBoxLayout(frame)
    row, grid, form = QHBoxLayout(), QGridLayout(), QFormLayout()
    parts = [QLabel(str(number)) for number in range(7)]
    for layout in (row, grid, form):
        outer.addLayout(layout)
    outer.addWidget(parts[6])
    outer.insertWidget(0, parts[0])
    row.addWidget(parts[2])
    row.addStretch()
    row.insertWidget(0, parts[1])
    grid.addWidget(parts[3], 0, 1)
    form.addRow(parts[4], parts[5])
    assert laid_out(outer) == parts
    assert laid_out(row) == parts[1:3]


def test_a_layout_without_a_widget_has_none(qtbot: QtBot) -> None:
    assert laid_out(QHBoxLayout()) == []


def test_tab_visits_widgets_as_they_are_laid_out_not_created(qtbot: QtBot) -> None:
    frame = QWidget()
    qtbot.addWidget(frame)
    first, second, third = QLineEdit(), QLineEdit(), QPushButton()
    outer, row = QVBoxLayout(frame), QHBoxLayout()
    outer.addWidget(third)
    outer.insertLayout(0, row)
    row.addWidget(second)
    row.insertWidget(0, first)
    frame.show()
    set_tab_order(frame)
    stops = tab_stops(frame)  # a ring
    start = stops.index(first)
    assert stops[start:] + stops[:start] == [first, second, third]


def test_no_python_object_stands_for_an_item_that_qt_has_freed(qtbot: QtBot) -> None:
    """Such an object is what the next widget at that address would come to Python as."""
    frame, other = QWidget(), QWidget()
    for widget in (frame, other):
        qtbot.addWidget(widget)
    outer, elsewhere = QVBoxLayout(frame), QVBoxLayout(other)
    moved = QPushButton()
    outer.addWidget(moved)
    before = _items()
    set_tab_order(frame)
    assert laid_out(outer) == [moved]
    elsewhere.addWidget(moved)  # Qt takes it out of the first layout and frees its item there
    assert laid_out(outer) == []
    assert _items() == before


def test_the_window_asks_no_layout_for_its_items() -> None:
    """But its own, which keeps them itself."""
    folder = Path(explorer.__file__).parent
    calls = [
        path.name for path in folder.rglob("*.py") if ".itemAt(" in path.read_text(encoding="utf-8")
    ]
    assert calls == []


def test_docks_of_a_window_leave_no_item_behind(explorer: Explorer, qtbot: QtBot) -> None:
    before = _items()
    explorer.window.resize(1280, 720)
    for view in explorer.window.views.values():
        set_tab_order(view)
    qtbot.wait(50)
    assert _items() <= before


def _items() -> int:
    gc.collect()
    return sum(isinstance(one, QLayoutItem) for one in shiboken6.getAllValidWrappers())
