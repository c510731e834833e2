"""Small CIFAR-5: 200 training and 200 test images of CIFAR-10's first five classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.datasets import cifar10
from engine.datasets._tree import Tree, has_classes, labeled, scan
from engine.datasets.base import Dataset, Origin, Recommended
from engine.errors import DataError
from engine.registry import register
from engine.runtime.progress import Reporter
from engine.runtime.seeds import numpy_generator
from engine.spec import AUTO, DataSpec, TrainSpec

CLASSES = cifar10.CLASSES[:5]
EACH = 200  # images per class, in both the training and the test set

RECOMMENDED = Recommended(
    model="cnn",
    train=TrainSpec(epochs=30, lr=0.02, precision=AUTO),
    forget="class:0:100",
    training={"resnet18": TrainSpec(epochs=25, lr=0.01)},
)


@register(
    "dataset",
    "small-cifar5",
    label="Small CIFAR-5",
    help="200 + 200 images of each of the first five CIFAR-10 classes, drawn with the seed",
    root=True,
)
def load(spec: DataSpec, report: Reporter) -> Dataset:
    """1,000 training and 1,000 test images, (n, 3, 32, 32) uint8, drawn with `spec.seed`.

    `spec.root` is an image folder with the five classes, or any root that `cifar10` accepts.
    Raises DataError if a class has too few images.
    """
    root = cifar10.root_of(spec)
    if has_classes(root, CLASSES):
        arrays = _from_folder(root, spec, report)
    else:
        arrays = _from_archive(root, spec.seed, report)
    return Dataset(
        spec,
        "Small CIFAR-5",
        CLASSES,
        arrays.train_x,
        arrays.train_y,
        arrays.test_x,
        arrays.test_y,
        RECOMMENDED,
        files=arrays.files,
        origin=arrays.origin,
        notes=arrays.notes,
        linked=arrays.linked,
    )


def draw(n: int, count: int, seed: int, part: str, name: str) -> np.ndarray:
    """Sorted indices of `count` of the n images of class `name`; DataError if n is too small."""
    if n < count:
        raise DataError(
            f"Small CIFAR-5 needs {count} {part} images of each class, but there are {n} of "
            f"'{name}'."
        )
    rng = numpy_generator(seed, "small-cifar5", part, name)
    return np.sort(rng.choice(n, count, replace=False))


def _from_archive(root: Path, seed: int, report: Reporter) -> cifar10.Arrays:
    full = cifar10.read_archive(root, report)
    train = _draw_labels(full.train_y, seed, "training")
    test = _draw_labels(full.test_y, seed, "test")
    return cifar10.Arrays(
        full.train_x[train],
        full.train_y[train],
        full.test_x[test],
        full.test_y[test],
        origin=Origin("cifar10", np.concatenate([train, test])),
        notes=(
            _note(len(train), full.train_y, len(test), full.test_y, seed)
            + " Samples are named by their positions in CIFAR-10, which differ from their indices.",
        ),
    )


def _draw_labels(labels: np.ndarray, seed: int, part: str) -> np.ndarray:
    drawn = []
    for number, name in enumerate(CLASSES):
        members = np.flatnonzero(labels == number)
        drawn.append(members[draw(len(members), EACH, seed, part, name)])
    return np.concatenate(drawn)


def _from_folder(root: Path, spec: DataSpec, report: Reporter) -> cifar10.Arrays:
    tree, seed = scan(root, CLASSES, spec.links), spec.seed
    split = tree if tree.test else _halved(tree, seed)
    train, train_y = labeled(_draw_files(split.train, seed, "training"), CLASSES)
    test, test_y = labeled(_draw_files(split.test, seed, "test"), CLASSES)
    arrays = cifar10.from_files(tree, (train, train_y), (test, test_y), report)
    all_labels = [labeled(part, CLASSES)[1] for part in (tree.train, tree.test)]
    draw_note = _note(len(train), all_labels[0], len(test), all_labels[1], seed)
    note = f"{draw_note} Indices are sorted by class, then file name; samples are named by file."
    return replace(arrays, notes=(*arrays.notes, note))


def _note(
    train: int, train_labels: np.ndarray, test: int, test_labels: np.ndarray, seed: int
) -> str:
    """A note on how many of the images of the five classes were drawn; of, test_of: all labels."""
    available, available_test = (
        int((labels < len(CLASSES)).sum()) for labels in (train_labels, test_labels)
    )
    if not available_test:
        return (
            f"Small CIFAR-5 draws {train:,} training and {test:,} test images from {available:,} "
            f"with seed {seed}, because there is no test part."
        )
    return (
        f"Small CIFAR-5 draws {train:,} of {available:,} training and {test:,} of "
        f"{available_test:,} test images with seed {seed}."
    )


def _draw_files(
    groups: Mapping[str, Sequence[Path]], seed: int, part: str
) -> dict[str, list[Path]]:
    return {
        name: [files[i] for i in draw(len(files), EACH, seed, part, name)]
        for name, files in groups.items()
    }


def _halved(tree: Tree, seed: int) -> Tree:
    """The tree with 2 x 200 files of each class split into a training and a test part."""
    train, test = {}, {}
    for name, files in tree.train.items():
        rows = draw(len(files), 2 * EACH, seed, "training and test", name)
        rows = numpy_generator(seed, "small-cifar5", "halves", name).permutation(rows)
        train[name] = sorted(files[i] for i in rows[:EACH])
        test[name] = sorted(files[i] for i in rows[EACH:])
    return Tree(tree.root, train, test)
