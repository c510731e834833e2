"""One joint embedding of the features of several models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

RETAIN, FORGET, PERTURBED, TEST = 0, 1, 2, 3  # kinds of points in an embedding


@dataclass(frozen=True, eq=False)
class Embedding:
    """One joint UMAP of the penultimate features of several models: the same m points in each.

    xy: model -> (m, 2) float32 positions, to be compared point by point; sample (m,): number of
    the sample, test samples after training samples (of a perturbed point: the sample it was made
    from); kind (m,): RETAIN, FORGET, PERTURBED or TEST; label (m,): class; tau (m,): perturbation
    norm, 0 for what is not perturbed; predicted: model -> (m,) class; loss: model -> (m,) nats.
    """

    xy: Mapping[str, np.ndarray]
    sample: np.ndarray
    kind: np.ndarray
    label: np.ndarray
    tau: np.ndarray
    predicted: Mapping[str, np.ndarray]
    loss: Mapping[str, np.ndarray]

    @property
    def models(self) -> tuple[str, ...]:
        """The models that are laid out together."""
        return tuple(self.xy)

    def right(self, model: str) -> np.ndarray:
        """(m,) bool: which points the model gives their true class."""
        return np.asarray(self.predicted[model] == self.label)

    def trails(self) -> list[np.ndarray]:
        """Rows of each forget sample that has perturbed copies, then of its copies, tau growing."""
        copies = np.flatnonzero(self.kind == PERTURBED)
        copies = copies[np.lexsort((self.tau[copies], self.sample[copies]))]
        starts = {int(self.sample[row]): row for row in np.flatnonzero(self.kind == FORGET)}
        edges = np.flatnonzero(np.diff(self.sample[copies])) + 1
        groups = [rows for rows in np.split(copies, edges) if len(rows)]
        return [np.array([starts[int(self.sample[rows[0]])], *rows]) for rows in groups]
