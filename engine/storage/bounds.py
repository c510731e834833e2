"""Bounds of the sample and class numbers in a stored result, given by its dataset.

A record may come from an untrusted file, and its class and sample numbers are used as indices into
the dataset.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.errors import StoreError

Arrays = Mapping[str, np.ndarray]
Names = Mapping[str, Sequence[str]]  # kind of record -> arrays, or groups of them ('group/')

CLASSES: Names = {
    "studies": ("predictions/",),
    "counts": ("predictions",),
    "epochs": ("predictions",),
    "neighborhoods": ("predictions/",),
    "slices": ("predictions/",),
    "embeddings": ("label", "predicted/"),
}
TRAINING: Names = {
    "studies": ("samples", "forget"),
    "counts": ("samples",),
    "epochs": ("samples",),
    "recognitions": ("samples",),
    "similarities": ("samples",),
}
SAMPLES: Names = {"embeddings": ("sample",)}
FACTS: Mapping[str, Mapping[str, tuple[int, str]]] = {  # attribute -> lowest value, field of World
    "neighborhoods": {"sample": (0, "samples")},
    "slices": {"sample": (0, "samples"), "other": (-1, "samples"), "label": (0, "classes")},
}


@dataclass(frozen=True)
class DatasetBounds:
    """Numbers of training samples, of all samples and of classes of a dataset."""

    training: int
    samples: int
    classes: int

    def check(self, kind: str, attributes: Mapping[str, Any], arrays: Arrays) -> None:
        """StoreError if a record of this kind refers to a class or sample out of range."""
        for name in _named(CLASSES, kind, arrays):
            _check_range(name, _predictions(name, arrays), self.classes, "classes")
        for name in _named(TRAINING, kind, arrays):
            _check_range(name, arrays[name], self.training, "training samples")
        for name in _named(SAMPLES, kind, arrays):
            _check_range(name, arrays[name], self.samples, "samples")
        for name, (low, of) in FACTS.get(kind, {}).items():
            _check_range(name, np.asarray(attributes[name]), getattr(self, of), of, low)


def _named(names: Names, kind: str, arrays: Arrays) -> Iterator[str]:
    """The arrays of a record that `names` selects."""
    for name in names.get(kind, ()):
        exact = [name] if name in arrays else []
        yield from exact or [
            array for array in arrays if name[-1] == "/" and array.startswith(name)
        ]


def _predictions(name: str, arrays: Arrays) -> np.ndarray:
    """The predictions in an array, without the padding after each cell's last draw."""
    values, drawn = arrays[name], arrays.get("drawn")
    if drawn is None:
        return values
    predictions: np.ndarray = values[np.arange(values.shape[-1]) < drawn[..., None]]
    return predictions


def _check_range(name: str, values: np.ndarray, count: int, of: str, low: int = 0) -> None:
    if values.dtype.kind not in "iu":
        raise StoreError(f"its '{name[:80]}' is not an integer")
    wrong = values[(values < low) | (values >= count)]
    if wrong.size:
        raise StoreError(
            f"its '{name[:80]}' refers to number {wrong.flat[0]}, but its dataset has "
            f"{count:,} {of}"
        )
