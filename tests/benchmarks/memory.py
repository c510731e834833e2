"""What the window's process holds: before a study, with it, and after another dataset is opened.

`python -m tests.benchmarks.memory [--rounds N]`. Each round runs a small study of other seeds on
digits and then opens Iris, which closes it; memory is flat if later rounds end no higher than the
first. `RssAnon` is what the process alone holds; mapped files are given back by the system. What
the libraries take that the first study imports is measured in a process that does nothing else.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import itertools
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from PySide6.QtCore import QTimer

from engine.bench.row import BenchRow
from engine.runtime.cores import set_passive_waiting
from engine.runtime.memory import limit_kernel_caches
from explorer.app import Explorer
from tests.benchmarks.harness import circumstances, show, with_window, within

ROUNDS = 3
SETTLED_MS = 8_000  # after the last job: views still draw, and what is not used is released
MIB = 1 << 20
SETTINGS = {"model": "cnn", "methods": ("rurk", "gd", "ga"), "retrains": 3}


@dataclass(frozen=True)
class Held:
    """MiB: resident in this process, anonymous in it, resident in its helper processes."""

    resident: float
    anonymous: float
    helpers: float

    def __str__(self) -> str:
        return (
            f"{self.resident:.0f} MiB resident ({self.anonymous:.0f} anonymous), helpers "
            f"{self.helpers:.0f}"
        )


def held() -> Held:
    """What is held now; anonymous memory equals the resident off Linux."""
    process = psutil.Process()
    resident = process.memory_info().rss / MIB
    helpers = sum(child.memory_info().rss for child in process.children(recursive=True)) / MIB
    status = Path("/proc/self/status")
    text = status.read_text(encoding="ascii") if status.exists() else ""
    match = re.search(r"RssAnon:\s+(\d+) kB", text)
    return Held(resident, int(match[1]) / 1024 if match else resident, helpers)


class Rounds:
    """Alternates between a study on digits and Iris, and records the memory after each step."""

    def __init__(self, explorer: Explorer, rounds: int) -> None:
        self.stages: dict[str, Held] = {}
        self.modules: dict[str, frozenset[str]] = {}  # imported by then
        self._explorer = explorer
        self._steps = self._plan(rounds)
        self._wait = QTimer(explorer, singleShot=True, interval=SETTLED_MS)
        self._wait.timeout.connect(self._next)
        explorer.jobs.idle.connect(self._wait.start)
        self._stage = next(self._steps)
        self._wait.start()

    def _plan(self, rounds: int) -> Iterator[str]:
        """Begins one step whenever advanced, and yields the name of what it leads to."""
        opening = self._explorer.controller.opening
        yield "window"
        for number in range(1, rounds + 1):
            opening.open_dataset("digits")
            yield f"digits {number}"
            opening.change_form(seed=number, **SETTINGS)
            yield f"form {number}"
            self._explorer.controller.run()
            yield f"study {number}"
            opening.open_dataset("iris")
            yield f"closed {number}"

    def _next(self) -> None:
        if self._explorer.jobs.busy():
            return
        now = self.stages[self._stage] = held()
        self.modules[self._stage] = frozenset(sys.modules)
        print(f"{self._stage:>10}: {now}", file=sys.stderr, flush=True)
        stage = next(self._steps, None)
        if stage is None:
            self._explorer.window.close()
        else:
            self._stage = stage
            self._wait.start()


def rows(rounds: int = ROUNDS) -> Iterator[BenchRow]:
    """What is held once each study is closed, compared with the window before the first."""
    started: list[Rounds] = []

    def begin(explorer: Explorer) -> None:
        if not started:
            started.append(Rounds(explorer, rounds))

    with_window(begin)
    stages = started[0].stages
    closed = [stages[f"closed {number}"].anonymous for number in range(1, rounds + 1)]
    story = ", ".join(f"{name} {stage.anonymous:.0f}" for name, stage in stages.items())
    more = [value - stages["window"].anonymous for value in closed]
    yield within("more than before, once studies are closed", 200, more, "MiB", 1.0, story)
    last = started[0].modules[f"closed {rounds}"]
    libraries = _size_of(last - started[0].modules["window"])
    beyond = [value - libraries for value in more]
    words = f"{libraries:.0f} MiB of libraries imported meanwhile"
    yield within("the same without the libraries", 50, beyond, "MiB", 1.0, words)
    growth = [after - before for before, after in itertools.pairwise(closed)] or [0.0]
    yield within("growth from one round to the next", 20, growth, "MiB", 1.0)


def _size_of(modules: Iterable[str]) -> float:
    """MiB that a window's process takes more once it has imported these modules."""
    code = "from tests.benchmarks.memory import tell_size; tell_size()"
    done = subprocess.run(
        [sys.executable, "-c", code], input="\n".join(sorted(modules)),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return float(done.stdout.split()[-1])


def tell_size() -> None:
    """In a process of its own: import what standard input names, and print the MiB it took."""
    from engine.runtime.libraries import torchvision_importable

    names = sys.stdin.read().split()
    before = held().anonymous
    with torchvision_importable():
        for name in names:
            with contextlib.suppress(Exception):  # some modules can only be imported by their own
                importlib.import_module(name)
    print(held().anonymous - before)


if __name__ == "__main__":
    set_passive_waiting()  # as the program does before it loads torch
    limit_kernel_caches()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    print(circumstances())
    show(rows(parser.parse_args().rounds))
