"""Datasets: what is read from folders and archives, and the sentence each bad input gets."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import tomllib
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine import registry
from engine.datasets import _downloads, _images, cifar10, small_cifar5
from engine.datasets import fashion as fashion_module
from engine.datasets.base import Dataset, Recommended, check, load, stratified_split
from engine.errors import Cancelled, DataError, SpecError
from engine.runtime.libraries import torchvision
from engine.runtime.progress import Progress, Reporter
from engine.spec import PAPER_TAUS, DataSpec, TrainSpec

ROOT = Path(__file__).parents[3]
COLORS = {"cat": (200, 30, 30), "dog": (30, 200, 30), "eel": (30, 30, 200)}
ARCHIVE = "cifar10-jpeg.tar.xz"


class Listener(Reporter):
    """Keeps the progress it is told of; cancels itself at a given fraction."""

    def __init__(self, cancel_at: float = 2.0) -> None:
        super().__init__()
        self.cancel_at = cancel_at
        self.stages: list[str] = []

    def on_progress(self, progress: Progress) -> None:
        self.stages.append(progress.stage)
        if progress.fraction >= self.cancel_at:
            self.cancel()


def picture(path: Path, color: tuple[int, int, int] = (9, 9, 9), size: Any = (32, 32)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).save(path)


def fill(top: Path, count: int = 5, classes: Any = COLORS, suffix: str = ".png") -> Path:
    """`count` plain images in each of top/<class>/, told apart by their blue channel."""
    for name in classes:
        for i in range(count):
            red, green, _ = COLORS.get(name, (1, 2, 3))
            picture(top / name / f"{i:03d}{suffix}", (red, green, i))
    return top


def load_folder(root: Path, report: Reporter | None = None, **fields: Any) -> Dataset:
    return load(DataSpec("folder", root=str(root), **fields), report)


def message_of(root: Path, **fields: Any) -> str:
    with pytest.raises(DataError) as caught:
        load_folder(root, **fields)
    return str(caught.value)


# -- built in -------------------------------------------------------------------------------------


def test_digits_are_gray_images_split_by_class() -> None:
    digits = load(DataSpec("digits"))
    assert digits.train_x.shape[1:] == (1, 8, 8) and digits.train_x.dtype == np.uint8
    assert len(digits.train_y) + len(digits.test_y) == 1797
    assert digits.is_image and len(digits.spec.fingerprint) == 20
    assert set(digits.test_y) == set(range(10))


def test_iris_features_lie_in_the_unit_interval() -> None:
    iris = load(DataSpec("iris"))
    assert iris.shape == (4,) and not iris.is_image and len(iris.features) == 4
    assert iris.train_x.min() >= 0 and iris.train_x.max() <= 1


FASHION = (400, 80)  # training and test images of each class
FASHION_CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Shirt", "Ankle boot")
FASHION_FILES = {"NOTICE.md", "numbers.json", "test.png", "train.png"}


@pytest.fixture(scope="module")
def fashion() -> Dataset:
    return load(DataSpec("fashion"))


def test_fashion_holds_equally_many_photographs_of_each_class(fashion: Dataset) -> None:
    assert fashion.label == "Fashion" and fashion.classes == FASHION_CLASSES
    for images, labels, each in (
        (fashion.train_x, fashion.train_y, FASHION[0]),
        (fashion.test_x, fashion.test_y, FASHION[1]),
    ):
        assert images.shape == (5 * each, 1, 28, 28) and images.dtype == np.uint8
        assert np.bincount(labels).tolist() == [each] * 5
    assert fashion.is_image and not fashion.notes


def test_the_pixels_of_fashion_never_change(fashion: Dataset) -> None:
    assert fashion.spec.fingerprint == "b066c5fd0a5f2569a255"


def test_no_image_of_fashion_is_there_twice(fashion: Dataset) -> None:
    images = np.concatenate([fashion.train_x, fashion.test_x]).reshape(len(fashion), -1)
    assert len(np.unique(images, axis=0)) == len(images)


def test_a_sample_of_fashion_is_called_by_its_number_in_the_original(fashion: Dataset) -> None:
    numbers = json.loads((files("assets") / "fashion" / "numbers.json").read_text("utf-8"))
    for part, start, size in (("train", 0, 60_000), ("test", 2000, 10_000)):
        listed = [number for of_class in numbers[part].values() for number in of_class]
        assert len(set(listed)) == len(listed) and min(listed) >= 0 and max(listed) < size
        names = [fashion.name_of(start + i) for i in range(len(listed))]
        assert names == [f"fashion-mnist {part} {number}" for number in listed]


def test_the_notice_of_fashion_has_the_licence_and_the_source() -> None:
    text = (files("assets") / "fashion" / "NOTICE.md").read_text("utf-8")
    assert "MIT License" in text and "Copyright © 2017 Zalando SE" in text
    assert "https://github.com/zalandoresearch/fashion-mnist" in text and "seed 0" in text
    assert all(name in text for name in FASHION_CLASSES)


def test_fashion_comes_as_pictures_and_text_of_one_megabyte() -> None:
    """Nothing that could hold an object, and a wheel takes all of it."""
    folder = Path(str(files("assets"))) / "fashion"
    assert {path.name for path in folder.iterdir()} == FASHION_FILES
    assert sum(path.stat().st_size for path in folder.iterdir()) < 1.1e6
    packaged = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    assert "**/*" in packaged["package-data"]["assets"]
    assert not any("fashion" in one for one in packaged["exclude-package-data"]["assets"])
    assert "assets" in packaged["packages"]["find"]["include"]


def test_a_wheel_brings_fashion(tmp_path: Path) -> None:
    """Built by setuptools from a copy of the project's data alone."""
    shutil.copytree(ROOT / "assets", tmp_path / "assets")
    for name in ("engine", "explorer"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text('__version__ = "1"\n')
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    code = "from setuptools import build_meta; build_meta.build_wheel('.')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert {f"assets/fashion/{name}" for name in FASHION_FILES} <= set(archive.namelist())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("train.png", b""),
        ("train.png", b"no picture"),
        ("numbers.json", b"{"),
        ("numbers.json", b'{"train": {"Shirt": [1]}, "test": {"Shirt": [1]}}'),
        ("numbers.json", b"[]"),
        ("test.png", None),
    ],
)
def test_a_damaged_installation_of_fashion_gets_a_sentence(
    name: str, content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(Path(str(files("assets"))) / "fashion", tmp_path / "fashion")
    if content is None:
        (tmp_path / "fashion" / name).unlink()
    else:
        (tmp_path / "fashion" / name).write_bytes(content)
    monkeypatch.setattr(fashion_module, "files", lambda package: tmp_path)
    with pytest.raises(DataError, match=r"of .fashion.* cannot be read .* Install it again"):
        load(DataSpec("fashion"))


@pytest.mark.parametrize("name", ["digits", "fashion", "iris"])
def test_the_split_of_built_in_data_ignores_the_seed(name: str) -> None:
    assert load(DataSpec(name, seed=1)).spec.fingerprint == load(DataSpec(name)).spec.fingerprint


def test_an_unknown_dataset_gets_the_nearest_name() -> None:
    with pytest.raises(SpecError, match=r"There is no dataset 'digts'. Did you mean 'digits'\?"):
        load(DataSpec("digts"))


def test_data_that_cannot_be_resized_says_so() -> None:
    with pytest.raises(SpecError, match=r"'digits' cannot be resized to 16 px.* shape 1x8x8"):
        load(DataSpec("digits", side=16))
    assert load(DataSpec("digits", side=8)).shape == (1, 8, 8)


@pytest.mark.parametrize("name", registry.names("dataset"))
def test_every_dataset_recommends_settings_that_exist(name: str) -> None:
    module = __import__(registry.get("dataset", name).make.__module__, fromlist=["RECOMMENDED"])
    recommended: Recommended = module.RECOMMENDED
    for model in (recommended.model, *recommended.training):
        assert model in registry.names("model")
        assert isinstance(recommended.train_for(model), TrainSpec)


def test_small_cifar5_recommends_the_papers_setting() -> None:
    assert small_cifar5.RECOMMENDED.model == "cnn"
    assert small_cifar5.RECOMMENDED.forget == "class:0:100"
    assert small_cifar5.RECOMMENDED.taus == PAPER_TAUS
    assert small_cifar5.RECOMMENDED.train_for("resnet18") != small_cifar5.RECOMMENDED.train


# -- what check guards ----------------------------------------------------------------------------


def two_classes(**changes: Any) -> Dataset:
    """Four samples of two features, and changes to them."""
    x = np.array([[0.0, 0.1], [0.2, 0.3], [0.4, 0.5], [0.6, 1.0]], np.float32)
    y = np.array([0, 1, 0, 1])
    recommended = Recommended("mlp", TrainSpec(), "random:1")
    made = Dataset(DataSpec("pairs"), "Pairs", ("a", "b"), x, y, x, y, recommended)
    return replace(made, **changes)


IMAGES = np.zeros((4, 3, 5, 5), np.uint8)
LABELS = np.array([0, 1, 0, 1])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"classes": ("a",)}, "'pairs' has only 1 class; at least two are needed"),
        ({"classes": ("a", "a")}, "two classes of the same name"),
        ({"test_y": LABELS[:0], "test_x": IMAGES[:0]}, "has no test samples"),
        ({"train_y": LABELS[:3]}, "has 4 training samples but 3 labels"),
        ({"test_x": np.zeros((4, 3), np.float32)}, "test samples of shape 3, but training"),
        ({"train_x": IMAGES}, "test samples of shape 2, but training samples of shape 3x5x5"),
        ({"train_x": np.zeros((4, 2))}, "training samples are float64 of shape 4x2"),
        ({"train_x": np.zeros((4, 0), np.float32)}, "must be uint8 images"),
        ({"train_y": LABELS + 1}, "training labels must be int64 numbers from 0 to 1"),
        ({"test_y": LABELS.astype(float)}, "test labels must be int64"),
        ({"train_y": LABELS * 0}, "training samples of only one class"),
    ],
)
def test_data_that_cannot_be_learned_from(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        check(two_classes(**changes))


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.1, 1.1])
def test_a_feature_outside_the_unit_interval_is_named(value: float) -> None:
    x = two_classes().test_x.copy()
    x[2, 1] = value
    with pytest.raises(DataError, match=r"test sample 2 has a feature that is not a number in \[0"):
        check(two_classes(test_x=x))


