"""Which image files are opened, told by what is in them, and how much they may ask of a decoder.

Pillow knows forty kinds of files, by content whatever they are called, and starts other programs
for some (Ghostscript for PostScript). Only those below are let near it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, features

from engine.datasets._depth import Unusable
from engine.storage import plain_files

NAMES = ("BMP", "DIB", "GIF", "PNG", "JPEG", "TIFF", "WEBP", "PPM", "AVIF")
# by Pillow's names; PPM is PGM, PBM and PFM too, JPEG the pictures of several in one (MPO)
FORMATS = tuple(
    name
    for name in NAMES
    if name != "AVIF" or ("avif" in features.modules and features.check("avif"))
)
KINDS = "PNG, JPEG, WebP, GIF, BMP, TIFF, PPM" + (", AVIF" if "AVIF" in FORMATS else "")
MAX_BYTES = 1 << 28  # of one file: an image of the most pixels, unpacked, has about as many
MAX_SECONDS = 60.0  # of a processor's time for one file


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """The image in a file, not decoded yet.

    Raises Unusable where decoding takes without end, the errors of `plain_files.opened`, and
    whatever Pillow raises.
    """
    with (
        _Watched(plain_files.opened(path, MAX_BYTES)) as file,
        Image.open(file, formats=FORMATS) as image,
    ):
        yield image


class _Watched(plain_files.PlainFile):
    """A file that is read no more once this thread was at it for `MAX_SECONDS`."""

    def __init__(self, file: plain_files.PlainFile) -> None:
        super().__init__(file.detach())
        self._end = time.thread_time() + MAX_SECONDS

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes; Unusable if it took too long to get here."""
        if time.thread_time() > self._end:
            raise Unusable(f"is not decoded within {MAX_SECONDS:g} s. Save it anew, as PNG")
        return super().read(size)
