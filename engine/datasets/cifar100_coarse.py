"""CIFAR-100 with its twenty superclasses as labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.datasets import cifar100
from engine.datasets.base import Dataset
from engine.registry import register
from engine.runtime.progress import Reporter
from engine.spec import DataSpec

CLASSES = tuple(cifar100.SUPERCLASSES)
RECOMMENDED = replace(cifar100.RECOMMENDED, forget="class:0:0.2")


@register(
    "dataset",
    "cifar100-coarse",
    label="CIFAR-100, superclasses",
    help="the images of cifar100 with their 20 coarse labels",
    root=True,
)
def load(spec: DataSpec, report: Reporter) -> Dataset:
    """50,000 training and 10,000 test images, of five fine classes each; see `cifar100.read`."""
    (train_x, train_y), (test_x, test_y) = cifar100.read(spec, report)
    of_fine = coarse_labels()
    return Dataset(
        spec, "CIFAR-100, superclasses", CLASSES, train_x, of_fine[train_y], test_x,
        of_fine[test_y], RECOMMENDED,
    )  # fmt: skip


def coarse_labels() -> np.ndarray:
    """(100,) int64 superclass of each fine class.

    >>> coarse = coarse_labels()
    >>> [CLASSES[coarse[cifar100.CLASSES.index(name)]] for name in ("apple", "tractor")]
    ['fruit_and_vegetables', 'vehicles_2']
    """
    names = {
        name: number
        for number, members in enumerate(cifar100.SUPERCLASSES.values())
        for name in members.split()
    }
    return np.array([names[name] for name in cifar100.CLASSES], np.int64)
