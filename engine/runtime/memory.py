"""Free memory, memory given back to the system, and sizes in readable units."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from pathlib import Path

from engine.errors import OutOfMemory

# Limit, usage and cache statistics of this process's control group (v2, v1): containers have one,
# and psutil only reports the whole machine.
GROUPS = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_inactive_file"),
)
FOLDER = Path("/sys/fs/cgroup")
KERNEL_CACHES = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY")
KERNELS = 128  # kept compiled; with two batch sizes ResNet-18 trains as fast as with 1,024
UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def free() -> int | None:
    """Bytes that can still be allocated before memory and swap run out; None if unknown."""
    limits = [left for left in (_of_machine(), *map(_of_group, GROUPS)) if left is not None]
    return min(limits, default=None)


def limit_kernel_caches() -> None:
    """Limit the kernels that torch keeps compiled; must be called before torch is loaded.

    On CPUs it compiles each convolution and matrix product anew for every batch size, and by
    default keeps 1,024 of them twice, in oneDNN's cache and in its own: in bfloat16, 200 batch
    sizes of a small CNN left 233 MiB behind. Variables that are already set are respected.
    """
    for name in KERNEL_CACHES:
        os.environ.setdefault(name, str(KERNELS))


def give_back() -> None:
    """Return freed memory to the system, where malloc can; takes some milliseconds.

    glibc never does so by itself below the top of a heap, nor for threads other than the main one.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(ctypes.c_size_t(0))
    elif sys.platform == "darwin":
        relieve = getattr(ctypes.CDLL(None), "malloc_zone_pressure_relief", None)
        if relieve is not None:
            relieve(ctypes.c_void_p(None), ctypes.c_size_t(0))


def require(size: int, what: str) -> None:
    """OutOfMemory unless `size` bytes are free; `what` begins the message."""
    left = free()
    if left is not None and size > left:
        raise OutOfMemory(
            f"{what} takes {format_size(size)} of memory, but only {format_size(left)} are free. "
            "Close other programs, or use a machine with more memory."
        )


def format_size(size: float) -> str:
    """A number of bytes in readable units, such as 1.5 GiB."""
    for unit in UNITS[:-1]:
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} {UNITS[-1]}"


def _of_machine() -> int | None:
    """Bytes of available memory and free swap."""
    import psutil

    with contextlib.suppress(OSError, RuntimeError, psutil.Error):
        return int(psutil.virtual_memory().available + psutil.swap_memory().free)
    return None


def _of_group(names: tuple[str, str, str]) -> int | None:
    """Bytes left of the control group's limit, not counting cached files as used."""
    with contextlib.suppress(OSError, ValueError):  # 'max' means no limit
        limit, used = (int((FOLDER / name).read_text(encoding="ascii")) for name in names[:2])
        lines = (FOLDER / names[0]).with_name("memory.stat").read_text(encoding="ascii").split("\n")
        cached = sum(int(line.split()[1]) for line in lines if line.startswith(f"{names[2]} "))
        return max(0, limit - used + cached)
    return None
