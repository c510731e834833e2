"""Paths that somebody typed: whatever they are, asking about them raises nothing."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable
from pathlib import Path

from engine.errors import SpecError

ENTRY = "::"  # between a file and the name of what is meant in it


def place(text: str) -> Path:
    """The path that was typed; '~' is the home folder, and the '~' of nobody known a name."""
    return Path(os.path.expanduser(text))


def absolute(text: str) -> str:
    """The path that was typed, from the root of the file system on; '' stays ''."""
    if not text:
        return ""
    try:
        return str(place(text).absolute())
    except OSError:  # the current folder is gone: there is no other name for it
        return str(place(text))


def is_relative(text: str) -> bool:
    """Whether it depends on the current folder where this path leads; '' is no path."""
    return bool(text) and not place(text).is_absolute()


def matching(names: Iterable[str | Path]) -> list[Path]:
    """Every file that is named, in order; those of a pattern such as 'r*.pt' in natural order.

    Natural is r2 before r10; 'r*.pt::ema' means the same place in each. SpecError for a pattern
    that no file matches.
    """
    return [path for name in names for path in _matching(str(name))]


def is_file(path: Path) -> bool:
    """Whether there is a file; False also for names that this system cannot have."""
    return os.path.isfile(path)


def is_folder(path: Path) -> bool:
    """Whether there is a folder; False also for names that this system cannot have."""
    return os.path.isdir(path)


def exists(path: Path) -> bool:
    """Whether there is anything; False also for names that this system cannot have."""
    return os.path.exists(path)


def _matching(name: str) -> list[Path]:
    path = place(name)
    if exists(path) or not glob.has_magic(str(path)):
        return [path]
    pattern, mark, entry = str(path).partition(ENTRY)
    there = [Path(one) for one in glob.glob(pattern, recursive=True)]
    files = sorted(filter(is_file, there), key=_natural)
    if not files:
        raise SpecError(f"No file matches '{name}'. Name files, or a pattern such as 'r*.pt'.")
    return [Path(f"{file}{mark}{entry}") for file in files]


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sorts numbers in names by what they count."""
    parts = re.split(r"(\d+)", str(path))
    return [(int(part), part) if i % 2 else (0, part) for i, part in enumerate(parts)]
