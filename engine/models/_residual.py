"""The residual network for small images of He et al. 2016, Deep Residual Learning, section 4.2."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import pad

WIDTHS = (16, 32, 64)  # channels of the stages; each after the first halves the resolution
BLOCKS = 3  # in a stage: 6 n + 2 = 20 layers


class Block(nn.Module):
    """Two 3x3 convolutions with batch norm beside a shortcut without weights."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outside)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outside, outside, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outside)
        self.relu2 = nn.ReLU(inplace=True)
        self.stride, self.missing = stride, outside - inside

    def forward(self, x: Tensor) -> Tensor:
        """(n, O, H / stride, W / stride) of x (n, C, H, W)."""
        y = self.relu1(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y)) + self._shortcut(x)
        relu: Tensor = self.relu2(y)
        return relu

    def _shortcut(self, x: Tensor) -> Tensor:
        """Every second pixel, with zeros as the channels that x lacks."""
        if self.stride == 1:
            return x
        return pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.missing))


class SmallResNet(nn.Module):
    """A convolution, three stages of residual blocks, global average pooling, a linear head."""

    def __init__(self, channels: int, n_classes: int) -> None:
        super().__init__()
        first = WIDTHS[0]
        self.stem = nn.Sequential(
            nn.Conv2d(channels, first, 3, padding=1, bias=False),
            nn.BatchNorm2d(first),
            nn.ReLU(inplace=True),
        )
        before = (first, *WIDTHS[:-1])
        self.stages = nn.Sequential(*map(_stage, before, WIDTHS))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.head = nn.Linear(WIDTHS[-1], n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (n, K) of normalized images (n, C, H, W)."""
        logits: Tensor = self.head(self.flatten(self.pool(self.stages(self.stem(x)))))
        return logits


def _stage(inside: int, outside: int) -> nn.Sequential:
    stride = 1 if inside == outside else 2
    rest = (Block(outside, outside, 1) for _ in range(BLOCKS - 1))
    return nn.Sequential(Block(inside, outside, stride), *rest)
