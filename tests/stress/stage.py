"""The real window on a real engine in a folder of its own, with nothing that asks a person."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).parents[1] / "explorer"))  # quick.py and synthetic.py

import pyqtgraph as pg
from PySide6.QtCore import QCoreApplication, QEvent, qInstallMessageHandler
from PySide6.QtGui import QColor, QDesktopServices, QImage
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QMainWindow, QWidget
from quick import FORM, QuickFactory

from explorer.app import Explorer, Options

HARMLESS = ("This plugin does not support",)  # all that the offscreen platform has to say
MARKUP = "<img src=x><b>&amp;$x_1$[*]"  # what a stranger's file, folder or class may be called
PATIENCE = 120.0  # seconds until work that was told to stop has stopped


class Traps:
    """Writes down everything that should not happen: exceptions anywhere, and Qt's complaints."""

    def __init__(self) -> None:
        self.caught: list[str] = []

    @contextlib.contextmanager
    def set(self) -> Iterator[Traps]:
        """While this lasts, whatever happens is written down."""
        with contextlib.ExitStack() as stack:
            for place, name, hook in (
                (sys, "excepthook", self._uncaught),
                (sys, "unraisablehook", self._unraisable),
                (threading, "excepthook", self._in_thread),
                (pg.debug, "printExc", self._swallowed),  # what pyqtgraph's scenes do with errors
            ):
                stack.enter_context(mock.patch.object(place, name, hook))
            qInstallMessageHandler(self._qt)
            stack.callback(qInstallMessageHandler, None)
            yield self

    def attempt(self, deed: Callable[[], object]) -> None:
        """Do something; what it raises itself is written down too."""
        try:
            deed()
        except Exception as error:  # Qt hands some of the slots' errors on to whoever waits
            self.caught.append(_told(error, error.__traceback__))

    def _uncaught(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        self.caught.append(_told(error, trace))

    def _unraisable(self, facts: Any) -> None:
        self.caught.append(_told(facts.exc_value, facts.exc_traceback))

    def _in_thread(self, facts: threading.ExceptHookArgs) -> None:
        if facts.exc_value is not None:
            self.caught.append(_told(facts.exc_value, facts.exc_traceback))

    def _swallowed(self, *words: Any, **more: Any) -> None:
        error = sys.exc_info()[1]
        if error is not None:
            self.caught.append(_told(error, error.__traceback__))

    def _qt(self, kind: object, context: object, message: str) -> None:
        if not any(word in message for word in HARMLESS):
            self.caught.append(f"Qt: {message}")


def _told(error: BaseException, trace: TracebackType | None) -> str:
    frames = []
    while trace is not None:
        frames.append(f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return f"{type(error).__name__}: {error} ({' > '.join(frames[-6:])})"


class FileAnswers:
    """Answers in place of a person whom a file dialog would ask: files in a folder of the test."""

    def __init__(self, folder: Path, choose: Callable[[list[str]], str]) -> None:
        self._folder, self._choose = folder, choose
        self._folder.mkdir(exist_ok=True)
        self._made = 0

    @contextlib.contextmanager
    def set(self) -> Iterator[None]:
        """While this lasts, no file dialog opens and no other program is started."""
        with contextlib.ExitStack() as stack:
            for name, answer in (
                ("getSaveFileName", self.save),
                ("getOpenFileName", self.open),
                ("getExistingDirectory", self.folder),
            ):
                stack.enter_context(mock.patch.object(QFileDialog, name, answer))
            stack.enter_context(mock.patch.object(QDesktopServices, "openUrl", _start_nothing))
            yield

    def save(
        self, parent: Any = None, title: str = "", start: str = "", *more: Any, options: Any = None
    ) -> Any:
        """A new file of the kind that is suggested, or no answer."""
        self._made += 1
        suffix = Path(start).suffix or ".png"
        odd = MARKUP if self._made % 2 else ""
        name = str(self._folder / f"made{self._made % 20}{odd}{suffix}")
        return self._choose([name, name, ""]), str(more[0]).split(";;")[0] if more else ""

    def open(self, *words: Any) -> Any:
        """Some file that was saved before, or no answer."""
        return self._choose([*sorted(map(str, self._folder.glob("*.*"))), ""]), ""

    def folder(self, *words: Any) -> str:
        """The folder itself, or no answer."""
        return self._choose([str(self._folder), ""])


def hostile_images(folder: Path) -> Path:
    """An image folder in `folder` whose name, classes and files look like markup."""
    root = folder / f"{MARKUP}images"
    for number, name in enumerate((f"{MARKUP}cat", f"{'long' * 45}<b>", "a & b")):
        (root / "train" / name).mkdir(parents=True)
        for place in range(6):
            image = QImage(8, 8, QImage.Format.Format_RGB888)
            image.fill(QColor(60 * number, 30 * place, 90))
            assert image.save(str(root / "train" / name / f"{MARKUP}{place}.png"))
    return root


@contextlib.contextmanager
def at_home(folder: Path) -> Iterator[None]:
    """While this lasts, `folder` is the working folder and the person's home.

    There lies what is exported to where a dialog suggests, and under names without a folder.
    """
    folder.mkdir(exist_ok=True)
    with contextlib.chdir(folder), mock.patch.dict(os.environ, HOME=str(folder)):
        yield


def _start_nothing(url: object) -> bool:
    return True


@contextlib.contextmanager
def shown(folder: Path) -> Iterator[Explorer]:
    """The window on Iris, ready for studies that take about a second; closed at the end."""
    store = folder / "store"
    explorer = Explorer(Options(store=store, device="cpu"), QuickFactory(store))
    explorer.show()
    explorer.controller.noticed.connect(_nothing)
    try:
        settle(explorer)
        open_iris(explorer)
        yield explorer
    finally:
        close_all()
        ended = explorer.close()
        explorer.window.deleteLater()
        explorer.deleteLater()
        del explorer
        let_go()
        assert ended, "work did not stop in time"


def _nothing(*words: object) -> None:
    """Hears of what people would read."""


def open_iris(explorer: Explorer) -> None:
    """Go back to the little dataset and the little study, whatever was asked for meanwhile."""
    explorer.jobs.cancel()
    settle(explorer)
    explorer.controller.opening.open_dataset("iris")
    settle(explorer)
    words = {name: value for name, value in vars(FORM).items() if name != "forget"}
    explorer.controller.opening.change_form(**words)
    settle(explorer)


def settle(explorer: Explorer, patience: float = PATIENCE) -> None:
    """Go on until no job is left; AssertionError if that takes too long."""
    end = time.monotonic() + patience
    wait(0.02)
    while explorer.jobs.busy():
        wait(0.02)
        assert time.monotonic() < end, "work did not come to an end"
    wait(0.05)


def wait(seconds: float) -> None:
    """Let the window work for a while."""
    end = time.monotonic() + seconds
    while True:
        QApplication.processEvents()
        if time.monotonic() >= end:
            return
        time.sleep(0.002)


def close_all() -> None:
    """Close every menu and dialog."""
    for _ in range(20):
        popup = QApplication.activePopupWidget()
        if popup is None:
            break
        popup.close()
    for widget in QApplication.topLevelWidgets():
        if isinstance(widget, QDialog) and widget.isVisible():
            widget.reject()
    let_go()


def let_go() -> None:
    """Delete what is to be deleted later, and what only a cycle keeps."""
    gc.collect()
    for _ in range(3):
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        QApplication.processEvents()


def windows() -> list[QWidget]:
    """Dialogs and main windows, shown or hidden: what is closed should be gone."""
    kinds = (QDialog, QMainWindow)
    return [one for one in QApplication.topLevelWidgets() if isinstance(one, kinds)]


def megabytes() -> float:
    """Memory of this process that is really there."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return float(pages * os.sysconf("SC_PAGE_SIZE") / 2**20)


def open_files() -> int:
    """File handles of this process."""
    return len(os.listdir("/proc/self/fd"))
