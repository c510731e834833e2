"""The process around the window: its age, errors nobody foresaw, and what Qt itself says."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QMessageLogContext, QtMsgType

UNUSABLE = 2  # exit status: nothing could be started
NO_DISPLAY = (
    "rk-explorer: no window can be opened here. Check that DISPLAY or WAYLAND_DISPLAY names a "
    "running display, and that Qt's libraries are there (on Debian and Ubuntu: apt install "
    "libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxkbcommon-x11-0 libegl1). For a picture, run "
    "QT_QPA_PLATFORM=offscreen rk-explorer --demo --screenshot FILE; for studies without a "
    "window, use rk-engine."
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


def catch_exceptions(report: Callable[[BaseException], None]) -> None:
    """Have errors nobody foresaw, of any thread, reported; those of the GUI thread also printed."""

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
    """Qt's words on standard error; where it would abort for want of a display, a sentence."""
    if kind == QtMsgType.QtFatalMsg:  # Qt would abort next
        print(NO_DISPLAY, file=sys.stderr, flush=True)
        os._exit(UNUSABLE)
    if "propagateSizeHints" not in message:  # all that the offscreen platform has to say
        print(f"rk-explorer: {message}", file=sys.stderr)
