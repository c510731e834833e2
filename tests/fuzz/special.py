"""Image files of every kind there is, and what is no plain file where a file is to be read."""

from __future__ import annotations

import functools
import io
import os
import shutil
import socket
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path
from random import Random
from unittest import mock

from PIL import EpsImagePlugin, Image
from scene import scene

from engine.datasets import _annotations, folder
from engine.datasets import _images as images
from engine.external import network
from engine.forget_sets.forget_set import read_indices
from engine.pipeline import bundle
from engine.runtime.progress import Reporter
from engine.spec import FOLLOW, REFUSE, DataSpec
from engine.storage import store
from explorer.jobs import file_tasks
from explorer.state import recent_files, settings

MAGIC = (  # of kinds that Pillow does not write; most are then followed by nothing sensible
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n{} loop\n%%EOF\n",
    b"\xd7\xcd\xc6\x9a\0\0\0\0\0\0\x08\0\x08\0\x48\0" + bytes(60), b"\x01\0\0\0" + bytes(100),
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), b"\0\0\1\xba" + bytes(60),
    b"8BPS\0\1" + bytes(60), b"BUFR" + bytes(60), b"GRIB" + bytes(60), b"SIMPLE  = T" + bytes(90),
    b"FTEX" + bytes(60), b"\x80\xe8\0\0" + bytes(600), bytes(2048) + b"PCD_" + bytes(3000),
    b"/* XPM */\n", b"P7 332\n#END_OF_COMMENTS\n8 8 255\n", b"BLP2" + bytes(60), b"%PDF-1.4\n",
    b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(60),
)  # fmt: skip


@functools.cache
def every_kind() -> list[bytes]:
    """A file of each kind that Pillow writes, and beginnings of the others."""
    Image.init()
    found = list(MAGIC)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for kind in sorted(Image.SAVE):
            for mode in ("RGB", "P", "L", "1", "F"):
                out = io.BytesIO()
                try:
                    Image.new("RGB", (16, 16), (9, 200, 90)).convert(mode).save(out, kind)
                except (OSError, ValueError, KeyError, SystemError):
                    continue
                found.append(out.getvalue())
                break
    frames = [Image.new("RGB", (9, 9), (40 * one, 0, 0)) for one in range(4)]
    for kind in ("GIF", "TIFF", "WEBP", "PNG", "MPO"):
        out = io.BytesIO()
        frames[0].save(out, kind, save_all=True, append_images=frames[1:])
        found.append(out.getvalue())
    return found


def decode(content: bytes) -> None:
    """Read it as an image; no other program may be started for that."""
    path = scene().write(content)
    with (
        mock.patch.object(subprocess, "Popen", _refuse),
        mock.patch.object(os, "system", _refuse),
        mock.patch.object(EpsImagePlugin, "gs_binary", "gs"),  # as if Ghostscript were here
    ):
        images.size_of(path)
        assert images.decode(path, 8).shape == (3, 8, 8)


def _refuse(*given: object, **named: object) -> None:
    raise AssertionError(f"{given} was started")


# -- what is no file --------------------------------------------------------------------------

Special = tuple[str, str, str, int]  # what it is, how it is read, how it is called, links before it
DEVICES = (
    "/dev/zero", "/dev/full", "/dev/null", "/dev/random", "/dev/tty", "/dev/ptmx", "/dev/stdin",
    "/dev/loop0", "/proc/self/mem", "/proc/kcore", "/proc/kmsg", "/proc/self/environ",
    "/proc/self/fd/0", "/proc/self/root", "/sys/kernel/mm", "/nowhere/at/all",
)  # fmt: skip
NAMES = ("a.png", "a.py", "a.json", "a.rkx", "a.h5", "a.csv", "a", "a.pt", "é\udcff.png", "a b:c")


def made(rng: Random) -> Special:
    """Something that is no plain file, mostly, under a name, behind some links."""
    kinds = [*MAKERS, *DEVICES]
    return rng.choice(kinds), rng.choice(list(READERS)), rng.choice(NAMES), rng.choice((0, 0, 1, 3))


def read(given: Special) -> None:
    """Put it there and read it."""
    kind, reader, name, links = given
    root = scene().folder / "special"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    path = root / name
    for number in range(links):
        path.symlink_to(root / f"link{number}")
        path = root / f"link{number}"
    if kind in MAKERS:
        MAKERS[kind](path)
    else:
        path.symlink_to(kind)
    READERS[reader](root / name)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


def _hole(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b"\x89HDF\r\n\x1a\n")
        file.truncate(1 << 42)


MAKERS: dict[str, Callable[[Path], object]] = {
    "pipe": os.mkfifo,
    "folder": lambda path: path.mkdir(),
    "socket": _socket,
    "hole": _hole,
    "circle": lambda path: path.symlink_to(path),
    "empty": lambda path: path.touch(),
    "secret": lambda path: (path.touch(), path.chmod(0)),
}


def _data(path: Path, links: str, place: str) -> None:
    """Read an image folder that has it in this place."""
    root = path.parent / "data"
    for part in ("train", "test"):
        for name in ("ant", "bee"):
            (root / part / name).mkdir(parents=True)
            (root / part / name / "0.png").write_bytes(_picture())
    goal = root / place
    shutil.rmtree(goal) if goal.is_dir() else goal.unlink(missing_ok=True)
    goal.symlink_to(path)
    folder.load(DataSpec("folder", str(root), links=links), Reporter())


@functools.cache
def _picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "PNG")
    return out.getvalue()


@functools.cache
def _store() -> store.Store:
    return store.Store(scene().folder / "specials")


def _record(path: Path) -> None:
    """Read it as a result of a store, the way `Store.get` does."""
    goal = _store().path("studies", "0123456789abcdef0123")
    goal.parent.mkdir(exist_ok=True)
    goal.unlink(missing_ok=True)
    goal.symlink_to(path)
    assert _store().get("studies", goal.stem) is None
    assert recent_files.Recents(goal).entries() == ()


READERS: dict[str, Callable[[Path], object]] = {
    "bundle": lambda path: bundle.open_bundle(_store(), path, Reporter()),
    "network": lambda path: network.model_spec(f"{path}:make"),
    "session": lambda path: file_tasks.read_session(path, None, Reporter()),  # type: ignore[arg-type]
    "indices": read_indices,
    "image": lambda path: images.decode(path, 8),
    "size": images.size_of,
    "annotations": _annotations._lines,
    "settings": settings.load,
    "record": _record,
    "image in a folder": lambda path: _data(path, FOLLOW, "train/ant/0.png"),
    "link in a folder": lambda path: _data(path, REFUSE, "train/ant/1.png"),
    "words": lambda path: _data(path, FOLLOW, "test/test_annotations.txt"),
}
