"""Image files by their content: every kind Pillow knows, and decoders that take without end."""

from __future__ import annotations

import ast
import io
import os
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image

from engine.datasets import _formats
from engine.datasets import _images as images
from engine.errors import DataError

ROOT = Path(__file__).parents[3]
COLOR = (200, 30, 90)
LOOP = b"""%!PS-Adobe-3.0 EPSF-3.0
%%BoundingBox: 0 0 8 8
%%EndComments
{} loop
%%EOF
"""
FIRST_BYTES = {  # of kinds that Pillow only reads
    "BUFR": b"BUFR" + bytes(60),
    "CUR": struct.pack("<HHHBBBBHHII", 0, 2, 1, 8, 8, 0, 0, 0, 0, 40, 22) + bytes(40),
    "DCX": struct.pack("<III", 987654321, 12, 0) + bytes(140),
    "EPS": LOOP,
    "FITS": b"SIMPLE  =                    T" + b" " * 50 + b"END".ljust(2800),
    "FLI": struct.pack("<IHHHHHHI", 128, 0xAF11, 1, 8, 8, 8, 0, 5) + bytes(108),
    "FTEX": b"FTEX" + struct.pack("<IIIIIII", 0x10002, 8, 8, 1, 1, 1, 32) + bytes(64),
    "GBR": struct.pack(">IIIII4sI", 29, 2, 8, 8, 4, b"GIMP", 10) + b"a" + bytes(256),
    "GRIB": b"GRIB\0\0\0\1" + bytes(60),
    "HDF5": b"\x89HDF\r\n\x1a\n" + bytes(60),
    "IMT": b"*IMT\nwidth 8\nheight 8\n\x0c" + bytes(64),
    "IPTC": b"\x1c\x03\x3c\0\x02\x01\x01" + bytes(60),
    "MCIDAS": b"\0\0\0\0\0\0\0\4" + bytes(248),
    "MPEG": b"\0\0\1\xb3" + b"\0\x80\x08" + bytes(60),
    "PCD": bytes(2048) + b"PCD_" + bytes(4000),
    "PIXAR": b"\x80\xe8\0\0" + bytes(1100),
    "PSD": b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 8, 8, 8, 3) + bytes(300),
    "SUN": b"\x59\xa6\x6a\x95" + struct.pack(">IIIIIII", 8, 8, 24, 192, 1, 0, 0) + bytes(192),
    "WMF": b"\xd7\xcd\xc6\x9a\0\0" + struct.pack("<hhhhH", 0, 0, 8, 8, 72) + bytes(200),
    "XPM": b'/* XPM */\nstatic char *a[] = {\n"1 1 1 1",\n"a c #ff0000",\n"a"};\n',
    "XVTHUMB": b"P7 332\n#END_OF_COMMENTS\n8 8 255\n" + bytes(64),
}


def kinds() -> list[str]:
    """Every kind of file that Pillow opens."""
    Image.init()
    return sorted(Image.OPEN)


