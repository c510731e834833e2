"""A synthetic study in a setting of the paper."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import synthetic

from engine.datasets.base import Dataset
from engine.results import Study
from engine.spec import DataSpec


def dataset() -> Dataset:
    """200 samples in each of five classes, as in small CIFAR-5."""
    result = synthetic.images(1000, 5)
    return replace(result, spec=DataSpec("small-cifar5"), label="CIFAR-5")


def study(forget: int = 100, model: str = "resnet18") -> Study:
    """A study that forgets `forget` samples of class 0."""
    result = synthetic.study()
    spec: dict[str, Any] = {
        **result.spec,
        "data": {"name": "small-cifar5", "side": 0, "fingerprint": ""},
        "model": {"name": model},
        "train": {"epochs": 30, "retrain_epochs": 100, "lr": 0.01},
        "forget": (5 * np.arange(forget)).tolist(),
    }
    return replace(result, spec=spec)
