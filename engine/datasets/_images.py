"""Image files, decoded into one array of small squares."""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from engine.datasets import _depth, _formats
from engine.datasets._depth import Seen, Unusable
from engine.datasets._formats import KINDS, MAX_BYTES
from engine.errors import DataError
from engine.runtime.progress import Reporter
from engine.spec import GRAY, RGB
from engine.storage import plain_files

BLOCK = 256  # images between two looks at the wish to stop
MAX_WORKERS = 8
# what Pillow's decoders raise on damaged files, beside its own errors
BROKEN = (
    OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, ArithmeticError,
    RuntimeError, struct.error,
)  # fmt: skip
TOO_LARGE = (Image.DecompressionBombError, Image.DecompressionBombWarning)
UNSEEN: Mapping[str, float] = {}  # where the data set's largest values are not known yet


@dataclass(frozen=True, eq=False)
class Pictures:
    """pixels: (n, C, side, side) uint8; notes: sentences on how they were read."""

    pixels: np.ndarray
    notes: tuple[str, ...]


def common_side(paths: Sequence[Path], largest: int, otherwise: int) -> int:
    """The side in px that these images share, if all are squares of at most `largest`."""
    sizes = {size_of(path) for path in paths}
    width, height = sizes.pop()
    return width if not sizes and width == height <= largest else otherwise


def size_of(path: Path) -> tuple[int, int]:
    """Width and height in px, from the file's header; DataError if it is no image."""
    with _opened(path) as image:
        return image.size


def read_images(
    paths: Sequence[Path], side: int, report: Reporter, channels: str = RGB
) -> Pictures:
    """All images of a data set, training and test, decoded on several threads; C is 3, or 1.

    Each image counts as one unit of work, which the caller has announced to `report`. Where
    images of more than 8 bits say no range, the largest value of all of them is white. Raises
    DataError for the first broken image (its path named), and Cancelled.
    """
    pixels = _allocate(len(paths), 1 if channels == GRAY else 3, side)
    seen = [Seen()] * len(paths)

    def place(row: int, white: Mapping[str, float] = UNSEEN) -> None:
        pixels[row], seen[row] = _decoded(paths[row], side, channels, white)

    with ThreadPoolExecutor(
        min(MAX_WORKERS, os.cpu_count() or 1), thread_name_prefix="decode"
    ) as pool:
        for rows in _blocks(range(len(paths))):
            for _ in pool.map(place, rows):
                pass
            report.advance(len(rows))
        white = _depth.whites(seen)
        for rows in _blocks(_once_more(seen, white)):
            for _ in pool.map(lambda row: place(row, white), rows):
                pass
            report.check()
    _check_dark(paths, seen)
    return Pictures(pixels, (*_depth.notes(seen, white), *_pages_note(seen)))


def decode(path: Path, side: int, channels: str = RGB) -> np.ndarray:
    """One image as (3, side, side) uint8 RGB or (1, side, side) gray: the largest central square.

    It is resized. Where the file says no range, its own largest value is white.
    """
    return _decoded(path, side, channels, UNSEEN)[0]


def _once_more(seen: Sequence[Seen], white: Mapping[str, float]) -> list[int]:
    """Rows that were decoded before it was known which value is white."""
    other = {kind for kind, value in white.items() if (kind, value) != (_depth.WIDE, _depth.WIDEST)}
    return [row for row, one in enumerate(seen) if one.kind in other]


def _decoded(
    path: Path, side: int, channels: str, white: Mapping[str, float]
) -> tuple[np.ndarray, Seen]:
    with _opened(path) as image:
        if image.width * image.height > (Image.MAX_IMAGE_PIXELS or np.inf):
            raise _too_large(path)
        image.draft("RGB", (2 * side, 2 * side))  # large JPEGs: decode at a fraction
        upright, kind, largest = _upright(image, white)
        if channels == GRAY:
            upright = upright.convert("L")
        if upright.size != (side, side):
            upright = ImageOps.fit(upright, (side, side), Image.Resampling.BICUBIC)
        pixels = np.asarray(upright, dtype=np.uint8).reshape(side, side, -1).transpose(2, 0, 1)
        return pixels, Seen(kind, largest, _has_pages(image))


