"""Rows of a mapped file: which bytes the system is told to read."""

from __future__ import annotations

import mmap
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.runtime import mapped_rows
from engine.runtime.device_samples import Samples
from engine.runtime.mapped_rows import MappedRows
from engine.storage import pixel_files
from engine.storage.pixel_files import PixelWriter

SHAPE = (40, 3, 40, 40)  # a row takes more than a page
ROW = 3 * 40 * 40
WILL_NEED = pytest.mark.skipif(
    not hasattr(mmap, "MADV_WILLNEED"), reason="this system takes no advice on mapped files"
)


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Mapped images of random pixels."""
    monkeypatch.setattr(mapped_rows, "LEAST", 1)
    pixels = np.random.default_rng(0).integers(0, 256, SHAPE, np.uint8)
    with PixelWriter(tmp_path / "it.pixels", SHAPE) as writer:
        writer.put(0, pixels)
        writer.finish(())
    return pixel_files.read(tmp_path / "it.pixels").pixels


@WILL_NEED
def test_rows_are_where_their_bytes_lie(images: np.ndarray) -> None:
    for array in (images, images[7:], images[7:][3:20]):
        mapped = MappedRows.of(array)
        assert mapped is not None and mapped.size == ROW
        for row in (0, len(array) - 1):
            place = mapped.start + row * ROW
            assert mapped.mapping[place : place + ROW] == array[row].tobytes()


def test_other_arrays_have_none(images: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MappedRows.of(images.copy()) is None
    assert MappedRows.of(images[:, :, ::2]) is None
    monkeypatch.setattr(mapped_rows, "LEAST", images.nbytes + 1)
    assert MappedRows.of(images) is None


@WILL_NEED
def test_whole_pages_of_the_rows_that_are_asked_for_are_read_ahead(images: np.ndarray) -> None:
    advice: list[tuple[int, int]] = []

    class Mapping:
        def madvise(self, kind: int, start: int, length: int) -> None:
            assert kind == mmap.MADV_WILLNEED and start % mmap.PAGESIZE == 0
            advice.append((start, start + length))

    mapped = MappedRows(Mapping(), 5 * ROW, ROW, 10)  # type: ignore[arg-type]
    mapped.prefetch([0, -1])
    for (start, end), row in zip(advice, (0, 9), strict=True):
        assert end == (5 + row + 1) * ROW
        assert start <= (5 + row) * ROW < start + mmap.PAGESIZE


@WILL_NEED
def test_samples_of_a_mapped_file_are_read_ahead_and_the_same(images: np.ndarray) -> None:
    y = np.arange(len(images))
    samples = Samples.on(torch.device("cpu"), images[4:], y[4:], len(y))
    rows = torch.tensor([30, 0, 11, 11, -1])
    assert samples.mapped is not None
    assert np.array_equal(samples.values(rows).numpy(), images[4:][rows.numpy()])
