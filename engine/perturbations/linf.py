"""Uniform noise in the L-infinity ball."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.perturbations.base import BOX, Noise, add

if TYPE_CHECKING:
    from torch import Generator, Tensor


def draw(into: Tensor, rng: Generator) -> None:
    """Fill `into` (m, d) with points uniform in the unit ball."""
    into.uniform_(-1, 1, generator=rng)


LINF = add(
    Noise(
        name="linf",
        label="L-inf ball",
        measure="L-infinity radius",
        help="Noise uniform in the L-infinity ball of radius tau; copies are clamped to [0, 1].",
        outline=BOX,
        draw=draw,
    )
)
