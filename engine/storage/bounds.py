"""The samples and classes that a stored result may speak of: those of its dataset.

A record may have come from a stranger; whoever draws one looks its class numbers and sample numbers
up in the dataset.
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
FACTS: Mapping[str, Mapping[str, tuple[int, str]]] = {  # attribute -> lowest, of which number
    "neighborhoods": {"sample": (0, "samples")},
    "slices": {"sample": (0, "samples"), "other": (-1, "samples"), "label": (0, "classes")},
}


@dataclass(frozen=True)
class World:
    """How many training samples a dataset has, samples in all, and classes."""

    training: int
    samples: int
    classes: int

    def check(self, kind: str, attributes: Mapping[str, Any], arrays: Arrays) -> None:
        """StoreError where a record of this kind speaks of a class or a sample there is not."""
        for name in _named(CLASSES, kind, arrays):
            _within(name, _meant(name, arrays), self.classes, "classes")
        for name in _named(TRAINING, kind, arrays):
            _within(name, arrays[name], self.training, "training samples")
        for name in _named(SAMPLES, kind, arrays):
            _within(name, arrays[name], self.samples, "samples")
        for name, (low, of) in FACTS.get(kind, {}).items():
            _within(name, np.asarray(attributes[name]), getattr(self, of), of, low)


def _named(names: Names, kind: str, arrays: Arrays) -> Iterator[str]:
    """The arrays of a record that `names` means."""
    for name in names.get(kind, ()):
        whole = [name] if name in arrays else []
        yield from whole or [one for one in arrays if name[-1] == "/" and one.startswith(name)]


def _meant(name: str, arrays: Arrays) -> np.ndarray:
    """The answers that an array holds: what lies behind a cell's draws is no class."""
    found, drawn = arrays[name], arrays.get("drawn")
    if drawn is None:
        return found
    meant: np.ndarray = found[np.arange(found.shape[-1]) < drawn[..., None]]
    return meant


def _within(name: str, values: np.ndarray, count: int, of: str, low: int = 0) -> None:
    if values.dtype.kind not in "iu":
        raise StoreError(f"its '{name[:80]}' is no whole number")
    wrong = values[(values < low) | (values >= count)]
    if wrong.size:
        raise StoreError(
            f"its '{name[:80]}' speaks of number {wrong.flat[0]}, and its dataset has "
            f"{count:,} {of}"
        )
