"""Images deeper than 8 bits: find the value that is white, and convert to 8 bits.

A range stated in the file (PGM, 12-bit TIFF, color) is used. 16-bit images range to 65,535, unless
all images of a data set fit into 14, 12, 10 or 8 bits, as cameras and X-ray detectors write them.
32-bit integers and floats state no range, so the largest value in the data set decides: white is
the common full scale whose upper half contains it, otherwise that value itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from engine.datasets._folders import image_count

PLAIN = ""  # 8 bits
RANGED = "ranged"  # gray; the file states which value is white
WIDE = "16 bits"  # gray; white is 65,535 if all 16 bits are used
INTEGER = "32-bit integers"  # gray, of any range
FLOAT = "floats"  # gray, of any range
COLOR = "16 bits a channel"  # Pillow reduces these to 8
WIDEST = 65535
FULL_SCALES = (1, 255, 1023, 4095, 16383, WIDEST)  # there is no common scale above
NARROWER = (8, 10, 12, 14)  # bit depths that are stored in 16 bits
DARKEST = 63  # of 255: if no color value is larger, at most 14 of the 16 bits are used
BITS_PER_SAMPLE, WHITE_IS_ZERO = 258, 262  # TIFF tags


@dataclass(frozen=True)
class Depth:
    """The depth of an image before decoding; white: the largest possible value."""

    kind: str = PLAIN
    white: float = 255
    inverted: bool = False  # 0 is white


@dataclass(frozen=True)
class ImageFacts:
    """What decoding an image revealed: its kind of depth, largest value, and further pages."""

    kind: str = PLAIN
    largest: float = 0.0
    pages: bool = False  # it has more than one page or frame


class UnusableImage(Exception):
    """An image cannot be used; the message is the predicate that follows its name."""


def depth_of(image: Image.Image) -> Depth:
    """The depth of an image that was opened but is not loaded yet."""
    rawmode, decoder = _stored(image)
    inverted = _tag(image, WHITE_IS_ZERO) == 0
    if image.mode.startswith("I;16"):
        if _tag(image, BITS_PER_SAMPLE) == 12:
            return Depth(RANGED, 4095, inverted)
        return Depth(WIDE, WIDEST, inverted)
    if image.mode == "I" and image.format in ("PNG", "PPM"):
        scaled = image.format == "PPM" and decoder[0] != "raw" and decoder[1] != WIDEST
        return Depth(RANGED if scaled else WIDE, WIDEST)
    if image.mode in ("I", "F"):
        return Depth(INTEGER if image.mode == "I" else FLOAT, 0, inverted)
    is_deep = ";16" in rawmode or (decoder[0].startswith("ppm") and decoder[1] == WIDEST)
    return Depth(COLOR if is_deep and image.mode != "CMYK" else PLAIN)


def values_of(image: Image.Image, depth: Depth) -> np.ndarray:
    """(H, W) nonnegative values of a gray image deeper than 8 bits, in upright orientation.

    Raises UnusableImage if values are negative, NaN or infinite.
    """
    unsigned = _stored(image)[0] == "I;32N"  # Pillow has no mode for them
    values = np.asarray(ImageOps.exif_transpose(image))
    if unsigned:
        values = values.view(np.uint32)
    if depth.kind == WIDE:
        values = values.astype(np.uint16)
    if not np.isfinite(values).all():
        raise UnusableImage("contains NaN or infinite pixels. Replace them")
    if values.min() < 0:
        raise UnusableImage(
            "contains negative pixels, so its black level is unknown. Save it with values of at "
            "least 0"
        )
    return values


def in_8_bits(values: np.ndarray, white: float, inverted: bool = False) -> np.ndarray:
    """(H, W) uint8: map values from [0, white] to [0, 255]."""
    if white == WIDEST and values.dtype.kind == "u":
        scaled = (values >> 8).astype(np.uint8)
    else:
        share = np.clip(values.astype(np.float64) / white, 0, 1) if white else values * 0.0
        scaled = np.rint(share * 255).astype(np.uint8)
    return 255 - scaled if inverted else scaled


def white_values(facts: Sequence[ImageFacts]) -> dict[str, float]:
    """Kind of depth -> the value that is white in all images of a data set."""
    largest: dict[str, float] = {}
    for image in facts:
        if image.kind in (WIDE, INTEGER, FLOAT):
            largest[image.kind] = max(largest.get(image.kind, 0), image.largest)
    return {
        kind: _full_16_bit(most) if kind == WIDE else _scale(most) for kind, most in largest.items()
    }


def notes(facts: Sequence[ImageFacts], white: Mapping[str, float]) -> list[str]:
    """A sentence for each kind of image whose range was inferred from the data set."""
    sentences = []
    for kind, value in white.items():
        count = sum(image.kind == kind for image in facts)
        if kind != WIDE:
            largest = max(image.largest for image in facts if image.kind == kind)
            reason = "the largest value" if largest == value else f"for values up to {largest:.10g}"
            sentences.append(
                f"{image_count(count)} of {kind} {_state_or_states(count)} no range: white is "
                f"{value:.10g}, {reason} in the data set."
            )
        elif value < WIDEST:
            bits = int(value).bit_length()
            sentences.append(
                f"{image_count(count)} of 16 bits {_use_or_uses(count)} no more than {bits} of "
                f"them in the data set: white is {value:g}."
            )
    return sentences


def first_dark_color(facts: Sequence[ImageFacts]) -> int:
    """Row of the first 16-bit color image if all of them use at most 14 bits; otherwise -1."""
    rows = [row for row, image in enumerate(facts) if image.kind == COLOR]
    largest = max((facts[row].largest for row in rows), default=0)
    return rows[0] if rows and 0 < largest <= DARKEST else -1


def _full_16_bit(largest: float) -> int:
    return next((2**bits - 1 for bits in NARROWER if 0 < largest < 2**bits), WIDEST)


def _scale(largest: float) -> float:
    """The full scale whose upper half contains the largest value, otherwise that value."""
    return next((full for full in FULL_SCALES if full / 2 < largest <= full), largest)


def _stored(image: Image.Image) -> tuple[str, tuple[str, object]]:
    """Storage of the pixels in the file: Pillow's raw mode, and (decoder, largest value)."""
    tile = next(iter(getattr(image, "tile", ())), None)
    if tile is None:
        return "", ("", None)
    args = tile[3] if isinstance(tile[3], tuple) else (tile[3],)
    return str(args[0]) if args else "", (str(tile[0]), args[-1] if args else None)


def _tag(image: Image.Image, number: int) -> object:
    tags = getattr(image, "tag_v2", None) if image.format == "TIFF" else None
    value = tags.get(number) if tags is not None else None
    return value[0] if isinstance(value, tuple) and value else value


def _state_or_states(count: int) -> str:
    return "states" if count == 1 else "state"


def _use_or_uses(count: int) -> str:
    return "uses" if count == 1 else "use"
