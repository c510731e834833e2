"""A window full of names that look like markup: all of them are drawn as plain text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from markups import is_markup
from PySide6.QtCore import QAbstractListModel, QEvent, QModelIndex, QPoint, Qt
from PySide6.QtGui import QAction, QHelpEvent, QImage
from PySide6.QtGui import Qt as GuiQt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QComboBox,
    QDialog,
    QGraphicsView,
    QHeaderView,
    QLabel,
    QMainWindow,
    QMessageBox,
    QPushButton,
    QTabBar,
    QToolTip,
    QVBoxLayout,
    QWidget,
)
from pytestqt.qtbot import QtBot
from quick import QuickFactory, finish
from real import WAIT, run

from explorer import theme
from explorer.app import Explorer, Options
from explorer.state import session as sessions
from explorer.state import settings
from explorer.state.selection import REPLACE
from explorer.state.session import Session
from explorer.state.study_form import StudyForm
from explorer.widgets import markup
from explorer.widgets.plain_text import literal, menu_text, title_text

MARKUP = "<img src=x>"
LONG = "long" * 45
NAMES = (f"{MARKUP}<b>cat", "&lt;i&gt;&amp;$x_1$[*]", f"'{MARKUP}' & co", f"{MARKUP}{LONG}")
FORM = {"training": {"epochs": 1}, "methods": ("gd",), "retrains": 1, "draws": 10}
ROWS = 30  # rows of a table that are checked


# -- what is looked for -----------------------------------------------------------------------
def wrong(top: QWidget) -> set[str]:
    """Everything in a window that Qt would read as markup unintentionally."""
    return {f"{where}: {text[:90]!r}" for where, text in _said(top)}


def _said(top: QWidget) -> Iterator[tuple[str, str]]:
    for one in [top, *top.findChildren(QWidget)]:
        where = f"{type(one).__name__} '{one.objectName()}' {one.accessibleName()}"
        for what, text in _hints(one):
            if GuiQt.mightBeRichText(text):
                yield f"{what} of {where}", text
        if isinstance(one, QLabel) and is_markup(one.text(), one.textFormat()):
            yield where, one.text()
        for action in [*one.actions(), *one.findChildren(QAction)]:
            for text in (action.text(), action.toolTip(), action.statusTip(), action.whatsThis()):
                if GuiQt.mightBeRichText(text):
                    yield f"action in {where}", text


def _hints(one: QWidget) -> Iterator[tuple[str, str]]:
    yield from (("tip", one.toolTip()), ("status", one.statusTip()), ("help", one.whatsThis()))
    if isinstance(one, QTabBar):
        yield from (("tab", one.tabToolTip(number)) for number in range(one.count()))
    if isinstance(one, QGraphicsView) and one.scene() is not None:
        yield from (("item", item.toolTip()) for item in one.scene().items())
    table = isinstance(one, QAbstractItemView) and not isinstance(one, QHeaderView)
    if (table or isinstance(one, QComboBox)) and one.model() is not None:
        allowed = isinstance(one, QAbstractItemView) and one.viewport().property(markup.TIPS)
        if not allowed:
            yield from _items(one)


def _items(one: QAbstractItemView | QComboBox) -> Iterator[tuple[str, str]]:
    model, root = one.model(), QModelIndex()
    heads = (Qt.Orientation.Horizontal, Qt.Orientation.Vertical)
    columns = 1 if isinstance(model, QAbstractListModel) else model.columnCount(root)
    for column in range(columns):
        for way in heads:
            tip = model.headerData(column, way, Qt.ItemDataRole.ToolTipRole)
            yield f"head {column}", str(tip or "")
        for row in range(min(ROWS, model.rowCount(root))):
            index = model.index(row, column, root)
            for role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.StatusTipRole):
                yield f"cell {row}, {column}", str(index.data(role) or "")


def tip_on(widget: QWidget) -> QLabel:
    """The label that shows a widget's tooltip when the mouse rests on it."""
    at = widget.rect().center()
    event = QHelpEvent(QEvent.Type.ToolTip, at, widget.mapToGlobal(at))
    QApplication.sendEvent(widget, event)
    return shown_tip()


def shown_tip() -> QLabel:
    (result,) = [
        one
        for one in QApplication.topLevelWidgets()
        if isinstance(one, QLabel) and one.objectName() == markup.TIP and one.isVisible()
    ]
    return result


@pytest.fixture(autouse=True)
def _themed(qapp: QApplication) -> Iterator[None]:
    theme.apply(qapp, theme.LIGHT)
    yield
    markup.close_tip()


