"""Unit noise: drawn on the processor, the same whatever is measured beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

from engine.perturbations._inputs import BLOCK, Draw
from engine.runtime.seeds import derive

DRAWING = 8  # threads that draw noise for another device


def unit_noise(
    name: str,
    draw: Draw,
    samples: Sequence[int],
    shape: Sequence[int],
    seed: int,
    block: int,
    device: torch.device,
) -> Tensor:
    """Noise for tau = 1, (n, BLOCK, *shape): draws `block*BLOCK ...` of each sample.

    samples: training-set indices, so that a sample keeps its noise in any forget set. It is drawn
    on the processor wherever it is used: what a GPU measured can be looked at without one.
    """
    threads = 1 if device.type == "cpu" else DRAWING  # another device would wait for one
    noise = drawn(name, draw, samples, math.prod(shape), seed, block, threads)
    return noise.to(device).reshape(len(samples), BLOCK, *shape)


def drawn(
    name: str,
    draw: Draw,
    samples: Sequence[int],
    d: int,
    seed: int,
    block: int,
    threads: int,
) -> Tensor:
    """(n, BLOCK, d) noise of these samples, the same however many threads draw it."""
    noise = torch.empty(len(samples), BLOCK, d)
    inference = torch.is_inference_mode_enabled()

    def fill(part: slice) -> None:
        rng = torch.Generator()  # seeded anew for each: making one costs more than that
        with torch.inference_mode(inference):
            for into, sample in zip(noise[part], samples[part], strict=True):
                rng.manual_seed(derive(seed, "noise", name, sample, block))
                draw(into, rng)

    if threads == 1:
        fill(slice(None))
        return noise
    each = max(1, math.ceil(len(samples) / threads))
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(fill, [slice(i, i + each) for i in range(0, len(samples), each)]))
    return noise
