"""A slice of the decision regions: every model's predictions on a plane through one sample.

The plane is spanned by two orthonormal directions of input space. The first is random, an FGSM
step (Goodfellow et al., 2015) against one model, or points to the nearest sample of another class
or to a chosen one; the second is random. Distances on the plane are L2 distances in the pixel
range [0, 1].
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from engine.errors import SpecError, unknown
from engine.perturbations import named
from engine.residual.neighborhood import predict_with_confidence
from engine.results import DIRECTIONS, Slice
from engine.runtime.device_samples import Sample, Samples
from engine.runtime.progress import Reporter
from engine.runtime.seeds import generator

BATCH, BATCH_VALUES = 128, 4_000_000  # points, and input values, per forward pass at most
SEARCH_VALUES = 20_000_000  # input values compared at a time in the search for the nearest sample
BALL_FACTOR, DISTANCE_FACTOR = (
    1.5,
    1.2,
)  # half-width of the plane relative to the ball's radius and to `distance`
SMALLEST_REACH = 0.05  # half-width per root of input values where tau is 0


@dataclass(frozen=True, eq=False)
class Plane:
    """The plane through x along two orthonormal directions of the same shape as x.

    other, distance: the sample that `first` points to, -1 without one, and its L2 distance from x.
    """

    x: Tensor
    first: Tensor
    second: Tensor
    other: int = -1
    distance: float = 0.0

    def points(self, along: Tensor, up: Tensor) -> Tensor:
        """(n, *shape) pixels at the coordinates along, up (n,), clamped to [0, 1] like copies."""
        shape = (-1, *[1] * self.x.ndim)
        points = self.x + along.reshape(shape) * self.first + up.reshape(shape) * self.second
        return points.clamp(0, 1)


def plane_through(
    samples: Samples,
    sample: Sample,
    directions: str,
    seed: int,
    against: nn.Module,
    towards: Sample | None = None,
) -> Plane:
    """The plane through a sample along a pair of `directions`, one of results.DIRECTIONS.

    samples: candidates for the nearest sample; against: the attacked model; towards: the chosen
    sample. SpecError if the pair is unknown or undefined: fewer than two input values, zero
    gradient, a single class, or a chosen sample equal to this one.
    """
    if directions not in DIRECTIONS:
        raise unknown("pair of directions", directions, DIRECTIONS)
    x = sample.x
    if x.numel() < 2:
        raise SpecError("A plane needs samples of at least two input values.")
    first = _random(x, seed, sample.index, "first")
    second = _random(x, seed, sample.index, "second")
    other, distance = -1, 0.0
    if directions == "attack":
        first = attack_direction(against, x, sample.y)
    elif directions == "sample":
        other, distance = nearest_other(samples, sample)
        first = samples.one(other).x - x
    elif directions == "chosen":
        other, first = towards_chosen(sample, towards)
        distance = float(first.norm())
    return Plane(x, *orthonormal(first, second), other, distance)


def orthonormal(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """The two directions, orthonormalized (Gram-Schmidt, starting with the first)."""
    unit, rest = first.cpu().double(), second.cpu().double()  # not every device supports float64
    unit = unit / unit.norm()
    rest = rest - (rest * unit).sum() * unit
    return unit.to(first), (rest / rest.norm()).to(first)


def attack_direction(model: nn.Module, x: Tensor, y: int) -> Tensor:
    """The sign of the gradient of the model's loss at x (*shape): the direction of FGSM.

    SpecError where the gradient is zero, as it is where the model's confidence saturates.
    """
    with torch.enable_grad():
        leaf = x[None].detach().clone().requires_grad_(True)
        label = torch.tensor([y], device=x.device)
        loss = nn.functional.cross_entropy(model(leaf), label)
        (gradient,) = torch.autograd.grad(loss, leaf)
    direction = gradient[0].sign()
    if not bool(direction.any()):
        raise SpecError(
            "The gradient of the loss is zero at this sample, so that an attack has no direction. "
            "Choose other directions, or another sample."
        )
    return direction


def towards_chosen(sample: Sample, towards: Sample | None) -> tuple[int, Tensor]:
    """(index, difference (*shape)) of the chosen sample; SpecError without one that differs."""
    if towards is None or bool((towards.x == sample.x).all()):
        raise SpecError("Choose another sample as the direction: one that differs from this one.")
    return towards.index, towards.x - sample.x


def nearest_other(samples: Samples, sample: Sample) -> tuple[int, float]:
    """(index, L2 distance) of the nearest sample of another class; SpecError if there is none.

    Samples that equal this one but have another label are skipped.
    """
    x = sample.x[None].flatten(1)
    rows = max(1, SEARCH_VALUES // x.shape[1])
    parts = [
        (samples.pixels(slice(start, start + rows)).flatten(1) - x).norm(dim=1)
        for start in range(0, len(samples), rows)
    ]
    distances = torch.cat(parts)  # not cdist, whose products do not give exactly 0 for equal ones
    distances[(samples.y == sample.y) | (distances == 0)] = math.inf
    nearest = int(distances.argmin())
    distance = float(distances[nearest])
    if not math.isfinite(distance):
        raise SpecError("There is no sample of another class to serve as the direction.")
    return nearest, distance


def ball_outline(perturbation: str, tau: float, first: Tensor, second: Tensor) -> np.ndarray:
    """(k, 2) outline of the tau ball on the plane of two orthonormal directions.

    (0, 2) if the perturbation has none. SpecError if the perturbation is unknown or tau out of
    range.
    """
    kind = named(perturbation)
    kind.check([tau])
    outline = kind.outline
    return np.zeros((0, 2)) if outline is None else outline.of(tau, first, second)


def steps_within(reach: float, size: int) -> np.ndarray:
    """(size,) coordinates from -reach to reach, exactly 0 in the middle; SpecError if even."""
    if size < 3 or size % 2 == 0:
        raise SpecError(
            f"A slice needs an odd number of points per side, at least 3, but {size} was given."
        )
    half = size // 2
    return reach * np.arange(-half, half + 1) / half


def regions(
    models: Mapping[str, nn.Module], plane: Plane, steps: np.ndarray, label: int, report: Reporter
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """(predictions, confidence): model -> (g, g) class, and (g, g) probability of `label`.

    Row i, column j is the point steps[j] along the first direction and steps[i] along the second.
    """
    side, shape = torch.from_numpy(steps).float().to(plane.x), (len(steps), len(steps))
    up, along = torch.meshgrid(side, side, indexing="ij")
    batch = max(1, min(BATCH, BATCH_VALUES // plane.x.numel()))
    predictions: dict[str, list[np.ndarray]] = {name: [] for name in models}
    confidence: dict[str, list[np.ndarray]] = {name: [] for name in models}
    for part in torch.arange(along.numel(), device=along.device).split(batch):
        points = plane.points(along.flatten()[part], up.flatten()[part])
        for name, model in models.items():
            report.check()
            classes, probabilities = predict_with_confidence({name: model}, points, label)
            predictions[name].append(classes[name].astype(np.uint16))
            confidence[name].append(probabilities[name])
    return (
        {name: np.concatenate(parts).reshape(shape) for name, parts in predictions.items()},
        {name: np.concatenate(parts).reshape(shape) for name, parts in confidence.items()},
    )


def slice_through(
    models: Mapping[str, nn.Module],
    samples: Samples,
    sample: Sample,
    directions: str,
    *,
    against: str,
    perturbation: str,
    tau: float,
    size: int,
    seed: int,
    report: Reporter,
    towards: Sample | None = None,
) -> Slice:
    """The slice through a sample with `size` points per side; deterministic except for `seconds`.

    against: name of the attacked model; towards: the chosen sample, where directions is 'chosen'.
    SpecError as in `plane_through` and `steps_within`; Cancelled through `report`.
    """
    started = time.monotonic()
    plane = plane_through(samples, sample, directions, seed, models[against], towards)
    ball = ball_outline(perturbation, tau, plane.first, plane.second)
    least = SMALLEST_REACH * math.sqrt(plane.x.numel())
    reach = BALL_FACTOR * float(np.linalg.norm(ball, axis=1).max(initial=0)) or least
    steps = steps_within(max(reach, DISTANCE_FACTOR * plane.distance), size)
    predictions, confidence = regions(models, plane, steps, sample.y, report)
    return Slice(
        sample=sample.index,
        label=sample.y,
        directions=directions,
        against=against if directions == "attack" else "",
        other=plane.other,
        distance=plane.distance,
        perturbation=perturbation,
        tau=tau,
        steps=steps,
        ball=ball,
        predictions=predictions,
        confidence=confidence,
        seconds=time.monotonic() - started,
    )


def _random(x: Tensor, seed: int, sample: int, which: str) -> Tensor:
    """A standard normal direction of the shape of x, drawn on the CPU: the same on every device."""
    rng = generator(seed, "slice", sample, which)
    return torch.randn(x.shape, generator=rng).to(x)
