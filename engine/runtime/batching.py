"""Batches that are halved when memory runs out, and the error raised when that does not help."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

from engine.errors import OutOfMemory
from engine.runtime import memory

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from engine.runtime.device_samples import Samples

T = TypeVar("T")
SHORTAGE = re.compile(r"out of memory|not enough memory|can't allocate memory", re.IGNORECASE)
REQUESTED = re.compile(r"tried to allocate ([\d.]+ ?\w+)", re.IGNORECASE)  # torch's wording
SMALLER = "Choose a smaller network or smaller images (--side), or another device (--device)."


class Batches:
    """A batch size that is halved whenever a batch does not fit into memory.

    The reduced size is kept: the next call starts with the size that last fitted.
    """

    def __init__(self, most: int, what: str, device: torch.device | str) -> None:
        """most: initial size; what: one element, such as 'One image of 32x32', for the error."""
        import torch

        self.most = max(1, most)
        self._what, self._device = what, torch.device(device)

    def over(self, count: int, work: Callable[[slice], T]) -> Iterator[T]:
        """Yield work(part) for consecutive slices that cover range(count).

        A slice that does not fit is retried in halves, so `work` must not accumulate anything
        itself. OutOfMemory if even a single element does not fit.
        """
        start = 0
        while start < count:
            part = slice(start, min(start + self.most, count))
            result = self._try(work, part)
            if (
                result is None
            ):  # freed here, where nothing of the failed batch is referenced any more
                self.most = max(1, (part.stop - part.start) // 2)
                free_cache(self._device)
                continue
            start = part.stop
            yield result[0]

    def _try(self, work: Callable[[slice], T], part: slice) -> tuple[T] | None:
        try:
            return (work(part),)
        except (RuntimeError, MemoryError, OutOfMemory) as error:
            alone = part.stop - part.start == 1
            if not is_shortage(error) or (alone and isinstance(error, OutOfMemory)):
                raise
            if alone:
                raise shortage(self._what, self._device, error, SMALLER) from error
            return None


def batches_of(x: Tensor | Samples, most: int) -> Batches:
    """Batches of samples like x (n, *shape), on the device that computes with them."""
    shape = "x".join(str(side) for side in x.shape[1:])
    return Batches(most, f"One sample of {shape} values", x.device)


@contextlib.contextmanager
def memory_guard(what: str, device: torch.device | str, advice: str) -> Iterator[None]:
    """Turn a memory shortage inside the block into OutOfMemory, with sizes and advice."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_shortage(error):
            raise
        import torch

        raise shortage(what, torch.device(device), error, advice) from error


def is_shortage(error: BaseException) -> bool:
    """Whether this error reports that memory ran out, on any device."""
    if isinstance(error, (MemoryError, OutOfMemory)):
        return True
    return isinstance(error, RuntimeError) and SHORTAGE.search(str(error)) is not None


def shortage(what: str, device: torch.device, error: BaseException, advice: str) -> OutOfMemory:
    """The error that states what does not fit, how much was requested and how much is free."""
    match = REQUESTED.search(str(error))
    sizes = [f"{_size(match[1])} requested"] if match else []
    sizes += [f"{memory.format_size(left)} free" for left in [_free(device)] if left is not None]
    details = f" ({', '.join(sizes)})" if sizes else ""
    return OutOfMemory(f"{what} does not fit into the memory of {device}{details}. {advice}")


def free_cache(device: torch.device) -> None:
    """Release the memory that the device's allocator has cached."""
    if device.type == "cuda":
        import torch

        torch.cuda.empty_cache()


def _size(text: str) -> str:
    """'123 bytes' or '123', as the CPU allocator writes, in readable units; others unchanged."""
    number, _, unit = text.partition(" ")
    return memory.format_size(float(number)) if unit in ("", "bytes") else text


def _free(device: torch.device) -> int | None:
    if device.type == "cuda":
        import torch

        return int(torch.cuda.mem_get_info(device)[0])
    return memory.free()
