"""A slice of decision regions: the plane through one sample, and what every model calls its points.

The plane is spanned by two orthonormal directions of input space. The first is random, an FGSM
step (Goodfellow et al., 2015) against one model, or leads to the nearest sample of another class
or to a chosen one; the second is random. Distances on the plane are L2 distances in the pixel
range [0, 1].
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.errors import SpecError, unknown
from engine.perturbations import named
from engine.residual.neighborhood import views_on
from engine.results import DIRECTIONS, Slice
from engine.runtime.device_samples import Sample, Samples, as_pixels
from engine.runtime.progress import Reporter
from engine.runtime.seeds import generator

BATCH, BATCH_VALUES = 128, 4_000_000  # points of a forward, and input values of one, at most
SEARCH_VALUES = 20_000_000  # input values compared at once in the search for the nearest sample
MARGIN, BEYOND = 1.5, 1.2  # half of the plane's width over the ball's radius, and over `distance`
SMALLEST_REACH = 0.05  # per pixel: what is shown where tau is 0
PER_MODEL = ("predictions", "confidence")


@dataclass(frozen=True, eq=False)
class Plane:
    """The plane through x; x, first and second have one shape, the directions are orthonormal.

    other: the sample that `first` leads to, -1 without one, and its L2 distance from x.
    """

    x: Tensor
    first: Tensor
    second: Tensor
    other: int = -1
    distance: float = 0.0

    def points(self, along: Tensor, up: Tensor) -> Tensor:
        """(n, *shape) pixels at the coordinates along, up (n,), clamped to [0, 1] as copies are."""
        shape = (-1, *[1] * self.x.ndim)
        made = self.x + along.reshape(shape) * self.first + up.reshape(shape) * self.second
        return made.clamp(0, 1)


def plane_through(
    samples: Samples,
    sample: Sample,
    directions: str,
    seed: int,
    against: nn.Module,
    towards: Sample | None = None,
) -> Plane:
    """The plane through a sample along the pair of `directions`, one of labels.DIRECTIONS.

    `samples` are those one may look towards, `against` is the model whose loss the attack climbs,
    `towards` the sample that is chosen. SpecError where a direction is unknown or there is none:
    one input value only, a loss without slope, a single class, a chosen sample that equals this.
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
    """The two directions made orthonormal: the first keeps its own."""
    one, rest = first.cpu().double(), second.cpu().double()  # not every device has doubles
    one = one / one.norm()
    rest = rest - (rest * one).sum() * one
    return one.to(first), (rest / rest.norm()).to(first)


def attack_direction(model: nn.Module, x: Tensor, y: int) -> Tensor:
    """The sign of the gradient of the model's loss at x (*shape): the direction of FGSM.

    SpecError where the gradient is zero, as it is where a model is entirely sure.
    """
    with torch.enable_grad():
        asked = x[None].detach().clone().requires_grad_(True)
        label = torch.tensor([y], device=x.device)
        loss = nn.functional.cross_entropy(model(asked), label)
        (slope,) = torch.autograd.grad(loss, asked)
    direction = slope[0].sign()
    if not bool(direction.any()):
        raise SpecError(
            "The loss has no slope at this sample, so that an attack leads nowhere. "
            "Choose other directions, or another sample."
        )
    return direction


def towards_chosen(sample: Sample, towards: Sample | None) -> tuple[int, Tensor]:
    """(number, difference (*shape)) of the chosen sample; SpecError without a way to it."""
    if towards is None or bool((towards.x == sample.x).all()):
        raise SpecError("Name another sample to look towards: one that differs from this one.")
    return towards.index, towards.x - sample.x


def nearest_other(samples: Samples, sample: Sample) -> tuple[int, float]:
    """(index, L2 distance) of the nearest sample of another class; SpecError if there is none.

    Samples that equal this one although their label differs are passed over.
    """
    x = sample.x[None].flatten(1)
    rows = max(1, SEARCH_VALUES // x.shape[1])
    parts = [(as_pixels(part).flatten(1) - x).norm(dim=1) for part in samples.x.split(rows)]
    distances = torch.cat(parts)  # by differences: cdist's products would not be 0 for equal ones
    distances[(samples.y == sample.y) | (distances == 0)] = math.inf
    found = int(distances.argmin())
    distance = float(distances[found])
    if not math.isfinite(distance):
        raise SpecError("There is no sample of another class to look towards.")
    return found, distance


def ball_outline(perturbation: str, tau: float, first: Tensor, second: Tensor) -> np.ndarray:
    """(k, 2) outline of the tau ball on the plane of two orthonormal directions.

    (0, 2) where the perturbation has none. SpecError where there is no such perturbation, or it
    has no such tau.
    """
    kind = named(perturbation)
    kind.check([tau])
    outline = kind.outline
    return np.zeros((0, 2)) if outline is None else outline.of(tau, first, second)


def steps_within(reach: float, size: int) -> np.ndarray:
    """(size,) coordinates from -reach to reach, exactly 0 in the middle; SpecError if even."""
    if size < 3 or size % 2 == 0:
        raise SpecError(f"A slice needs an odd number of points a side, at least 3, not {size}.")
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
            said, sure = views_on({name: model}, points, label)
            predictions[name].append(said[name].astype(np.uint16))
            confidence[name].append(sure[name])
    return (
        {name: np.concatenate(parts).reshape(shape) for name, parts in predictions.items()},
        {name: np.concatenate(parts).reshape(shape) for name, parts in confidence.items()},
    )


def cut(
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
    """The slice through a sample, `size` points a side; all but `seconds` follows from the rest.

    against: the name of the model that an attack aims at; towards: the sample that is looked
    towards where it is chosen. SpecError as `plane_through` and
    `steps_within`; Cancelled through `report`.
    """
    started = time.monotonic()
    plane = plane_through(samples, sample, directions, seed, models[against], towards)
    ball = ball_outline(perturbation, tau, plane.first, plane.second)
    least = SMALLEST_REACH * math.sqrt(plane.x.numel())
    reach = MARGIN * float(np.linalg.norm(ball, axis=1).max(initial=0)) or least
    steps = steps_within(max(reach, BEYOND * plane.distance), size)
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


def packed(one: Slice) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """(arrays, attributes) of a slice, as the store keeps them."""
    facts = dict(vars(one))
    arrays = {name: facts.pop(name) for name in ("steps", "ball")}
    for kind in PER_MODEL:
        arrays |= {f"{kind}/{model}": value for model, value in facts.pop(kind).items()}
    return arrays, facts


def unpacked(
    arrays: Mapping[str, np.ndarray], attributes: Mapping[str, Any], models: Sequence[str]
) -> Slice:
    """The slice that `packed` took apart, with its models in this order."""
    parts: dict[str, Any] = {name: arrays[name] for name in ("steps", "ball")}
    for kind in PER_MODEL:
        parts[kind] = {model: arrays[f"{kind}/{model}"] for model in models}
    facts = {item.name: attributes[item.name] for item in fields(Slice) if item.name not in parts}
    return Slice(**facts, **parts)


def _random(x: Tensor, seed: int, sample: int, which: str) -> Tensor:
    """A normal direction of the shape of x, drawn on the processor: the same on every device."""
    rng = generator(seed, "slice", sample, which)
    return torch.randn(x.shape, generator=rng).to(x)
