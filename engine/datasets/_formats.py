"""The image formats that are opened, recognized by content, and limits on decoding them.

Pillow recognizes some forty formats by content, whatever the file is called, and starts other
programs for some of them (Ghostscript for PostScript). Only the formats below are passed to it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, features

from engine.datasets._depth import UnusableImage
from engine.storage import plain_files

NAMES = ("BMP", "DIB", "GIF", "PNG", "JPEG", "TIFF", "WEBP", "PPM", "AVIF")
# Pillow's names; PPM includes PGM, PBM and PFM, JPEG includes multi-picture files (MPO)
FORMATS = tuple(
    name
    for name in NAMES
    if name != "AVIF" or ("avif" in features.modules and features.check("avif"))
)
KINDS = "PNG, JPEG, WebP, GIF, BMP, TIFF, PPM" + (", AVIF" if "AVIF" in FORMATS else "")
MAX_BYTES = 1 << 28  # of one file; about the size of the largest permitted image, uncompressed
MAX_SECONDS = 60.0  # of processor time to decode one file


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """Open the image in a file without decoding it.

    Raises UnusableImage if decoding takes longer than `MAX_SECONDS`, the errors of
    `plain_files.open_plain`, and whatever Pillow raises.
    """
    with (
        _TimedFile(plain_files.open_plain(path, MAX_BYTES)) as file,
        Image.open(file, formats=FORMATS) as image,
    ):
        yield image


class _TimedFile(plain_files.PlainFile):
    """A file that refuses to be read once this thread has spent `MAX_SECONDS` on it."""

    def __init__(self, file: plain_files.PlainFile) -> None:
        super().__init__(file.detach())
        self._end = time.thread_time() + MAX_SECONDS

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes; UnusableImage once the time limit is exceeded."""
        if time.thread_time() > self._end:
            raise UnusableImage(f"cannot be decoded within {MAX_SECONDS:g} s. Save it again as PNG")
        return super().read(size)
