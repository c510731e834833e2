"""Lists of samples as people write them: '3, 17, 40-50' on screen, one index a row in a file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

import numpy as np

from engine.errors import SpecError
from engine.neutral import neutral


def parse_indices(text: str, count: int) -> tuple[int, ...]:
    """The distinct indices that `text` lists, in its order: '3, 17, 40-50'.

    count: how many samples there are. SpecError names the first part that is none of them.
    """
    closed = re.sub(r"\s*[-\u2013]\s*", "-", text.strip())
    found: dict[int, None] = {}
    for part in re.split(r"[,;\s]+", closed.strip(",; ")):
        found.update(dict.fromkeys(_range(part, count)))
    return tuple(found)


def index_table(indices: Sequence[int], labels: np.ndarray, classes: Sequence[str]) -> str:
    """A CSV with the columns index, label and class, which `forget.read_indices` reads back.

    labels: (n,) class numbers of the training set; classes: their names.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["index", "label", "class"])
    names = [neutral(name) for name in classes]
    writer.writerows([i, int(labels[i]), names[int(labels[i])]] for i in indices)
    return out.getvalue()


def _range(part: str, count: int) -> range:
    read = re.fullmatch(r"(\d{1,15})(?:-(\d{1,15}))?", part)
    first, last = (int(read[1]), int(read[2] or read[1])) if read else (0, -1)
    if not first <= last < count:
        raise SpecError(f"There is no sample '{part[:40]}': indices are 0 to {count - 1:,}.")
    return range(first, last + 1)
