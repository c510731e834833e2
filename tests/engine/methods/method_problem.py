"""A small unlearning task on which every method runs within a second."""

from __future__ import annotations

import functools
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine import registry
from engine.methods.base import Problem
from engine.models.base import Classifier, build
from engine.runtime.device_samples import ALL, Samples
from engine.runtime.progress import Reporter
from engine.runtime.seeds import generator
from engine.spec import SGDSpec, TrainSpec
from engine.training.sgd import train_from_scratch

CLASSES = 4
PER_CLASS = 12
SHAPE = (1, 8, 8)
BATCH = 8
TRAIN = TrainSpec(epochs=3, lr=0.05, batch=16)


@dataclass(frozen=True, eq=False)
class Watched(Samples):
    """Samples that count accesses, and cancel the run at the n-th access."""

    looks: list[int]
    report: Reporter
    cancel_at: int = 0

    def pixels(self, rows: Tensor | slice = ALL) -> Tensor:
        self.looks.append(len(rows) if isinstance(rows, Tensor) else len(range(len(self))[rows]))
        if len(self.looks) == self.cancel_at:
            self.report.cancel()
        return super().pixels(rows)


@functools.cache
def images() -> tuple[np.ndarray, np.ndarray]:
    """(n, 1, 8, 8) uint8 images, one bright quadrant per class and noise, and their labels."""
    rng = np.random.default_rng(5)
    y = np.repeat(np.arange(CLASSES), PER_CLASS)
    x = rng.integers(0, 120, (len(y), *SHAPE))
    for row, label in enumerate(y):
        top, left = 4 * (label // 2), 4 * (label % 2)
        x[row, 0, top : top + 4, left : left + 4] += 90
    return x.astype(np.uint8), y.astype(np.int64)


def fresh(model: str, seed: int, salt: str) -> Classifier:
    return build(model, SHAPE, CLASSES, ([0.35], [0.25]), generator(seed, salt))


@functools.cache
def original(model: str) -> Classifier:
    """A network trained on all images; shared between tests, so it must not be changed."""
    net = fresh(model, 131, "original")
    x, y = images()
    samples = Samples.on(torch.device("cpu"), x, y, CLASSES)
    train_from_scratch(
        net, samples, torch.arange(len(y)), TRAIN, seed=131, report=Reporter()
    )  # fmt: skip
    return net


def problem(
    model: str, forget: list[int], *, seed: int = 131, cancel_at: int = 0, **more: Any
) -> Problem:
    """The task of forgetting these images."""
    x, y = images()
    report = Reporter()
    plain = Samples.on(torch.device("cpu"), x, y, CLASSES)
    gone = torch.tensor(forget)
    keep = torch.ones(len(y), dtype=torch.bool)
    keep[gone] = False
    return Problem(
        original=original(model),
        samples=Watched(plain.x, plain.y, CLASSES, [], report, cancel_at),
        retain=torch.arange(len(y))[keep],
        forget=gone,
        seed=seed,
        train=TRAIN,
        fresh=lambda salt: fresh(model, seed, salt),
        initial=lambda: fresh(model, 131, "original"),
        report=report,
        **more,
    )


def quick(method: str) -> Any:
    """The method's default settings with at most two epochs and small batches."""
    config = registry.get("method", method).config
    assert config is not None
    names = {item.name for item in fields(config)}
    settings: dict[str, Any] = {}
    if issubclass(config, SGDSpec):
        settings = {"epochs": min(2, config().epochs)}
    if "batch" in names:
        settings["batch"] = BATCH
    return replace(config(), **settings)


def run(method: str, task: Problem) -> Classifier:
    """The model that the method makes for the task with its quick settings."""
    made: Classifier = registry.get("method", method).make(task, quick(method))
    return made


def weights(model: Classifier) -> Tensor:
    """Every number in the state dict, as one vector."""
    return torch.cat([value.flatten().double() for value in model.state_dict().values()])
