"""Classes of samples, from labels as a file has them."""

from __future__ import annotations

import re

import numpy as np

from engine.errors import DataError

WHOLE = re.compile(r"[+-]?\d{1,15}")


def class_numbers(source: str, labels: np.ndarray, most: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """(n,) int64 class numbers and the names of the classes, in order of number or alphabet.

    labels: (n,) integers or texts; most: the largest number of classes. DataError for more.
    """
    values, numbers = np.unique(labels, return_inverse=True)
    if len(values) > most:
        raise DataError(
            f"The labels of {source} have {len(values):,} different values; at most {most:,} "
            "classes are supported. If they are measurements, divide them into classes first."
        )
    names = [str(value) for value in values.tolist()]
    if labels.dtype.kind == "U" and all(map(WHOLE.fullmatch, names)):  # '10' comes after '9'
        order = sorted(range(len(names)), key=lambda place: (int(names[place]), names[place]))
        places = np.empty(len(order), np.int64)
        places[order] = np.arange(len(order))
        numbers, names = places[numbers], [names[place] for place in order]
    return numbers.astype(np.int64), tuple(names)
