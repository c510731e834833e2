"""Decode image files into one array of small square images."""

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
from engine.datasets._depth import ImageFacts, UnusableImage
from engine.datasets._formats import KINDS, MAX_BYTES
from engine.errors import DataError
from engine.runtime.progress import Reporter
from engine.spec import GRAY, RGB
from engine.storage import plain_files

BLOCK = 256  # images between two checks for cancellation
MAX_WORKERS = 8
# what Pillow's decoders raise on damaged files, in addition to its own errors
BROKEN = (
    OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, ArithmeticError,
    RuntimeError, struct.error,
)  # fmt: skip
TOO_LARGE = (Image.DecompressionBombError, Image.DecompressionBombWarning)
UNKNOWN_WHITE: Mapping[str, float] = {}  # before the largest values in the data set are known


@dataclass(frozen=True, eq=False)
class Pictures:
    """pixels: (n, C, side, side) uint8; notes: sentences on how they were read."""

    pixels: np.ndarray
    notes: tuple[str, ...]


def common_side(paths: Sequence[Path], largest: int, otherwise: int) -> int:
    """The common side in px of these images if all are equal squares of at most `largest`.

    Returns `otherwise` if they are not.
    """
    sizes = {size_of(path) for path in paths}
    width, height = sizes.pop()
    return width if not sizes and width == height <= largest else otherwise


def size_of(path: Path) -> tuple[int, int]:
    """Width and height in px, from the file's header; DataError if it is not an image."""
    with _opened(path) as image:
        return image.size


def read_images(
    paths: Sequence[Path], side: int, report: Reporter, channels: str = RGB
) -> Pictures:
    """Decode all images of a data set, training and test, on several threads; C is 3 or 1.

    Each image counts as one unit of work, which the caller has announced to `report`. For images
    deeper than 8 bits that state no range, white is the largest value in the data set. Raises
    DataError for the first damaged image, with its path, and Cancelled.
    """
    pixels = _allocate(len(paths), 1 if channels == GRAY else 3, side)
    facts = [ImageFacts()] * len(paths)

    def decode_row(row: int, white: Mapping[str, float] = UNKNOWN_WHITE) -> None:
        pixels[row], facts[row] = _decoded(paths[row], side, channels, white)

    with ThreadPoolExecutor(
        min(MAX_WORKERS, os.cpu_count() or 1), thread_name_prefix="decode"
    ) as pool:
        for rows in _blocks(range(len(paths))):
            for _ in pool.map(decode_row, rows):
                pass
            report.advance(len(rows))
        white = _depth.white_values(facts)
        for rows in _blocks(_provisional_rows(facts, white)):
            for _ in pool.map(lambda row: decode_row(row, white), rows):
                pass
            report.check()
    _check_dark(paths, facts)
    return Pictures(pixels, (*_depth.notes(facts, white), *_pages_note(facts)))


def decode(path: Path, side: int, channels: str = RGB) -> np.ndarray:
    """Decode one image to (3, side, side) uint8 RGB or (1, side, side) gray.

    The largest central square is resized. If the file states no range, white is its own largest
    value.
    """
    return _decoded(path, side, channels, UNKNOWN_WHITE)[0]


def _provisional_rows(facts: Sequence[ImageFacts], white: Mapping[str, float]) -> list[int]:
    """Rows that were decoded before their white value was known."""
    inferred = {
        kind for kind, value in white.items() if (kind, value) != (_depth.WIDE, _depth.WIDEST)
    }
    return [row for row, image in enumerate(facts) if image.kind in inferred]


def _decoded(
    path: Path, side: int, channels: str, white: Mapping[str, float]
) -> tuple[np.ndarray, ImageFacts]:
    with _opened(path) as image:
        if image.width * image.height > (Image.MAX_IMAGE_PIXELS or np.inf):
            raise _too_large(path)
        image.draft("RGB", (2 * side, 2 * side))  # decode large JPEGs at a reduced size
        upright, kind, largest = _upright(image, white)
        if channels == GRAY:
            upright = upright.convert("L")
        if upright.size != (side, side):
            upright = ImageOps.fit(upright, (side, side), Image.Resampling.BICUBIC)
        pixels = np.asarray(upright, dtype=np.uint8).reshape(side, side, -1).transpose(2, 0, 1)
        return pixels, ImageFacts(kind, largest, _has_pages(image))


