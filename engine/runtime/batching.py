"""Work in batches, which are halved where memory runs out; and what is said where nothing helps."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch
from torch import Tensor

from engine.errors import OutOfMemory
from engine.runtime import memory

T = TypeVar("T")
SHORT = re.compile(r"out of memory|not enough memory|can't allocate memory", re.IGNORECASE)
WANTED = re.compile(r"tried to allocate ([\d.]+ ?\w+)", re.IGNORECASE)  # in the words of torch
SMALLER = "Choose a smaller network or smaller images (--side), or another device (--device)."


class Batches:
    """How many of something are done at once: as many as at first, until they do not fit.

    What was learned holds on: the next call begins with as many as fitted last.
    """

    def __init__(self, most: int, what: str, device: torch.device | str) -> None:
        """most: to begin with; what: one of them, such as 'One image of 32x32', for a sentence."""
        self.most = max(1, most)
        self._what, self._device = what, torch.device(device)

    def over(self, count: int, work: Callable[[slice], T]) -> Iterator[T]:
        """work(part) of parts that cover range(count), in order.

        A part that does not fit is done again in halves, so `work` must not add up anything
        itself. OutOfMemory where even one alone does not fit.
        """
        start = 0
        while start < count:
            part = slice(start, min(start + self.most, count))
            found = self._tried(work, part)
            if found is None:  # said here, where nothing of the failed part is held any more
                self.most = max(1, (part.stop - part.start) // 2)
                free_cache(self._device)
                continue
            start = part.stop
            yield found[0]

    def _tried(self, work: Callable[[slice], T], part: slice) -> tuple[T] | None:
        try:
            return (work(part),)
        except (RuntimeError, MemoryError, OutOfMemory) as error:
            alone = part.stop - part.start == 1
            if not is_shortage(error) or (alone and isinstance(error, OutOfMemory)):
                raise
            if alone:
                raise shortage(self._what, self._device, error, SMALLER) from error
            return None


def batches_of(x: Tensor, most: int) -> Batches:
    """Batches of samples like x (n, *shape), on its device."""
    shape = "x".join(str(side) for side in x.shape[1:])
    return Batches(most, f"One sample of {shape} values", x.device)


@contextlib.contextmanager
def fitting(what: str, device: torch.device | str, advice: str) -> Iterator[None]:
    """OutOfMemory, with sizes and advice, where what is done within does not fit into memory."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_shortage(error):
            raise
        raise shortage(what, torch.device(device), error, advice) from error


def is_shortage(error: BaseException) -> bool:
    """Whether this error says that memory ran out, on whatever device."""
    if isinstance(error, (MemoryError, OutOfMemory)):
        return True
    return isinstance(error, RuntimeError) and SHORT.search(str(error)) is not None


def shortage(what: str, device: torch.device, error: BaseException, advice: str) -> OutOfMemory:
    """The sentence that says what does not fit, how much was asked for and how much is free."""
    asked = WANTED.search(str(error))
    sizes = [f"{_size(asked[1])} were asked for"] if asked else []
    sizes += [f"{memory.said(left)} are free" for left in [_free(device)] if left is not None]
    told = f" ({', '.join(sizes)})" if sizes else ""
    return OutOfMemory(f"{what} does not fit into the memory of {device}{told}. {advice}")


def free_cache(device: torch.device) -> None:
    """Give back what the device's allocator merely keeps."""
    if device.type == "cuda":
        torch.cuda.empty_cache()


def _size(text: str) -> str:
    """'123 bytes' and '123' of the processor's allocator as people say it; others as they are."""
    number, _, unit = text.partition(" ")
    return memory.said(float(number)) if unit in ("", "bytes") else text


def _free(device: torch.device) -> int | None:
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return memory.free()
