"""The paper's full size, for a GPU: CIFAR-10, ResNet-18, 13 models, 2,000 forget samples."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from engine.bench import draws
from engine.bench.draws import DRAWS, Work
from engine.bench.row import BenchRow
from engine.bench.setting import SEED, Setting, accuracy, made_images, network
from engine.bench.timing import spent, spent_plainly
from engine.datasets import base as datasets
from engine.models.base import Classifier
from engine.perturbations import BLOCK
from engine.residual.copy_counts import blocks_of
from engine.runtime.device_samples import Samples
from engine.runtime.progress import Reporter
from engine.runtime.seeds import borrowed_global_seed, derive, numpy_generator
from engine.spec import PAPER_TAUS, DataSpec, ModelSpec, TrainSpec
from engine.study.compose import settled
from engine.training.sgd import train_from_scratch

IMAGES, FORGOTTEN, TUNED = 40_000, 2_000, 9
SPEC = TrainSpec(epochs=137, lr=0.05, augment="crop-flip", precision="auto")
ROLES = ("original", "retrain-0", "retrain-1", "retrain-2")
SECONDS, ACCURACY = (600, 100), 93.0  # of training and of measuring at most; in percent at least
QUICK = {"images": 256, "forgotten": 10, "epochs": 1}
CHECKED = 100  # samples on which decisions are compared with float32's


@dataclass(frozen=True)
class Trained:
    """The models by role, the training seconds of each, their data and settings."""

    models: Mapping[str, Classifier]
    seconds: Mapping[str, float]
    samples: Samples
    test: Samples
    spec: TrainSpec


def training(setting: Setting) -> Iterator[BenchRow]:
    """Original and three Re-trains, ResNet-18."""
    made = trained(setting)
    whole, n = sum(made.seconds.values()), len(made.samples)
    rate = n * made.spec.epochs / made.seconds["original"]
    real = not setting.quick
    yield BenchRow(
        f"Original + 3 Re-trains, {made.spec.epochs} epochs of {n:,} images",
        f"<= {SECONDS[0]} s",
        f"{whole:,.0f} s ({made.spec.precision}, Original at {rate:,.0f} images/s)",
        whole <= SECONDS[0] if real else None,
        {"seconds": dict(made.seconds), "images_per_s": rate},
    )
    right = {name: accuracy(model, made.test) for name, model in made.models.items()}
    yield BenchRow(
        "  test accuracy", f">= {ACCURACY:g} %", ", ".join(f"{one:.2f}" for one in right.values()),
        min(right.values()) >= ACCURACY if real else None, {"accuracies": right},
    )  # fmt: skip


def residual(setting: Setting) -> Iterator[BenchRow]:
    """Residual knowledge of 13 models on 2,000 samples, 11 tau, c = 100."""
    made = trained(setting)
    models = {**made.models, **_tuned(made)}
    rows = _forgotten(setting, made.samples)
    probe = replace(draws.probe_of(setting, "resnet18", PAPER_TAUS), draws=DRAWS)
    blocks = 1 if setting.quick else blocks_of(DRAWS)
    work = Work(
        "resnet18", models, made.samples.pixels(rows), made.samples.y[rows],
        made.samples.n_classes, probe, 1, len(rows), blocks,
    )  # fmt: skip
    if setting.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(setting.device)
    ours = spent(lambda: draws.ours(work), setting.device).wall
    real = not setting.quick
    yield BenchRow(
        f"residual knowledge, ResNet-18, {len(models)} models, {len(rows):,} samples, 11 tau",
        f"<= {SECONDS[1]} s", f"{ours:.1f} s for {blocks * BLOCK} draws{_peak(setting)}",
        ours <= SECONDS[1] if real else None, {"seconds": ours},
    )  # fmt: skip
    with borrowed_global_seed(SEED, "bench"):
        each = [
            spent_plainly(
                lambda: draws.plain(models, work.x, work.y, probe.taus, 1), setting.device
            ).wall
            for _ in range(1 if setting.quick else 2)
        ]
    times = min(each) * blocks * BLOCK / ours
    yield BenchRow(
        "  against the plain way", ">= 3x", f"{times:.1f}x (plain {min(each):.1f} s a draw)",
        times >= 3 if real else None, {"ratio": times, "plain_s": each},
    )  # fmt: skip
    yield from draws.compared(replace(work, few=min(CHECKED, len(rows)), blocks=1))
    yield draws.rate(setting, replace(work, blocks=1))


@functools.lru_cache(maxsize=1)
def trained(setting: Setting) -> Trained:
    """Original and Re-trains, trained as in a study, with their times."""
    samples, test = _data(setting)
    epochs = QUICK["epochs"] if setting.quick else SPEC.epochs
    spec = settled(replace(SPEC, epochs=epochs), ModelSpec("resnet18"), setting.device.type)
    kept = torch.ones(len(samples), dtype=torch.bool, device=samples.device)
    kept[_forgotten(setting, samples)] = False
    everything = torch.arange(len(samples), device=samples.device)
    models, seconds = {}, {}
    for role in ROLES:
        models[role] = network("resnet18", samples, role)
        rows = everything if role == "original" else everything[kept]
        seconds[role] = spent(
            functools.partial(
                train_from_scratch, models[role], samples, rows, spec,
                seed=derive(SEED, role), report=Reporter(),
            ),
            setting.device,
        ).wall  # fmt: skip
    return Trained(models, seconds, samples, test, spec)


def _tuned(made: Trained) -> dict[str, Classifier]:
    """The Original after one more epoch, nine times in different orders: stand-ins for methods."""
    found = {}
    rows = torch.arange(len(made.samples), device=made.samples.device)
    for number in range(TUNED):
        model = network("resnet18", made.samples)
        model.load_state_dict(made.models["original"].state_dict())
        spec = replace(made.spec, epochs=1, lr=0.01)
        seed = derive(SEED, "tuned", number)
        train_from_scratch(model, made.samples, rows, spec, seed=seed, report=Reporter())
        found[f"tuned-{number}"] = model
    return found


def _data(setting: Setting) -> tuple[Samples, Samples]:
    """(training, test) images: CIFAR-10's if there is a root, else synthetic ones."""
    n = QUICK["images"] if setting.quick else IMAGES
    if not setting.root:
        x, y = made_images(n + n // 4, 32, 10)
        parts = ((x[:n], y[:n]), (x[n:], y[n:]))
    else:
        found = datasets.load(DataSpec("cifar10", setting.root, SEED))
        rows = numpy_generator(SEED, "bench").permutation(len(found.train_y))[:n]
        few = slice(n // 4 if setting.quick else None)
        parts = ((found.train_x[rows], found.train_y[rows]), (found.test_x[few], found.test_y[few]))
    train, test = (Samples.on(setting.device, np.ascontiguousarray(x), y, 10) for x, y in parts)
    return train, test


def _forgotten(setting: Setting, samples: Samples) -> Tensor:
    """Rows of the forget set: up to 2,000 of the first class."""
    most = QUICK["forgotten"] if setting.quick else FORGOTTEN
    return (samples.y == 0).nonzero()[:most, 0]


def _peak(setting: Setting) -> str:
    if setting.device.type != "cuda":
        return ""
    return f", {torch.cuda.max_memory_allocated(setting.device) / 2**30:.1f} GiB of GPU memory"
