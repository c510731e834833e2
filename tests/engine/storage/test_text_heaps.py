"""Texts of HDF5 files whose sizes were harmed: HDF5 itself would read some of them for ever."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from patience import PATIENCE

from engine.errors import StoreError
from engine.storage import hdf5, text_heaps

READ = """
import sys
from pathlib import Path
from engine.storage import hdf5
from engine.errors import StoreError
try:
    hdf5.read(Path(sys.argv[1]))
except (StoreError, OSError, KeyError, ValueError, RuntimeError) as error:
    print(type(error).__name__)
"""
IMPOSSIBLE = "the texts in it have impossible sizes"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with some texts, and an array."""
    made = tmp_path / "x.h5"
    facts = {f"fact {number}": "word " * number for number in range(9)}
    hdf5.write(made, [("", hdf5.GroupContent(facts, {"x": np.arange(5000)}))])
    return made


def put(path: Path, at: int, value: int, size: int = 8) -> None:
    whole = bytearray(path.read_bytes())
    whole[at : at + size] = value.to_bytes(size, "little")
    path.write_bytes(whole)


def heap(path: Path) -> int:
    """Offset of the first heap."""
    return path.read_bytes().index(text_heaps.HEAP)


def free(path: Path) -> int:
    """Offset of the free space after the last text of the heap."""
    whole, at = path.read_bytes(), heap(path) + 16
    while int.from_bytes(whole[at : at + 2], "little"):
        at += 16 + -(-int.from_bytes(whole[at + 8 : at + 16], "little") // 8) * 8
    return at


HARM: dict[str, tuple[Callable[[Path], int], int]] = {
    "nothing is free, for ever": (lambda path: free(path) + 8, 0),
    "free less than its own head": (lambda path: free(path) + 8, 8),
    "free far beyond the end": (lambda path: free(path) + 8, 2**63),
    "a text that begins where it began": (lambda path: heap(path) + 24, 2**64 - 16),
    "a text of half of everything": (lambda path: heap(path) + 24, 2**63),
    "a text beyond the heap": (lambda path: heap(path) + 24, 5000),
}


@pytest.mark.parametrize(("where", "value"), HARM.values(), ids=HARM)
def test_texts_of_invalid_sizes_are_never_read(
    path: Path, where: Callable[[Path], int], value: int
) -> None:
    assert hdf5.read(path).attributes["fact 3"] == "word " * 3
    put(path, where(path), value)
    with pytest.raises(StoreError, match=IMPOSSIBLE):
        hdf5.read(path)
    with pytest.raises(StoreError, match=IMPOSSIBLE), hdf5.open_checked(path):
        pass


@pytest.mark.parametrize("size", [0, 8, 16, 40, 4095, 2**20, 2**32, 2**63, 2**64 - 1])
def test_a_heap_of_another_size_terminates(path: Path, size: int) -> None:
    put(path, heap(path) + 8, size)
    done = subprocess.run(  # nothing else could interrupt it
        [sys.executable, "-c", READ, path],
        cwd=Path(text_heaps.__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    assert done.stdout.strip() or size >= 4095  # some of its texts may be readable


def test_a_heap_is_found_at_any_offset(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(path, free(path) + 8, 0)
    whole = path.read_bytes()
    for window in (5, 7, 64, heap(path) + 2, len(whole)):
        monkeypatch.setattr(text_heaps, "WINDOW", window)
        text_heaps._check.cache_clear()
        with pytest.raises(StoreError, match=IMPOSSIBLE):
            text_heaps.check(path)


def test_too_many_texts_are_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_heaps, "MOST", 5)
    with pytest.raises(StoreError, match=IMPOSSIBLE):
        text_heaps.check(path)


def test_other_signatures_are_refused(path: Path) -> None:
    whole = path.read_bytes()
    for at, value in ((9, 4), (10, 16)):
        path.write_bytes(whole)
        put(path, at, value, 1)
        with pytest.raises(StoreError, match="have a width that no store writes"):
            hdf5.read(path)
    path.write_bytes(bytes(512) + whole)  # the next offset that HDF5 would try
    with pytest.raises(StoreError, match="it is not an HDF5 file"):
        hdf5.read(path)


def test_a_changed_file_is_checked_again(path: Path) -> None:
    text_heaps.check(path)
    before = text_heaps._check.cache_info()
    text_heaps.check(path)
    assert text_heaps._check.cache_info().hits == before.hits + 1
    put(path, free(path) + 8, 0)
    with pytest.raises(StoreError, match=IMPOSSIBLE):
        text_heaps.check(path)
