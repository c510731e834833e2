"""A training epoch: a torchvision dataset, DataLoader and transforms against ours."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset

from engine.bench.row import BenchRow
from engine.bench.setting import SEED, Setting, accuracy, images, network
from engine.bench.timing import alternate
from engine.models.base import Classifier
from engine.runtime.device_samples import Samples
from engine.runtime.libraries import torchvision
from engine.runtime.progress import Reporter
from engine.runtime.seeds import borrowed_global_seed
from engine.spec import BFLOAT16, ModelSpec, TrainSpec
from engine.study.compose import settled
from engine.training.sgd import train_from_scratch

SPEC = TrainSpec(epochs=1, lr=0.02, batch=128, augment="crop-flip", precision="auto")
SEEDS, EPOCHS = (131, 42, 7), {"cnn": 20, "resnet18": 12}  # of the comparison of accuracies
SIZES = {"cnn": (1024, 256), "resnet18": (256, 64)}  # images of an epoch, and of a quick one
LABELS = {"cnn": "small CNN", "resnet18": "ResNet-18"}


class Images(Dataset[tuple[Any, int]]):
    """Images as torchvision's datasets hold them: arrays that become PIL images one by one."""

    def __init__(self, x: np.ndarray, y: np.ndarray, transform: Callable[[Any], Any]) -> None:
        """x: (n, C, H, W) uint8."""
        self._x = x.transpose(0, 2, 3, 1)
        self._y = y
        self._transform = transform

    def __len__(self) -> int:
        return len(self._y)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return self._transform(Image.fromarray(self._x[index])), int(self._y[index])


def cnn(setting: Setting) -> Iterator[BenchRow]:
    """The small CNN on 32 x 32 images."""
    yield _epoch(setting, "cnn")


def resnet18(setting: Setting) -> Iterator[BenchRow]:
    """ResNet-18 on 32 x 32 images."""
    yield _epoch(setting, "resnet18")


def accuracy_cnn(setting: Setting) -> Iterator[BenchRow]:
    """Test accuracy of the small CNN over three seeds, trained the plain way and our way."""
    yield _accuracy(setting, "cnn")


def accuracy_resnet18(setting: Setting) -> Iterator[BenchRow]:
    """The same for ResNet-18."""
    yield _accuracy(setting, "resnet18")


def _accuracy(setting: Setting, name: str) -> BenchRow:
    n = 128 if setting.quick else 2000
    samples = images(setting, n)
    half = torch.arange(len(samples), device=setting.device).split((len(samples) + 1) // 2)
    learned, kept = (Samples(samples.x[part], samples.y[part], samples.n_classes) for part in half)
    epochs = 1 if setting.quick else EPOCHS[name]
    found: dict[str, list[float]] = {"plain": [], "ours": []}
    for seed in SEEDS:
        for way, train in (("plain", plain), ("ours", ours)):
            model = network(name, learned, str(seed))
            train(model, learned, epochs, seed)
            found[way].append(accuracy(model, kept))
    gap = abs(statistics.mean(found["plain"]) - statistics.mean(found["ours"]))
    spread = 2 * max(statistics.stdev(values) for values in found.values())
    shown = {way: ", ".join(f"{value:.1f}" for value in values) for way, values in found.items()}
    return BenchRow(
        f"test accuracy, {LABELS[name]}, {epochs} epochs of {len(learned)} images",
        "seed spread", f"plain {shown['plain']} %, ours {shown['ours']} %: means {gap:.2f} apart",
        gap <= spread, {"accuracies": found},
    )  # fmt: skip


def plain(model: Classifier, samples: Samples, epochs: int, seed: int = SEED) -> None:
    """Train as in tutorials: PIL images, transforms and a DataLoader, float32."""
    transforms = torchvision("torchvision.transforms")
    transform = transforms.Compose(
        [
            transforms.RandomCrop(samples.x.shape[2:], padding=4),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
        ]
    )
    dataset = Images(samples.x.cpu().numpy(), samples.y.cpu().numpy(), transform)
    optimizer = torch.optim.SGD(
        model.parameters(), SPEC.lr, momentum=SPEC.momentum, weight_decay=SPEC.weight_decay
    )
    with borrowed_global_seed(seed, "bench"):
        loader = DataLoader(dataset, batch_size=SPEC.batch, shuffle=True)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * len(loader))
        model.train()
        for _ in range(epochs):
            for x, y in loader:
                optimizer.zero_grad()
                loss = cross_entropy(model(x.to(samples.device)), y.to(samples.device))
                loss.backward()
                optimizer.step()
                schedule.step()
        model.eval()


def ours(model: Classifier, samples: Samples, epochs: int, seed: int = SEED) -> TrainSpec:
    """Train as a study does, in the machine's number format; returns the settings."""
    spec = settled(replace(SPEC, epochs=epochs), ModelSpec("cnn"), samples.device.type)
    rows = torch.arange(len(samples), device=samples.device)
    train_from_scratch(model, samples, rows, spec, seed=seed, report=Reporter())
    return spec


def _epoch(setting: Setting, name: str) -> BenchRow:
    n = SIZES[name][setting.quick]
    samples = images(setting, n)
    few = Samples(samples.x[: SPEC.batch], samples.y[: SPEC.batch], samples.n_classes)
    models = [network(name, samples), network(name, samples)]
    plain(models[0], few, 1)  # warm-up: neither way pays for the first use
    spec = ours(models[1], few, 1)
    ratio = alternate(
        lambda: plain(models[0], samples, 1),
        lambda: ours(models[1], samples, 1),
        setting.rounds,
        setting.device,
    )
    kind = "bfloat16" if spec.precision == BFLOAT16 else "float32"
    rate = n / statistics.median(ratio.ours)
    what = f"training epoch, {LABELS[name]}, {n:,} images of 32x32"
    return ratio.row(what, 2, f"{kind}, {rate:,.0f} images/s", images_per_s=rate, precision=kind)
