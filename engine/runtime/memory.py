"""How much memory there is, and how sizes are said."""

from __future__ import annotations

import contextlib
from pathlib import Path

from engine.errors import OutOfMemory

# Limit, use and statistics of the group this process is in: containers have one, and psutil
# tells of the whole machine alone.
GROUPS = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_inactive_file"),
)
FOLDER = Path("/sys/fs/cgroup")
UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def free() -> int | None:
    """Bytes that this process can still take without others being ended for it; None: unknown."""
    found = [left for left in (_of_machine(), *map(_of_group, GROUPS)) if left is not None]
    return min(found, default=None)


def require(size: int, what: str) -> None:
    """OutOfMemory unless `size` bytes are free; `what` begins the sentence."""
    left = free()
    if left is not None and size > left:
        raise OutOfMemory(
            f"{what} takes {said(size)} of memory, and {said(left)} are free. Close other "
            "programs, or do this on a larger machine."
        )


def said(size: float) -> str:
    """A number of bytes as people say it."""
    for unit in UNITS[:-1]:
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} {UNITS[-1]}"


def _of_machine() -> int | None:
    """Bytes of memory that is available without swapping, and of swap that is free."""
    import psutil

    with contextlib.suppress(OSError, RuntimeError, psutil.Error):
        return int(psutil.virtual_memory().available + psutil.swap_memory().free)
    return None


def _of_group(names: tuple[str, str, str]) -> int | None:
    """What is left of the group's limit, files that are merely remembered not counted as used."""
    with contextlib.suppress(OSError, ValueError):  # 'max' is no number: there is no limit
        limit, used = (int((FOLDER / name).read_text(encoding="ascii")) for name in names[:2])
        lines = (FOLDER / names[0]).with_name("memory.stat").read_text(encoding="ascii").split("\n")
        cached = sum(int(line.split()[1]) for line in lines if line.startswith(f"{names[2]} "))
        return max(0, limit - used + cached)
    return None
