"""Peak memory of a large measurement, above that of the models."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import nn

from engine.bench.child import MIB, in_child, peak
from engine.bench.row import BenchRow
from engine.bench.setting import SEED, Setting, forget_set, made_images, network
from engine.models.base import Classifier
from engine.perturbations import BLOCK
from engine.residual.predictions import predict_copies
from engine.runtime.device_samples import Samples
from engine.runtime.progress import Reporter
from engine.spec import PAPER_TAUS, ProbeSpec

MODELS, DRAWS = 13, 100
GROWTH = (500, 2000)  # samples, one after the other in the same process
QUICK = (10, 20)
TINY = 4  # px; a batch holds the same number of values for any image size
BATCH = 26  # images of ResNet-18: with BLOCK draws, two of its batches
LIMIT = 1024  # MiB


def memory(setting: Setting) -> Iterator[BenchRow]:
    """2,000 tiny images x 100 draws x 11 tau x 13 tiny models, then ResNet-18 on some batches."""
    sizes = QUICK if setting.quick else GROWTH
    draws = BLOCK if setting.quick else DRAWS
    found = in_child(measure, list(sizes), draws, torch.get_num_threads())
    answers = MODELS * sizes[-1] * len(PAPER_TAUS) * draws / MIB
    steps = ", ".join(f"{n:,}: {mib:.0f}" for n, mib in zip(sizes, found["peaks"], strict=True))
    yield BenchRow(
        f"peak memory, {sizes[-1]:,} x {draws} draws x 11 tau x 13 models", "<= 1 GiB",
        f"{found['peaks'][-1]:.0f} MiB above the models, {answers:.0f} for predictions ({steps})",
        found["peaks"][-1] <= LIMIT, found,
    )  # fmt: skip
    yield BenchRow("  and a batch of ResNet-18 on 32x32", "", f"{found['resnet18']:.0f} MiB", None)


def measure(sizes: list[int], draws: int, threads: int) -> dict[str, object]:
    """MiB above the memory with the models loaded: after each size, and with ResNet-18."""
    torch.set_num_threads(threads)
    samples, larger = _samples(max(sizes), TINY), _samples(BATCH, 32)
    models = {str(number): _tiny() for number in range(MODELS)}
    large = {"resnet18": network("resnet18", larger)}
    probe = ProbeSpec(taus=PAPER_TAUS, seed=SEED)
    blocks = range(draws // BLOCK)
    before, peaks = peak(), []
    for n in sizes:
        x_n, y_n, numbers = forget_set(samples, n)
        predict_copies(models, x_n, y_n, numbers, probe, blocks, 10, Reporter())
        peaks.append(peak() - before)
    x_n, y_n, numbers = forget_set(larger, BATCH)
    few = replace(probe, taus=probe.taus[-1:])
    predict_copies(large, x_n, y_n, numbers, few, range(1), 10, Reporter())
    return {"peaks": peaks, "resnet18": peak() - before}


def _samples(n: int, side: int) -> Samples:
    x, y = made_images(n, side, 10)
    return Samples.on(torch.device("cpu"), x, y, 10)


def _tiny() -> Classifier:
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * TINY**2, 10))
    return Classifier(net, "1", [0.5] * 3, [0.25] * 3, image=True).eval()
