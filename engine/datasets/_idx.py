"""MNIST's format: four IDX files of gray images and labels, plain or gzipped."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.datasets._downloads import Download, download
from engine.errors import DataError
from engine.runtime.progress import Reporter
from engine.storage import atomic_files, plain_files

SIDE = 28  # px
COUNTS = {"train": 60_000, "t10k": 10_000}
LARGEST = 1 << 27  # bytes of a file once unpacked; the largest has 47 million
GZIP = b"\x1f\x8b"


def read_idx(
    mnist: Any, label: str, root: Path, report: Reporter
) -> list[tuple[np.ndarray, np.ndarray]]:
    """(images (n, 1, 28, 28) uint8, labels (n,) int64) of training and test part.

    mnist: torchvision's class, which names the files; they lie in `root` or where torchvision puts
    them, and are downloaded there if they are in neither place. DataError.
    """
    places = [root, root / "raw", root / mnist.__name__ / "raw"]
    atomic_files.sweep(places[-1])
    parts = []
    for part in COUNTS:
        images, labels = (
            _array(_file(mnist, label, places, name, report), label) for name in _names(mnist, part)
        )
        n = COUNTS[part]
        if images.shape != (n, SIDE, SIDE) or labels.shape != (n,) or labels.max() > 9:
            raise DataError(
                f"The files of {label} in {root} are incomplete or damaged: the {part} part must "
                f"have {n:,} images of {SIDE}x{SIDE} px. Remove them to download them again."
            )
        parts.append((images[:, None].copy(), labels.astype(np.int64)))
    return parts


def _names(mnist: Any, part: str) -> list[str]:
    """The names of a part's files, images first."""
    names = [name for name, _ in mnist.resources if name.startswith(part)]
    return sorted(names, key=lambda name: "labels" in name)


def _file(mnist: Any, label: str, places: Sequence[Path], name: str, report: Reporter) -> Path:
    """The path of a file, which is downloaded if it is nowhere."""
    for folder in places:
        for path in (folder / name, folder / name.removesuffix(".gz")):
            if path.is_file():
                return path
    path = places[-1] / name
    names = ", ".join(one for one, _ in mnist.resources)
    advice = (
        f"put the files {names} into {places[0]}, or give the folder that contains them as root"
    )
    size = len(mnist.resources) * sum(COUNTS.values())
    source = Download(
        label, "file", f"{mnist.mirrors[0]}{name}", dict(mnist.resources)[name], size, advice
    )
    download(path, source, report)
    return path


def _array(path: Path, label: str) -> np.ndarray:
    """The bytes of an IDX file in the shape that it declares; DataError if it is damaged."""
    try:
        content = plain_files.read_bytes(path, LARGEST)
        if content.startswith(GZIP):
            with gzip.open(io.BytesIO(content)) as file:
                content = file.read(LARGEST)
        zeros, kind, dimensions = content[:2], content[2], content[3]
        shape = np.frombuffer(content, ">u4", dimensions, 4)
        values = np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions)
        if zeros != b"\0\0" or kind != 8:
            raise ValueError("it is not an IDX file of bytes")
        return values.reshape(shape.tolist())
    except (OSError, EOFError, zlib.error, ValueError, IndexError) as error:
        raise DataError(
            f"{path} cannot be read as a file of {label}: {plain_files.error_reason(error)}. "
            "Remove it to download it again."
        ) from error
