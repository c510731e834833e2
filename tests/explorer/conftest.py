"""Fixtures that fail a test on Qt's warnings, exceptions in slots, leaked threads and windows."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import held
import pytest
from patience import PATIENCE, PATIENCE_MS
from PySide6.QtCore import QCoreApplication, QEvent, qInstallMessageHandler
from PySide6.QtWidgets import QApplication, QMenu, QWidget
from pytestqt.qtbot import QtBot
from quick import finish
from real import Desk, start
from shown import Shown

from explorer.app import Explorer
from explorer.process import release_clipboard

HARMLESS = ("This plugin does not support",)  # the offscreen platform prints nothing else

for _wait in (
    QtBot.waitUntil,
    QtBot.waitSignal,
    QtBot.waitSignals,
    QtBot.waitCallback,
    QtBot.waitExposed,
    QtBot.waitActive,
):
    _wait.__kwdefaults__["timeout"] = PATIENCE_MS  # 5 s may be too short on a busy machine

held.install()


@pytest.fixture(scope="session", autouse=True)
def _no_clipboard_at_the_end(qapp: QApplication) -> Iterator[None]:
    """What was copied is not left to Qt, which would delete it after the end of Python."""
    yield
    release_clipboard()


@pytest.fixture(autouse=True)
def _no_qt_warnings(qapp: QApplication) -> Iterator[None]:
    """Fail the test on any Qt warning."""
    messages: list[str] = []

    def listen(kind: object, context: object, message: str) -> None:
        if not any(word in message for word in HARMLESS):
            messages.append(message)

    qInstallMessageHandler(listen)
    yield
    qInstallMessageHandler(None)
    assert not messages, f"Qt complained: {messages}"


@pytest.fixture(autouse=True)
def _no_leaks(qapp: QApplication, request: pytest.FixtureRequest) -> Iterator[None]:
    """Threads and top-level widgets that a test leaves behind fail it, by name; so does a
    collection of cycles that was handed to a window and is not given back."""
    threads = set(threading.enumerate())
    windows = set(QApplication.topLevelWidgets())
    yield
    request.node.funcargs.clear()  # pytest would keep fixture values a little longer
    _let_go()
    held.release()
    _let_go()
    deadline = time.monotonic() + PATIENCE
    while (late := _left(threads)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not late, f"threads left behind: {late}"
    assert gc.isenabled(), "Python does not collect cycles any more: jobs were not closed"
    if any(widget not in windows for widget in QApplication.topLevelWidgets()):
        gc.collect()  # slow with torch loaded, so only if a cycle may keep a window alive
        _let_go()
    left = [_named(widget) for widget in QApplication.topLevelWidgets() if widget not in windows]
    assert not left, f"windows left behind: {left}"


def _let_go() -> None:
    for _ in range(3):
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        QCoreApplication.processEvents()


def _left(before: set[threading.Thread]) -> list[str]:
    return [one.name for one in threading.enumerate() if one not in before and one.is_alive()]


def _named(widget: QWidget) -> str:
    title = widget.title() if isinstance(widget, QMenu) else widget.windowTitle()
    return f"{type(widget).__name__} '{widget.objectName()}' '{title}' of {widget.parent()}"


@pytest.fixture
def shown(qtbot: QtBot) -> Shown:
    """Views of a state, with a stand-in for the controller."""
    return Shown(qtbot)


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    """A controller with the real engine, without a window."""
    result = Desk(qtbot, tmp_path)
    yield result
    assert result.jobs.close(PATIENCE)


@pytest.fixture
def explorer(qtbot: QtBot, tmp_path: Path) -> Iterator[Explorer]:
    """A window with the real engine on Iris."""
    result = start(qtbot, tmp_path)
    yield result
    finish(result, qtbot)
