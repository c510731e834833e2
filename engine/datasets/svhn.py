"""SVHN: 99,289 photographs of house numbers, 32x32 px, ten digits, through torchvision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from engine.datasets._downloads import Download, file_of, folder_of
from engine.datasets.base import Dataset, Recommended
from engine.errors import DataError
from engine.registry import register
from engine.runtime.libraries import torchvision
from engine.runtime.progress import Reporter
from engine.spec import AUTO, DataSpec, TrainSpec
from engine.storage import atomic_files

PARTS = {"train": 73_257, "test": 26_032}  # images

# Not tried: near those of CIFAR-10.
RECOMMENDED = Recommended(
    model="resnet18",
    train=TrainSpec(epochs=20, lr=0.02, precision=AUTO),
    forget="class:8:0.2",
    training={"cnn": TrainSpec(epochs=10, lr=0.02, precision=AUTO)},
)


@register(
    "dataset",
    "svhn",
    label="SVHN",
    help="99,289 photographs of house numbers, 32x32 px, ten digits; downloaded (250 MB)",
    root=True,
)
def load(spec: DataSpec, report: Reporter) -> Dataset:
    """73,257 training and 26,032 test images, without the extra part.

    `spec.root` contains train_32x32.mat and test_32x32.mat, or is a folder to download them into;
    by default it is the user's cache folder. DataError if they cannot be read.
    """
    root = folder_of(spec, "train_32x32.mat and test_32x32.mat, or none to download SVHN")
    svhn = torchvision("torchvision.datasets").SVHN
    atomic_files.sweep(root)
    for part, images in PARTS.items():
        url, name, md5 = svhn.split_list[part]
        names = " and ".join(svhn.split_list[one][1] for one in PARTS)
        advice = f"put the files {names} into {root}, or give the folder that contains them as root"
        file_of(root / name, Download("SVHN", "file", url, md5, images, advice), report)
    train, test = (_part(svhn, root, part) for part in PARTS)
    classes = tuple(map(str, range(10)))
    return Dataset(spec, "SVHN", classes, *train, *test, RECOMMENDED)


def _part(svhn: Any, root: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 3, 32, 32) uint8 and labels (n,) int64; DataError if they cannot be read."""
    try:
        read = svhn(str(root), split=part)  # compares the checksum first
    except (RuntimeError, OSError, ValueError, KeyError) as error:
        raise DataError(
            f"The SVHN files in {root} are incomplete or damaged ({error}). Remove them to "
            "download them again."
        ) from error
    return np.ascontiguousarray(read.data), np.asarray(read.labels, np.int64)