def test_the_fingerprint_follows_the_content() -> None:
    before = check(two_classes()).spec.fingerprint
    changed = two_classes().train_x.copy()
    changed[0, 0] = 0.05
    assert check(two_classes()).spec.fingerprint == before
    assert check(two_classes(train_x=changed)).spec.fingerprint != before


def test_statistics_of_images_match_numpys() -> None:
    x = np.random.default_rng(0).integers(0, 256, (20, 3, 4, 4), dtype=np.uint8)
    labels = np.arange(20) % 2
    mean, std = two_classes(train_x=x, train_y=labels).statistics()
    np.testing.assert_allclose(mean, (x / 255).mean((0, 2, 3)))
    np.testing.assert_allclose(std, (x / 255).std((0, 2, 3)))


def test_statistics_of_a_constant_never_divide_by_zero() -> None:
    assert two_classes(train_x=IMAGES).statistics()[1] == [1e-3] * 3


def test_a_stratified_split_keeps_the_share_of_every_class() -> None:
    labels = np.repeat([0, 1, 2], [50, 20, 2])
    train, test = stratified_split(labels, 0.2, np.random.default_rng(0))
    assert np.bincount(labels[test]).tolist() == [10, 4, 1]
    assert sorted([*train, *test]) == list(range(72))


# -- folders of images ----------------------------------------------------------------------------


