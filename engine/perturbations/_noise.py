"""Unit noise, drawn on the CPU and independent of what else is measured."""

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

    samples: training-set indices, so that a sample has the same noise in any forget set. Noise is
    always drawn on the CPU, so that measurements made on a GPU can be inspected without one.
    """
    threads = 1 if device.type == "cpu" else DRAWING  # a GPU would have to wait for a single thread
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
    """(n, BLOCK, d) noise of these samples, independent of the number of threads."""
    noise = torch.empty(len(samples), BLOCK, d)
    inference = torch.is_inference_mode_enabled()

    def fill(part: slice) -> None:
        rng = torch.Generator()  # reseeded for each sample, which is cheaper than a new one
        with torch.inference_mode(inference):
            for target, sample in zip(noise[part], samples[part], strict=True):
                rng.manual_seed(derive(seed, "noise", name, sample, block))
                draw(target, rng)

    if threads == 1:
        fill(slice(None))
        return noise
    each = max(1, math.ceil(len(samples) / threads))
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(fill, [slice(i, i + each) for i in range(0, len(samples), each)]))
    return noise
