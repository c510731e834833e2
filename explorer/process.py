"""The process around the window: its age, unexpected errors and Qt's own messages."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QMessageLogContext, QtMsgType
from PySide6.QtGui import QGuiApplication

from explorer import qt_imports

qt_imports.hasten()  # here, as the window's other modules are imported after this one
OWN_CLIPBOARD = ("offscreen", "minimal", "minimalegl", "vnc")  # platforms: Qt keeps it itself
UNUSABLE = 2  # exit status: the window could not be opened
NO_DISPLAY = (
    "rk-explorer: cannot open a window. Check that DISPLAY or WAYLAND_DISPLAY names a running "
    "display and that Qt's libraries are installed (on Debian and Ubuntu: apt install "
    "libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxkbcommon-x11-0 libegl1). To take a picture, "
    "run QT_QPA_PLATFORM=offscreen rk-explorer --demo --screenshot FILE; to run studies without "
    "a window, use rk-engine."
)
_IMPORTED = time.monotonic()


def age() -> float:
    """Seconds since this process was started (since this module was imported, off Linux)."""
    try:
        after_name = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2]
        ticks = int(after_name.split()[19])  # field 22, starttime, of proc(5)
        return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError):
        return time.monotonic() - _IMPORTED


def release_clipboard() -> None:
    """Clear a clipboard that Qt itself keeps, on platforms without a screen.

    What it holds would be deleted after the end of Python; if Python created it, as for a copied
    figure, the process ends with a segmentation fault (PySide6 6.10).
    """
    if QGuiApplication.platformName() in OWN_CLIPBOARD:
        QGuiApplication.clipboard().clear()


def catch_exceptions(report: Callable[[BaseException], None]) -> None:
    """Report unexpected errors of every thread; print those of the GUI thread as well."""

    def in_main(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        sys.__excepthook__(kind, error, trace)
        report(error)

    def in_thread(facts: threading.ExceptHookArgs) -> None:
        if facts.exc_value is not None:
            report(facts.exc_value)

    sys.excepthook = in_main
    threading.excepthook = in_thread


def on_qt_message(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
    """Print Qt's messages to standard error; explain a missing display before Qt aborts."""
    if kind == QtMsgType.QtFatalMsg:  # Qt would abort next
        print(NO_DISPLAY, file=sys.stderr, flush=True)
        os._exit(UNUSABLE)
    if "propagateSizeHints" not in message:  # the offscreen platform prints nothing else
        print(f"rk-explorer: {message}", file=sys.stderr)
