"""A window without a screen and a way to print what was measured. Nothing here passes or fails."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")  # before anything imports Qt

from PySide6.QtCore import QCoreApplication, QEvent, QTimer
from PySide6.QtWidgets import QApplication

from engine.bench.row import BenchRow, closing, heading, line
from explorer import theme
from explorer.app import Explorer, Options

PATIENCE_MS = 600_000


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def summary(values: Sequence[float], unit: str) -> str:
    """Median, 99th percentile and worst of the values."""
    digits = 1 if unit == "ms" else 2
    parts = {
        "p50": statistics.median(values), "p99": percentile(values, 0.99), "worst": max(values),
    }  # fmt: skip
    words = ", ".join(f"{name} {value:.{digits}f} {unit}" for name, value in parts.items())
    return f"{words} ({len(values)} values)"


def circumstances() -> str:
    """What else the machine was doing, without which a time says little."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = f"{os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else "unknown"
    return f"{cores} cores, load average {load} before the run, Python {sys.version.split()[0]}"


def application() -> QApplication:
    """The one QApplication, made and styled at the first call."""
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    theme.apply(app, theme.LIGHT)
    return app


def within(
    what: str, limit: float, values: Sequence[float], unit: str, share: float = 0.5, note: str = ""
) -> BenchRow:
    """A row that is met where this share of the values does not exceed the limit."""
    found = statistics.median(values) if share == 0.5 else percentile(values, share)
    said = f"{summary(values, unit)}{', ' if note else ''}{note}"
    return BenchRow(
        what, f"<= {limit:g} {unit}", said, found <= limit, {"value": found, "unit": unit}
    )


def compared(what: str, limit: float, ours: Sequence[float], theirs: Sequence[float]) -> BenchRow:
    """A row of milliseconds that also says how many times longer the straightforward way takes."""
    ratios = sorted(slow / fast for slow, fast in zip(theirs, ours, strict=True))
    spread = f"{ratios[0]:.1f}..{ratios[-1]:.1f}"
    note = f"plain {statistics.median(theirs):.1f} ms, {statistics.median(ratios):.1f}x ({spread})"
    return within(what, limit, ours, "ms", note=note)


def show(rows: Iterable[BenchRow]) -> list[BenchRow]:
    """Print the table, each row as it comes."""
    print(heading(), flush=True)
    found = []
    for row in rows:
        print(line(row), flush=True)
        found.append(row)
    print(closing(found))
    return found


def with_window(begin: Callable[[Explorer], object], dataset: str = "digits") -> None:
    """Open the program on an empty store, call `begin(explorer)` once data are there, and wait.

    The window is closed by `begin`, or after ten minutes.
    """
    app = application()
    with tempfile.TemporaryDirectory(prefix="rk-benchmark-") as folder:
        explorer = Explorer(Options(store=Path(folder) / "store", dataset=dataset, theme="light"))
        explorer.controller.opening.opened.connect(lambda: begin(explorer))
        QTimer.singleShot(PATIENCE_MS, explorer.window.close)
        explorer.show()
        app.exec()
        explorer.close()
        explorer.window.deleteLater()  # while there still is an application, whoever keeps it
        explorer.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