def test_a_folder_with_both_parts(tmp_path: Path) -> None:
    fill(tmp_path / "train", 4)
    fill(tmp_path / "test", 2)
    data = load_folder(tmp_path)
    assert data.classes == ("cat", "dog", "eel") and data.label == tmp_path.name
    assert data.train_x.shape == (12, 3, 32, 32) and data.train_x.dtype == np.uint8
    assert data.train_y.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert data.test_y.tolist() == [0, 0, 1, 1, 2, 2]
    assert data.train_x[5, :, 0, 0].tolist() == [30, 200, 1]


@pytest.mark.parametrize("part", ["val", "validation"])
def test_a_validation_part_stands_in_for_the_test_part(tmp_path: Path, part: str) -> None:
    fill(tmp_path / "train", 4)
    fill(tmp_path / part, 1)
    (tmp_path / "test").mkdir()  # ImageNet's unlabeled images would lie here
    assert len(load_folder(tmp_path).test_y) == 3


@pytest.mark.parametrize("layout", ["", "train"])
def test_without_a_test_part_a_fifth_of_each_class_is_held_out(tmp_path: Path, layout: str) -> None:
    fill(tmp_path / layout, 10)
    data = load_folder(tmp_path)
    assert np.bincount(data.train_y).tolist() == [8, 8, 8]
    assert np.bincount(data.test_y).tolist() == [2, 2, 2]
    assert data.spec.fingerprint == load_folder(tmp_path).spec.fingerprint
    assert data.spec.fingerprint != load_folder(tmp_path, seed=7).spec.fingerprint


