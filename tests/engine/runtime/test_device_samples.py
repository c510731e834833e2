"""Samples where they fit: on the device, or left on the CPU and copied when they are asked for."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from engine.runtime import device_samples
from engine.runtime.batching import batches_of
from engine.runtime.device_samples import Samples, fits

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)


class Elsewhere:
    """Values of another device: indexed there, and copied to the one that computes."""

    def __init__(self, values: torch.Tensor) -> None:
        self.values, self.device = values, torch.device("meta")
        self.copies: list[tuple[int, ...]] = []

    def __getitem__(self, rows: torch.Tensor | slice | int) -> SimpleNamespace:
        if isinstance(rows, torch.Tensor):
            assert rows.device == self.device, "an index of another device"
            return SimpleNamespace(to=lambda device: self._copied(slice(0, len(rows)), device))
        return SimpleNamespace(to=lambda device: self._copied(rows, device))

    def _copied(self, rows: slice | int, device: torch.device) -> torch.Tensor:
        assert device == CPU
        part = self.values[rows]
        self.copies.append(tuple(part.shape))
        return part


@pytest.fixture
def images() -> np.ndarray:
    """(20, 1, 4, 4) uint8."""
    return np.random.default_rng(3).integers(0, 256, (20, 1, 4, 4), np.uint8)


def test_pixels_of_rows_slices_and_all(images: np.ndarray) -> None:
    samples = Samples.on(CPU, images, np.arange(20), 20)
    assert samples.resident and samples.device == CPU and samples.shape == (20, 1, 4, 4)
    expected = torch.from_numpy(images).float() / 255
    assert torch.equal(samples.pixels(), expected)
    assert torch.equal(samples.pixels(torch.tensor([7, 2])), expected[[7, 2]])
    assert torch.equal(samples.pixels(slice(3, 9)), expected[3:9])
    assert torch.equal(samples.one(5, 105).x, expected[5]) and samples.one(5, 105).index == 105
    assert samples.values(slice(0, 2)).dtype == torch.uint8


def test_samples_that_are_left_elsewhere_are_copied_when_asked_for(images: np.ndarray) -> None:
    values = Elsewhere(torch.from_numpy(images))
    samples = Samples(values, torch.arange(20), 20)  # type: ignore[arg-type]
    assert not samples.resident and samples.device == CPU
    assert samples.pixels(torch.tensor([0, 1, 2])).device == CPU
    assert samples.one(4).y == 4
    assert values.copies == [(3, 1, 4, 4), (1, 4, 4)]  # never all of them


def test_a_gpu_takes_samples_up_to_half_of_what_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1000, 9000))
    assert fits(GPU, 500) and not fits(GPU, 501)
    assert fits(CPU, 1 << 50), "a mapped file may be larger than memory"
    assert device_samples.SHARE_OF_DEVICE == 0.5


def test_a_shortage_is_that_of_the_device_that_computes(images: np.ndarray) -> None:
    samples = Samples.on(CPU, images, np.arange(20), 20)
    batches = batches_of(samples, 8)
    assert batches._device == CPU
    assert list(batches.over(20, lambda part: part.start)) == [0, 8, 16]
