"""One input tried on one parser: it may raise errors of ours, and must come to an end."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from types import FrameType
from typing import Any

from inputs import anything
from scene import left, quietly, scene
from targets import Target

from engine.errors import EngineError

LONGEST = 60.0  # seconds for one input: far more than any needs, on a machine that is busy
STDERR = os.dup(2)  # whatever is made quiet meanwhile
SHOWN = 300  # characters of an input that is reported


class Hang(BaseException):
    """An input was at it for too long; no `except Exception` of a parser may swallow that."""


@dataclass
class Found:
    """What trying inputs on a parser brought. findings: the place of an error -> an input."""

    target: str
    inputs: int = 0
    refused: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    findings: dict[str, str] = field(default_factory=dict)

    def line(self) -> str:
        """One line of a table."""
        return (
            f"{self.target:<14} {self.inputs:>8,} inputs, {self.refused:>8,} refused, "
            f"{self.seconds:7.1f} s, slowest {self.slowest:.2f} s, {len(self.findings)} findings"
        )


def attempt(target: Target, made: Any, found: Found) -> None:
    """Try one input and write down what came of it."""
    started = time.monotonic()
    found.inputs += 1
    try:
        with bounded():
            target.run(made)
    except EngineError as error:
        found.refused += 1
        if not str(error):
            found.findings.setdefault("an error without a sentence", _shown(made))
    except (Exception, Hang) as error:  # whatever it is, it is what is looked for
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{type(error).__name__}: {str(error)[:120]} in {place.name}, line {place.lineno}"
        found.findings.setdefault(f"{type(error).__name__} {place.filename}:{place.lineno}",
                                  f"{where}: {_shown(made)}")  # fmt: skip
    taken = time.monotonic() - started
    found.seconds += taken
    found.slowest = max(found.slowest, taken)


def tried(target: Target, inputs: int, seed: int) -> Found:
    """What so many made-up inputs bring; the same seed makes the same inputs."""
    scene()
    rng, found = Random(f"{target.name} {seed}"), Found(target.name)
    with quietly():
        for _ in range(inputs):
            attempt(target, target.make(rng), found)
    return _with_files(found)


def drawn(target: Target, inputs: int, seed: int) -> Found:
    """The same with texts that hypothesis thinks of, which have no seed."""
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as seeded

    found = Found(target.name)

    @seeded(seed)
    @settings(
        max_examples=inputs, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(anything())
    def each(made: str) -> None:
        attempt(target, made, found)

    with quietly():
        each()
    return _with_files(found)


@contextlib.contextmanager
def bounded(seconds: float = LONGEST) -> Iterator[None]:
    """Hang is raised in what takes longer, where it is Python's own code.

    In C code that never returns the program ends with a traceback, after twice that time.
    """

    def end(number: int, frame: FrameType | None) -> None:
        raise Hang(f"more than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    faulthandler.dump_traceback_later(2 * seconds, exit=True, file=STDERR)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _with_files(found: Found) -> Found:
    """Also finds fault with files that trying it left."""
    for name in left():
        found.findings.setdefault("a file was written", name[:SHOWN])
    return found


def _shown(made: Any) -> str:
    text = repr(made)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]} ... ({len(text):,} characters)"
