"""CIFAR-10: 60,000 photographs of ten classes, 32x32 px, through torchvision."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, replace
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import platformdirs

from engine.datasets._images import read_images
from engine.datasets._tree import Tree, has_classes, labeled, scan
from engine.datasets.base import Dataset, Origin, Recommended
from engine.errors import DataError
from engine.registry import register
from engine.runtime.libraries import torchvision
from engine.runtime.progress import Reporter
from engine.spec import AUTO, REFUSE, DataSpec, TrainSpec
from engine.storage import atomic_files, plain_files
from engine.storage.paths import typed_path

CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
SIDE = 32  # px
IMAGES = 60_000  # units of work that downloading and reading are counted in
TIMEOUT = 20  # seconds without receiving data
CHUNK = 2**18  # bytes
MAX_ARCHIVE = 1 << 30  # bytes; the archive has 170 million

RECOMMENDED = Recommended(
    model="resnet18",
    train=TrainSpec(epochs=137, lr=0.01),  # the paper's for CIFAR-10
    forget="class:0:2000",
    methods={"rurk": {"lambda_f": 0.03, "lambda_a": 0.00045}},
    training={"cnn": TrainSpec(epochs=20, lr=0.02, precision=AUTO)},
)


@dataclass(frozen=True, eq=False)
class Arrays:
    """train_x (n, 3, 32, 32) and test_x (m, 3, 32, 32) uint8 with their labels, int64.

    files, origin, notes, linked: as in `Dataset`.
    """

    train_x: np.ndarray
    train_y: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray
    files: tuple[str, ...] = ()
    origin: Origin | None = None
    notes: tuple[str, ...] = ()
    linked: int = 0


@register(
    "dataset",
    "cifar10",
    label="CIFAR-10",
    help="60,000 photographs, 32x32 px, ten classes; downloaded (170 MB) or an image folder",
    root=True,
)
def load(spec: DataSpec, report: Reporter) -> Dataset:
    """50,000 training and 10,000 test images.

    Indices are positions in the archive, as in torchvision; for an image folder samples are sorted
    by class and file name, which is a different order, as a note says. `spec.root` contains
    torchvision's `cifar-10-batches-py` (or its archive, or nothing yet: it is downloaded there), or
    is an image folder train/<class>/*.jpg with the ten classes; by default it is the user's cache
    folder. Raises DataError if none of these can be read.
    """
    root = root_of(spec)
    is_folder = has_classes(root, CLASSES)
    arrays = read_folder(root, report, spec.links) if is_folder else read_archive(root, report)
    return Dataset(
        spec,
        "CIFAR-10",
        CLASSES,
        arrays.train_x,
        arrays.train_y,
        arrays.test_x,
        arrays.test_y,
        RECOMMENDED,
        files=arrays.files,
        notes=arrays.notes,
        linked=arrays.linked,
    )


def root_of(spec: DataSpec) -> Path:
    """The folder to look for CIFAR-10 in; DataError if the user named one that does not exist."""
    if not spec.root:
        return platformdirs.user_cache_path("rk-explorer", appauthor=False) / "datasets"
    root = typed_path(spec.root)
    if not root.is_dir():
        raise DataError(
            f"The folder '{root}' does not exist. Give one that contains cifar-10-batches-py or "
            "train/airplane/*.jpg, or none to download CIFAR-10."
        )
    return root


def read_folder(root: Path, report: Reporter, links: str = REFUSE) -> Arrays:
    """CIFAR-10 as image files; DataError unless it has all ten classes and a test part."""
    tree = scan(root, CLASSES, links)
    if not tree.test:
        raise DataError(f"{root} has training images of CIFAR-10 but no test/<class>/ folders.")
    train, train_y = labeled(tree.train, CLASSES)
    test, test_y = labeled(tree.test, CLASSES)
    arrays = from_files(tree, (train, train_y), (test, test_y), report)
    note = (
        f"CIFAR-10 is read from image files: indices are sorted by class, then file name (0 is "
        f"{arrays.files[0]}, {len(train) - 1} is {arrays.files[len(train) - 1]}), not in the order "
        "of the CIFAR-10 archive, which torchvision and published index lists use. Such lists "
        "select different images here: use files:LIST, or the archive as --root."
    )
    return replace(arrays, notes=(*arrays.notes, note))


def from_files(
    tree: Tree,
    train: tuple[Sequence[Path], np.ndarray],
    test: tuple[Sequence[Path], np.ndarray],
    report: Reporter,
) -> Arrays:
    """Read the images of the training and test parts of `tree`, each given as (files, labels)."""
    files, n = [*train[0], *test[0]], len(train[0])
    report.stage("reading images")
    report.expect(len(files))
    pictures = read_images(files, SIDE, report)
    x = pictures.pixels
    notes = (*tree.notes, *pictures.notes)
    names, linked = tree.names(files), tree.count_linked(files)
    return Arrays(x[:n], train[1], x[n:], test[1], names, notes=notes, linked=linked)


def read_archive(root: Path, report: Reporter) -> Arrays:
    """CIFAR-10 as torchvision reads it, downloaded and unpacked first if necessary."""
    cifar = torchvision("torchvision.datasets").CIFAR10
    if root.name == cifar.base_folder:
        root = root.parent
    batches = root / cifar.base_folder
    atomic_files.sweep(root)
    if not batches.is_dir():
        _unpack(_archive(root, cifar, report), batches)
    try:
        return Arrays(*_part(cifar, root, train=True), *_part(cifar, root, train=False))
    except (RuntimeError, OSError) as error:
        raise DataError(
            f"The CIFAR-10 files in {batches} are incomplete or damaged. Remove that folder to "
            "unpack or download them again."
        ) from error


def _part(cifar: Any, root: Path, train: bool) -> tuple[np.ndarray, np.ndarray]:
    part = cifar(root, train=train)  # compares every file's checksum before it reads it
    images = np.ascontiguousarray(part.data.transpose(0, 3, 1, 2))
    return images, np.array(part.targets, dtype=np.int64)


def _archive(root: Path, cifar: Any, report: Reporter) -> Path:
    """The archive in `root`, with its checksum verified; downloaded if it is missing."""
    path = root / str(cifar.filename)
    if not path.exists():
        _download(cifar, path, report)
    elif _digest(path) != cifar.tgz_md5:
        raise DataError(
            f"{path} is not the CIFAR-10 archive: its checksum differs. Remove it to download it "
            f"again, or fetch {cifar.url} yourself."
        )
    return path


def _download(cifar: Any, path: Path, report: Reporter) -> None:
    part = atomic_files.temporary_path(path)
    report.stage("downloading CIFAR-10")
    report.expect(IMAGES)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _fetch(str(cifar.url), part, report)
        if _md5(part) != cifar.tgz_md5:
            raise DataError(f"The download of {cifar.url} is damaged: its checksum differs.")
        os.replace(part, path)
    except (OSError, HTTPException) as error:
        raise DataError(
            f"CIFAR-10 is not in {path.parent} and could not be downloaded from {cifar.url} "
            f"({_reason(error)}). Without a network connection, put the file {path.name} or the "
            f"unpacked folder {cifar.base_folder} into {path.parent}, or give the folder that "
            "contains them as root; an image folder with train/<class>/*.jpg and "
            "test/<class>/*.jpg also works."
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _fetch(url: str, path: Path, report: Reporter) -> None:
    with urllib.request.urlopen(url, timeout=TIMEOUT) as response, open(path, "wb") as file:
        size = int(response.headers.get("Content-Length") or 0)
        while chunk := response.read(CHUNK):
            file.write(chunk)
            report.advance(IMAGES * len(chunk) / size if size else 0)


def _reason(error: Exception) -> str:
    cause = getattr(error, "reason", error)
    return str(getattr(cause, "strerror", None) or cause)


def _digest(path: Path) -> str:
    """The checksum of an existing archive; DataError if it cannot be read."""
    try:
        return _md5(path)
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {plain_files.error_reason(error)}. Remove it to download "
            "the CIFAR-10 archive again."
        ) from error


def _md5(path: Path) -> str:
    with plain_files.open_plain(path, MAX_ARCHIVE) as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _extract(tar: tarfile.TarFile, folder: Path) -> None:
    """Unpack regular files and folders inside `folder`; TarError for anything else."""
    if hasattr(tarfile, "data_filter"):
        tar.extractall(folder, filter="data")
        return
    for member in tar:  # Python before 3.11.4, as in Debian 12
        path = PurePosixPath(member.name)
        plain = member.isfile() or member.isdir()
        if not plain or path.is_absolute() or ".." in path.parts:
            raise tarfile.TarError(f"'{member.name[:80]}' is not a regular file inside it")
        member.mode = 0o755 if member.isdir() else 0o644
        tar.extract(member, folder)


def _unpack(archive: Path, batches: Path) -> None:
    """Unpack to a temporary folder first, so that an interruption leaves nothing incomplete.

    What a killed process leaves behind is removed by the next one.
    """
    aside = atomic_files.temporary_path(batches)
    try:
        with tarfile.open(archive) as tar:
            _extract(tar, aside)
        os.replace(aside / batches.name, batches)
    except (OSError, EOFError, tarfile.TarError) as error:
        if not batches.is_dir():  # otherwise another process was faster
            raise DataError(
                f"{archive} cannot be unpacked into {batches.parent}: {error}"
            ) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
