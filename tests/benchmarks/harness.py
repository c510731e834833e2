"""A window without a screen and a way to print what was measured. Nothing here passes or fails."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")  # before anything imports Qt

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from explorer import theme
from explorer.app import Explorer, Options

PATIENCE_MS = 600_000


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def summary(values: Sequence[float], unit: str) -> str:
    """Median, 99th percentile and worst of the values."""
    parts = {
        "p50": statistics.median(values), "p99": percentile(values, 0.99), "worst": max(values),
    }  # fmt: skip
    words = ", ".join(f"{name} {value:.1f} {unit}" for name, value in parts.items())
    return f"{words} ({len(values)} values)"


def circumstances() -> str:
    """What else the machine was doing, without which a time says little."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = f"{os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else "unknown"
    return f"{cores} cores, load average {load} before the run, Python {sys.version.split()[0]}"


def with_window(begin: Callable[[Explorer], object], dataset: str = "digits") -> None:
    """Open the program on an empty store, call `begin(explorer)` once data are there, and wait.

    The window is closed by `begin`, or after ten minutes.
    """
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    theme.apply(app, theme.LIGHT)
    with tempfile.TemporaryDirectory(prefix="rk-benchmark-") as folder:
        explorer = Explorer(Options(store=Path(folder) / "store", dataset=dataset, theme="light"))
        explorer.controller.opened.connect(lambda: begin(explorer))
        QTimer.singleShot(PATIENCE_MS, explorer.window.close)
        explorer.show()
        app.exec()
        explorer.close()