def test_images_are_cropped_to_their_center_and_resized(tmp_path: Path) -> None:
    wide = np.zeros((20, 60, 3), np.uint8)
    wide[:, 20:40] = 250  # the central square is bright, its surroundings are not
    fill(tmp_path, 3)
    Image.fromarray(wide).save(tmp_path / "cat" / "000.png")
    image = _images.decode(tmp_path / "cat" / "000.png", 10)
    assert image.shape == (3, 10, 10) and image.min() > 230


@pytest.mark.parametrize(
    ("sizes", "side", "expected"),
    [((28, 28), 0, 28), ((100, 100), 0, 32), ((28, 20), 0, 32), ((28, 28), 12, 12)],
)
def test_the_side_is_asked_for_or_chosen(
    tmp_path: Path, sizes: tuple[int, int], side: int, expected: int
) -> None:
    for name in ("a", "b"):
        for i in range(3):
            picture(tmp_path / name / f"{i}.png", size=sizes)
    assert load_folder(tmp_path, side=side).shape == (3, expected, expected)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".JPEG", ".bmp", ".webp", ".gif", ".tiff"])
def test_common_formats_are_read(tmp_path: Path, suffix: str) -> None:
    picture(tmp_path / f"x{suffix}", (200, 30, 30))
    color = _images.decode(tmp_path / f"x{suffix}", 8)[:, 4, 4].astype(int)
    assert np.abs(color - [200, 30, 30]).max() < 12  # JPEG is lossy, GIF has a palette


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "LA", "CMYK", "I;16"])
def test_every_mode_becomes_rgb(tmp_path: Path, mode: str) -> None:
    if mode == "I;16":
        image = Image.fromarray(np.full((8, 8), 128 * 256, np.uint16))
    else:
        image = Image.new("L", (8, 8), 128).convert(mode)
    path = tmp_path / ("x.tiff" if mode == "CMYK" else "x.png")
    image.save(path)
    decoded = _images.decode(path, 8)
    assert decoded.shape == (3, 8, 8)
    if mode != "1":
        assert np.abs(decoded.astype(int) - 128).max() <= 1


def test_a_palette_with_transparency_raises_no_warning(tmp_path: Path) -> None:
    image = Image.new("P", (8, 8), 3)
    image.save(tmp_path / "x.png", transparency=bytes([0, 128, 255, 7]))
    assert _images.decode(tmp_path / "x.png", 8).shape == (3, 8, 8)


def test_the_camera_orientation_is_applied(tmp_path: Path) -> None:
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:4] = 255  # bright above; orientation 3 turns it upside down
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.fromarray(pixels).save(tmp_path / "x.png", exif=exif)
    decoded = _images.decode(tmp_path / "x.png", 8)
    assert decoded[:, :4].max() == 0 and decoded[:, 4:].min() == 255


def test_other_files_and_hidden_ones_are_left_alone(tmp_path: Path) -> None:
    fill(tmp_path, 5)
    (tmp_path / "cat" / "notes.txt").write_text("no image")
    (tmp_path / "cat" / "._000.png").write_bytes(b"resource fork")
    (tmp_path / ".cache").mkdir()
    (tmp_path / "README.md").write_text("about")
    assert len(load_folder(tmp_path).train_y) == 12