# -- the window -------------------------------------------------------------------------------
def photographs(root: Path) -> Path:
    """An image folder of classes with such names, eight 8 x 8 images each."""
    generator = np.random.default_rng(7)
    for number, name in enumerate(NAMES):
        (root / "train" / name).mkdir(parents=True)
        for place in range(8):
            pixels = generator.integers(number * 40, 100 + number * 50, (8, 8, 3), np.uint8)
            image = QImage(pixels.tobytes(), 8, 8, 24, QImage.Format.Format_RGB888)
            assert image.save(str(root / "train" / name / f"{MARKUP}{place}.png"))
    return root


@pytest.fixture
def hostile(qtbot: QtBot, tmp_path: Path) -> Iterator[Explorer]:
    """A window on such a folder, with a study whose models have such labels."""
    store, root = tmp_path / "store", photographs(tmp_path / f"{MARKUP}<b>[*]")
    form = StudyForm(dataset="folder", root=str(root), forget="class:0:3", taus="0,0.2", **FORM)
    stored = settings.Settings(theme="light", session=sessions.as_plain(Session(form)))
    settings.save(settings.file_in(store), stored)
    result = Explorer(Options(store=store), QuickFactory(store))
    with qtbot.waitSignal(result.jobs.idle, timeout=WAIT):
        result.show()
    run(result, qtbot)
    state = result.state
    assert state.study is not None and state.dataset is not None and not result.notifier.errors
    named = {name: f"\u202e{MARKUP}&{one.label}" for name, one in state.models.items()}
    models = {name: replace(one, label=named[name]) for name, one in state.models.items()}
    state.study = replace(state.study, labels={**state.study.labels, **named})
    state.models = models
    yield result
    finish(result, qtbot)


def test_nothing_in_the_window_is_taken_for_markup(
    hostile: Explorer, qtbot: QtBot, tmp_path: Path
) -> None:
    window, controller, state = hostile.window, hostile.controller, hostile.state
    controller.choice.select([1, 2, 9], REPLACE)
    controller.choice.set_current(1)
    qtbot.waitUntil(lambda: not hostile.jobs.busy(), timeout=WAIT)
    controller.forget_set.save(f"{MARKUP}set")
    broken = tmp_path / f"{MARKUP}broken.json"
    broken.write_text(json.dumps({"format": MARKUP}))
    for path in (broken, tmp_path / f"{MARKUP}gone.json"):
        with qtbot.waitSignal(hostile.jobs.idle, timeout=WAIT):
            controller.files.open_session(path)
    with qtbot.waitSignal(hostile.jobs.idle, timeout=WAIT):
        controller.files.save_session(tmp_path / f"{MARKUP}mine.json")
    controller.opening.change_form(forget=f"class:{MARKUP}")
    state.busy = f"Reading {MARKUP}"
    for problem in ("neighborhood", "slice", "attack", "similarity", "embedding", "replay"):
        state.set_problem(problem, f"No {MARKUP}.")
    for menu in window.actions_.menus.values():
        menu.aboutToShow.emit()
    for name, box in window.docks.items():
        window.go_to(name)
        qtbot.waitUntil(lambda box=box: not box.visibleRegion().isEmpty())
        qtbot.wait(10)
        assert not wrong(window), name
    assert window.windowTitle().startswith(title_text(f"{MARKUP}<b>[*]"))
    dialogs = window.dialogs
    for ask in (dialogs.show_forget_sets, dialogs.show_palette, dialogs.ask_settings,
                dialogs.ask_method_settings):  # fmt: skip
        ask()
        _look_at_dialogs(window, qtbot)
    with qtbot.waitSignal(hostile.jobs.idle, timeout=WAIT):
        controller.opening.choose_study()
    _look_at_dialogs(window, qtbot)
    state.busy = ""


def _look_at_dialogs(window: QMainWindow, qtbot: QtBot) -> None:
    """Check that the open dialogs contain no markup, and close them."""
    qtbot.wait(10)
    result = [one for one in QApplication.topLevelWidgets() if isinstance(one, QDialog)]
    shown = [one for one in result if one.isVisible()]
    assert shown
    for dialog in shown:
        assert not wrong(dialog), dialog
        dialog.reject()


def test_the_progress_bar_and_run_button_have_plain_tips(hostile: Explorer) -> None:
    hostile.state.busy = f"Reading {MARKUP}"
    tip = hostile.window.bar._bar.toolTip()
    assert "img src=x" in tip and not GuiQt.mightBeRichText(tip)
    assert tip_on(hostile.window.bar._bar).textFormat() == Qt.TextFormat.PlainText
    hostile.state.busy = ""


