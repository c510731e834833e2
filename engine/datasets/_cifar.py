"""CIFAR as torchvision reads it: an archive of pickled batches, verified by their checksums."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from engine.datasets._downloads import Download, file_of, unpack
from engine.errors import DataError
from engine.runtime.progress import Reporter
from engine.storage import atomic_files

IMAGES = 60_000  # units of work that downloading and reading are counted in
Part = tuple[np.ndarray, np.ndarray]


def read_batches(
    cifar: Any, label: str, root: Path, report: Reporter, also: str = ""
) -> tuple[Part, Part]:
    """(training, test) images (n, 3, 32, 32) uint8 and labels (n,) int64 of torchvision's class.

    The archive in `root` is unpacked, and downloaded first if necessary; also: what else may be
    put there, for a sentence. Nothing is unpickled before its checksum was compared. DataError.
    """
    if root.name == cifar.base_folder:
        root = root.parent
    batches = root / cifar.base_folder
    atomic_files.sweep(root)
    if not batches.is_dir():
        path = root / str(cifar.filename)
        unpack(file_of(path, _source(cifar, label, root, also), report), batches)
    try:
        return _part(cifar, root, train=True), _part(cifar, root, train=False)
    except (RuntimeError, OSError) as error:
        raise DataError(
            f"The {label} files in {batches} are incomplete or damaged. Remove that folder to "
            "unpack or download them again."
        ) from error


def _part(cifar: Any, root: Path, train: bool) -> Part:
    part = cifar(root, train=train)  # compares every file's checksum before it reads it
    images = np.ascontiguousarray(part.data.transpose(0, 3, 1, 2))
    return images, np.array(part.targets, dtype=np.int64)


def _source(cifar: Any, label: str, root: Path, also: str) -> Download:
    advice = (
        f"put the file {cifar.filename} or the unpacked folder {cifar.base_folder} into {root}, or "
        f"give the folder that contains them as root{also}"
    )
    return Download(label, "archive", str(cifar.url), str(cifar.tgz_md5), IMAGES, advice)
