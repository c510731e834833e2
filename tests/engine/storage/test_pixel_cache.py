"""Folders that are decoded once: the same data and keys, and never an image that has changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine.datasets import _images, base
from engine.datasets.base import Dataset
from engine.errors import Cancelled, DataError
from engine.pipeline.models import StudyModels
from engine.runtime.progress import Reporter
from engine.spec import DataSpec
from engine.storage import pixel_cache, pixel_files
from engine.storage.store import Store

CLASSES, EACH = ("cat", "dog"), 6


@pytest.fixture(autouse=True)
def small_folders_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the images of any folder, even one that was just written."""
    monkeypatch.setattr(pixel_cache, "LEAST_FILES", 1)
    monkeypatch.setattr(pixel_cache, "SETTLED_S", -60.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve training and twelve test images of random colors."""
    rng = np.random.default_rng(0)
    for part in ("train", "test"):
        for name in CLASSES:
            place = tmp_path / "pictures" / part / name
            place.mkdir(parents=True)
            for number in range(EACH):
                paint(place / f"{number}.png", rng)
    return tmp_path / "pictures"


def paint(path: Path, rng: np.random.Generator) -> None:
    """An image of random colors, of the same size in bytes as all others (BMP is not packed)."""
    Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).save(path, "BMP")


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are decoded."""
    names: list[str] = []
    decode = _images._decoded

    def noted(path: Path, *words: object) -> object:
        names.append(path.name)
        return decode(path, *words)  # type: ignore[arg-type]

    monkeypatch.setattr(_images, "_decoded", noted)
    return names


class Listener(Reporter):
    """Keeps messages and the last progress."""

    def __init__(self, stop_after: int = 10**9) -> None:
        super().__init__()
        self.units, self._stop_after = 0.0, stop_after

    def advance(self, units: float) -> None:
        self.units += units
        if self.units >= self._stop_after:
            self.cancel()
        super().advance(units)


def opened(root: Path, store: Path, said: list[str] | None = None, **words: Any) -> Dataset:
    """The dataset as a new process opens it."""
    datasets = StudyModels(Store(store, (said if said is not None else []).append), "cpu").datasets
    return datasets.load(DataSpec("folder", str(root), **words), Reporter())


def same(one: Dataset, other: Dataset) -> bool:
    """Whether two datasets agree in everything, the key of their studies included."""
    arrays = ("train_x", "train_y", "test_x", "test_y", "validation")
    equal = all(np.array_equal(getattr(one, name), getattr(other, name)) for name in arrays)
    return equal and (one.spec, one.files, one.notes) == (other.spec, other.files, other.notes)


def files_in(store: Path) -> list[Path]:
    """The pixel files of a store."""
    return list(pixel_files.usage(store / pixel_cache.KIND))


@pytest.mark.parametrize(
    "words", [{}, {"side": 5}, {"channels": "gray"}, {"validation": 0.25}, {"seed": 7}]
)
def test_the_second_opening_decodes_nothing_and_is_the_same(
    folder: Path, tmp_path: Path, decoded: list[str], words: dict[str, Any]
) -> None:
    if "seed" in words:
        shutil.rmtree(folder / "test")  # so that the seed draws one
    plain = base.load(DataSpec("folder", str(folder), **words))
    assert same(plain, opened(folder, tmp_path / "store", None, **words))
    decoded.clear()
    assert same(plain, opened(folder, tmp_path / "store", None, **words))
    assert not decoded


def test_without_a_store_everything_is_decoded(folder: Path, decoded: list[str]) -> None:
    for _ in range(2):
        base.load(DataSpec("folder", str(folder)))
    assert len(decoded) == 2 * 4 * EACH


def test_other_settings_have_other_files(folder: Path, tmp_path: Path) -> None:
    gray = opened(folder, tmp_path / "store", channels="gray")
    color = opened(folder, tmp_path / "store")
    assert (gray.shape, color.shape) == ((1, 8, 8), (3, 8, 8))
    assert len(files_in(tmp_path / "store")) == 2


def test_white_of_deep_images_is_that_of_the_data_set(tmp_path: Path, decoded: list[str]) -> None:
    for number, name in enumerate(CLASSES * 2):
        place = tmp_path / "deep" / name
        place.mkdir(parents=True, exist_ok=True)
        deep = np.full((4, 4), 100 * (number + 1), np.uint16)
        Image.fromarray(deep).save(place / f"{number}.png")
    plain = base.load(DataSpec("folder", str(tmp_path / "deep")))
    assert plain.notes[-1].startswith("4 images of 16 bits use no more than 10")
    for _ in range(2):
        assert same(plain, opened(tmp_path / "deep", tmp_path / "store"))


# -- changes --------------------------------------------------------------------------------------


def rewrite_in_place(folder: Path, rng: np.random.Generator) -> None:
    """Change pixels in place, and set the time of modification back."""
    path = folder / "train" / "cat" / "2.png"
    before = path.stat()
    paint(path, rng)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size


def replace_by_another(folder: Path, rng: np.random.Generator) -> None:
    """Put another image of the same size and age in its place."""
    path = folder / "train" / "cat" / "2.png"
    before = path.stat()
    paint(folder / "new", rng)
    os.utime(folder / "new", ns=(before.st_atime_ns, before.st_mtime_ns))
    os.replace(folder / "new", path)


def swap(folder: Path, rng: np.random.Generator) -> None:
    """Exchange the names of two images."""
    a, b = (folder / "train" / "cat" / f"{number}.png" for number in (1, 2))
    a.rename(folder / "c")
    b.rename(a)
    (folder / "c").rename(b)


def add(folder: Path, rng: np.random.Generator) -> None:
    """Add an image."""
    paint(folder / "train" / "cat" / "9.png", rng)


def remove(folder: Path, rng: np.random.Generator) -> None:
    """Remove an image."""
    (folder / "train" / "cat" / "2.png").unlink()


def move_to_another_class(folder: Path, rng: np.random.Generator) -> None:
    """Move an image into another class."""
    (folder / "train" / "cat" / "2.png").rename(folder / "train" / "dog" / "2a.png")


CHANGES = (
    rewrite_in_place, replace_by_another, swap, add, remove, move_to_another_class,
)  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen(folder: Path, tmp_path: Path, change: object) -> None:
    before = opened(folder, tmp_path / "store")
    change(folder, np.random.default_rng(1))  # type: ignore[operator]
    after = opened(folder, tmp_path / "store")
    assert same(after, base.load(DataSpec("folder", str(folder))))
    assert after.spec.fingerprint != before.spec.fingerprint


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen_where_files_have_no_time_of_change(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: object
) -> None:
    monkeypatch.setattr(pixel_cache, "HAS_CHANGE_TIME", False)
    monkeypatch.setattr(pixel_cache, "FACTS", ("st_size", "st_mtime_ns"))
    test_a_change_is_seen(folder, tmp_path, change)


def test_a_renamed_class_keeps_its_pixels(folder: Path, tmp_path: Path) -> None:
    opened(folder, tmp_path / "store")
    for part in ("train", "test"):
        (folder / part / "cat").rename(folder / part / "zebra")
    after = opened(folder, tmp_path / "store")
    assert after.classes == ("dog", "zebra")
    assert same(after, base.load(DataSpec("folder", str(folder))))


def test_a_moved_folder_is_not_decoded_again(
    folder: Path, tmp_path: Path, decoded: list[str]
) -> None:
    opened(folder, tmp_path / "store")
    folder.rename(tmp_path / "elsewhere")
    decoded.clear()
    after = opened(tmp_path / "elsewhere", tmp_path / "store")
    assert not decoded
    assert same(after, base.load(DataSpec("folder", str(tmp_path / "elsewhere"))))


def test_files_that_were_just_written_are_not_kept(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pixel_cache, "SETTLED_S", 3600.0)
    opened(folder, tmp_path / "store")
    assert not files_in(tmp_path / "store")
    monkeypatch.setattr(pixel_cache, "LARGE_BYTES", 1)  # too many for memory, perhaps: it waits
    monkeypatch.setattr(pixel_cache, "SETTLED_S", 0.5)
    (folder / "train" / "cat" / "0.png").touch()
    opened(folder, tmp_path / "store")
    assert len(files_in(tmp_path / "store")) == 1


def test_images_that_change_while_they_are_decoded_are_not_kept(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = _images._check_dark

    def change(*words: object) -> None:
        paint(folder / "train" / "cat" / "2.png", np.random.default_rng(1))
        check(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(_images, "_check_dark", change)
    opened(folder, tmp_path / "store")
    assert not files_in(tmp_path / "store")


def test_the_same_process_reads_a_changed_folder_again(folder: Path, tmp_path: Path) -> None:
    datasets = StudyModels(Store(tmp_path / "store"), "cpu").datasets
    other_lane = StudyModels(Store(tmp_path / "store"), "cpu").datasets
    spec = DataSpec("folder", str(folder))
    before = datasets.load(spec, Reporter())
    assert other_lane.load(before.spec, Reporter()).spec == before.spec
    rewrite_in_place(folder, np.random.default_rng(1))
    assert datasets.load(spec, Reporter()) is before
    after = datasets.load(spec, Reporter(), anew=True)
    assert after.spec.fingerprint != before.spec.fingerprint
    assert other_lane.load(after.spec, Reporter()).spec == after.spec
    with pytest.raises(DataError, match="not those this study was made with"):
        datasets.load(before.spec, Reporter())


@pytest.mark.parametrize("words", [{}, {"validation": 0.25}])
def test_the_fingerprint_of_a_very_large_file_is_computed_once(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: dict[str, Any]
) -> None:
    plain, store = base.load(DataSpec("folder", str(folder), **words)), tmp_path / "store"
    monkeypatch.setattr(base, "ALWAYS_CHECKED", 1)
    sizes: list[int] = []
    fingerprint = base.fingerprint

    def noted(*arrays: np.ndarray) -> str:
        sizes.append(sum(array.nbytes for array in arrays))
        return fingerprint(*arrays)

    monkeypatch.setattr(base, "fingerprint", noted)
    images = plain.train_x.nbytes + plain.test_x.nbytes
    assert same(plain, opened(folder, store, None, **words)) and max(sizes) >= images
    sizes.clear()
    assert same(plain, opened(folder, store, None, **words)) and max(sizes) < images
    (known,) = (store / pixel_cache.KIND).glob(f"*{pixel_cache.FINGERPRINTS}")
    for damage in (b"", b"[]", b"\xff", known.read_bytes().replace(b'"', b"'")):
        known.write_bytes(damage)
        sizes.clear()
        assert same(plain, opened(folder, store, None, **words)) and max(sizes) >= images


def test_splits_of_the_same_large_file_have_their_own_fingerprints(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "ALWAYS_CHECKED", 1)
    for part in (0, 0.25, 0, 0.25):
        plain = base.load(DataSpec("folder", str(folder), validation=part))
        assert opened(folder, tmp_path / "store", validation=part).spec == plain.spec


# -- failures -------------------------------------------------------------------------------------


def test_a_damaged_file_is_decoded_anew_with_a_message(
    folder: Path, tmp_path: Path, decoded: list[str]
) -> None:
    plain = base.load(DataSpec("folder", str(folder)))
    opened(folder, tmp_path / "store")
    (path,) = files_in(tmp_path / "store")
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    said: list[str] = []
    decoded.clear()
    assert same(plain, opened(folder, tmp_path / "store", said))
    assert len(decoded) == 4 * EACH
    assert said == [
        f"The decoded images in {path} cannot be used (its checksums differ): the image files are "
        "decoded again."
    ]
    decoded.clear()
    assert same(plain, opened(folder, tmp_path / "store", said))
    assert not decoded and len(said) == 1


def test_cancelling_leaves_nothing_behind(folder: Path, tmp_path: Path) -> None:
    datasets = StudyModels(Store(tmp_path / "store"), "cpu").datasets
    with pytest.raises(Cancelled):
        datasets.load(DataSpec("folder", str(folder)), Listener(stop_after=1))
    assert not list((tmp_path / "store" / pixel_cache.KIND).iterdir())
    assert not list((tmp_path / "store" / "locks").iterdir())


def test_a_damaged_image_is_named_and_nothing_is_kept(folder: Path, tmp_path: Path) -> None:
    (folder / "train" / "dog" / "3.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"3\.png is damaged"):
        opened(folder, tmp_path / "store")
    assert not list((tmp_path / "store" / pixel_cache.KIND).iterdir())


def test_a_full_disk_is_no_obstacle(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int, size: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pixel_files, "reserve", full)
    said: list[str] = []
    read = opened(folder, tmp_path / "store", said)
    assert same(read, base.load(DataSpec("folder", str(folder))))
    assert len(said) == 1 and "No space left on device" in said[0]
    assert not list((tmp_path / "store" / pixel_cache.KIND).iterdir())


def test_no_room_in_the_cache_is_no_obstacle(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pixel_files, "LARGEST_CACHE", 100)
    assert len(opened(folder, tmp_path / "store")) == 4 * EACH
    assert not files_in(tmp_path / "store")


def test_a_read_only_store_is_read_and_not_written(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decoded: list[str]
) -> None:
    opened(folder, tmp_path / "store")
    monkeypatch.setattr(Store, "writable", False)
    decoded.clear()
    opened(folder, tmp_path / "store")
    assert not decoded
    opened(folder, tmp_path / "store", side=5)
    assert len(decoded) == 4 * EACH and len(files_in(tmp_path / "store")) == 1


OPENER = """
import sys
from engine.datasets import _images
from engine.pipeline.models import StudyModels
from engine.runtime.progress import Reporter
from engine.spec import DataSpec
from engine.storage import pixel_cache
from engine.storage.store import Store
from pathlib import Path
pixel_cache.LEAST_FILES, pixel_cache.SETTLED_S = 1, -60.0
count, decode = [], _images._decoded
_images._decoded = lambda *words: count.append(1) or decode(*words)
sys.stdin.readline()
datasets = StudyModels(Store(Path(sys.argv[2])), "cpu").datasets
found = datasets.load(DataSpec("folder", sys.argv[1]), Reporter())
print(len(count), found.spec.fingerprint)
"""


def test_processes_that_open_a_folder_at_once_decode_it_once(folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", OPENER, str(folder), str(tmp_path / "store")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    openers = [subprocess.Popen(command, **pipes) for _ in range(3)]  # type: ignore[call-overload]
    for opener in openers:
        opener.stdin.write("\n")
        opener.stdin.flush()
    results = [opener.communicate()[0].split() for opener in openers]
    plain = base.load(DataSpec("folder", str(folder)))
    assert {fingerprint for _, fingerprint in results} == {plain.spec.fingerprint}
    assert sorted(int(count) for count, _ in results) == [0, 0, 4 * EACH]
