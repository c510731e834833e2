"""Hub folders in timm's form, and a stand-in for timm that has one small network."""

from __future__ import annotations

import importlib.machinery
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from engine.datasets.base import Dataset, Recommended
from engine.spec import DataSpec, TrainSpec
from engine.weight_files import safetensors

MEAN, STD = [0.4, 0.5, 0.6], [0.2, 0.25, 0.5]


def small(num_classes: int, in_chans: int, width: int = 4) -> nn.Module:
    """The stand-in's only network."""
    return nn.Sequential(
        nn.Conv2d(in_chans, width, 3, stride=2),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(4 * width, num_classes),
    )


def stand_in(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Install the stand-in as `timm`; returns the arguments of its calls."""
    calls: list[dict[str, Any]] = []
    timm = ModuleType("timm")

    def create_model(name: str, pretrained: bool, **arguments: Any) -> nn.Module:
        calls.append({"name": name, "pretrained": pretrained, **arguments})
        return small(**arguments)

    parts = {"__version__": "1.0", "is_model": lambda name: name == "small"}
    vars(timm).update(parts, create_model=create_model)
    timm.__spec__ = importlib.machinery.ModuleSpec("timm", None)
    monkeypatch.setitem(sys.modules, "timm", timm)
    return calls


def config(**more: Any) -> dict[str, Any]:
    own = {"input_size": [3, 12, 12], "mean": MEAN, "std": STD, "num_classes": 2}
    found = {"architecture": "small", "num_classes": 2, "model_args": {}, "pretrained_cfg": own}
    return {**found, "label_names": ["dark", "bright"], **more}


def hub_folder(path: Path, seed: int = 0, binary: bool = False, **more: Any) -> Path:
    """A folder with a network of random weights."""
    path.mkdir(parents=True)
    (path / "config.json").write_text(json.dumps(config(**more), indent=2))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        state = small(2, 3, **more.get("model_args", {})).state_dict()
    if binary:
        torch.save(state, path / "pytorch_model.bin")
    else:
        (path / "model.safetensors").write_bytes(safetensors.serialize(state, {}))
    return path


def images(
    classes: tuple[str, ...] = ("dark", "bright"), shape: tuple[int, ...] = (3, 12, 12)
) -> Dataset:
    """Thirty images, bright or dark."""
    rng = np.random.default_rng(0)
    y = np.arange(30) % len(classes)
    x = rng.integers(0, 120, (30, *shape)) + 120 * (y == 1).reshape(-1, 1, 1, 1)
    recommended = Recommended("cnn", TrainSpec(epochs=2), "class:1:0.5")
    pixels, labels = x.astype(np.uint8), y.astype(np.int64)
    return Dataset(
        DataSpec("folder"), "Images", classes, pixels, labels, pixels[:10], labels[:10], recommended
    )
