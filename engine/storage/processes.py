"""Identity of processes, and whether one is still running: by place, process ID and start time.

A process ID alone does not identify a process: it is reused once its process has ended, and means
nothing on another machine or in another container.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import platform
import re
import sys
import uuid
from pathlib import Path

ENDED = ("Z", "X")  # states (zombie, dead) of a process that has ended
HIDDEN = "hidden"  # the start time of a running process that may not be inspected


@functools.cache
def place_id() -> str:
    """8 hexadecimal digits that identify the machine, its boot and its PID namespace.

    Machines may share a name, and the first PID namespace has the same number on every Linux.
    """
    try:
        space = os.readlink("/proc/self/ns/pid")
    except OSError:  # not Linux: one PID namespace per machine
        space = ""
    return _digits(platform.node(), _machine(), _boot(), space)


@functools.cache
def machine() -> str:
    """8 hexadecimal digits that identify the machine across boots; '' if unknown."""
    return _digits(platform.node(), _machine()) if _machine() else ""


def _digits(*parts: str) -> str:
    return hashlib.blake2b(" ".join(parts).encode(), digest_size=4).hexdigest()


@functools.cache
def _machine() -> str:
    """The ID of this Linux installation (machine-id(5)); elsewhere that of the network card."""
    if sys.platform != "linux":
        return f"{uuid.getnode():x}"
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        with contextlib.suppress(OSError, ValueError):
            if text := Path(path).read_text(encoding="ascii").strip():
                return text
    return ""


def start_time(number: int) -> str:
    """Start time of the process with this ID, as text to compare; '' if there is none."""
    return _from_proc(number) if sys.platform == "linux" else _from_psutil(number)


def is_running(number: int, since: str) -> bool:
    """Whether the process with this ID that started at `since` is still running in this place.

    since: '' and `HIDDEN` match any start time: earlier versions wrote '' on Windows, and a hidden
    process cannot be told apart from another one.
    """
    start = start_time(number)
    return bool(start) and (start == since or since == "" or HIDDEN in (start, since))


def began_before_boot(since: str) -> bool:
    """Whether a process of this machine with this start time began before its last boot."""
    match = re.fullmatch(r"(\S+) \d+", since)
    return bool(match and _boot() and match[1] != _boot())


def exists(number: int) -> bool:
    """Whether a process with this ID is running in this place."""
    return bool(start_time(number))


def _from_proc(number: int) -> str:
    """Start time in ticks since boot (proc(5), fields 3 and 22), and the boot ID.

    psutil converts ticks to wall-clock time, which shifts whenever the clock is set.
    """
    try:
        text = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    words = text.rpartition(")")[2].split()
    return "" if words[0] in ENDED else f"{_boot()} {words[19]}"


@functools.cache
def _boot() -> str:
    """The ID of the current boot; '' if unknown."""
    with contextlib.suppress(OSError, ValueError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return ""


def _from_psutil(number: int) -> str:
    """Start time in seconds since 1970, to a hundredth."""
    import psutil

    try:
        process = psutil.Process(number)
        ended = process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
        return "" if ended else f"{process.create_time():.2f}"
    except psutil.AccessDenied:  # it exists, and belongs to another user
        return HIDDEN
    except (psutil.NoSuchProcess, ValueError, OverflowError):  # not a valid process ID
        return ""
