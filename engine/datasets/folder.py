"""A folder of images, one folder a class: a person's own photographs, or ImageNet-100."""

from __future__ import annotations

import numpy as np

from engine.datasets._images import Tree, common_side, labeled, read_images, scan
from engine.datasets.base import Dataset, Recommended, stratified_split
from engine.errors import DataError
from engine.places import place
from engine.registry import register
from engine.report import Reporter
from engine.runtime import numpy_generator
from engine.spec import DataSpec, TrainSpec

DEFAULT_SIDE = 32  # px, for images that do not all share a small size of their own
LARGEST_OWN_SIDE = 64
PROBED = 3  # images of each class whose size is looked at
TEST_SHARE = 0.2

RECOMMENDED = Recommended(
    model="cnn",
    train=TrainSpec(epochs=30, lr=0.02, augment="crop-flip"),
    forget="class:0:0.5",  # the paper's choice for ImageNet-100
)


@register(
    "dataset",
    "folder",
    label="Image folder",
    help="root/train/<class>/*.png or .jpg, and root/test/<class>/ or a split of 20 %",
    root=True,
)
def load(spec: DataSpec, report: Reporter) -> Dataset:
    """The images of `spec.root`, center-cropped and resized to `spec.side` (0: their own or 32 px).

    Classes are the folders' names, sorted. Without a test (or val) part, 20 % of each class are
    held out by `spec.seed`. Raises DataError where the folder or an image cannot be used.
    """
    if not spec.root:
        raise DataError(
            "The dataset 'folder' needs a folder. Give the one that holds train/<class>/*.png "
            "as its root."
        )
    root = place(spec.root)
    tree = scan(root)
    report.stage("reading images")
    side = spec.side or own_side(tree)
    classes = tuple(tree.train)
    train, test = _parts(tree, classes, side, spec.seed, report)
    return Dataset(spec, root.resolve().name, classes, *train, *test, RECOMMENDED)


def own_side(tree: Tree) -> int:
    """The side in px the images share, if they are small squares, else `DEFAULT_SIDE`."""
    probed = [path for files in tree.train.values() for path in files[:PROBED]]
    return common_side(probed, LARGEST_OWN_SIDE, DEFAULT_SIDE)


def _parts(
    tree: Tree, classes: tuple[str, ...], side: int, seed: int, report: Reporter
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    paths, y = labeled(tree.train, classes)
    test_paths, test_y = labeled(tree.test, classes)
    report.expect(len(paths) + len(test_paths))
    x = read_images(paths, side, report)
    if test_paths:
        return (x, y), (read_images(test_paths, side, report), test_y)
    train, test = stratified_split(y, TEST_SHARE, numpy_generator(seed, "folder"))
    return (x[train], y[train]), (x[test], y[test])