def _upright(image: Image.Image, white: Mapping[str, float]) -> tuple[Image.Image, str, float]:
    """The image in RGB with its EXIF rotation applied, its kind of depth and largest value."""
    depth = _depth.depth_of(image)
    if depth.kind == _depth.PLAIN:
        return _rgb(ImageOps.exif_transpose(image)), depth.kind, 0
    if depth.kind == _depth.COLOR:
        color = _rgb(ImageOps.exif_transpose(image))
        return color, depth.kind, float(np.asarray(color).max())
    values = _depth.values_of(image, depth)
    largest = float(values.max())
    white_value = white.get(depth.kind, depth.white or largest)
    gray = _depth.in_8_bits(values, white_value, depth.inverted)
    return Image.fromarray(gray).convert("RGB"), depth.kind, largest


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "P":  # a palette may have transparency, which only RGBA preserves
        image = image.convert("RGBA")
    if image.mode == "La":  # premultiplied alpha
        image = image.convert("LA")
    if image.mode in ("LAB", "HSV"):
        raise UnusableImage(f"has the unsupported color mode {image.mode}. Save it as RGB")
    return image.convert("RGB")


def _has_pages(image: Image.Image) -> bool:
    """Whether there are frames or pages besides the one that was read."""
    if image.format in ("PNG", "WEBP"):
        return bool(getattr(image, "is_animated", False))
    if image.format not in ("GIF", "TIFF"):
        return False
    try:
        image.seek(1)
    except BROKEN:  # EOFError if there is none; a damaged one would not be read anyway
        return False
    return True


def _pages_note(facts: Sequence[ImageFacts]) -> Iterator[str]:
    count = sum(image.pages for image in facts)
    if count:
        files = "1 image has" if count == 1 else f"{count:,} images have"
        yield f"{files} several frames or pages: only the first is read."


def _check_dark(paths: Sequence[Path], facts: Sequence[ImageFacts]) -> None:
    row = _depth.first_dark_color(facts)
    if row >= 0:
        raise DataError(
            f"The image {paths[row]} has 16 bits per channel, but no color image of the data set "
            "uses more than 14 of them: all would be nearly black. Save them with 8 bits per "
            "channel, or rescaled to all 16."
        )


def _blocks(rows: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(rows), BLOCK):
        yield rows[start : start + BLOCK]


def _allocate(n: int, channels: int, side: int) -> np.ndarray:
    size = n * channels * side**2
    available = _memory()
    try:
        if available and size > available:
            raise MemoryError
        return np.empty((n, channels, side, side), np.uint8)
    except MemoryError:
        raise DataError(
            f"{n} images of {side}x{side} px need {size / 2**30:.1f} GiB, more than this machine "
            "can hold in memory. Choose a smaller side."
        ) from None


def _memory() -> int:
    """Bytes of physical memory; 0 if the system does not report it."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Open an image file, turning every failure into a DataError that names the file."""
    try:
        with _formats.opened(path) as image:
            yield image
    except UnusableImage as error:
        raise DataError(f"The image {path} {error}, or remove it.") from error
    except TOO_LARGE as error:
        raise _too_large(path) from error
    except plain_files.TooLarge as error:
        raise DataError(
            f"The image {path} has {path.stat().st_size >> 20:,} MiB; the limit is "
            f"{MAX_BYTES >> 20} MiB. Save a smaller version."
        ) from error
    except plain_files.NotPlain as error:
        raise DataError(f"The image {path} cannot be read: {error}. Remove it.") from error
    except BROKEN as error:
        raise _broken(path, error) from error


def _broken(path: Path, error: Exception) -> DataError:
    if isinstance(error, OSError) and error.errno is not None:
        return DataError(f"The image {path} cannot be read: {error.strerror}.")
    return DataError(
        f"The image {path} is damaged or not in a supported format ({KINDS}). Replace or remove it."
    )


def _too_large(path: Path) -> DataError:
    limit = (Image.MAX_IMAGE_PIXELS or 0) // 10**6
    return DataError(f"The image {path} has more than {limit} million pixels. Scale it down.")
