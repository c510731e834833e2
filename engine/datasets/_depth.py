"""Images of more than 8 bits: which value is white, and the same in 8 bits.

Where the file says its range (PGM, TIFF of 12 bits, color) that is taken. 16 bits reach to 65,535,
unless all images of a data set stay within 14, 12, 10 or 8 of them, as cameras and X-ray detectors
write them. Integers of 32 bits and floats say no range, so that their data set's largest value
tells: white is the usual full scale whose upper half it reaches, else that value itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from engine.datasets._folders import image_count

PLAIN = ""  # 8 bits
RANGED = "ranged"  # gray, and the file says which value is white
WIDE = "16 bits"  # gray, and white is 65,535 if the 16 bits are used
WHOLE = "32-bit integers"  # gray, of any range
REAL = "floats"  # gray, of any range
COLOR = "16 bits a channel"  # which Pillow hands on as 8
WIDEST = 65535
FULL_SCALES = (1, 255, 1023, 4095, 16383, WIDEST)  # larger numbers have no usual one
NARROWER = (8, 10, 12, 14)  # bits that are written into 16
DARKEST = 63  # of 255: where no color is brighter, the 16 bits hold 14 or fewer
BITS_PER_SAMPLE, WHITE_IS_ZERO = 258, 262  # TIFF tags


@dataclass(frozen=True)
class Depth:
    """What is known of an image before it is decoded; white: the largest value there can be."""

    kind: str = PLAIN
    white: float = 255
    inverted: bool = False  # 0 is white


@dataclass(frozen=True)
class Seen:
    """What an image turned out to be once decoded."""

    kind: str = PLAIN
    largest: float = 0.0
    pages: bool = False  # it has more than one, or frames


class Unusable(Exception):
    """An image that cannot be read, and why: what follows its name in a sentence."""


def depth_of(image: Image.Image) -> Depth:
    """The depth of an image that was opened, but not loaded yet."""
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
        return Depth(WHOLE if image.mode == "I" else REAL, 0, inverted)
    deep = ";16" in rawmode or (decoder[0].startswith("ppm") and decoder[1] == WIDEST)
    return Depth(COLOR if deep and image.mode != "CMYK" else PLAIN)


def values_of(image: Image.Image, depth: Depth) -> np.ndarray:
    """(H, W) numbers of at least 0: a gray image of more than 8 bits, upright.

    Raises Unusable where some are negative, or no numbers.
    """
    unsigned = _stored(image)[0] == "I;32N"  # Pillow has no mode for them
    values = np.asarray(ImageOps.exif_transpose(image))
    if unsigned:
        values = values.view(np.uint32)
    if depth.kind == WIDE:
        values = values.astype(np.uint16)
    if not np.isfinite(values).all():
        raise Unusable("holds pixels that are no numbers (NaN or infinite). Replace them")
    if values.min() < 0:
        raise Unusable(
            "holds negative pixels, of which it is not known what is black. Save it with values "
            "from 0 up"
        )
    return values


def in_8_bits(values: np.ndarray, white: float, inverted: bool = False) -> np.ndarray:
    """(H, W) uint8: the values from 0 to `white` as 0 to 255."""
    if white == WIDEST and values.dtype.kind == "u":
        scaled = (values >> 8).astype(np.uint8)
    else:
        share = np.clip(values.astype(np.float64) / white, 0, 1) if white else values * 0.0
        scaled = np.rint(share * 255).astype(np.uint8)
    return 255 - scaled if inverted else scaled


def whites(seen: Sequence[Seen]) -> dict[str, float]:
    """By kind, the value that is white in all images of a data set."""
    found: dict[str, float] = {}
    for one in seen:
        if one.kind in (WIDE, WHOLE, REAL):
            found[one.kind] = max(found.get(one.kind, 0), one.largest)
    return {kind: _full(most) if kind == WIDE else _scale(most) for kind, most in found.items()}


def notes(seen: Sequence[Seen], white: Mapping[str, float]) -> list[str]:
    """A sentence for each kind of image whose range is not what the file says."""
    said = []
    for kind, value in white.items():
        count = sum(one.kind == kind for one in seen)
        if kind != WIDE:
            most = max(one.largest for one in seen if one.kind == kind)
            which = "the largest value" if most == value else f"for values up to {most:.10g}"
            said.append(
                f"{image_count(count)} of {kind} {_say(count)} no range: white is {value:.10g}, "
                f"{which} in the data set."
            )
        elif value < WIDEST:
            bits = int(value).bit_length()
            said.append(
                f"{image_count(count)} of 16 bits {_use(count)} no more than {bits} of them in the "
                f"data set: white is {value:g}."
            )
    return said


def dark(seen: Sequence[Seen]) -> int:
    """The row of the first color image of 16 bits, if all of them use 14 or fewer; else -1."""
    rows = [row for row, one in enumerate(seen) if one.kind == COLOR]
    largest = max((seen[row].largest for row in rows), default=0)
    return rows[0] if rows and 0 < largest <= DARKEST else -1


def _full(largest: float) -> int:
    return next((2**bits - 1 for bits in NARROWER if 0 < largest < 2**bits), WIDEST)


def _scale(largest: float) -> float:
    """The full scale whose upper half holds the largest value; that value where none does."""
    return next((full for full in FULL_SCALES if full / 2 < largest <= full), largest)


def _stored(image: Image.Image) -> tuple[str, tuple[str, object]]:
    """How the pixels lie in the file: Pillow's raw mode; its decoder with the largest value."""
    tile = next(iter(getattr(image, "tile", ())), None)
    if tile is None:
        return "", ("", None)
    args = tile[3] if isinstance(tile[3], tuple) else (tile[3],)
    return str(args[0]) if args else "", (str(tile[0]), args[-1] if args else None)


def _tag(image: Image.Image, number: int) -> object:
    tags = getattr(image, "tag_v2", None) if image.format == "TIFF" else None
    value = tags.get(number) if tags is not None else None
    return value[0] if isinstance(value, tuple) and value else value


def _say(count: int) -> str:
    return "says" if count == 1 else "say"


def _use(count: int) -> str:
    return "uses" if count == 1 else "use"
