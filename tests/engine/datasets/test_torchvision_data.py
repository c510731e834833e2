"""MNIST, Fashion-MNIST, CIFAR-100 and SVHN: read as torchvision has them, and what is missing."""

from __future__ import annotations

import gzip
import hashlib
import io
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from needs import shared_data
from scipy.io import savemat

from engine.datasets import _idx, cifar100
from engine.datasets.base import Dataset, load
from engine.errors import DataError
from engine.runtime.libraries import torchvision
from engine.spec import DataSpec

RNG = np.random.default_rng(0)
NOWHERE = "http://127.0.0.1:9/"  # nobody is there
DATASETS = torchvision("torchvision.datasets")


def opened(name: str, root: Path) -> Dataset:
    return load(DataSpec(name, str(root)))


# -- MNIST and Fashion-MNIST ----------------------------------------------------------------------


def idx(values: np.ndarray) -> bytes:
    shape = np.array(values.shape, ">u4").tobytes()
    return bytes([0, 0, 8, values.ndim]) + shape + values.tobytes()


@pytest.fixture
def four(monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """The four files of an MNIST of 20 + 10 images, which the reader expects."""
    monkeypatch.setattr(_idx, "COUNTS", {"train": 20, "t10k": 10})
    return {
        f"{part}-{kind}": values
        for part, n in (("train", 20), ("t10k", 10))
        for kind, values in (
            ("images-idx3-ubyte", RNG.integers(0, 256, (n, 28, 28), np.uint8)),
            ("labels-idx1-ubyte", (np.arange(n) % 10).astype(np.uint8)),
        )
    }


def put(folder: Path, four: dict[str, np.ndarray], packed: bool = True) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, values in four.items():
        content = gzip.compress(idx(values)) if packed else idx(values)
        (folder / (f"{name}.gz" if packed else name)).write_bytes(content)
    return folder


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("below", ["", "raw", "FashionMNIST/raw"])
def test_the_four_files_lie_in_the_folder_or_where_torchvision_puts_them(
    below: str, packed: bool, four: dict[str, np.ndarray], tmp_path: Path
) -> None:
    put(tmp_path / below, four, packed)
    data = opened("fashion-mnist", tmp_path)
    assert np.array_equal(data.train_x[:, 0], four["train-images-idx3-ubyte"])
    assert np.array_equal(data.test_y, four["t10k-labels-idx1-ubyte"])
    assert data.classes[0] == "T-shirt/top" and data.name_of(21) == "fashion-mnist test 1"


def test_mnist_is_read_in_the_same_way(four: dict[str, np.ndarray], tmp_path: Path) -> None:
    put(tmp_path / "MNIST" / "raw", four)
    data = opened("mnist", tmp_path)
    assert data.classes == tuple("0123456789") and data.shape == (1, 28, 28)


def test_missing_files_are_downloaded_and_checked(
    four: dict[str, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = put(tmp_path / "there", four)
    sums = [(path.name, hashlib.md5(path.read_bytes()).hexdigest()) for path in there.iterdir()]
    monkeypatch.setattr(DATASETS.MNIST, "mirrors", [there.as_uri() + "/"])
    monkeypatch.setattr(DATASETS.MNIST, "resources", sums)
    (tmp_path / "here").mkdir()
    data = opened("mnist", tmp_path / "here")
    assert np.array_equal(data.train_x[:, 0], four["train-images-idx3-ubyte"])
    raw = tmp_path / "here" / "MNIST" / "raw"
    assert {path.name for path in raw.iterdir()} == {name for name, _ in sums}
    monkeypatch.setattr(DATASETS.MNIST, "resources", [(name, "0" * 32) for name, _ in sums])
    (tmp_path / "other").mkdir()
    with pytest.raises(DataError, match=r"The download of .* is damaged: its checksum differs"):
        opened("mnist", tmp_path / "other")


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("mnist", "MNIST", "train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images"),
        ("fashion-mnist", "FashionMNIST", "train-images-idx3-ubyte.gz, train-labels"),
    ],
)
def test_offline_the_sentence_says_where_to_put_the_files(
    name: str, kind: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(getattr(DATASETS, kind), "mirrors", [NOWHERE])
    with pytest.raises(DataError) as caught:
        opened(name, tmp_path)
    sentence = str(caught.value)
    assert f"could not be downloaded from {NOWHERE}train-images" in sentence
    assert f"put the files {said}" in sentence and f"into {tmp_path}, or give the" in sentence


@pytest.mark.parametrize(
    "content",
    [b"", b"\0\0", b"\x1f\x8bdamaged", b"<html>", idx(np.zeros((19, 28, 28), np.uint8)),
     idx(np.zeros((20, 28, 28), np.uint8))[:-1], idx(np.zeros(20, np.uint8))],
)  # fmt: skip
def test_damaged_files_get_a_sentence(
    content: bytes, four: dict[str, np.ndarray], tmp_path: Path
) -> None:
    put(tmp_path, four)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(content)
    with pytest.raises(DataError, match=r"Remove (it|them) to download (it|them) again"):
        opened("mnist", tmp_path)


def test_the_real_fashion_mnist_holds_the_images_that_are_built_in() -> None:
    whole, part = opened("fashion-mnist", shared_data("fashion-mnist")), load(DataSpec("fashion"))
    assert len(whole.train_y) == 60_000 and len(whole.test_y) == 10_000
    assert np.bincount(whole.train_y).tolist() == [6000] * 10
    for index in (0, 1234, 1999, 2100, 2399):
        kind, number = part.name_of(index).split()[1:]
        same = int(number) + (60_000 if kind == "test" else 0)
        assert np.array_equal(whole.raw(same), part.raw(index))
        assert whole.classes[whole.label_of(same)] == part.classes[part.label_of(index)]


# -- CIFAR-100 ------------------------------------------------------------------------------------


@pytest.fixture
def cifar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an archive of CIFAR-100 of 100 + 100 images, one of each class."""
    kind, files = DATASETS.CIFAR100, {}
    for part in ("train", "test"):
        labels = list(range(100))
        images = RNG.integers(0, 256, (100, 3072), np.uint8)
        files[part] = pickle.dumps({"data": images, "fine_labels": labels})
    files["meta"] = pickle.dumps({"fine_label_names": list(cifar100.CLASSES)})
    sums = {name: hashlib.md5(content).hexdigest() for name, content in files.items()}
    packed = tmp_path / kind.filename
    with tarfile.open(packed, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"{kind.base_folder}/{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    monkeypatch.setattr(kind, "train_list", [["train", sums["train"]]])
    monkeypatch.setattr(kind, "test_list", [["test", sums["test"]]])
    monkeypatch.setattr(kind, "meta", {**kind.meta, "md5": sums["meta"]})
    monkeypatch.setattr(kind, "tgz_md5", hashlib.md5(packed.read_bytes()).hexdigest())
    monkeypatch.setattr(kind, "url", f"{NOWHERE}cifar-100-python.tar.gz")
    return tmp_path


def test_cifar100_has_fine_and_coarse_labels(cifar: Path) -> None:
    fine, coarse = opened("cifar100", cifar), opened("cifar100-coarse", cifar)
    assert len(fine.classes) == 100 and fine.classes[:3] == ("apple", "aquarium_fish", "baby")
    assert len(coarse.classes) == 20 and list(coarse.classes) == sorted(coarse.classes)
    assert np.array_equal(fine.train_x, coarse.train_x) and fine.shape == (3, 32, 32)
    assert np.bincount(coarse.train_y).tolist() == [5] * 20
    for one, other in (("maple_tree", "trees"), ("shark", "fish"), ("baby", "people")):
        label = coarse.label_of(fine.classes.index(one))
        assert coarse.classes[label] == other


def test_without_cifar100_the_sentence_says_where_to_put_it(cifar: Path) -> None:
    (cifar / "empty").mkdir()
    with pytest.raises(DataError) as caught:
        opened("cifar100", cifar / "empty")
    advice = "put the file cifar-100-python.tar.gz or the unpacked folder cifar-100-python into "
    assert f"{advice}{cifar / 'empty'}" in str(caught.value)
    with pytest.raises(
        DataError, match=r"does not exist\. Give one that contains cifar-100-python"
    ):
        opened("cifar100", cifar / "none")


def test_another_archive_of_cifar100_is_refused(cifar: Path) -> None:
    path = cifar / DATASETS.CIFAR100.filename
    path.write_bytes(path.read_bytes() + b"!")
    with pytest.raises(DataError, match="is not the CIFAR-100 archive: its checksum differs"):
        opened("cifar100", cifar)


# -- SVHN -----------------------------------------------------------------------------------------


@pytest.fixture
def svhn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with 30 + 20 images, in which the digit 0 is labeled 10."""
    listed: dict[str, Any] = dict(DATASETS.SVHN.split_list)
    for part, n in (("train", 30), ("test", 20)):
        path = tmp_path / f"{part}_32x32.mat"
        labels = (np.arange(n)[:, None] % 10) + 1
        savemat(path, {"X": RNG.integers(0, 256, (32, 32, 3, n), np.uint8), "y": labels})
        md5 = hashlib.md5(path.read_bytes()).hexdigest()
        listed[part] = [f"{NOWHERE}{path.name}", path.name, md5]
    monkeypatch.setattr(DATASETS.SVHN, "split_list", listed)
    return tmp_path


def test_svhn_labels_the_digit_zero_as_zero(svhn: Path) -> None:
    data = opened("svhn", svhn)
    assert data.shape == (3, 32, 32) and len(data.test_y) == 20
    assert data.train_y[:10].tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]


def test_without_svhn_the_sentence_says_where_to_put_it(svhn: Path) -> None:
    (svhn / "test_32x32.mat").unlink()
    with pytest.raises(DataError) as caught:
        opened("svhn", svhn)
    assert f"put the files train_32x32.mat and test_32x32.mat into {svhn}" in str(caught.value)
    (svhn / "test_32x32.mat").write_bytes(b"something else")
    with pytest.raises(DataError, match="is not the SVHN file: its checksum differs"):
        opened("svhn", svhn)
