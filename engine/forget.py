"""Forget sets: from what a person writes to explicit indices into the training set."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from engine.errors import SpecError, unknown
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
    `index` of a CSV. Draws depend on `seed` alone. Raises SpecError as `check_forget` does.
    """
    kind, _, rest = text.strip().partition(":")
    rng = numpy_generator(seed, "forget", text.strip())
    if kind == "class" and rest:
        name, _, share = rest.rpartition(":") if _has_share(rest, classes) else (rest, "", "")
        members = np.flatnonzero(labels == _class_number(name, classes))
        chosen = _draw(members, share, text, rng) if share else members
    elif kind == "random" and rest:
        chosen = _draw(np.arange(len(labels)), rest, text, rng)
    elif kind == "indices" and rest:
        chosen = np.array(read_indices(Path(rest)), dtype=np.int64)
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
    try:
        if path.stat().st_size > MAX_INDEX_FILE:
            raise SpecError(f"{path} is larger than any list of indices should be (64 MiB).")
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise SpecError(f"Cannot read the index file {path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise SpecError(f"{path} is not a text file. Write one index a line, or a CSV.") from error
    header, start = ([], 0) if not lines else (next(csv.reader([lines[0]]), []), 1)
    names = [name.strip().lower() for name in header]
    column = names.index("index") if "index" in names else 0
    if "index" not in names:
        start = 0
        if len(names) > 1:
            raise SpecError(f"{path} has several columns but none called 'index'.")
    found = []
    for number, row in enumerate(csv.reader(lines[start:]), start + 1):
        if not row or row[0].lstrip().startswith("#"):
            continue
        cell = row[column].strip() if column < len(row) else ""
        if not re.fullmatch(r"\d{1,15}", cell):
            raise SpecError(f"{path}, line {number}: '{cell[:40]}' is not an index (0, 1, 2, ...).")
        found.append(int(cell))
    return found


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