# -- the guard --------------------------------------------------------------------------------
def a_window(qtbot: QtBot) -> tuple[QWidget, QLabel, QPushButton]:
    """A label and a tip with markup, in a window without any precautions."""
    window = QWidget()
    label, button = QLabel(f"{MARKUP} loaded"), QPushButton("Load")
    button.setToolTip(f"{MARKUP}<b>loads</b>")
    layout = QVBoxLayout(window)
    layout.addWidget(label)
    layout.addWidget(button)
    qtbot.addWidget(window)
    window.show()
    qtbot.waitExposed(window)
    return window, label, button


def test_labels_and_tips_are_plain_by_default(qtbot: QtBot) -> None:
    window, label, button = a_window(qtbot)
    assert window.isVisible() and label.textFormat() == Qt.TextFormat.PlainText
    tip = tip_on(button)
    assert tip.text() == f"{MARKUP}<b>loads</b>"
    assert tip.textFormat() == Qt.TextFormat.PlainText


def test_messages_are_plain(qtbot: QtBot) -> None:
    box = QMessageBox()
    qtbot.addWidget(box)
    box.setText(MARKUP)
    box.setInformativeText(f"<b>{MARKUP}")
    box.show()
    labels = [one for one in box.findChildren(QLabel) if one.text()]
    assert labels and all(one.textFormat() == Qt.TextFormat.PlainText for one in labels)


def test_without_the_guard_both_would_be_markup(
    qapp: QApplication, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    sheet = theme.style_sheet(theme.LIGHT)
    assert "qproperty-textFormat: PlainText" in sheet
    unguarded = sheet.replace("qproperty-textFormat: PlainText", "")
    monkeypatch.setattr(theme, "style_sheet", lambda look: unguarded)
    theme.apply(qapp, theme.LIGHT)
    window, label, button = a_window(qtbot)
    tip = tip_on(button)
    for one in (label, tip):
        assert is_markup(one.text(), one.textFormat())
    assert len([one for one in wrong(window) if one.startswith("QLabel")]) == 2
    monkeypatch.undo()
    theme.apply(qapp, theme.LIGHT)


def test_a_label_may_be_allowed_markup(qtbot: QtBot) -> None:
    window, label, _ = a_window(qtbot)
    other = QLabel("<b>ours</b>", window)
    markup.allow(other)
    other.show()
    theme.apply(QApplication.instance(), theme.DARK)  # type: ignore[arg-type]
    assert other.textFormat() == Qt.TextFormat.RichText
    assert label.textFormat() == Qt.TextFormat.PlainText


def test_tips_of_others_are_plain_right_after_one_that_is_markup(qtbot: QtBot) -> None:
    """Qt reuses the label of a fading tip, unchanged, for the next one."""
    window, _, button = a_window(qtbot)
    ours = QWidget(window)
    ours.resize(20, 20)
    ours.show()
    markup.allow_tips(ours)
    ours.setToolTip("<b>ours</b>")
    assert tip_on(ours).textFormat() == Qt.TextFormat.RichText
    QApplication.sendEvent(ours, QEvent(QEvent.Type.Leave))
    assert tip_on(button).textFormat() == Qt.TextFormat.PlainText
    assert tip_on(ours).textFormat() == Qt.TextFormat.RichText


def test_long_plain_tips_wrap(qtbot: QtBot) -> None:
    window, _, button = a_window(qtbot)
    button.setToolTip(f"{MARKUP} " + "a word and another " * 30)
    tip = tip_on(button)
    assert (
        window.isVisible() and tip.width() < 700 and tip.height() > 4 * tip.fontMetrics().height()
    )


# -- words ------------------------------------------------------------------------------------
@pytest.mark.parametrize("text", [*NAMES, "a < b", "plain", "a\n<b>b</b>", "<!-- -->x", "&lt;"])
def test_literal_text_is_shown_verbatim(text: str) -> None:
    result = literal(text)
    assert not GuiQt.mightBeRichText(result)
    assert result.replace("\u2060", "") == text
    assert result == text or GuiQt.mightBeRichText(text)


def test_names_in_menus_and_titles_have_no_mnemonics_or_placeholders(qtbot: QtBot) -> None:
    assert menu_text("a&b\tc\nd") == "a&&b c d"
    window = QWidget()
    qtbot.addWidget(window)
    window.setWindowTitle(title_text("a[*]\nb"))
    assert window.windowTitle() == "a[*][*] b"


def test_tips_go_where_the_mouse_is(qtbot: QtBot) -> None:
    window, _, _ = a_window(qtbot)
    QToolTip.showText(window.mapToGlobal(QPoint(3, 3)), f"<b>{MARKUP}", window)
    assert shown_tip().textFormat() == Qt.TextFormat.PlainText
