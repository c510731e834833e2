"""Uniform noise in the L2 ball."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.perturbations.base import Noise, add, circle

if TYPE_CHECKING:
    from torch import Generator, Tensor


def draw(into: Tensor, rng: Generator) -> None:
    """Fill `into` (m, d) with points uniform in the unit ball."""
    import torch

    into.normal_(generator=rng)
    radius = torch.rand(len(into), 1, generator=rng, device=into.device) ** (1 / into.shape[1])
    into *= radius / into.norm(dim=1, keepdim=True).clamp_min(1e-12)


L2 = add(
    Noise(
        name="l2",
        label="L2 ball",
        measure="L2 radius",
        help="Noise uniform in the L2 ball of radius tau; copies are clamped to [0, 1].",
        outline=circle("circle: the L2 ball of radius τ", lambda tau, d: tau),
        draw=draw,
    )
)
