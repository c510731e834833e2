"""Paths that somebody typed: whatever they are, asking about them raises nothing."""

from __future__ import annotations

import os
from pathlib import Path


def place(text: str) -> Path:
    """The path that was typed; '~' is the home folder, and the '~' of nobody known a name."""
    return Path(os.path.expanduser(text))


def is_file(path: Path) -> bool:
    """Whether there is a file; False also for names that this system cannot have."""
    return os.path.isfile(path)


def is_folder(path: Path) -> bool:
    """Whether there is a folder; False also for names that this system cannot have."""
    return os.path.isdir(path)


def exists(path: Path) -> bool:
    """Whether there is anything; False also for names that this system cannot have."""
    return os.path.exists(path)
