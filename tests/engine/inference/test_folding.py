"""Networks rewritten for inference compute the same function."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from engine.inference import folding
from engine.inference.folding import folded, fused
from engine.models.base import Classifier, build, initialise
from engine.runtime.seeds import generator

SHAPES = {
    "cnn": (1, 8, 8),
    "resnet18": (3, 16, 16),
    "vgg11": (3, 32, 32),
    "resnet50": (3, 16, 16),
    "resnet20": (1, 9, 9),
}


@pytest.fixture(autouse=True)
def _kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """cuDNN's fused kernels, replaced by what they are documented to compute."""
    if torch.cuda.is_available():
        return

    def relu(
        x: Tensor, weight: Tensor, bias: Tensor | None, stride: Sequence[int],
        padding: Sequence[int], dilation: Sequence[int], groups: int,
    ) -> Tensor:  # fmt: skip
        return conv2d(x, weight, bias, stride, padding, dilation, groups).relu()

    def add_relu(
        x: Tensor, weight: Tensor, other: Tensor, alpha: float, bias: Tensor | None,
        stride: Sequence[int], padding: Sequence[int], dilation: Sequence[int], groups: int,
    ) -> Tensor:  # fmt: skip
        made = conv2d(x, weight, bias, stride, padding, dilation, groups)
        assert made.shape == other.shape
        return (made + alpha * other).relu()

    monkeypatch.setattr(torch, "cudnn_convolution_relu", relu)
    monkeypatch.setattr(torch, "cudnn_convolution_add_relu", add_relu)


def model(name: str) -> Classifier:
    shape = SHAPES[name]
    half = ([0.5] * shape[0], [0.25] * shape[0])
    made = build(name, shape, 5, half, generator(3, name))
    rng = generator(4, "statistics")
    with torch.no_grad():
        for part in made.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.running_mean.normal_(0, 0.1, generator=rng)
                part.running_var.uniform_(0.5, 2, generator=rng)
                part.bias.normal_(0, 0.1, generator=rng)
    return made


def joints(made: nn.Module) -> int:
    return sum(isinstance(part, folding._Convolution) for part in made.modules())


@pytest.mark.parametrize(
    ("name", "count"), [("cnn", 2), ("resnet18", 17), ("vgg11", 8), ("resnet20", 19)]
)
def test_a_joined_network_says_the_same(name: str, count: int) -> None:
    made = model(name)
    x = torch.rand(6, *SHAPES[name], generator=generator(5, "x"))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with torch.inference_mode():
        wanted = made(x)
        once = fused(folded(made, x).to(device))
        assert joints(once) >= count
        torch.testing.assert_close(once(x.to(device)).cpu(), wanted, atol=1e-3, rtol=1e-3)


class Branches(nn.Module):
    """Maps that are read twice; `changing`: one is modified in place in between."""

    def __init__(self, changing: bool) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 1)
        self.norm, self.relu, self.fc = nn.BatchNorm2d(8), nn.ReLU(), nn.Linear(8, 5)
        self.changing = changing

    def forward(self, x: Tensor) -> Tensor:
        first = self.norm(self.one(x))
        second = self.two(self.relu(first))
        kept = first
        if self.changing:
            first += second
        doubled = self.relu(first + second) + self.relu(second + second) + kept
        return self.fc(doubled.mean((2, 3)))


@pytest.mark.parametrize("changing", [False, True])
def test_maps_that_are_read_twice_stay_what_they_were(changing: bool) -> None:
    net = Branches(changing)
    initialise(net, generator(6, "branches"))
    made = Classifier(net, "fc", [0.5] * 3, [0.2] * 3, image=True).eval()
    x = torch.rand(4, 3, 8, 8, generator=generator(5, "x"))
    with torch.inference_mode():
        wanted = made(x)
        torch.testing.assert_close(folded(made, x)(x), wanted, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(fused(folded(made, x))(x), wanted, atol=1e-5, rtol=1e-5)


def test_a_network_that_cannot_be_traced_is_left_as_it_is() -> None:
    class Wilful(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.relu, self.fc = nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Linear(4, 5)

        def forward(self, x: Tensor) -> Tensor:
            y = self.relu(self.conv(x))
            return self.fc((-y if float(y.mean()) > 1e9 else y).mean((2, 3)))

    made = Classifier(Wilful(), "fc", [0.5], [0.2], image=True).eval()
    assert joints(fused(folded(made, torch.rand(2, 1, 6, 6)))) == 0
