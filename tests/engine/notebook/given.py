"""Small networks and samples, as somebody has them in a notebook."""

from __future__ import annotations

import torch
from torch import Tensor, nn

CLASSES = 3


def pictures(n: int = 12, side: int = 8, seed: int = 0) -> tuple[Tensor, Tensor]:
    """(n, 3, side, side) uint8 pictures, whose brightest channel is their class, and labels."""
    rng = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % CLASSES
    x = torch.randint(0, 170, (n, 3, side, side), generator=rng)
    x[torch.arange(n), y] += 60
    return x.to(torch.uint8), y


class Small(nn.Module):
    """Convolution, batch norm and dropout: what a mode matters to."""

    def __init__(self, seed: int, classes: int = CLASSES) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.AdaptiveAvgPool2d(2)
        )
        self.drop, self.head = nn.Dropout(0.5), nn.Linear(24, classes)
        rng = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for weight in self.parameters():
                weight.normal_(0, 0.4, generator=rng)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (n, classes)."""
        logits: Tensor = self.head(self.drop(self.body(x).flatten(1)))
        return logits


def trained(
    seed: int, x: Tensor, y: Tensor, net: nn.Module | None = None, steps: int = 12
) -> nn.Module:
    """A network after a few steps of plain PyTorch, in eval mode."""
    model = net or Small(seed)
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    model.train()
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x.float() / 255), y).backward()
        optimizer.step()
    return model.eval()
