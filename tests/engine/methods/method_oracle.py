"""The tiny network of the reference outputs, and access to these outputs."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from engine.methods.base import Problem
from engine.models.base import Classifier
from engine.runtime.device_samples import Samples
from engine.spec import TrainSpec

FOLDER = Path(
    os.environ.get("RK_ORACLES", Path(__file__).resolve().parents[4] / "shared" / "oracles")
)
CLASSES = 3


class TinyNet(nn.Module):
    """1,603 parameters, 3 classes, images 3x8x8."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1)
        self.linear = nn.Linear(64, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.avg_pool2d(self.bn1(self.conv1(x)).relu(), 2)
        x = nn.functional.avg_pool2d(self.conv2(x).relu(), 2)
        return self.linear(x.flatten(1))


def arrays(name: str) -> dict[str, np.ndarray]:
    """The arrays of a reference file; skips the test if the file is missing."""
    path = FOLDER / f"{name}.npz"
    if not path.exists():
        pytest.skip(f"reference outputs not found at {path} (set RK_ORACLES)")
    with np.load(path, allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


def under(found: dict[str, np.ndarray], prefix: str) -> dict[str, Tensor]:
    """The tensors whose keys start with `prefix/`, by the rest of the key."""
    return {
        key.removeprefix(prefix + "/"): torch.from_numpy(np.array(value))
        for key, value in found.items()
        if key.startswith(prefix + "/")
    }


def tiny(state: dict[str, Tensor]) -> Classifier:
    """The tiny network with these weights, float64, eval mode, without normalization."""
    net = TinyNet().double()
    net.load_state_dict(state)
    return Classifier(net, "linear", [0.0] * 3, [1.0] * 3, image=True).double().eval()


def problem_of(found: dict[str, np.ndarray], initial: str = "w0") -> Problem:
    """The reference's task: retain rows first, then forget rows, Original = w0."""
    x = torch.from_numpy(np.concatenate([found["Xr"], found["Xf"]]))
    y = torch.from_numpy(np.concatenate([found["yr"], found["yf"]]))
    n = len(found["yr"])
    return Problem(
        original=tiny(under(found, "w0")),
        samples=Samples(x, y, CLASSES),
        retain=torch.arange(n),
        forget=torch.arange(n, len(y)),
        seed=1,
        train=TrainSpec(),
        fresh=lambda salt: tiny(under(found, "w0")),
        initial=lambda: tiny(under(found, initial)),
    )


def assert_state(model: Classifier, expected: dict[str, Tensor], tolerance: float = 1e-9) -> None:
    """Assert that the model equals `expected` within `tolerance`, absolute and relative."""
    state = model.net.state_dict()
    assert expected, "no reference arrays under this key"
    for name, value in expected.items():
        torch.testing.assert_close(
            state[name].to(value.dtype), value, rtol=tolerance, atol=tolerance, msg=name
        )
