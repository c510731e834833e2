"""Small CIFAR-5: 200 training and 200 test images of CIFAR-10's first five classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from engine.datasets import cifar10
from engine.datasets._images import Tree, has_classes, labeled, read_images, scan
from engine.datasets.base import Dataset, Recommended
from engine.errors import DataError
from engine.registry import register
from engine.report import Reporter
from engine.runtime import numpy_generator
from engine.spec import AUTO, DataSpec, TrainSpec

CLASSES = cifar10.CLASSES[:5]
EACH = 200  # images of each class, in the training as in the test set

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
    help="200 + 200 images of each of CIFAR-10's first five classes, drawn by seed",
    root=True,
)
def load(spec: DataSpec, report: Reporter) -> Dataset:
    """1,000 training and 1,000 test images, (n, 3, 32, 32) uint8, drawn by `spec.seed`.

    `spec.root` is an image folder with the five classes, or anything `cifar10` takes. Raises
    DataError where a class has too few images.
    """
    root = cifar10.root_of(spec)
    if has_classes(root, CLASSES):
        arrays = _from_folder(root, spec.seed, report)
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
    )


def draw(n: int, count: int, seed: int, part: str, name: str) -> np.ndarray:
    """`count` of n images of the class `name`, as sorted indices; DataError if n is too small."""
    if n < count:
        raise DataError(
            f"Small CIFAR-5 takes {count} {part} images of each class, but there are {n} of "
            f"'{name}'."
        )
    rng = numpy_generator(seed, "small-cifar5", part, name)
    return np.sort(rng.choice(n, count, replace=False))


def _from_archive(root: Path, seed: int, report: Reporter) -> cifar10.Arrays:
    whole = cifar10.read_archive(root, report)
    train = _draw_labels(whole.train_y, seed, "training")
    test = _draw_labels(whole.test_y, seed, "test")
    return cifar10.Arrays(
        whole.train_x[train], whole.train_y[train], whole.test_x[test], whole.test_y[test]
    )


def _draw_labels(labels: np.ndarray, seed: int, part: str) -> np.ndarray:
    drawn = []
    for number, name in enumerate(CLASSES):
        members = np.flatnonzero(labels == number)
        drawn.append(members[draw(len(members), EACH, seed, part, name)])
    return np.concatenate(drawn)


def _from_folder(root: Path, seed: int, report: Reporter) -> cifar10.Arrays:
    tree = scan(root, CLASSES)
    if not tree.test:
        tree = _halved(tree, seed)
    train, train_y = labeled(_draw_files(tree.train, seed, "training"), CLASSES)
    test, test_y = labeled(_draw_files(tree.test, seed, "test"), CLASSES)
    report.stage("reading images")
    report.expect(len(train) + len(test))
    side = cifar10.SIDE
    return cifar10.Arrays(
        read_images(train, side, report), train_y, read_images(test, side, report), test_y
    )


def _draw_files(
    groups: Mapping[str, Sequence[Path]], seed: int, part: str
) -> dict[str, list[Path]]:
    return {
        name: [files[i] for i in draw(len(files), EACH, seed, part, name)]
        for name, files in groups.items()
    }


def _halved(tree: Tree, seed: int) -> Tree:
    """The tree with 2 x 200 of each class's files divided into a training and a test part."""
    train, test = {}, {}
    for name, files in tree.train.items():
        rows = draw(len(files), 2 * EACH, seed, "training and test", name)
        rows = numpy_generator(seed, "small-cifar5", "halves", name).permutation(rows)
        train[name] = sorted(files[i] for i in rows[:EACH])
        test[name] = sorted(files[i] for i in rows[EACH:])
    return Tree(tree.root, train, test)
