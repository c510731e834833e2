"""Processes that live until they are killed, and what they did until then.

A parent that has imported everything forks them: that spares each of them the seconds that
importing takes. Each tells through a pipe what it begins, so that it can be killed while it
trains, unlearns, measures, writes or exports. Nothing of torch runs in the parent.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import random
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.runtime import progress
from engine.storage import store
from engine.training import checkpoints

TRAIN, UNLEARN, MEASURE, WRITE, EXPORT = "train", "unlearn", "measure", "write", "export"
LONGEST = 120.0  # seconds that a life may take

HEAVY = (  # what the children would import, each for itself
    "torch._dynamo", "engine.pipeline.pipeline", "engine.sweeps.sweep",
    "engine.tables.study_text", "engine.figures.curves", "engine.figures.metrics",
    "sklearn.datasets", "sklearn.svm", "scipy.special",
    "matplotlib.backends.backend_pdf", "matplotlib.backends.backend_svg",
    "matplotlib.backends.backend_agg",
)  # fmt: skip
Work = Callable[[], Any]


@dataclass(frozen=True)
class Plan:
    """When to kill: `delay` seconds after the `number`-th time that it begins `what`."""

    what: str
    number: int
    delay: float


@dataclass(frozen=True)
class Life:
    """How a process ended: killed or not, its exit status if not, and what it was doing."""

    killed: bool
    status: int
    doing: str
    begun: tuple[str, ...]
    seconds: float


def prepare() -> None:
    """Import what is heavy; torch computes nothing here, so its threads begin in the children."""
    for name in HEAVY:
        importlib.import_module(name)


def live(work: Work, plan: Plan | None = None, log: Path | None = None) -> Life:
    """Run `work` in a process of its own, which is killed as planned."""
    told, tell = os.pipe()
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        os.close(told)
        _be(work, tell, log)
    os.close(tell)
    try:
        return _watch(child, told, plan, started)
    finally:
        os.close(told)


def plans(begun: tuple[str, ...], what: str, seconds: float, rng: random.Random) -> Plan:
    """A moment within this kind of work of a life that began these things in so many seconds."""
    times = max(1, begun.count(what))
    within = seconds / max(1, len(begun)) * 3
    return Plan(what, rng.randrange(times) + 1, rng.random() ** 2 * within)


def _be(work: Work, tell: int, log: Path | None) -> None:
    """The life of the child: it ends without running what the parent wants to run at its end."""
    status = 1
    try:
        handle = os.open(log or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        _listen(tell)
        status = work() or 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _listen(tell: int) -> None:
    """Have the engine's own reporters and stores say what they begin."""

    def say(what: str) -> None:
        with contextlib.suppress(OSError):
            os.write(tell, f"{what}\n".encode())

    plain_stage, plain_replacing = progress.Reporter.stage, store.Store.replacing

    def stage(self: progress.Reporter, name: str) -> None:
        say(_kind(name))
        plain_stage(self, name)

    @contextlib.contextmanager
    def replacing(self: store.Store, path: Path) -> Iterator[Path]:
        say(WRITE)
        with plain_replacing(self, path) as aside:
            yield aside

    progress.Reporter.stage = stage  # type: ignore[method-assign]
    store.Store.replacing = replacing  # type: ignore[method-assign]
    checkpoints.FLUSH_EVERY = 0.0  # these trainings are short: keep every epoch of theirs


def _kind(stage: str) -> str:
    if stage == "original" or stage.startswith(("retrain", "pre-training")):
        return TRAIN
    if stage.startswith(("residual", "embedding", "similarity")) or " of " in stage:
        return MEASURE
    return EXPORT if stage.startswith(("bundle", EXPORT)) else UNLEARN


def _watch(child: int, told: int, plan: Plan | None, started: float) -> Life:
    begun: list[str] = []
    pending, due, ended = "", None, False
    while not ended:
        wait = LONGEST if due is None else max(0.0, due - time.monotonic())
        ready = select.select([told], [], [], wait)[0]
        if not ready:
            os.kill(child, signal.SIGKILL)
            break
        data = os.read(told, 65536)
        ended = not data
        *lines, pending = (pending + data.decode()).split("\n")
        begun += lines
        if plan and due is None and begun.count(plan.what) >= plan.number:
            due = time.monotonic() + plan.delay
    status = os.waitpid(child, 0)[1]
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    doing = begun[-1] if begun else "start"
    return Life(killed, code, doing, tuple(begun), time.monotonic() - started)
