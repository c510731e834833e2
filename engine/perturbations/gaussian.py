"""Gaussian noise."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from engine.perturbations.base import Noise, add, circle

if TYPE_CHECKING:
    from torch import Generator, Tensor


def draw(into: Tensor, rng: Generator) -> None:
    """Fill `into` (m, d) with standard normal noise."""
    into.normal_(generator=rng)


GAUSSIAN = add(
    Noise(
        name="gaussian",
        label="Gaussian",
        measure="standard deviation per pixel",
        help="Gaussian noise of standard deviation tau per pixel, clamped to [0, 1]. Its L2 norm "
        "is about tau √d for d pixels, not tau.",
        outline=circle(
            "circle: typical L2 norm of the noise, τ√d", lambda tau, d: tau * math.sqrt(d)
        ),
        draw=draw,
    )
)