def written(kind: str) -> bytes:
    """A file of this kind."""
    if kind in FIRST_BYTES:
        return FIRST_BYTES[kind]
    out = io.BytesIO()
    for mode in ("RGB", "P", "L", "1", "F"):
        try:
            Image.new("RGB", (64, 64), COLOR).convert(mode).save(out, kind)
        except (OSError, ValueError, KeyError):
            continue
        return out.getvalue()
    raise AssertionError(f"There is no file of the kind {kind} to try.")


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The other programs that were started; none is, each attempt ends in an OSError."""
    started: list[str] = []

    def refuse(*given: Any, **named: Any) -> Any:
        started.append(str(given[-1])[:40])
        raise OSError("no other program may be started here")

    for name in ("Popen", "call", "check_call", "check_output", "run"):
        monkeypatch.setattr(subprocess, name, refuse)
    for name in ("system", "popen", "fork", "forkpty", "posix_spawn", "posix_spawnp", "spawnv",
                 "spawnvp", "execv", "execve", "execvp", "startfile"):  # fmt: skip
        if hasattr(os, name):
            monkeypatch.setattr(os, name, refuse)
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", "gs")  # as where Ghostscript is installed
    return started


@pytest.mark.filterwarnings("ignore:IM image format is deprecated")
@pytest.mark.parametrize("kind", kinds())
def test_every_kind_is_decoded_rightly_or_refused_and_starts_nothing(
    kind: str, tmp_path: Path, programs: list[str]
) -> None:
    content = written(kind)
    accept = Image.OPEN[kind][1]
    assert accept is None or accept(content[:16])  # it is one, as Pillow sees it
    path = tmp_path / "x.png"
    path.write_bytes(content)
    if kind in _formats.FORMATS:
        assert images.size_of(path) == (64, 64)
        middle = images.decode(path, 8)[:, 4, 4].astype(int)
        assert np.abs(middle - COLOR).max() <= (30 if kind == "GIF" else 6)
    else:
        for read in (images.size_of, lambda one: images.decode(one, 8)):
            with pytest.raises(DataError, match="not in a supported format") as refused:
                read(path)
            assert str(path) in str(refused.value)
            assert "\n" not in str(refused.value)
    assert programs == []


def test_without_the_list_of_kinds_postscript_starts_a_program(
    tmp_path: Path, programs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(LOOP)
    monkeypatch.setattr(_formats, "FORMATS", None)
    with pytest.raises(DataError):
        images.decode(path, 8)
    assert programs


@pytest.mark.parametrize("kind", [one for one in _formats.FORMATS if one != "DIB"])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".gif", ".tif", ".bmp"])
def test_what_an_image_is_called_does_not_matter(kind: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"x{suffix}"
    path.write_bytes(written(kind))
    assert np.abs(images.decode(path, 8)[:, 4, 4].astype(int) - COLOR).max() <= 30


def test_the_picture_of_a_camera_with_a_second_one_in_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    first, second = (Image.new("RGB", (64, 64), one) for one in (COLOR, (0, 0, 0)))
    first.save(path, "MPO", save_all=True, append_images=[second])
    assert np.abs(images.decode(path, 8)[:, 4, 4].astype(int) - COLOR).max() <= 6


@pytest.mark.skipif("AVIF" not in _formats.FORMATS, reason="this Pillow reads no AVIF")
@pytest.mark.parametrize("place", [-40, 40, 150])
def test_a_damaged_avif_is_called_broken(place: int, tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    content = bytearray(written("AVIF"))
    content[place : place + 40] = bytes(40) if place > 0 else b"\xff" * 40
    path.write_bytes(content)
    with pytest.raises(DataError, match="damaged or not in a"):
        images.decode(path, 8)


# -- decoders that take without end -----------------------------------------------------------


def comments(path: Path) -> None:
    """A GIF with half a million comments, which Pillow joins one by one."""
    content = written("GIF")
    place = content.index(b"\x2c")
    block = b"\xff" + b"x" * 255
    path.write_bytes(content[:place] + b"\x21\xfe" + block * 60_000 + b"\0" + content[place:])


def segments(path: Path) -> None:
    """A JPEG whose notes (EXIF) come in a thousand parts, joined one by one."""
    content = written("JPEG")
    part = b"\xff\xe1\xff\xff" + b"Exif\0\0" + bytes(65527)
    path.write_bytes(content[:2] + part * 1000 + content[2:])


def scans(path: Path) -> None:
    """A progressive JPEG that goes over a large image again and again."""
    out = io.BytesIO()
    Image.new("L", (8000, 8000)).save(out, "JPEG", progressive=True)
    content = out.getvalue()
    last = content.rindex(b"\xff\xda")
    path.write_bytes(content[:last] + content[last:-2] * 300 + b"\xff\xd9")


def numbers(path: Path) -> None:
    """A PPM in words, nine million of them, which Pillow reads in Python."""
    path.write_bytes(b"P3 3000 3000 200 " + b"1 " * 27_000_000)


@pytest.mark.parametrize("make", [comments, segments, scans, numbers])
def test_a_decoder_that_takes_without_end_is_stopped(
    make: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.png"
    make(path)
    monkeypatch.setattr(_formats, "MAX_SECONDS", 0.05)
    with pytest.raises(DataError, match=r"cannot be decoded within 0\.05 s") as refused:
        images.decode(path, 8)
    assert str(path) in str(refused.value)


def test_a_gif_of_many_frames_is_not_counted_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.gif"
    content = written("GIF")
    frame = content[content.index(b"\x2c") : -1]
    path.write_bytes(content[:-1] + frame * 20_000 + b"\x3b")
    monkeypatch.setattr(_formats, "MAX_SECONDS", 2.0)
    assert images.decode(path, 8).shape == (3, 8, 8)


def tags(entries: int, size: int) -> bytes:
    """A TIFF's directory of so many entries, each of which claims the same `size` bytes."""
    head = b"II*\0" + struct.pack("<IH", 8, entries)
    place = 8 + 2 + 12 * entries + 4
    listed = b"".join(struct.pack("<HHII", 1000 + at, 7, size, place) for at in range(entries))
    return head + listed + bytes(4) + bytes(size)


@pytest.mark.filterwarnings("ignore:Tag data larger than file")
@pytest.mark.parametrize("as_exif", [False, True])
def test_tags_that_claim_the_same_bytes_again_and_again_fill_no_memory(
    as_exif: bool, tmp_path: Path
) -> None:
    import tracemalloc

    path = tmp_path / "x.png"
    content = tags(2000, 1 << 18)  # half a gigabyte, if each were believed
    if as_exif:
        out = io.BytesIO()
        Image.new("RGB", (64, 64), COLOR).save(out, "PNG", exif=content)
        content = out.getvalue()
    path.write_bytes(content)
    tracemalloc.start()
    try:
        if as_exif:
            images.decode(path, 8)
        else:
            with pytest.raises(DataError, match="not in a supported format"):
                images.decode(path, 8)
        assert tracemalloc.get_traced_memory()[1] < 1 << 26
    finally:
        tracemalloc.stop()


# -- the only place ---------------------------------------------------------------------------


def opens_images(source: str) -> list[str]:
    """The calls in a source that decode an image file of any kind that a library knows."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            named = {one.arg for one in node.keywords}
            bare = name.endswith("Image.open") and "formats" not in named
            loads = name.endswith(("loadFromData", "fromData")) and len(node.args) < 2
            files = name.endswith(("QImage", "QPixmap", "QIcon")) and len(node.args) == 1 and (
                isinstance(node.args[0], (ast.Constant, ast.JoinedStr))
                or ast.unparse(node.args[0]).startswith(("str(", "os."))
            )  # fmt: skip
            reader = name.endswith(("imread", "QImageReader", "QMovie", "decode_image"))
            found += [ast.unparse(node)] * (bare or loads or files or reader)
    return found


@pytest.mark.parametrize("package", ["engine", "explorer"])
def test_no_image_file_is_opened_without_a_list_of_kinds(package: str) -> None:
    for path in sorted((ROOT / package).rglob("*.py")):
        assert opens_images(path.read_text(encoding="utf-8")) == [], path


@pytest.mark.parametrize(
    "source",
    ["Image.open(x)", "PIL.Image.open(x)", "plt.imread(x)", "QImage(str(path))",
     "QPixmap('a.png')", "picture.loadFromData(data)", "QImageReader(x)"],
)  # fmt: skip
def test_one_that_is_would_be_noticed(source: str) -> None:
    assert opens_images(source)
