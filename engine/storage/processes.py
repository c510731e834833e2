"""Which process this is, and whether another one still lives: by place, number and time of start.

A number alone does not name a process: it is given anew once its process has ended, and means
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

ENDED = ("Z", "X")  # states of a process that was killed and of which only the number is left
HIDDEN = "hidden"  # the start of a process that is there, and of which no more is told


@functools.cache
def place() -> str:
    """8 hexadecimal digits of the machine, its start and the processes that numbers belong to.

    Machines may share a name, and the first set of processes has the same number on every Linux.
    """
    try:
        space = os.readlink("/proc/self/ns/pid")
    except OSError:  # not Linux: one set of processes a machine
        space = ""
    return _digits(platform.node(), _machine(), _boot(), space)


@functools.cache
def machine() -> str:
    """8 hexadecimal digits of the machine, the same after a restart; '' where nothing tells."""
    return _digits(platform.node(), _machine()) if _machine() else ""


def _digits(*parts: str) -> str:
    return hashlib.blake2b(" ".join(parts).encode(), digest_size=4).hexdigest()


@functools.cache
def _machine() -> str:
    """What identifies this installation of Linux (machine-id(5)), elsewhere the network card."""
    if sys.platform != "linux":
        return f"{uuid.getnode():x}"
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        with contextlib.suppress(OSError, ValueError):
            if text := Path(path).read_text(encoding="ascii").strip():
                return text
    return ""


def started(number: int) -> str:
    """When the process of this number began, as text to be compared; '' if there is none."""
    return _from_proc(number) if sys.platform == "linux" else _from_psutil(number)


def lives(number: int, since: str) -> bool:
    """Whether the process of this number that began `since` still runs in this place.

    since: '' and `HIDDEN` are the start of any process of that number: earlier versions wrote ''
    on Windows, and of a process that is hidden nothing tells that it is another one.
    """
    found = started(number)
    return bool(found) and (found == since or since == "" or HIDDEN in (found, since))


def before_restart(since: str) -> bool:
    """Whether a process of this machine that began `since` did so before its last start."""
    written = re.fullmatch(r"(\S+) \d+", since)
    return bool(written and _boot() and written[1] != _boot())


def exists(number: int) -> bool:
    """Whether any process has this number in this place."""
    return bool(started(number))


def _from_proc(number: int) -> str:
    """Start in ticks since boot (proc(5), fields 3 and 22), and which boot that was.

    psutil makes ticks a time of day, which moves whenever the clock of the machine is set.
    """
    try:
        text = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    words = text.rpartition(")")[2].split()
    return "" if words[0] in ENDED else f"{_boot()} {words[19]}"


@functools.cache
def _boot() -> str:
    """What identifies this start of the system; '' where it does not say."""
    with contextlib.suppress(OSError, ValueError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return ""


def _from_psutil(number: int) -> str:
    """Start in seconds since 1970, to a hundredth."""
    import psutil

    try:
        process = psutil.Process(number)
        ended = process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
        return "" if ended else f"{process.create_time():.2f}"
    except psutil.AccessDenied:  # it is there, of another person
        return HIDDEN
    except (psutil.NoSuchProcess, ValueError, OverflowError):  # no number of a process is so large
        return ""
