"""A small vision transformer: Dosovitskiy et al. 2021, An Image Is Worth 16x16 Words.

Attention is written out instead of fused: fused kernels have no second derivatives, and on a GPU
their backward pass is not the same twice.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.models.base import Drawn

WIDTH = 96
DEPTH = 6
HEADS = 4
HIDDEN = 2 * WIDTH  # units between the two linear layers of a block
SPREAD = 0.02  # standard deviation of new class tokens and positions


class Attention(nn.Module):
    """Multi-head self-attention of tokens (n, t, WIDTH)."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.project = nn.Linear(WIDTH, WIDTH)
        self.scale = (WIDTH // HEADS) ** -0.5

    def forward(self, x: Tensor) -> Tensor:
        """(n, t, WIDTH) of x (n, t, WIDTH)."""
        parts = self.qkv(x).unflatten(2, (3, HEADS, WIDTH // HEADS)).permute(2, 0, 3, 1, 4)
        query, key, value = parts[0], parts[1], parts[2]
        weights = ((query * self.scale) @ key.transpose(-2, -1)).softmax(-1)
        mixed: Tensor = self.project((weights @ value).transpose(1, 2).flatten(2))
        return mixed


class Block(nn.Module):
    """Attention and a two-layer perceptron, each with a layer norm before and a residual."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH)
        self.attention = Attention()
        self.norm2 = nn.LayerNorm(WIDTH)
        self.perceptron = nn.Sequential(
            nn.Linear(WIDTH, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, WIDTH)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(n, t, WIDTH) of x (n, t, WIDTH)."""
        x = x + self.attention(self.norm1(x))
        result: Tensor = x + self.perceptron(self.norm2(x))
        return result


class Tokens(Drawn):
    """Patches as tokens, after a class token, with learned positions."""

    def __init__(self, shape: tuple[int, ...], patch: int) -> None:
        super().__init__()
        channels, height, width = shape
        down, across = -(-height // patch), -(-width // patch)
        missing = (0, across * patch - width, 0, down * patch - height)
        self.pad = nn.ZeroPad2d(missing) if any(missing) else nn.Identity()
        self.embed = nn.Conv2d(channels, WIDTH, patch, stride=patch)
        self.first = nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.positions = nn.Parameter(torch.zeros(1, 1 + down * across, WIDTH))

    def draw(self, generator: torch.Generator) -> None:
        """Draw the class token and the positions anew."""
        for parameter in (self.first, self.positions):
            nn.init.normal_(parameter, 0.0, SPREAD, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 1 + t, WIDTH) of images (n, C, H, W); their mean fills incomplete patches."""
        patches = self.embed(self.pad(x)).flatten(2).transpose(1, 2)
        first = self.first.expand(patches.shape[0], -1, -1)
        return torch.cat([first, patches], dim=1) + self.positions


class VisionTransformer(nn.Module):
    """Tokens, six blocks, a layer norm, and a linear head on the class token."""

    def __init__(self, shape: tuple[int, ...], patch: int, n_classes: int) -> None:
        super().__init__()
        self.tokens = Tokens(shape, patch)
        self.blocks = nn.Sequential(*(Block() for _ in range(DEPTH)))
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (n, K) of normalized images (n, C, H, W)."""
        logits: Tensor = self.head(self.norm(self.blocks(self.tokens(x)))[:, 0])
        return logits
