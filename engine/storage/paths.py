"""Paths typed by a user; the checks never raise, however odd the path."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable
from pathlib import Path

from engine.errors import SpecError

ENTRY = "::"  # between a file and the name of an entry in it


def typed_path(text: str) -> Path:
    """The typed path with '~' expanded; the '~user' of an unknown user is kept as it is."""
    return Path(os.path.expanduser(text))


def absolute(text: str) -> str:
    """The typed path as an absolute one; '' stays ''."""
    if not text:
        return ""
    try:
        return str(typed_path(text).absolute())
    except OSError:  # the current folder was deleted
        return str(typed_path(text))


def is_relative(text: str) -> bool:
    """Whether this path depends on the current folder; False for ''."""
    return bool(text) and not typed_path(text).is_absolute()


def matching(names: Iterable[str | Path]) -> list[Path]:
    """All named files in order; those matching a pattern such as 'r*.pt' in natural order.

    Natural order puts r2 before r10; 'r*.pt::ema' names the same entry in each file. SpecError for
    a pattern without a match.
    """
    return [path for name in names for path in _matching(str(name))]


def is_file(path: Path) -> bool:
    """Whether this is a file; False for names that are invalid on this system."""
    return os.path.isfile(path)


def is_folder(path: Path) -> bool:
    """Whether this is a folder; False for names that are invalid on this system."""
    return os.path.isdir(path)


def exists(path: Path) -> bool:
    """Whether this exists; False for names that are invalid on this system."""
    return os.path.exists(path)


def _matching(name: str) -> list[Path]:
    path = typed_path(name)
    if exists(path) or not glob.has_magic(str(path)):
        return [path]
    pattern, separator, entry = str(path).partition(ENTRY)
    matches = [Path(match) for match in glob.glob(pattern, recursive=True)]
    files = sorted(filter(is_file, matches), key=_natural)
    if not files:
        raise SpecError(f"No file matches '{name}'. Name files, or a pattern such as 'r*.pt'.")
    return [Path(f"{file}{separator}{entry}") for file in files]


def _natural(path: Path) -> list[tuple[int, str]]:
    """A sort key that compares the numbers in names by value."""
    parts = re.split(r"(\d+)", str(path))
    return [(int(part), part) if i % 2 else (0, part) for i, part in enumerate(parts)]
