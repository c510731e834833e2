"""Comparable times: two ways in alternation, and the machine's own speed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from engine.bench.row import BenchRow
from engine.runtime.device import native_bfloat16
from engine.runtime.seeds import generator

SIDE = {"cpu": 1024, "cuda": 8192}  # of the square matrices whose product is timed
PRODUCTS = 8


@dataclass(frozen=True)
class Spent:
    """Elapsed seconds, and processor seconds in all threads together."""

    wall: float
    work: float

    def __truediv__(self, parts: float) -> Spent:
        return Spent(self.wall / parts, self.work / parts)


@dataclass(frozen=True)
class Ratio:
    """Seconds of the plain way and of ours, round by round; `work`: ratio of processor seconds.

    Processor seconds are the least affected by other programs on the same cores.
    """

    plain: tuple[float, ...]
    ours: tuple[float, ...]
    work: float

    @property
    def each(self) -> list[float]:
        """How many times faster ours was in each round."""
        return [slow / fast for slow, fast in zip(self.plain, self.ours, strict=True)]

    @property
    def median(self) -> float:
        """How many times faster ours is."""
        return statistics.median(self.each)

    def __str__(self) -> str:
        spread = f"{min(self.each):.1f}..{max(self.each):.1f}"
        seconds = f"{statistics.median(self.plain):.3g} s, ours {statistics.median(self.ours):.3g}"
        return f"{self.median:.1f}x ({spread}; work {self.work:.1f}x; plain {seconds} s)"

    def row(self, what: str, target: float, note: str = "", **facts: Any) -> BenchRow:
        """The result as a row; target: how many times faster ours should be."""
        measured = f"{self}{', ' if note else ''}{note}"
        numbers = {"ratio": self.median, "work_ratio": self.work, **facts}
        numbers |= {"plain_s": self.plain, "ours_s": self.ours}
        return BenchRow(what, f">= {target:g}x", measured, self.median >= target, numbers)


def alternate(
    plain: Callable[[], object],
    ours: Callable[[], object],
    rounds: int,
    device: torch.device,
    more: int = 1,
) -> Ratio:
    """Both ways in turn, `rounds` times: what else the machine does then hits both alike.

    more: so many times the plain way's work is what `ours` does, whose times are divided by it: a
    way that gets ready first is shown with as much work as it is made for.
    """
    pairs = [(spent_plainly(plain, device), spent(ours, device) / more) for _ in range(rounds)]
    return Ratio(
        tuple(slow.wall for slow, _ in pairs),
        tuple(fast.wall for _, fast in pairs),
        statistics.median(slow.work / fast.work for slow, fast in pairs),
    )


def spent(do: Callable[[], object], device: torch.device | None = None) -> Spent:
    """Seconds until the device has finished."""
    _wait(device)
    started, worked = time.perf_counter(), time.process_time()
    do()
    _wait(device)
    return Spent(time.perf_counter() - started, time.process_time() - worked)


def spent_plainly(do: Callable[[], object], device: torch.device | None = None) -> Spent:
    """The same with torch's defaults: faster, less exact arithmetic on GPUs."""
    with torch.backends.cudnn.flags(allow_tf32=True, deterministic=False):
        return spent(do, device)


def matrix_rate(device: torch.device) -> tuple[float, str]:
    """(operations per second, number format) of the fastest large matrix product here."""
    kind = torch.bfloat16 if native_bfloat16(device.type) else torch.float32
    side = SIDE.get(device.type, 1024)
    rng = generator(0, "matrices", device=device)  # of a constant a product costs less
    a, b = (torch.randn(side, side, generator=rng, device=device).to(kind) for _ in range(2))
    torch.mm(a, b)
    best = min(spent(lambda: torch.mm(a, b), device).wall for _ in range(PRODUCTS))
    return 2 * side**3 / best, str(kind).removeprefix("torch.")


def _wait(device: torch.device | None) -> None:
    if device is not None and device.type == "cuda":
        torch.cuda.synchronize(device)
