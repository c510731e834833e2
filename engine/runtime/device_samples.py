"""Samples on a device: stored as uint8 or float, batches returned as pixels in [0, 1]."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from engine.runtime.mapped_rows import MappedRows

ALL = slice(None)
SHARE_OF_DEVICE = 0.5  # of a GPU's free memory, for the samples of one part of a dataset


@dataclass(frozen=True, eq=False)
class Sample:
    """One sample: its index, x (*shape) float32 in [0, 1], and its class y."""

    index: int
    x: Tensor
    y: int


@dataclass(frozen=True, eq=False)
class Samples:
    """x: (n, C, H, W) uint8 or (n, d) float32; y: (n,) int64, on the device that computes.

    Samples that would take too much of that device's memory stay where they are, on the CPU, often
    mapped from a file; only those that are asked for are copied.
    """

    x: Tensor
    y: Tensor
    n_classes: int
    mapped: MappedRows | None = field(default=None, kw_only=True)  # where x lies in a file

    @classmethod
    def on(cls, device: torch.device, x: np.ndarray, y: np.ndarray, n_classes: int) -> Samples:
        """The arrays for computing on `device`, and on it if they fit."""
        values = torch.from_numpy(x)
        if fits(device, x.nbytes):
            values = values.to(device)
        mapped = MappedRows.of(x) if values.device.type == "cpu" else None
        return cls(values, torch.from_numpy(y).to(device), n_classes, mapped=mapped)

    @property
    def device(self) -> torch.device:
        """The device that computes with the samples."""
        return self.y.device

    @property
    def resident(self) -> bool:
        """Whether all samples are on that device."""
        return self.x.device == self.y.device

    @property
    def shape(self) -> torch.Size:
        """(n, *shape): that of all samples."""
        return self.x.shape

    def __len__(self) -> int:
        return len(self.y)

    def values(self, rows: Tensor | slice) -> Tensor:
        """The samples (m, *shape) in these rows as they are stored, on the device."""
        if isinstance(rows, torch.Tensor):
            rows = rows.to(self.x.device)
            if self.mapped is not None:
                self.mapped.prefetch(rows.tolist())
        return self.x[rows].to(self.device)

    def pixels(self, rows: Tensor | slice = ALL) -> Tensor:
        """(m, *shape) float32 pixels in [0, 1] of the samples in these rows, on the device."""
        return as_pixels(self.values(rows))

    def one(self, row: int, index: int | None = None) -> Sample:
        """The sample in this row, with this index (default: the row)."""
        number = row if index is None else index
        return Sample(number, as_pixels(self.x[row].to(self.device)), int(self.y[row]))


def fits(device: torch.device, size: int) -> bool:
    """Whether `size` bytes of samples leave enough of the device's free memory for models."""
    if device.type != "cuda":
        return True
    return size <= SHARE_OF_DEVICE * torch.cuda.mem_get_info(device)[0]


def as_pixels(x: Tensor) -> Tensor:
    """uint8 0-255 as float32 in [0, 1]; float input unchanged."""
    return x.float() / 255 if x.dtype == torch.uint8 else x


def random_shifts(
    n: int, generator: torch.Generator, reach: int = 4
) -> tuple[Tensor, Tensor, Tensor]:
    """Random (rows, mirrored, columns), each (n, 1) int64: the input of `shift_and_flip`.

    `generator` lives on the CPU, so the draws are the same for every device.
    """

    def draw(high: int) -> Tensor:
        return torch.randint(0, high, (n, 1), generator=generator)

    return draw(2 * reach + 1), draw(2), draw(2 * reach + 1)


def shift_and_flip(
    x: Tensor, rows: Tensor, mirrored: Tensor, columns: Tensor, *, reach: int = 4
) -> Tensor:
    """Images (n, C, H, W), each shifted by up to `reach` px and mirrored where drawn so."""
    n, _, height, width = x.shape
    device = x.device
    padded = torch.nn.functional.pad(x, (reach, reach, reach, reach))
    rows = rows + torch.arange(height, device=device)
    across = torch.arange(width, device=device).expand(n, -1)
    across = torch.where(mirrored == 1, across.flip(1), across) + columns
    return padded.permute(0, 2, 3, 1)[
        torch.arange(n, device=device)[:, None, None], rows[:, :, None], across[:, None, :]
    ].permute(0, 3, 1, 2)
