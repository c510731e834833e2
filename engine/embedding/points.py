"""The points of an embedding: retain, forget and test samples, and trails of perturbed copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.datasets.base import Dataset
from engine.results import FORGET, PERTURBED, RETAIN, TEST, Embedding
from engine.runtime.seeds import numpy_generator
from engine.spec import RunSpec

MOST = {RETAIN: 1500, FORGET: 500, TEST: 500}  # samples of each kind, classes in proportion
TRAILS = 100  # forget samples shown with perturbed copies
STEPS = 5  # copies per trail, evenly spaced over the grid of tau
LIMITS = (*MOST.values(), TRAILS, STEPS)  # part of the key of an embedding


@dataclass(frozen=True, eq=False)
class PointSet:
    """The points shown, all arrays (m,): index of the sample, kind, class, and tau of a copy.

    Indices count training samples first, then test samples; tau is 0 for unperturbed samples.
    Copies come last, those of one sample together, with increasing tau.
    """

    sample: np.ndarray
    kind: np.ndarray
    label: np.ndarray
    tau: np.ndarray

    @property
    def anchors(self) -> np.ndarray:
        """(m,) bool: the retain samples, which are used to compare models."""
        return np.asarray(self.kind == RETAIN)


@dataclass(frozen=True, eq=False)
class PointOutputs:
    """Outputs of one model for the m points: features (m, width), class (m,), loss (m,) in nats."""

    features: np.ndarray
    predicted: np.ndarray
    loss: np.ndarray


def select_points(spec: RunSpec, dataset: Dataset) -> PointSet:
    """Select the points shown for a study, the same for all of its models."""
    n, labels = len(dataset.train_y), dataset.labels
    rng = numpy_generator(spec.seed, "embedding")
    pools = {
        RETAIN: dataset.retained(spec.forget),
        FORGET: np.array(spec.forget),
        TEST: np.arange(n, len(dataset)),
    }
    chosen = {
        kind: stratified_sample(pool, MOST[kind], labels, rng) for kind, pool in pools.items()
    }
    trailed = stratified_sample(chosen[FORGET], TRAILS, labels, rng)
    taus = trail(spec.probe.taus)
    chosen[PERTURBED] = np.repeat(trailed, len(taus))
    sample = np.concatenate(list(chosen.values()))
    kind = np.concatenate([np.full(len(own), kind, np.uint8) for kind, own in chosen.items()])
    tau = np.zeros(len(sample))
    tau[kind == PERTURBED] = np.tile(taus, len(trailed))
    return PointSet(sample, kind, labels[sample], tau)


def trail(taus: Sequence[float]) -> list[float]:
    """At most `STEPS` nonzero norms of a grid, evenly spaced, including the last."""
    nonzero = [tau for tau in taus if tau > 0]
    places = np.linspace(0, len(nonzero), min(STEPS, len(nonzero)) + 1)[1:] - 1
    return [nonzero[round(place)] for place in places]


def packed_arrays(
    points: PointSet, views: Mapping[str, PointOutputs], positions: Sequence[np.ndarray]
) -> dict[str, np.ndarray]:
    """The arrays of an embedding as they are stored."""
    arrays = {
        "sample": points.sample,
        "kind": points.kind,
        "label": points.label,
        "tau": points.tau,
    }
    for (name, view), xy in zip(views.items(), positions, strict=True):
        arrays[f"xy/{name}"] = xy
        arrays[f"predicted/{name}"] = view.predicted
        arrays[f"loss/{name}"] = view.loss
    return arrays


def unpacked_embedding(arrays: Mapping[str, np.ndarray], models: Sequence[str]) -> Embedding:
    """The embedding of these models from its stored arrays."""
    return Embedding(
        xy={name: arrays[f"xy/{name}"] for name in models},
        sample=arrays["sample"],
        kind=arrays["kind"],
        label=arrays["label"],
        tau=arrays["tau"],
        predicted={name: arrays[f"predicted/{name}"] for name in models},
        loss={name: arrays[f"loss/{name}"] for name in models},
    )


def stratified_sample(
    pool: np.ndarray, most: int, labels: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """About `most` of the samples in `pool`, stratified by class, sorted."""
    if len(pool) <= most:
        return pool
    chosen = []
    for label in np.unique(labels[pool]):
        members = pool[labels[pool] == label]
        share = max(1, round(most * len(members) / len(pool)))
        chosen.append(rng.choice(members, min(share, len(members)), replace=False))
    return np.sort(np.concatenate(chosen))
