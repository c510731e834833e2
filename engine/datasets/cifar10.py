"""CIFAR-10: 60,000 photographs of ten classes, 32x32 px, through torchvision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from engine.datasets._cifar import read_batches
from engine.datasets._downloads import folder_of
from engine.datasets._images import read_images
from engine.datasets._tree import Tree, has_classes, labeled, scan
from engine.datasets.base import Dataset, Origin, Recommended
from engine.errors import DataError
from engine.registry import register
from engine.runtime.libraries import torchvision
from engine.runtime.progress import Reporter
from engine.spec import AUTO, REFUSE, DataSpec, TrainSpec

CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
SIDE = 32  # px
FOLDER_TOO = "; an image folder with train/<class>/*.jpg and test/<class>/*.jpg also works"

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
    holds = "cifar-10-batches-py or train/airplane/*.jpg, or none to download CIFAR-10"
    return folder_of(spec, holds)


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
    train, test = read_batches(cifar, "CIFAR-10", root, report, FOLDER_TOO)
    return Arrays(*train, *test)
