"""Image files in folders of classes: finding them, and decoding them into one array."""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from engine.errors import DataError
from engine.report import Reporter

SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".jpe", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".ppm", ".pgm")
)
TEST_PARTS = ("test", "val", "validation")  # ImageNet's labeled held-out part is called val
BLOCK = 256  # images between two looks at the wish to stop
MAX_WORKERS = 8
MAX_BYTES = 1 << 28  # of one file: an image of the most pixels, unpacked, has about as many
# what Pillow's decoders raise on damaged files, beside its own errors
BROKEN = (
    OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, ArithmeticError,
    struct.error,
)  # fmt: skip
TOO_LARGE = (Image.DecompressionBombError, Image.DecompressionBombWarning)


@dataclass(frozen=True)
class Tree:
    """Sorted image files of each class; `test` is empty where the folder has no such part."""

    root: Path
    train: Mapping[str, Sequence[Path]]
    test: Mapping[str, Sequence[Path]] = field(default_factory=dict)


def scan(root: Path, classes: Sequence[str] = ()) -> Tree:
    """The images of root/train/<class>/ and root/test/<class>/ (or val), or of root/<class>/.

    `classes` restricts the tree to these; otherwise they are the folders' names, sorted. Raises
    DataError where a folder is missing or holds no images, or where there is only one class.
    """
    if not root.is_dir():
        raise DataError(
            f"There is no folder '{root}'. Give the folder that holds train/<class>/*.png "
            "(or .jpg, .webp, ...)."
        )
    top = root / "train" if (root / "train").is_dir() else root
    train = _by_class(top, classes)
    part = _test_part(root) if top != root else None
    test = _by_class(part, classes) if part else {}
    strange = sorted(set(test) - set(train))
    if strange:
        raise DataError(f"{part} has a class '{strange[0]}' that {top} does not have.")
    return Tree(root, train, test)


def has_classes(root: Path, classes: Sequence[str]) -> bool:
    """Whether `root` looks like an image folder with one of these classes."""
    return any((top / name).is_dir() for top in (root / "train", root) for name in classes)


def labeled(
    groups: Mapping[str, Sequence[Path]], classes: Sequence[str]
) -> tuple[list[Path], np.ndarray]:
    """All files in the order of `classes`, and their labels (n,) int64."""
    paths = [path for name in classes for path in groups.get(name, ())]
    sizes = [len(groups.get(name, ())) for name in classes]
    return paths, np.repeat(np.arange(len(classes), dtype=np.int64), sizes)


def common_side(paths: Sequence[Path], largest: int, otherwise: int) -> int:
    """The side in px that these images share, if all are squares of at most `largest`."""
    sizes = {size_of(path) for path in paths}
    width, height = sizes.pop()
    return width if not sizes and width == height <= largest else otherwise


def size_of(path: Path) -> tuple[int, int]:
    """Width and height in px, from the file's header; DataError if it is no image."""
    _check_bytes(path)
    try:
        with Image.open(path) as image:
            return image.size
    except TOO_LARGE as error:
        raise _too_large(path) from error
    except BROKEN as error:
        raise _broken(path, error) from error


def read_images(paths: Sequence[Path], side: int, report: Reporter) -> np.ndarray:
    """The images as (n, 3, side, side) uint8, decoded on several threads.

    Each image counts as one unit of work, which the caller has announced to `report`. Raises
    DataError for the first broken image (its path named), and Cancelled.
    """
    images = _allocate(len(paths), side)
    workers = min(MAX_WORKERS, os.cpu_count() or 1)

    def place(row: int) -> None:
        images[row] = decode(paths[row], side)

    with ThreadPoolExecutor(workers, thread_name_prefix="decode") as pool:
        for rows in _blocks(len(paths)):
            for _ in pool.map(place, rows):
                pass
            report.advance(len(rows))
    return images