def test_reading_reports_progress_and_can_be_cancelled(tmp_path: Path) -> None:
    paths = [tmp_path / f"{i}.png" for i in range(_images.BLOCK + 1)]
    for path in paths:
        picture(path, size=(2, 2))
    report = Listener(cancel_at=0.1)
    report.expect(len(paths))
    with pytest.raises(Cancelled):
        _images.read_images(paths, 2, report)
    listener = Listener()
    fill(tmp_path / "data", 3)
    load_folder(tmp_path / "data", listener)
    assert "reading images" in listener.stages


# -- folders that cannot be used ------------------------------------------------------------------


def test_no_folder_given() -> None:
    with pytest.raises(DataError, match="'folder' needs a folder"):
        load(DataSpec("folder"))


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    assert f"The folder '{tmp_path / 'gone'}' does not exist" in message_of(tmp_path / "gone")


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert f"The folder '{tmp_path / 'file'}' does not exist" in message_of(tmp_path / "file")


def test_an_empty_folder(tmp_path: Path) -> None:
    assert f"{tmp_path} has no class folders" in message_of(tmp_path)


def test_an_empty_training_part(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    assert f"{tmp_path / 'train'} has no class folders" in message_of(tmp_path)


def test_one_class(tmp_path: Path) -> None:
    fill(tmp_path, classes=["cat"])
    assert "one class folder, 'cat'; at least two" in message_of(tmp_path)


def test_a_class_without_images(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / "fox").mkdir()
    assert f"The class folder {tmp_path / 'fox'} contains no images" in message_of(tmp_path)


def test_a_test_class_that_is_not_trained(tmp_path: Path) -> None:
    fill(tmp_path / "train", classes=["cat", "dog"])
    fill(tmp_path / "test", classes=["cat", "eel"])
    assert "has a class 'eel' that" in message_of(tmp_path)


def truncated(path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:2000])


def broken_chunk(path: Path) -> None:
    picture(path)
    data = bytearray(path.read_bytes())
    data[40:60] = b"\xff" * 20
    path.write_bytes(data)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_text("this is no image"),
        truncated,
        broken_chunk,
    ],
)
@pytest.mark.parametrize("name", ["000.png", "004.png"])  # seen by the probe of sizes, or not
def test_a_broken_image_is_named(tmp_path: Path, spoil: Callable[[Path], Any], name: str) -> None:
    fill(tmp_path)
    path = tmp_path / "dog" / name
    spoil(path)
    assert f"The image {path} is damaged or not in" in message_of(tmp_path)


def test_the_first_broken_image_is_named_whichever_thread_meets_it(tmp_path: Path) -> None:
    fill(tmp_path, 20)
    for number in (7, 9, 15):
        (tmp_path / "dog" / f"{number:03d}.png").write_bytes(b"?")
    assert str(tmp_path / "dog" / "007.png") in message_of(tmp_path)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_an_image_without_permission_is_named(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / "dog" / "004.png").chmod(0)
    assert "004.png cannot be read: Permission denied" in message_of(tmp_path)


