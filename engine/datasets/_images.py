"""Decode image files into one array of small square images."""

from __future__ import annotations

import contextlib
import functools
import math
import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from engine.datasets import _depth, _formats
from engine.datasets._depth import ImageFacts, UnusableImage
from engine.datasets._formats import KINDS, MAX_BYTES
from engine.errors import DataError
from engine.runtime.progress import Reporter
from engine.spec import GRAY, RGB
from engine.storage import pixel_cache, plain_files
from engine.storage.pixel_cache import Pictures, Sink

BLOCK = 256  # images between two checks for cancellation
MAX_WORKERS = 8
# what Pillow's decoders raise on damaged files, in addition to its own errors
BROKEN = (
    OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, ArithmeticError,
    RuntimeError, struct.error,
)  # fmt: skip
TOO_LARGE = (Image.DecompressionBombError, Image.DecompressionBombWarning)
UNKNOWN_WHITE: Mapping[str, float] = {}  # before the largest values in the data set are known


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
    deeper than 8 bits that state no range, white is the largest value in the data set. Within
    `pixel_cache.using` they are decoded once and mapped later. Raises DataError for the first
    damaged image, with its path, and Cancelled.
    """
    shape = (len(paths), 1 if channels == GRAY else 3, side, side)
    decode_to = functools.partial(_decode_all, paths, side, channels, report)
    cache = pixel_cache.in_use()
    kept = cache.pictures(paths, shape, decode_to, report) if cache is not None else None
    if kept is not None:
        return kept
    memory = _Memory(_allocate(shape))
    return Pictures(memory.pixels, decode_to(memory))


class _Memory:
    """Takes images into an array."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels = pixels

    def put(self, row: int, images: np.ndarray) -> None:
        """Take images as the rows from `row` on."""
        self.pixels[row : row + len(images)] = images


def _decode_all(
    paths: Sequence[Path], side: int, channels: str, report: Reporter, sink: Sink
) -> tuple[str, ...]:
    """Decode all images into the sink, and return notes on them; see `read_images`."""
    facts = [ImageFacts()] * len(paths)

    def decoded(row: int, white: Mapping[str, float] = UNKNOWN_WHITE) -> np.ndarray:
        pixels, facts[row] = _decoded(paths[row], side, channels, white)
        return pixels

    with ThreadPoolExecutor(
        min(MAX_WORKERS, os.cpu_count() or 1), thread_name_prefix="decode"
    ) as pool:
        for rows in _blocks(range(len(paths))):
            sink.put(rows[0], np.stack(list(pool.map(decoded, rows))))
            report.advance(len(rows))
        white = _depth.white_values(facts)
        for rows in _blocks(_provisional_rows(facts, white)):
            images = pool.map(lambda row: decoded(row, white), rows)
            for row, image in zip(rows, images, strict=True):
                sink.put(row, image[None])
            report.check()
    _check_dark(paths, facts)
    return (*_depth.notes(facts, white), *_pages_note(facts))


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


def _allocate(shape: tuple[int, ...]) -> np.ndarray:
    size = math.prod(shape)
    available = _memory()
    try:
        if available and size > available:
            raise MemoryError
        return np.empty(shape, np.uint8)
    except MemoryError:
        raise DataError(
            f"{shape[0]} images of {shape[2]}x{shape[3]} px need {size / 2**30:.1f} GiB, more than "
            "this machine can hold in memory. Choose a smaller side."
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