def decode(path: Path, side: int) -> np.ndarray:
    """One image as (3, side, side) uint8 RGB: the largest central square, resized."""
    _check_bytes(path)
    try:
        with Image.open(path) as image:
            if image.width * image.height > (Image.MAX_IMAGE_PIXELS or np.inf):
                raise _too_large(path)
            image.draft("RGB", (2 * side, 2 * side))  # large JPEGs: decode at a fraction
            upright = _rgb(ImageOps.exif_transpose(image))
            if upright.size != (side, side):
                upright = ImageOps.fit(upright, (side, side), Image.Resampling.BICUBIC)
            return np.asarray(upright, dtype=np.uint8).transpose(2, 0, 1)
    except TOO_LARGE as error:
        raise _too_large(path) from error
    except BROKEN as error:
        raise _broken(path, error) from error


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):  # convert() would clip 16 bits instead of scaling them
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode == "P":  # a palette may carry transparency, which only RGBA can take over
        image = image.convert("RGBA")
    return image.convert("RGB")


def _blocks(n: int) -> Iterator[range]:
    for start in range(0, n, BLOCK):
        yield range(start, min(start + BLOCK, n))


def _allocate(n: int, side: int) -> np.ndarray:
    size = n * 3 * side**2
    there = _memory()
    try:
        if there and size > there:
            raise MemoryError
        return np.empty((n, 3, side, side), np.uint8)
    except MemoryError:
        raise DataError(
            f"{n} images of {side}x{side} px take {size / 2**30:.1f} GiB, more than this machine "
            "can hold in memory. Choose a smaller side."
        ) from None


def _memory() -> int:
    """Bytes of physical memory, 0 where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0


def _test_part(root: Path) -> Path | None:
    parts = [root / name for name in TEST_PARTS if (root / name).is_dir()]
    return next((part for part in parts if _folders(part)), None)


def _by_class(top: Path, classes: Sequence[str]) -> dict[str, list[Path]]:
    names = list(classes) or _folders(top)
    if not names:
        raise DataError(f"{top} has no class folders. Put the images into {top}/<class>/.")
    missing = [name for name in names if not (top / name).is_dir()]
    if missing:
        raise DataError(f"{top} has no folder for the class '{missing[0]}'.")
    if len(names) == 1:
        raise DataError(
            f"{top} has one class folder, '{names[0]}'; at least two classes are needed."
        )
    return {name: _files(top / name) for name in names}


def _folders(top: Path) -> list[str]:
    return sorted(path.name for path in _inside(top) if path.is_dir())


def _files(folder: Path) -> list[Path]:
    files = sorted(path for path in _inside(folder) if path.suffix.lower() in SUFFIXES)
    if not files:
        raise DataError(f"The class folder {folder} holds no images (png, jpg, webp, bmp, ...).")
    return files


def _inside(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise DataError(f"The folder {folder} cannot be read: {error.strerror}.") from error


def _check_bytes(path: Path) -> None:
    """DataError for a file that no image needs to be as large as, or that is no file at all."""
    try:
        facts = path.stat()
    except (OSError, ValueError) as error:
        raise _broken(path, error) from error
    if not stat.S_ISREG(facts.st_mode):
        raise DataError(
            f"{path} is no file but a pipe or a device, which is not read. Take it away."
        )
    if facts.st_size > MAX_BYTES:
        raise DataError(
            f"The image {path} has {facts.st_size >> 20:,} MiB, and at most {MAX_BYTES >> 20} are "
            "read. Save it smaller."
        )


def _broken(path: Path, error: Exception) -> DataError:
    if isinstance(error, OSError) and error.errno is not None:
        return DataError(f"The image {path} cannot be read: {error.strerror}.")
    return DataError(f"The image {path} is broken or no image. Replace it or take it away.")


def _too_large(path: Path) -> DataError:
    limit = (Image.MAX_IMAGE_PIXELS or 0) // 10**6
    return DataError(f"The image {path} has more than {limit} million pixels. Scale it down.")
