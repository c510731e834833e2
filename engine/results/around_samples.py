"""One sample under the lens: its perturbed copies, decision regions and re-recognition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engine.drawing.geometry import in_polygon
from engine.perturbations import EditedMessage

COARSE, FINE = 17, 65  # points along a side of a slice: a first look at once, then refined
DIRECTIONS = {  # pairs that span a slice of decision regions, and what people call them
    "random": "Two random directions",
    "attack": "Towards an FGSM attack",
    "sample": "Towards another class",
    "chosen": "Towards a chosen sample",
}


@dataclass(frozen=True, eq=False)
class Neighborhood:
    """One sample under the lens.

    copies: (c, *shape) float32 pixels in [0, 1] at `tau`; predictions: model -> (c,) class;
    confidence: model -> (c,) probability of the true class; counts: model -> correct answers;
    edits: (c,) the copies as messages, with the words that were changed, if they are.
    """

    sample: int
    label: int
    perturbation: str
    tau: float
    copies: np.ndarray
    predictions: Mapping[str, np.ndarray]
    confidence: Mapping[str, np.ndarray]
    counts: Mapping[str, int]
    edits: tuple[EditedMessage, ...] = ()


@dataclass(frozen=True, eq=False)
class Slice:
    """Decision regions on a plane through one training sample; lengths are L2, pixels in [0, 1].

    directions: which pair spans the plane, one of labels.DIRECTIONS; against: the model that the
    attack aims at, '' without one; other, distance: the sample that the first direction leads to
    and how far it is, -1 and 0 without one. steps (g,): coordinates along either direction, 0 in
    the middle; ball (k, 2): outline of the tau ball on the plane, k = 0 where the perturbation has
    none. predictions: model -> (g, g)
    class of row i, column j, the point steps[j] along the first and steps[i] along the second
    direction; confidence: model -> (g, g) probability of the true class; seconds: time it took.
    """

    sample: int
    label: int
    directions: str
    against: str
    other: int
    distance: float
    perturbation: str
    tau: float
    steps: np.ndarray
    ball: np.ndarray
    predictions: Mapping[str, np.ndarray]
    confidence: Mapping[str, np.ndarray]
    seconds: float

    def inside(self) -> np.ndarray:
        """(g, g) bool: which points lie in the tau ball; the sample itself always does."""
        x, y = np.meshgrid(self.steps, self.steps)
        within = in_polygon(np.stack([x.ravel(), y.ravel()], 1), self.ball).reshape(x.shape)
        return np.asarray(within | ((x == 0) & (y == 0)))

    def recognized(self) -> dict[str, float]:
        """model -> percent of the tau ball's points on this plane that get the true class.

        Of all points of the plane that are shown, where the perturbation has no ball.
        """
        inside = self.inside() if len(self.ball) else np.ones((len(self.steps),) * 2, bool)
        return {
            model: 100 * float((said[inside] == self.label).mean())
            for model, said in self.predictions.items()
        }


@dataclass(frozen=True, eq=False)
class Recognition:
    """How far each forget sample must be pushed until `model` recognizes it again.

    samples (n_f,): indices of S_f; taus (n_f,): the smallest perturbation norm at which one of
    `draws` copies is recognized, 0 where the sample itself is, NaN where none is up to `limit`.
    """

    model: str
    perturbation: str
    draws: int
    limit: float
    samples: np.ndarray
    taus: np.ndarray