def _upright(image: Image.Image, white: Mapping[str, float]) -> tuple[Image.Image, str, float]:
    """The image in RGB, turned as its camera was held; its kind of depth and largest value."""
    depth = _depth.depth_of(image)
    if depth.kind == _depth.PLAIN:
        return _rgb(ImageOps.exif_transpose(image)), depth.kind, 0
    if depth.kind == _depth.COLOR:
        color = _rgb(ImageOps.exif_transpose(image))
        return color, depth.kind, float(np.asarray(color).max())
    values = _depth.values_of(image, depth)
    largest = float(values.max())
    full = white.get(depth.kind, depth.white or largest)
    gray = _depth.in_8_bits(values, full, depth.inverted)
    return Image.fromarray(gray).convert("RGB"), depth.kind, largest


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "P":  # a palette may carry transparency, which only RGBA can take over
        image = image.convert("RGBA")
    if image.mode == "La":  # premultiplied by its transparency
        image = image.convert("LA")
    if image.mode in ("LAB", "HSV"):
        raise Unusable(f"has the color mode {image.mode}, which is not read. Save it as RGB")
    return image.convert("RGB")


def _has_pages(image: Image.Image) -> bool:
    """Whether there are frames or pages beside the one that was read."""
    if image.format in ("PNG", "WEBP"):
        return bool(getattr(image, "is_animated", False))
    if image.format not in ("GIF", "TIFF"):
        return False
    try:
        image.seek(1)
    except BROKEN:  # EOFError if there is none; one that is damaged would not be read anyway
        return False
    return True


def _pages_note(seen: Sequence[Seen]) -> Iterator[str]:
    count = sum(one.pages for one in seen)
    if count:
        files = "1 image has" if count == 1 else f"{count:,} images have"
        yield f"{files} several frames or pages: the first is read, the others are left out."


def _check_dark(paths: Sequence[Path], seen: Sequence[Seen]) -> None:
    row = _depth.dark(seen)
    if row >= 0:
        raise DataError(
            f"The image {paths[row]} has 16 bits a channel, but no color image of the data set "
            "uses more than 14 of them: all would be nearly black. Save them with 8 bits a "
            "channel, or stretched to all 16."
        )


def _blocks(rows: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(rows), BLOCK):
        yield rows[start : start + BLOCK]


def _allocate(n: int, channels: int, side: int) -> np.ndarray:
    size = n * channels * side**2
    there = _memory()
    try:
        if there and size > there:
            raise MemoryError
        return np.empty((n, channels, side, side), np.uint8)
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


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """The one place where image files are opened; DataError names the file for whatever fails."""
    try:
        with _formats.opened(path) as image:
            yield image
    except Unusable as error:
        raise DataError(f"The image {path} {error}, or take it away.") from error
    except TOO_LARGE as error:
        raise _too_large(path) from error
    except plain_files.TooLarge as error:
        raise DataError(
            f"The image {path} has {path.stat().st_size >> 20:,} MiB, and at most "
            f"{MAX_BYTES >> 20} are read. Save it smaller."
        ) from error
    except plain_files.NotPlain as error:
        raise DataError(f"The image {path} cannot be read: {error}. Take it away.") from error
    except BROKEN as error:
        raise _broken(path, error) from error


def _broken(path: Path, error: Exception) -> DataError:
    if isinstance(error, OSError) and error.errno is not None:
        return DataError(f"The image {path} cannot be read: {error.strerror}.")
    return DataError(
        f"The image {path} is broken or no image of a kind that is read ({KINDS}). Replace it or "
        "take it away."
    )


def _too_large(path: Path) -> DataError:
    limit = (Image.MAX_IMAGE_PIXELS or 0) // 10**6
    return DataError(f"The image {path} has more than {limit} million pixels. Scale it down.")
