"""Which process this is, and whether another one still lives: by place, number and time of start.

A number alone does not name a process: it is given anew once its process has ended, and means
nothing on another machine or in another container.
"""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import subprocess
import sys
from pathlib import Path

ENDED = ("Z", "X")  # states of a process that was killed and of which only the number is left


@functools.cache
def place() -> str:
    """8 hexadecimal digits of the machine and the set of processes that numbers belong to."""
    try:
        space = os.readlink("/proc/self/ns/pid")
    except OSError:  # not Linux: one set of processes a machine
        space = ""
    return hashlib.blake2b(f"{platform.node()} {space}".encode(), digest_size=4).hexdigest()


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
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _from_ps(number: int) -> str:
    asked = ["ps", "-o", "stat=,lstart=", "-p", str(number)]
    told = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    state, _, since = told.partition(" ")
    return "" if state.startswith(ENDED) else since.strip()
