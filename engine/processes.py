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
import subprocess
import sys
import uuid
from pathlib import Path

ENDED = ("Z", "X")  # states of a process that was killed and of which only the number is left


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
    if sys.platform == "linux":
        return _from_proc(number)
    if sys.platform == "win32":
        return ""
    return _from_ps(number)


def lives(number: int, since: str) -> bool:
    """Whether the process of this number that began `since` still runs in this place."""
    if sys.platform == "win32":  # nothing tells without a library; age must decide
        return True
    return bool(since) and started(number) == since


def before_restart(since: str) -> bool:
    """Whether a process of this machine that began `since` did so before its last start."""
    written = re.fullmatch(r"(\S+) \d+", since)
    return bool(written and _boot() and written[1] != _boot())


def exists(number: int) -> bool:
    """Whether any process has this number in this place."""
    return sys.platform == "win32" or bool(started(number))


def _from_proc(number: int) -> str:
    """Start in ticks since boot (proc(5), fields 3 and 22), and which boot that was."""
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


def _from_ps(number: int) -> str:
    asked = ["ps", "-o", "stat=,lstart=", "-p", str(number)]
    told = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    state, _, since = told.partition(" ")
    return "" if state.startswith(ENDED) else since.strip()
