"""Folders in the form of Unlearning Comparator's server, with models of random weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from engine.datasets.cifar10 import CLASSES

FORGOTTEN = 3


def result(name: str, kind: str, method: str = "N/A", **more: Any) -> dict[str, Any]:
    """A result in its present form, with the entries that are read and some that are not."""
    shares = {"UA": 0.5, "RA": 0.25, "TUA": 0.5, "TRA": 0.25}
    lists = {"accs": [0.25] * 10, "t_accs": [0.25] * 10, "points": [[1, 4, 0, 0, 6.91, 12.9, {}]]}
    return {
        "CreatedAt": "1970-01-01 00:00:00", "ID": name, "FC": FORGOTTEN, "Type": kind,
        "Base": f"000{FORGOTTEN}", "Method": method, "Epoch": 3, "BS": 128, "LR": 0.1, **shares,
        "PA": 0.494, "RTE": "N/A", "FQS": "N/A", **lists, "attack": {"values": [], "results": []},
        **more,
    }  # fmt: skip


RESULTS = {
    "0003": result("0003", "Original"),
    "a003": result("a003", "Retrained"),
    "1f2e": result("1f2e", "Unlearned", "Fine-Tuning"),
    "77aa": result("77aa", "Unlearned", "SCRUB"),
}


def server(root: Path, results: Mapping[str, Any] = RESULTS, weights: bool = True) -> Path:
    """Its folder, with empty files of weights where `weights` is true."""
    data, models = root / "data" / str(FORGOTTEN), root / "unlearned_models" / str(FORGOTTEN)
    for folder in (data, models):
        folder.mkdir(parents=True)
    for name, plain in results.items():
        (data / f"{name}.json").write_text(json.dumps(plain, indent=2))
        if weights:
            (models / f"{name}.pth").touch()
    return root


def write_weights(root: Path, networks: Mapping[str, nn.Module]) -> None:
    for name, net in networks.items():
        path = root / "unlearned_models" / str(FORGOTTEN) / f"{name}.pth"
        torch.save(net.state_dict(), path)


def cifar_folder(root: Path, train: int = 4, test: int = 2) -> Path:
    """Images of CIFAR-10's ten classes, as many of each."""
    rng = np.random.default_rng(0)
    for part, count in (("train", train), ("test", test)):
        for number, name in enumerate(CLASSES):
            folder = root / part / name
            folder.mkdir(parents=True)
            for image in range(count):
                pixels = rng.integers(0, 60, (32, 32, 3)) + 19 * number
                Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{image}.png")
    return root
