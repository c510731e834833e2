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
from engine.storage.paths import place

CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
SIDE = 32  # px
IMAGES = 60_000  # the units of work that downloading and reading count as
TIMEOUT = 20  # seconds without a byte
CHUNK = 2**18  # bytes
MAX_ARCHIVE = 1 << 30  # bytes; it has 170 million

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

    files, origin, notes, linked: as a `Dataset` has them.
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

    Indices are places in the archive, as torchvision has them; of an image folder they follow
    classes, then files' names, which is another order, as the notes say. `spec.root` holds
    torchvision's `cifar-10-batches-py` (or its archive, or nothing yet: it is
    downloaded there), or an image folder train/<class>/*.jpg with the ten classes; by default
    the user's cache folder. Raises DataError where none of these works out.
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
    """The folder CIFAR-10 is looked for in; DataError if the one given does not exist."""
    if not spec.root:
        return platformdirs.user_cache_path("rk-explorer", appauthor=False) / "datasets"
    root = place(spec.root)
    if not root.is_dir():
        raise DataError(
            f"There is no folder '{root}'. Give one that holds cifar-10-batches-py or "
            "train/airplane/*.jpg, or none at all to have CIFAR-10 downloaded."
        )
    return root


def read_folder(root: Path, report: Reporter, links: str = REFUSE) -> Arrays:
    """CIFAR-10 kept as image files; DataError unless there are all ten classes and a test part."""
    tree = scan(root, CLASSES, links)
    if not tree.test:
        raise DataError(f"{root} has training images of CIFAR-10 but no test/<class>/ folders.")
    train, train_y = labeled(tree.train, CLASSES)
    test, test_y = labeled(tree.test, CLASSES)
    arrays = from_files(tree, (train, train_y), (test, test_y), report)
    note = (
        f"CIFAR-10 is read from image files: indices follow classes, then files' names (0 is "
        f"{arrays.files[0]}, {len(train) - 1} is {arrays.files[len(train) - 1]}), not the order "
        "of CIFAR-10's archive, which torchvision and published lists of indices have. Such lists "
        "name other images here: give files:LIST, or the archive as --root."
    )
    return replace(arrays, notes=(*arrays.notes, note))


def from_files(
    tree: Tree,
    train: tuple[Sequence[Path], np.ndarray],
    test: tuple[Sequence[Path], np.ndarray],
    report: Reporter,
) -> Arrays:
    """The images of a training and a test part of `tree`, each given as files and labels."""
    files, n = [*train[0], *test[0]], len(train[0])
    report.stage("reading images")
    report.expect(len(files))
    pictures = read_images(files, SIDE, report)
    x = pictures.pixels
    notes = (*tree.notes, *pictures.notes)
    names, linked = tree.names(files), tree.count_linked(files)
    return Arrays(x[:n], train[1], x[n:], test[1], names, notes=notes, linked=linked)


def read_archive(root: Path, report: Reporter) -> Arrays:
    """CIFAR-10 as torchvision reads it, downloaded and unpacked first where it is not there."""
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
            f"The files of CIFAR-10 in {batches} are incomplete or damaged. Remove that folder "
            "to have it unpacked or downloaded again."
        ) from error


def _part(cifar: Any, root: Path, train: bool) -> tuple[np.ndarray, np.ndarray]:
    part = cifar(root, train=train)  # compares every file's checksum before it reads it
    images = np.ascontiguousarray(part.data.transpose(0, 3, 1, 2))
    return images, np.array(part.targets, dtype=np.int64)


def _archive(root: Path, cifar: Any, report: Reporter) -> Path:
    """The archive in `root`, its checksum compared; downloaded if it is not there."""
    path = root / str(cifar.filename)
    if not path.exists():
        _download(cifar, path, report)
    elif _digest(path) != cifar.tgz_md5:
        raise DataError(
            f"{path} is not the archive of CIFAR-10: its checksum differs. Remove it to have it "
            f"downloaded, or fetch {cifar.url} again."
        )
    return path


def _download(cifar: Any, path: Path, report: Reporter) -> None:
    part = atomic_files.aside_of(path)
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
            f"({_reason(error)}). Without a network, put the file {path.name} or the unpacked "
            f"folder {cifar.base_folder} into {path.parent}, or give the folder they lie in as "
            "root; an image folder train/<class>/*.jpg, test/<class>/*.jpg will do as well."
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
    """The checksum of an archive that was put there; DataError where it cannot be read."""
    try:
        return _md5(path)
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {plain_files.why(error)}. Remove it to have the archive of "
            "CIFAR-10 downloaded."
        ) from error


def _md5(path: Path) -> str:
    with plain_files.opened(path, MAX_ARCHIVE) as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _extract(tar: tarfile.TarFile, folder: Path) -> None:
    """Unpack plain files and folders, within `folder` alone; TarError for anything else."""
    if hasattr(tarfile, "data_filter"):
        tar.extractall(folder, filter="data")
        return
    for member in tar:  # Python before 3.11.4, as in Debian 12
        path = PurePosixPath(member.name)
        plain = member.isfile() or member.isdir()
        if not plain or path.is_absolute() or ".." in path.parts:
            raise tarfile.TarError(f"'{member.name[:80]}' is no plain file within it")
        member.mode = 0o755 if member.isdir() else 0o644
        tar.extract(member, folder)


def _unpack(archive: Path, batches: Path) -> None:
    """Unpack beside the goal first, so that an interruption leaves no half of it in its place.

    What a process leaves that is killed meanwhile, the next one sweeps.
    """
    aside = atomic_files.aside_of(batches)
    try:
        with tarfile.open(archive) as tar:
            _extract(tar, aside)
        os.replace(aside / batches.name, batches)
    except (OSError, EOFError, tarfile.TarError) as error:
        if not batches.is_dir():  # else another process was quicker
            raise DataError(
                f"{archive} cannot be unpacked into {batches.parent}: {error}"
            ) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
