"""A folder of images with one subfolder per class: the user's own images, or ImageNet-100."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.datasets._images import common_side, read_images
from engine.datasets._sidecar import groups_beside
from engine.datasets._tree import Tree, labeled, scan
from engine.datasets.base import Dataset, Recommended, stratified_split
from engine.errors import DataError
from engine.registry import register
from engine.runtime.progress import Reporter
from engine.runtime.seeds import numpy_generator
from engine.spec import DataSpec, TrainSpec
from engine.storage.paths import typed_path

DEFAULT_SIDE = 32  # px, for images that do not all have the same small size
LARGEST_OWN_SIDE = 64
PROBED = 3  # images per class whose size is read
TEST_SHARE = 0.2

RECOMMENDED = Recommended(
    model="cnn",
    train=TrainSpec(epochs=30, lr=0.02, augment="crop-flip"),
    forget="class:0:0.5",  # the paper's choice for ImageNet-100
)


@dataclass(frozen=True, eq=False)
class Parts:
    """Files and their labels (n + m,) int64; the first `train` are training samples."""

    files: Sequence[Path]
    labels: np.ndarray
    train: int
    notes: tuple[str, ...] = ()


@register(
    "dataset",
    "folder",
    label="Image folder",
    help="root/train/<class>/*.png or .jpg with root/test/<class>/ (or val, valid, ...), or "
    "root/<class>/; without a test part, 20 % are held out for testing",
    root=True,
    columns=True,
)
def load(spec: DataSpec, report: Reporter) -> Dataset:
    """The images of `spec.root`, center-cropped and resized to `spec.side` (0: own size or 32 px).

    Classes are the folder names, sorted; `spec.channels` selects RGB or grayscale. Without a test
    (or val) part, 20 % of each class are held out, drawn with `spec.seed`. `spec.columns` names
    groups in a table in the folder. Raises DataError if the folder or an image cannot be used.
    """
    if not spec.root:
        raise DataError(
            "The dataset 'folder' needs a folder. Give the one that contains "
            "train/<class>/*.png as its root."
        )
    root = typed_path(spec.root)
    tree = scan(root, links=spec.links)
    report.stage("reading images")
    side = spec.side or own_side(tree)
    parts = _parts(tree, spec.seed)
    report.expect(len(parts.files))
    names = tree.names(parts.files)
    groups, unlisted = groups_beside(root, names, spec.columns)
    pictures = read_images(parts.files, side, report, spec.channels)
    return Dataset(
        spec,
        root.resolve().name,
        tuple(tree.labels.get(name, name) for name in tree.train),
        pictures.pixels[: parts.train],
        parts.labels[: parts.train],
        pictures.pixels[parts.train :],
        parts.labels[parts.train :],
        RECOMMENDED,
        files=names,
        notes=(*tree.notes, *parts.notes, *pictures.notes, *unlisted),
        linked=tree.count_linked(parts.files),
        mapped=pictures.mapped,
        groups=groups,
    )


def own_side(tree: Tree) -> int:
    """The common side in px of the images if they are small squares, otherwise `DEFAULT_SIDE`."""
    probed = [path for files in tree.train.values() for path in files[:PROBED]]
    return common_side(probed, LARGEST_OWN_SIDE, DEFAULT_SIDE)


def _parts(tree: Tree, seed: int) -> Parts:
    """The tree's training and test parts; a single part is split with `seed`."""
    classes = tuple(tree.train)
    files, y = labeled(tree.train, classes)
    if tree.test:
        test, test_y = labeled(tree.test, classes)
        return Parts([*files, *test], np.concatenate([y, test_y]), len(files))
    if np.bincount(y).max() < 2:
        raise DataError(
            f"{tree.root} has one image per class and no test part, so none can be held out. "
            "Add test/<class>/ next to train/<class>/, or put at least two images into each class."
        )
    train_rows, test_rows = stratified_split(y, TEST_SHARE, numpy_generator(seed, "folder"))
    rows = np.concatenate([train_rows, test_rows])
    return Parts(
        [files[row] for row in rows],
        y[rows],
        len(train_rows),
        (_held_note(y, len(test_rows), seed),),
    )


def _held_note(y: np.ndarray, held: int, seed: int) -> str:
    single = int((np.bincount(y) == 1).sum())
    classes = "1 class" if single == 1 else f"{single:,} classes"
    exception = f", except {classes} with one image" if single else ""
    return (
        f"There is no test part: {held:,} of {len(y):,} images ({100 * TEST_SHARE:.0f} % of each "
        f"class{exception}, seed {seed}) are held out for testing. Indices count the "
        f"{len(y) - held:,} remaining images first, then these; each sample is named by its file."
    )
