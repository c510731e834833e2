"""The device and options of a benchmark, and reproducible data and models for it."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.datasets import base as datasets
from engine.models.base import Classifier, build
from engine.runtime.device_samples import Samples
from engine.runtime.progress import Reporter
from engine.runtime.seeds import derive, generator, numpy_generator
from engine.spec import DataSpec, ModelSpec, TrainSpec
from engine.study.compose import settled
from engine.training.sgd import train_from_scratch

SEED = 131
PATCHES = 4  # the class of a synthetic image shows in 4 x 4 patches of color
SIGNAL = 0.3  # share of a synthetic image that its class determines; the rest is noise
MODELS = ("original", "retrain-0", "retrain-1", "retrain-2", "rurk")
TUNED = ("rurk",)  # those of them that are no Re-train and not the Original


@dataclass(frozen=True)
class Setting:
    """The device, whether sizes are small, and the folder of real images ('': synthetic ones)."""

    device: torch.device
    quick: bool = False
    root: str = ""

    @property
    def rounds(self) -> int:
        """Number of timings of each way."""
        return 1 if self.quick else 3


def images(setting: Setting, n: int, side: int = 32, classes: int = 5) -> Samples:
    """n images (3, side, side): small CIFAR-5 if there is a root (32 px only), else synthetic."""
    if setting.root and side == 32:
        found = datasets.load(DataSpec("small-cifar5", setting.root, SEED))
        rows = numpy_generator(SEED, "bench").permutation(len(found.train_y))[:n]
        return Samples.on(setting.device, found.train_x[rows], found.train_y[rows], 5)
    x, y = made_images(n, side, classes)
    return Samples.on(setting.device, x, y, classes)


def made_images(n: int, side: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """(n, 3, side, side) uint8 synthetic images that a network can classify, (n,) classes."""
    rng = numpy_generator(SEED, "bench", "images")
    patches = rng.random((classes, 3, PATCHES, PATCHES))
    y = rng.integers(0, classes, n)
    shown = np.kron(patches[y], np.ones((side // PATCHES, side // PATCHES)))
    x = SIGNAL * shown + (1 - SIGNAL) * rng.random((n, 3, side, side))
    return (255 * x).astype(np.uint8), y.astype(np.int64)


def digits(setting: Setting) -> Samples:
    """The training set of the built-in digits."""
    found = datasets.load(DataSpec("digits"))
    return Samples.on(setting.device, found.train_x, found.train_y, len(found.classes))


def network(name: str, samples: Samples, salt: str = "") -> Classifier:
    """A fresh network for these samples, on their device."""
    shape = tuple(samples.x.shape[1:])
    half = ([0.5] * shape[0], [0.25] * shape[0])
    made = build(name, shape, samples.n_classes, half, generator(SEED, "bench", name, salt))
    return made.to(samples.device)


def trained(name: str, samples: Samples, spec: TrainSpec) -> Mapping[str, Classifier]:
    """Five separately trained networks, in the roles of `MODELS`."""
    rows = torch.arange(len(samples), device=samples.device)
    spec = settled(spec, ModelSpec(name), samples.device.type)
    models = {}
    for role in MODELS:
        models[role] = network(name, samples, role)
        train_from_scratch(
            models[role], samples, rows, spec, seed=derive(SEED, role), report=Reporter()
        )
    return models


@functools.lru_cache(maxsize=1)
def resnets(setting: Setting) -> tuple[Samples, Mapping[str, Classifier]]:
    """(128 images of 32 x 32, five briefly trained ResNet-18s), cached."""
    samples = images(setting, 128)
    spec = TrainSpec(epochs=1 if setting.quick else 3, lr=0.05, batch=32, precision="auto")
    return samples, trained("resnet18", samples, spec)


@functools.cache
def operations(name: str, shape: tuple[int, ...], classes: int) -> int:
    """Multiplications and additions of one float32 forward pass of one sample."""
    from torch.utils.flop_counter import FlopCounterMode

    x = torch.zeros(1, *shape)
    model = network(name, Samples(x, torch.zeros(1, dtype=torch.int64), classes))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(x)
    return int(counter.get_total_flops())


def forget_set(samples: Samples, n: int) -> tuple[Tensor, Tensor, range]:
    """(n, *shape) pixels, their (n,) classes and numbers of the first n samples."""
    rows = torch.arange(n, device=samples.device)
    return samples.pixels(rows), samples.y[rows], range(n)


@torch.inference_mode()
def accuracy(model: Classifier, samples: Samples) -> float:
    """Percent of the samples that the model classifies correctly."""
    parts = torch.arange(len(samples), device=samples.device).split(256)
    called = torch.cat([model(samples.pixels(part)).argmax(1) for part in parts])
    return 100 * float((called == samples.y).float().mean())
