"""Forget sets: from what a person writes to explicit indices into the training set."""

from __future__ import annotations

import csv
import re
import stat
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from engine.errors import SpecError, unknown
from engine.places import place
from engine.runtime import numpy_generator

FORMS = "class:8, class:8:0.5, class:8:100, random:100, random:10% or indices:FILE"
MAX_INDEX_FILE = 64 * 2**20  # bytes; far more than one index a line of any dataset held in memory


def parse_forget(
    text: str, labels: np.ndarray, classes: Sequence[str], seed: int
) -> tuple[int, ...]:
    """Sorted indices of the forget set that `text` describes.

    labels: (n,) int64 of the training set; classes: their names. `class:C[:SHARE]` takes all of
    class C (number or name), a share of it (0.5 or 50%) or a count (100); `random:N` and
    `random:P%` draw from the whole set; `indices:FILE` reads one index a line, or the column
    `index` of a CSV. Draws depend on `text` and `seed` alone. Raises SpecError as `check_forget`
    does, and where the file cannot be read.
    """
    kind, _, rest = text.strip().partition(":")
    rng = numpy_generator(seed, "forget", text.strip())
    if kind == "class" and rest:
        name, colon, share = rest.rpartition(":") if _has_share(rest, classes) else (rest, "", "")
        members = np.flatnonzero(labels == _class_number(name, classes))
        if not len(members):
            raise SpecError(f"'{text}': class '{name}' has no training samples.")
        chosen = _draw(members, share, text, rng) if colon else members
    elif kind == "random" and rest:
        chosen = _draw(np.arange(len(labels)), rest, text, rng)
    elif kind == "indices" and rest:
        chosen = np.array(read_indices(place(rest)), dtype=np.int64)
    else:
        raise SpecError(f"'{text}' is no forget set. Write {FORMS}.")
    return check_forget(chosen, labels)


def check_forget(indices: np.ndarray | Sequence[int], labels: np.ndarray) -> tuple[int, ...]:
    """Sorted, distinct indices; SpecError if none, out of range, or nothing left to retain."""
    chosen = np.unique(np.asarray(indices, dtype=np.int64))
    if not len(chosen):
        raise SpecError(
            "The forget set is empty: choose at least one training sample. Forms: " + FORMS + "."
        )
    wrong = chosen[(chosen < 0) | (chosen >= len(labels))]
    if len(wrong):
        raise SpecError(
            f"Index {wrong[0]} is not in the training set, whose indices run from 0 to "
            f"{len(labels) - 1}."
        )
    if len(chosen) == len(labels):
        raise SpecError(
            "The forget set is the whole training set, so no retain samples are left in S_r. "
            "Forget fewer samples."
        )
    if len(np.unique(np.delete(labels, chosen))) < 2:
        raise SpecError(
            "Without the forget set only one class is left to retain, and nothing can be trained "
            "on one class. Forget fewer samples."
        )
    return tuple(int(i) for i in chosen)


def lost_classes(indices: Sequence[int], labels: np.ndarray) -> list[int]:
    """Classes of which no sample is retained: class unlearning, where r is mostly undefined."""
    kept = np.delete(labels, np.asarray(indices, dtype=np.int64))
    return sorted(set(np.unique(labels).tolist()) - set(np.unique(kept).tolist()))


def read_indices(path: Path) -> list[int]:
    """The indices in a text file (one a line) or CSV (column `index`); SpecError names the line."""
    lines = [
        (number, line.strip())
        for number, line in enumerate(_read_lines(path), 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not lines:
        return []
    header = [name.strip().lower() for name in _cells(path, *lines[0])]
    if "index" not in header and len(header) > 1:
        raise SpecError(f"{path} has several columns but none called 'index'.")
    column, rows = (header.index("index"), lines[1:]) if "index" in header else (0, lines)
    found = []
    for number, line in rows:
        cells = _cells(path, number, line)
        cell = cells[column].strip() if column < len(cells) else ""
        if not re.fullmatch(r"[0-9]{1,15}", cell):
            raise SpecError(f"{path}, line {number}: '{cell[:40]}' is not an index (0, 1, 2, ...).")
        found.append(int(cell))
    return found


def _read_lines(path: Path) -> list[str]:
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode) and not path.is_dir():
            raise SpecError(f"{path} is no file but a pipe or a device. Name a file of indices.")
        if facts.st_size > MAX_INDEX_FILE:
            raise SpecError(f"{path} is larger than any list of indices should be (64 MiB).")
        return path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise SpecError(f"Cannot read the index file {path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise SpecError(f"{path} is not a text file. Write one index a line, or a CSV.") from error
    except ValueError as error:  # a null character in the path
        raise SpecError(f"Cannot read the index file {str(path)!r}: {error}.") from error


def _cells(path: Path, number: int, line: str) -> list[str]:
    try:
        return next(csv.reader([line]))
    except csv.Error as error:
        raise SpecError(f"{path}, line {number} is no line of a CSV: {error}.") from error


def _has_share(rest: str, classes: Sequence[str]) -> bool:
    return ":" in rest and rest not in classes


def _class_number(name: str, classes: Sequence[str]) -> int:
    if name in classes:
        return list(classes).index(name)
    if re.fullmatch(r"\d{1,9}", name) and int(name) < len(classes):
        return int(name)
    raise unknown("class", name, [*classes, *map(str, range(len(classes)))])


def _draw(pool: np.ndarray, share: str, text: str, rng: np.random.Generator) -> np.ndarray:
    try:
        if share.endswith("%"):
            fraction: float | None = float(share[:-1]) / 100
        else:
            fraction = None if re.fullmatch(r"\d+", share) else float(share)
        count = int(share) if fraction is None else 0
    except ValueError:
        raise SpecError(f"'{text}': '{share}' is neither a count nor a share (0.5, 50%).") from None
    if fraction is not None:
        if not 0 < fraction <= 1:
            raise SpecError(f"'{text}': a share lies above 0 and at most at 1 (100 %).")
        count = max(1, round(fraction * len(pool)))
    if not 1 <= count <= len(pool):
        raise SpecError(f"'{text}' asks for {count} samples, but there are 1 to {len(pool)}.")
    return np.sort(rng.choice(pool, count, replace=False))
