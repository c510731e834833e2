"""Files of decoded images: complete or refused, and bounded in size."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engine.storage import pixel_files
from engine.storage.pixel_files import PixelFileError, PixelWriter, read

SHAPE = (5, 3, 4, 4)
IMAGES = np.random.default_rng(0).integers(0, 256, SHAPE, np.uint8)


def written(path: Path, images: np.ndarray = IMAGES) -> Path:
    """A pixel file of these images."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with PixelWriter(path, images.shape) as writer:
        writer.put(2, images[2:])
        writer.put(0, images[:2])
        writer.finish(["Two notes.", "Ä second."])
    return path


def test_what_was_written_is_read(tmp_path: Path) -> None:
    file = read(written(tmp_path / "a.pixels"))
    np.testing.assert_array_equal(file.pixels, IMAGES)
    assert file.notes == ("Two notes.", "Ä second.")


def test_a_file_of_several_chunks_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixel_files, "CHUNK", 7)
    np.testing.assert_array_equal(read(written(tmp_path / "a.pixels")).pixels, IMAGES)


def test_writing_to_the_pixels_leaves_the_file_unchanged(tmp_path: Path) -> None:
    path = written(tmp_path / "a.pixels")
    read(path).pixels[:] = 0
    np.testing.assert_array_equal(read(path).pixels, IMAGES)


def flip(path: Path) -> None:
    """Change one bit of a pixel."""
    content = bytearray(path.read_bytes())
    content[17] ^= 1
    path.write_bytes(content)


def flip_fact(path: Path) -> None:
    """Change one bit of the facts."""
    content = bytearray(path.read_bytes())
    content[IMAGES.size + 5] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "damage",
    [
        flip,
        flip_fact,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(path.read_bytes()[1:]),
        lambda path: path.write_bytes(path.read_bytes()[: IMAGES.size]),
        lambda path: path.write_bytes(bytes(IMAGES.size + 40)),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    path = written(tmp_path / "a.pixels")
    damage(path)
    with pytest.raises(PixelFileError):
        read(path)


def test_an_unfinished_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pixels"
    with PixelWriter(path, SHAPE) as writer:
        writer.put(0, IMAGES)
    with pytest.raises(PixelFileError):
        read(path)


def test_a_large_file_is_checked_once_it_was_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pixel_files, "ALWAYS_CHECKED", 1)
    path = written(tmp_path / "a.pixels")
    monkeypatch.setattr(pixel_files, "checksums", lambda pixels: pytest.fail("it was read"))
    read(path)
    pixel_files.mark_used(path)
    read(path)
    monkeypatch.undo()
    monkeypatch.setattr(pixel_files, "ALWAYS_CHECKED", 1)
    flip(path)
    with pytest.raises(PixelFileError):
        read(path)


def test_the_least_recently_used_files_make_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [written(tmp_path / f"{name}.pixels") for name in "abc"]
    for age, path in enumerate(paths):
        os.utime(path, (1000 - age, 1000))
    pixel_files.mark_used(paths[2])
    size = paths[0].stat().st_size
    monkeypatch.setattr(pixel_files, "LARGEST_CACHE", 3 * size)
    assert pixel_files.make_room(tmp_path, size)
    assert set(tmp_path.iterdir()) == {paths[0], paths[2]}
    assert not pixel_files.make_room(tmp_path, 4 * size)
    assert set(tmp_path.iterdir()) == {paths[0], paths[2]}  # in vain, so nothing was removed