@pytest.mark.parametrize("limit", [1000, 600, 100])  # beyond Pillow's warning, and its error
def test_an_image_of_too_many_pixels_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    fill(tmp_path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    assert "000.png has more than 0 million pixels. Scale it down." in message_of(tmp_path)


def test_a_decompression_bomb_is_not_decoded(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    side = (1 << 18).to_bytes(4, "big")
    chunks = [b"IHDR" + side + side + bytes([8, 2, 0, 0, 0]), b"IDAT" + zlib.compress(b"")]
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(
            (len(chunk) - 4).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
            for chunk in chunks
        )
    )
    with pytest.raises(DataError, match=r"bomb.png has more than \d+ million pixels"):
        _images.decode(path, 32)


def test_more_images_than_memory_can_hold() -> None:
    with pytest.raises(DataError, match=r"1 images of 9000000x9000000 px need .* GiB"):
        _images.read_images([Path("x.png")], 9_000_000, Reporter())


# -- CIFAR-10 as image files ----------------------------------------------------------------------


def cifar_folder(root: Path, train: int = 2, test: int = 1) -> Path:
    fill(root / "train", train, cifar10.CLASSES, ".jpg")
    if test:
        fill(root / "test", test, cifar10.CLASSES, ".jpg")
    return root


def test_cifar10_from_a_folder_keeps_the_order_of_its_labels(tmp_path: Path) -> None:
    data = load(DataSpec("cifar10", root=str(cifar_folder(tmp_path))))
    assert data.classes == cifar10.CLASSES
    assert data.train_x.shape == (20, 3, 32, 32) and data.test_x.shape == (10, 3, 32, 32)
    assert data.train_y.tolist() == np.repeat(range(10), 2).tolist()


def test_cifar10_from_a_folder_needs_all_classes(tmp_path: Path) -> None:
    cifar_folder(tmp_path)
    (tmp_path / "train" / "ship").rename(tmp_path / "train" / "boat")
    with pytest.raises(DataError, match="train has no folder for the class 'ship'"):
        load(DataSpec("cifar10", root=str(tmp_path)))


def test_cifar10_from_a_folder_needs_a_test_part(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"but no test/<class>/ folders"):
        load(DataSpec("cifar10", root=str(cifar_folder(tmp_path, test=0))))


@pytest.mark.parametrize("name", ["cifar10", "small-cifar5"])
def test_a_root_that_does_not_exist(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"'.*gone' does not exist. Give one that contains cifar"):
        load(DataSpec(name, root=str(tmp_path / "gone")))


def test_small_cifar5_draws_by_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small_cifar5, "EACH", 3)
    root = str(cifar_folder(tmp_path, 6, 4))
    data = load(DataSpec("small-cifar5", root=root))
    assert data.classes == ("airplane", "automobile", "bird", "cat", "deer")
    assert data.train_x.shape == data.test_x.shape == (15, 3, 32, 32)
    assert np.bincount(data.train_y).tolist() == [3] * 5
    assert data.spec.fingerprint == load(DataSpec("small-cifar5", root=root)).spec.fingerprint
    other = load(DataSpec("small-cifar5", root=root, seed=42))
    assert other.spec.fingerprint != data.spec.fingerprint


def test_small_cifar5_divides_a_folder_without_a_test_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(small_cifar5, "EACH", 2)
    for name in small_cifar5.CLASSES:
        for i in range(4):
            picture(tmp_path / name / f"{i}.png", (60 * i, 0, 0))
    data = load(DataSpec("small-cifar5", root=str(tmp_path)))
    for number in range(5):
        reds = np.concatenate(
            [
                data.train_x[data.train_y == number, 0, 0, 0],
                data.test_x[data.test_y == number, 0, 0, 0],
            ]
        )
        assert sorted(reds.tolist()) == [0, 60, 120, 180]  # each image once


def test_small_cifar5_names_the_class_that_is_too_small(tmp_path: Path) -> None:
    root = cifar_folder(tmp_path)
    with pytest.raises(DataError, match=r"needs 200 training images .* there are 2 of 'airplane'"):
        load(DataSpec("small-cifar5", root=str(root)))


# -- CIFAR-10 as torchvision keeps it -------------------------------------------------------------


