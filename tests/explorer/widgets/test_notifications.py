"""News are toasts that fade; errors stay in the bar, and the last one's report can be copied."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from bundles import start
from PySide6.QtCore import QEvent, QPointF, Qt, QTimer
from PySide6.QtGui import QEnterEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QToolButton
from pytestqt.qtbot import QtBot
from quick import finish

from engine import __version__
from explorer.app import Explorer
from explorer.jobs.error_report import report_text, save_report
from explorer.state.notice import ERROR, NEWS, Notice
from explorer.widgets import notifications

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def explorer(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Explorer]:
    monkeypatch.setattr(notifications, "SHOWN_MS", 120)
    monkeypatch.setattr(notifications, "LETTER_MS", 1)
    monkeypatch.setattr(notifications, "FADE_MS", 60)
    result = start(qtbot, tmp_path / "store")
    yield result
    finish(result, qtbot)


def test_news_show_in_the_corner_and_fade_by_themselves(explorer: Explorer, qtbot: QtBot) -> None:
    window, toasts = explorer.window, explorer.window.toasts
    explorer.notifier.say(NEWS, "Saved it.")
    (toast,) = toasts.toasts
    assert toast.isVisible() and toast.findChild(QLabel).text() == "Saved it."
    assert toast.geometry().right() == window.width() - notifications.MARGIN - 1
    assert toast.geometry().bottom() == window.height() - notifications.MARGIN - 1
    assert not window.message.isVisible()
    assert "Saved it." in window.activity.lines()[-1]
    window.resize(window.width() - 100, window.height() - 50)
    assert toast.geometry().right() == window.width() - notifications.MARGIN - 1
    qtbot.waitUntil(lambda: toasts.toasts == [])


def enter(toast: notifications.Toast) -> None:
    """Move the mouse over a toast."""
    at = QPointF(5, 5)
    QApplication.sendEvent(toast, QEnterEvent(at, at, QPointF(toast.mapToGlobal(at))))


def test_under_the_mouse_a_toast_stays(explorer: Explorer, qtbot: QtBot) -> None:
    toasts = explorer.window.toasts
    explorer.notifier.say(NEWS, "Read me.")
    enter(toasts.toasts[0])
    qtbot.wait(400)
    assert toasts.sentences() == ["Read me."]
    QApplication.sendEvent(toasts.toasts[0], QEvent(QEvent.Type.Leave))
    qtbot.waitUntil(lambda: toasts.toasts == [])


def test_with_the_focus_a_toast_stays_and_the_keyboard_presses_its_button(
    explorer: Explorer, qtbot: QtBot
) -> None:
    done: list[str] = []
    toasts = explorer.window.toasts
    with qtbot.waitActive(explorer.window):
        explorer.window.activateWindow()
    explorer.notifier.show(Notice(NEWS, "Gone.", "Undo", lambda: done.append("undone")))
    action = toasts.toasts[0].action
    action.setFocus()
    qtbot.wait(400)
    assert toasts.sentences() == ["Gone."]
    QTest.keyClick(action, Qt.Key.Key_Space)
    assert done == ["undone"] and toasts.toasts == []


def test_at_most_three_and_none_twice(explorer: Explorer) -> None:
    for sentence in ("one", "two", "two", "three", "four"):
        explorer.notifier.say(NEWS, sentence)
    toasts = explorer.window.toasts.toasts
    assert explorer.window.toasts.sentences() == ["two", "three", "four"]
    for above, below in pairwise(toasts):
        assert above.geometry().bottom() < below.geometry().top()
    QTest.mouseClick(toasts[0].findChild(QToolButton), LEFT)
    assert explorer.window.toasts.sentences() == ["three", "four"]


def test_what_waits_for_an_answer_does_not_fade(explorer: Explorer, qtbot: QtBot) -> None:
    explorer.notifier.show(Notice(NEWS, "Restore?", "Restore", None, stays=True))
    qtbot.wait(500)
    assert explorer.window.toasts.sentences() == ["Restore?"]


def test_a_long_sentence_is_shown_in_full(explorer: Explorer) -> None:
    explorer.notifier.show(Notice(NEWS, "Saved " + "/a/long/path" * 20 + ".", "Show file", None))
    (toast,) = explorer.window.toasts.toasts
    label = toast.findChild(QLabel)
    assert label.height() >= label.heightForWidth(label.width())


def test_an_offer_may_be_shown_longer_than_its_sentence_takes(explorer: Explorer) -> None:
    explorer.notifier.show(Notice(NEWS, "New here?", "Take the tour", None, seconds=20))
    explorer.notifier.show(Notice(NEWS, "Saved."))
    times = [toast.findChild(QTimer).interval() for toast in explorer.window.toasts.toasts]
    assert times[0] == 20_000 and times[1] == notifications.reading_time("Saved.")


@pytest.mark.parametrize("times", [1, 4, 9])
def test_the_bar_of_errors_is_as_high_as_its_sentence(explorer: Explorer, times: int) -> None:
    bar = explorer.window.message
    explorer.notifier.fail("The folder /data/photographs cannot be read. " * times)
    QApplication.processEvents()
    label = bar.findChild(QLabel)
    lines = label.heightForWidth(label.width())
    assert label.height() >= lines
    assert bar.rect().contains(label.geometry())
    assert bar.height() <= max(lines, bar.close_button.sizeHint().height()) + 12


def test_an_error_report_is_copied_with_versions_log_and_traceback(
    explorer: Explorer, qtbot: QtBot, tmp_path: Path
) -> None:
    window = explorer.window
    try:
        raise ValueError("the shape is wrong")
    except ValueError as error:
        explorer.notifier.fail(save_report(tmp_path / "reports", "Embedding", error))
    assert window.message.isVisible() and window.toasts.toasts == []
    QTest.mouseClick(window.message.report_button, LEFT)
    text = QGuiApplication.clipboard().text()
    for words in (
        f"RK Explorer {__version__}", "Python 3", "PySide6-Essentials 6", "torch 2",
        "Error: Embedding failed (ValueError: the shape is wrong)", "Recent log:",
        "Traceback (most recent call last)", 'raise ValueError("the shape is wrong")',
    ):  # fmt: skip
        assert words in text
    assert "Copied the report" in window.toasts.sentences()[-1]
    QGuiApplication.clipboard().clear()
    QTest.mouseClick(window.message.close_button, LEFT)
    assert not window.message.isVisible()
    window.go_to("activity")
    QTest.mouseClick(window.activity.report_button, LEFT)
    assert "the shape is wrong" in QGuiApplication.clipboard().text()


def test_the_command_copies_it_too_and_says_if_there_is_none(explorer: Explorer) -> None:
    command = explorer.window.actions_.by_name["copy-report"]
    assert not explorer.window.activity.report_button.isVisible()
    command.trigger()
    assert "No error" in explorer.window.toasts.sentences()[-1]
    explorer.notifier.say(ERROR, "The disk is full.")
    command.trigger()
    assert "Error: The disk is full." in QGuiApplication.clipboard().text()


def test_a_report_hides_the_home_folder_and_names_a_missing_file(tmp_path: Path) -> None:
    messages = (
        f"Training failed (OSError: x). Finished work is kept. The report is in {tmp_path}/a."
    )
    text = report_text(f"{Path.home()}/data is gone. {messages}", ["12:00:00  Training"])
    assert "~/data is gone" in text and "12:00:00  Training" in text
    assert "The report file cannot be read" in text
