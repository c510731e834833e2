"""Names from foreign files are shown as plain text, never as markup."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import replace

import pytest
import synthetic
from battery import VIEWS
from markups import is_markup
from PySide6.QtCore import QEvent, QModelIndex, QPoint, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QGraphicsTextItem,
    QGraphicsView,
    QLabel,
    QToolTip,
    QWidget,
)
from shown import Shown

from engine.datasets.base import Dataset
from explorer.state.notice import ERROR, NEWS, Notice
from explorer.state.selection import Selection
from explorer.views.base import View
from explorer.widgets.notifications import MessageBar, Toasts

MARKUP = "<img src=x>"
NAMES = tuple(f"{MARKUP}<b>{word}" for word in ("cat", "dog", "ship", "frog"))
PLACES = 14  # places along each side of a widget where a tip is requested


def texts(view: QWidget) -> Iterator[tuple[str, bool]]:
    """(place, whether it is markup) of every text in a view."""
    for one in [view, *view.findChildren(QWidget)]:
        where = f"{type(one).__name__} '{one.objectName()}' {one.accessibleName()}"
        yield f"tip of {where}", is_markup(one.toolTip())
        if isinstance(one, QLabel):
            yield where, is_markup(one.text(), one.textFormat())
        if isinstance(one, QAbstractItemView) and one.model() is not None:
            yield from items(one)
        if isinstance(one, QGraphicsView) and one.scene() is not None:
            for item in one.scene().items():
                yield f"item of {where}", is_markup(item.toolTip())
                if isinstance(item, QGraphicsTextItem):
                    yield f"text in {where}", 'src="x"' in item.toHtml()


def items(view: QAbstractItemView) -> Iterator[tuple[str, bool]]:
    """The tips of a table's cells."""
    model = view.model()
    for row in range(min(20, model.rowCount(QModelIndex()))):
        for column in range(model.columnCount(QModelIndex())):
            tip = model.index(row, column).data(Qt.ItemDataRole.ToolTipRole)
            yield f"cell {row}, {column} of {type(view).__name__}", is_markup(str(tip or ""))


def tips(view: QWidget) -> Iterator[tuple[str, bool]]:
    """The tooltips of a view, by place of the mouse."""
    for one in [view, *view.findChildren(QWidget)]:
        if not one.isVisible():
            continue
        for row in range(PLACES):
            for column in range(PLACES):
                at = QPoint(column * one.width() // PLACES, row * one.height() // PLACES)
                QToolTip.hideText()
                QTest.mouseMove(one, at)
                event = QHelpEvent(QEvent.Type.ToolTip, at, one.mapToGlobal(at))
                QApplication.sendEvent(one, event)
                messages = QToolTip.text()
                yield (
                    f"tip on {type(one).__name__} {one.objectName()}: {messages[:300]}",
                    is_markup(messages),
                )
    QToolTip.hideText()


@pytest.fixture
def hostile(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> Shown:
    """A finished study whose classes and models have markup for names."""
    result = synthetic.images

    def images(*words: int) -> Dataset:
        return replace(result(*words), classes=NAMES, label=f"{MARKUP}data")

    monkeypatch.setattr(synthetic, "images", images)
    for name, label in synthetic.LABELS.items():
        monkeypatch.setitem(synthetic.LABELS, name, f"{MARKUP}{label}")
    shown.fill()
    study = shown.state.study
    assert study is not None
    shown.state.study = replace(study, labels=dict(synthetic.LABELS))
    return shown


@pytest.mark.parametrize("kind", VIEWS)
def test_no_view_takes_a_name_for_markup(kind: type[View], hostile: Shown) -> None:
    view = hostile.view(kind)
    hostile.state.selection = Selection(7, frozenset((3, 7)))
    view.resize(640, 480)
    QApplication.processEvents()
    assert not {where for where, wrong in texts(view) if wrong}
    assert not {where for where, wrong in tips(view) if wrong}
    assert not {where for where, wrong in texts(view) if wrong}


def test_messages_are_plain_text(shown: Shown) -> None:
    box = QWidget()
    shown.qtbot.addWidget(box)
    bar, toasts = MessageBar(), Toasts(box)
    shown.qtbot.addWidget(bar)
    bar.show_message(f"The file {MARKUP} cannot be read.")
    toasts.show_notice(Notice(NEWS, f"Saved {MARKUP}."))
    toasts.show_notice(Notice(ERROR, f"No {MARKUP}."))
    assert not {where for one in (bar, box) for where, wrong in texts(one) if wrong}


def test_the_check_tells_markup_from_plain_text(shown: Shown) -> None:
    label = QLabel(f"{MARKUP} loaded")
    shown.qtbot.addWidget(label)
    assert any(wrong for _, wrong in texts(label))
    label.setTextFormat(Qt.TextFormat.PlainText)
    assert not any(wrong for _, wrong in texts(label))
    gc.collect()