def batch(labels: list[int]) -> bytes:
    data = np.random.default_rng(len(labels)).integers(0, 256, (len(labels), 3072), dtype=np.uint8)
    return pickle.dumps({"data": data, "labels": labels})


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A CIFAR-10 of 30 images in torchvision's format, which torchvision's checksums expect."""
    cifar = torchvision("torchvision.datasets").CIFAR10
    files = {f"data_batch_{i}": batch([0, 1, 2, 3, 4]) for i in range(1, 6)}
    files |= {"test_batch": batch([0, 1, 2, 3, 4])}
    files |= {"batches.meta": pickle.dumps({"label_names": list(cifar10.CLASSES)})}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"{cifar.base_folder}/{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    sums = {name: hashlib.md5(content).hexdigest() for name, content in files.items()}
    monkeypatch.setattr(cifar, "train_list", [[f"data_batch_{i}", sums[f"data_batch_{i}"]]
                                              for i in range(1, 6)])  # fmt: skip
    monkeypatch.setattr(cifar, "test_list", [["test_batch", sums["test_batch"]]])
    monkeypatch.setattr(cifar, "meta", {**cifar.meta, "md5": sums["batches.meta"]})
    monkeypatch.setattr(cifar, "tgz_md5", hashlib.md5(packed.getvalue()).hexdigest())
    monkeypatch.setattr(cifar, "url", "http://127.0.0.1:9/cifar-10-python.tar.gz")  # nobody there
    return packed.getvalue()


@pytest.fixture
def served(archive: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[bytes]:
    """The same archive, to be had from a server on this machine."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(archive)))
            self.end_headers()
            self.wfile.write(archive)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing on stderr."""

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        cifar = torchvision("torchvision.datasets").CIFAR10
        monkeypatch.setattr(cifar, "url", f"http://127.0.0.1:{server.server_port}/cifar.tar.gz")
        yield archive
        server.shutdown()
        thread.join()


def test_cifar10_is_downloaded_with_progress(tmp_path: Path, served: bytes) -> None:
    report = Listener()
    data = load(DataSpec("cifar10", root=str(tmp_path)), report)
    assert data.train_x.shape == (25, 3, 32, 32) and data.train_x.flags.c_contiguous
    assert data.test_y.tolist() == [0, 1, 2, 3, 4]
    assert "downloading CIFAR-10" in report.stages
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["cifar-10-batches-py", "cifar-10-python.tar.gz"]


def test_cancelling_a_download_leaves_nothing_behind(tmp_path: Path, served: bytes) -> None:
    report = Listener()
    report.cancel()
    with pytest.raises(Cancelled):
        load(DataSpec("cifar10", root=str(tmp_path)), report)
    assert not list(tmp_path.iterdir())


def test_a_damaged_download_is_thrown_away(
    tmp_path: Path, served: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torchvision("torchvision.datasets").CIFAR10, "tgz_md5", "0" * 32)
    with pytest.raises(DataError, match=r"The download of .* is damaged: its checksum differs"):
        load(DataSpec("cifar10", root=str(tmp_path)))
    assert not list(tmp_path.iterdir())


def test_offline_the_sentence_says_where_to_put_which_files(tmp_path: Path, archive: bytes) -> None:
    with pytest.raises(DataError) as caught:
        load(DataSpec("small-cifar5", root=str(tmp_path)))
    for part in (
        "could not be downloaded from http://127.0.0.1:9/",
        "put the file cifar-10-python.tar.gz or the unpacked folder cifar-10-batches-py into "
        f"{tmp_path}",
    ):
        assert part in str(caught.value)


def test_by_default_cifar10_lies_in_the_users_cache(
    tmp_path: Path, archive: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: tmp_path / "cache")
    with pytest.raises(DataError, match=r"CIFAR-10 is not in .*cache.datasets and could not be"):
        load(DataSpec("cifar10"))


def test_an_archive_put_there_by_hand_is_unpacked(tmp_path: Path, archive: bytes) -> None:
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(archive)
    first = load(DataSpec("cifar10", root=str(tmp_path)))
    again = load(DataSpec("cifar10", root=str(tmp_path / "cifar-10-batches-py")))
    assert first.spec.fingerprint == again.spec.fingerprint


KILLED = """
import os, signal, sys
from pathlib import Path
from engine.datasets import _downloads
os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
_downloads.unpack(Path(sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="nothing can be killed so here")
def test_what_was_killed_while_unpacking_is_swept_at_the_next_start(
    tmp_path: Path, archive: bytes
) -> None:
    packed, batches = tmp_path / "cifar-10-python.tar.gz", tmp_path / "cifar-10-batches-py"
    packed.write_bytes(archive)
    for _ in range(2):  # before anything was unpacked, and when all is there
        words = [sys.executable, "-c", KILLED, str(packed), str(batches)]
        assert subprocess.run(words, check=False).returncode == -signal.SIGKILL
        left = {path.name for path in tmp_path.iterdir()} - {packed.name, batches.name}
        assert len(left) == 1
        load(DataSpec("cifar10", root=str(tmp_path)))
        assert {path.name for path in tmp_path.iterdir()} == {packed.name, batches.name}


def test_who_unpacks_later_takes_what_is_there(tmp_path: Path, archive: bytes) -> None:
    packed, batches = tmp_path / "cifar-10-python.tar.gz", tmp_path / "cifar-10-batches-py"
    packed.write_bytes(archive)
    for _ in range(2):
        _downloads.unpack(packed, batches)
    assert {path.name for path in tmp_path.iterdir()} == {packed.name, batches.name}
    assert len(list(batches.iterdir())) == 7


def test_another_archive_is_refused(tmp_path: Path, archive: bytes) -> None:
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(archive + b"!")
    with pytest.raises(DataError, match="is not the CIFAR-10 archive: its checksum differs"):
        load(DataSpec("cifar10", root=str(tmp_path)))


def test_a_changed_batch_is_never_unpickled(tmp_path: Path, archive: bytes) -> None:
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(archive)
    load(DataSpec("cifar10", root=str(tmp_path)))
    batches = tmp_path / "cifar-10-batches-py"
    (batches / "data_batch_3").write_bytes(b"\x80\x04 something else")
    with pytest.raises(DataError, match=r"in .* are incomplete or damaged. Remove that folder"):
        load(DataSpec("cifar10", root=str(tmp_path)))


def test_small_cifar5_from_the_archive(
    tmp_path: Path, archive: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(small_cifar5, "EACH", 1)
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(archive)
    data = load(DataSpec("small-cifar5", root=str(tmp_path)))
    assert data.train_y.tolist() == data.test_y.tolist() == [0, 1, 2, 3, 4]
    whole = load(DataSpec("cifar10", root=str(tmp_path)))
    assert whole.name_of(7) == "cifar10 train 7" and whole.name_of(27) == "cifar10 test 2"
    for index in range(10):  # named by its place in the archive
        dataset, part, number = data.name_of(index).split()
        images = whole.train_x if part == "train" else whole.test_x
        assert dataset == "cifar10" and part == ("train" if index < 5 else "test")
        assert (images[int(number)] == data.raw(index)).all()


# -- the real images ------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def real_cifar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CIFAR-10's images as files: RK_TEST_CIFAR, or the first five classes of the archive."""
    given = os.environ.get("RK_TEST_CIFAR")
    if given:
        return Path(given)
    packed = Path(__file__).parents[4] / "shared" / "data" / ARCHIVE
    if not packed.is_file():
        pytest.skip(f"set RK_TEST_CIFAR to a folder of CIFAR-10 images, or provide {packed}")
    root = tmp_path_factory.mktemp("cifar")
    with tarfile.open(packed) as tar:
        wanted = (entry for entry in tar if Path(entry.name).parts[1:2] and
                  Path(entry.name).parts[1] in small_cifar5.CLASSES)  # fmt: skip
        tar.extractall(root, wanted, filter="data")
    return root


def test_small_cifar5_from_the_real_images(real_cifar: Path) -> None:
    data = load(DataSpec("small-cifar5", root=str(real_cifar)))
    assert data.train_x.shape == data.test_x.shape == (1000, 3, 32, 32)
    assert np.bincount(data.train_y).tolist() == [200] * 5
    mean, std = data.statistics()  # of all CIFAR-10: 0.49, 0.48, 0.45 and 0.25, 0.24, 0.26
    np.testing.assert_allclose(mean, [0.49, 0.48, 0.45], atol=0.04)
    np.testing.assert_allclose(std, [0.25, 0.24, 0.26], atol=0.03)


@pytest.mark.parametrize("older", [False, True])
def test_an_archive_is_unpacked_by_older_pythons_too_and_never_beside_its_folder(
    older: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if older:  # before 3.11.4
        monkeypatch.delattr(tarfile, "data_filter", raising=False)
    content = io.BytesIO(b"batch")
    plain = tarfile.TarInfo("cifar/data")
    plain.size = 5
    with tarfile.open(tmp_path / "plain.tar", "w") as tar:
        tar.addfile(plain, content)
    with tarfile.open(tmp_path / "plain.tar") as tar:
        _downloads.extract(tar, tmp_path / "there")
    assert (tmp_path / "there" / "cifar" / "data").read_bytes() == b"batch"
    link, outside = tarfile.TarInfo("cifar/link"), tarfile.TarInfo("../outside")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    for number, member in enumerate((link, outside)):
        with tarfile.open(tmp_path / f"{number}.tar", "w") as tar:
            tar.addfile(member)
        with tarfile.open(tmp_path / f"{number}.tar") as tar, pytest.raises(tarfile.TarError):
            _downloads.extract(tar, tmp_path / "elsewhere")
    assert not (tmp_path / "outside").exists()
