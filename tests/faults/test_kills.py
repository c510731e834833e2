"""Processes are killed at random moments; nothing that was complete is lost.

The campaign forks its processes, so it runs in a process of its own, where no thread began yet.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from patience import PATIENCE

from tests.faults import whole

ROOT = Path(__file__).parents[2]
STUDY = (
    "--dataset", "iris", "--methods", "rurk", "--retrains", "2", "--taus", "0:0.4:3", "--draws",
    "20", "--set", "train.epochs=20", "--device", "cpu",
)  # fmt: skip
Start = Callable[..., "subprocess.Popen[str]"]
WINDOW = """
import sys
from pathlib import Path
from PySide6.QtWidgets import QApplication
from explorer.state import autosave as keeping
from explorer.app import Explorer, Options
keeping.EVERY_MS = 50
app = QApplication([])
window = Explorer(Options(store=Path(sys.argv[1]), dataset="iris"))
window.controller.opening.opened.connect(window.controller.run)
window.show()
app.exec()
"""
OFFER = """
import sys
from pathlib import Path
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from explorer.app import Explorer, Options, NOT_CLOSED
app = QApplication([])
window = Explorer(Options(store=Path(sys.argv[1])))
window.notifier.show = lambda notice: print("offered", notice.sentence == NOT_CLOSED, flush=True)
QTimer.singleShot(3000, app.quit)
window.show()
app.exec()
window.close()
"""


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts Python processes, which end with the test."""
    begun: list[subprocess.Popen[str]] = []

    def begin(*words: str) -> subprocess.Popen[str]:
        both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        begun.append(subprocess.Popen([sys.executable, *words], cwd=ROOT, text=True, **both))
        return begun[-1]

    yield begin
    for one in begun:
        one.kill()
        one.communicate()


def until(true: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait until this is so, while the process lives, for two minutes at most."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.005)


@pytest.mark.timeout(7200)
def test_whatever_is_killed_goes_on_to_the_same_results(kills: int) -> None:
    words = [sys.executable, "-m", "tests.faults", "--kills", str(kills), "--seed", "3"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    said = re.match(
        r"(\d+) kills \(train (\d+), unlearn (\d+), measure (\d+), write (\d+), export (\d+)\)",
        done.stdout.strip().splitlines()[-1],
    )
    assert said is not None, done.stdout
    total, *each = map(int, said.groups())
    assert total == sum(each) >= kills
    assert all(each), said[0]


def test_a_command_that_is_killed_goes_on(tmp_path: Path, start: Start) -> None:
    out, store = tmp_path / "out.json", tmp_path / "store"
    line = ["-m", "engine", "run", *STUDY, "--json", str(out)]
    one = start(*line, "--store", str(store))
    until(lambda: len([*store.glob("models/*.h5")]) >= 2, one)
    one.send_signal(signal.SIGKILL)
    one.wait()
    assert not out.exists()
    before = whole.marks(store)
    whole.opened(store)
    assert start(*line, "--store", str(store)).wait() == 0
    assert whole.lost(before, whole.marks(store)) == []
    assert out.exists()


def test_a_window_that_is_killed_while_it_trains_is_offered_again(
    tmp_path: Path, start: Start
) -> None:
    store = tmp_path / "store"
    one = start("-c", WINDOW, str(store))
    until(lambda: any(store.glob("models/*.h5")) and any(store.glob("live/*.json")), one)
    one.send_signal(signal.SIGKILL)
    one.wait()
    before = whole.marks(store)
    whole.opened(store)
    again = start("-c", OFFER, str(store))
    assert "offered True" in again.communicate(timeout=PATIENCE)[0]
    assert whole.lost(before, whole.marks(store)) == []
    assert not list(store.rglob("*.lock"))
