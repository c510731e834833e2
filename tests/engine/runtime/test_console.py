"""Progress on a terminal: the bar, the remaining time, messages above it."""

from __future__ import annotations

import io

import pytest

from engine.runtime.console import BAR, ConsoleReporter, duration
from engine.runtime.progress import Progress


class Terminal(io.StringIO):
    """A standard error that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 s"), (7.2, "8 s"), (89.0, "89 s"), (90.0, "2 min"), (5369.0, "89 min"),
        (5400.0, "1 h 30 min"), (7500.0, "2 h 5 min"), (90_000.0, "25 h 0 min"),
    ],
)  # fmt: skip
def test_durations_have_readable_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_terminal_shows_the_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    with ConsoleReporter() as report:
        report.on_progress(Progress("training GD", 0.5, 65.0))
        report.on_log("Something.")
    shown = screen.getvalue()
    assert f"{'█' * (BAR // 2)}{'·' * (BAR - BAR // 2)}  50 %  training GD  65 s left" in shown
    assert shown.endswith("rk-engine: Something.\n\r\x1b[K")  # the bar is cleared


def test_a_file_gets_messages_only(monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    monkeypatch.setattr("sys.stderr", log)
    with ConsoleReporter() as report:
        report.on_progress(Progress("training GD", 0.5, 65.0))
        report.on_log("Something.")
    assert log.getvalue() == "rk-engine: Something.\n"
