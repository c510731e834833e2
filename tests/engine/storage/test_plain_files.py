"""Pipes, devices, sockets, folders and endless files where a file is to be read: a sentence."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pytest
from patience import PATIENCE

from engine.datasets import _annotations, _downloads, cifar10
from engine.datasets import _images as images
from engine.errors import DataError, EngineError
from engine.external import network
from engine.forget_sets.forget_set import read_indices
from engine.pipeline import bundle
from engine.pipeline.pipeline import Pipeline
from engine.runtime.progress import Reporter
from engine.storage import hdf5, plain_files, store
from engine.storage.store import Store
from engine.verification import verify
from explorer.jobs import error_report, file_tasks
from explorer.state import recent_files, settings

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no such files")


@pytest.fixture(autouse=True)
def _bounded() -> Iterator[None]:
    def end(number: int, frame: FrameType | None) -> None:
        raise AssertionError("it waits")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(round(PATIENCE))
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def pipe(path: Path) -> None:
    """A pipe without a writer."""
    os.mkfifo(path)


def link_to_pipe(path: Path) -> None:
    """A link to a pipe."""
    os.mkfifo(path.with_name("pipe"))
    path.symlink_to("pipe")


def zeros(path: Path) -> None:
    """A link to an endless device."""
    path.symlink_to("/dev/zero")


def terminal(path: Path) -> None:
    """A link to the terminal, whose reads block."""
    path.symlink_to("/dev/ptmx")


def folder(path: Path) -> None:
    """A folder."""
    path.mkdir()


def listener(path: Path) -> None:
    """A socket."""
    here = Path.cwd()
    os.chdir(path.parent)  # names of sockets must be short
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name)
    finally:
        os.chdir(here)


def terabyte(path: Path) -> None:
    """A sparse file larger than memory."""
    with path.open("wb") as file:
        file.truncate(1 << 40)


def circle(path: Path) -> None:
    """A link to itself."""
    path.symlink_to(path.name)


KINDS = (pipe, link_to_pipe, zeros, terminal, folder, listener, terabyte, circle)


def open_bundle(path: Path) -> None:
    """Open it as a bundle."""
    bundle.open_bundle(Store(path.parent / "store"), path, Reporter())


def read_session(path: Path) -> None:
    """Open it as a session."""
    file_tasks.read_session(path, None, Reporter())  # type: ignore[arg-type]


def read_archive(path: Path) -> None:
    """Load CIFAR-10 with it in place of the archive."""
    path.rename(path.with_name("cifar-10-python.tar.gz"))
    cifar10.read_archive(path.parent, Reporter())


def read_annotations(path: Path) -> None:
    """Read it as Tiny ImageNet's list of classes."""
    _annotations._lines(path)


READERS: dict[str, Callable[[Path], object]] = {
    "network": lambda path: network.model_spec(f"{path.rename(path.with_suffix('.py'))}:make"),
    "bundle": open_bundle,
    "session": read_session,
    "indices": read_indices,
    "image": lambda path: images.decode(path, 8),
    "size of an image": images.size_of,
    "annotations": read_annotations,
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", KINDS)
def test_files_that_are_not_plain_are_refused_with_a_message(
    kind: Callable[[Path], None], reader: str, tmp_path: Path
) -> None:
    path = tmp_path / "named"
    kind(path)
    with pytest.raises(EngineError) as refused:
        READERS[reader](path)
    sentence = str(refused.value)
    assert str(path) in sentence
    assert "\n" not in sentence
    assert "Errno" not in sentence
    if kind in (pipe, link_to_pipe, zeros, terminal, listener):
        words = {listener: "a socket", zeros: "a device", terminal: "a device"}
        assert f"it is {words.get(kind, 'a pipe')}, and only" in sentence


@pytest.mark.parametrize("kind", [pipe, zeros, listener, terabyte])
def test_the_archive_of_cifar10_must_be_a_plain_file(
    kind: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_downloads, "download", None)  # over it, that would be
    kind(tmp_path / "named")
    with pytest.raises(DataError, match=r"cifar-10-python.tar.gz cannot be read: it "):
        read_archive(tmp_path / "named")


@pytest.mark.parametrize("kind", KINDS)
def test_the_programs_own_files_count_as_absent_if_not_plain(
    kind: Callable[[Path], None], tmp_path: Path
) -> None:
    kind(tmp_path / settings.FILE)
    assert settings.load(tmp_path / settings.FILE) == settings.Settings()
    assert recent_files.Recents(tmp_path / settings.FILE).entries() == ()
    text = error_report.report_text(error_report.IN_FILE.format(tmp_path / settings.FILE), [])
    assert "The report file cannot be read" in text


@pytest.mark.parametrize("kind", KINDS)
def test_a_result_that_is_not_a_file_is_absent_and_named_by_verify(
    kind: Callable[[Path], None], tmp_path: Path
) -> None:
    made = Store(tmp_path)
    path = made.path("studies", "0123456789abcdef0123")
    path.parent.mkdir()
    kind(path)
    with pytest.raises((EngineError, OSError)):
        store.read(path)
    with pytest.raises((EngineError, OSError)), hdf5.open_checked(path):
        pass
    if kind is not terabyte:
        assert made.get("studies", path.stem) is None
    found = verify(Pipeline(made, "cpu"), 0, 0, Reporter())
    assert any(path.name in one or path.stem in one for one in found.wrong)


def test_a_plain_file_is_read_completely(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"a\r\nb\rc\n")
    assert plain_files.read_text(path, 7) == "a\nb\nc\n"
    path.with_name("link").symlink_to("a")
    assert plain_files.read_bytes(path.with_name("link"), 7) == b"a\r\nb\rc\n"
    with pytest.raises(plain_files.TooLarge, match="larger than 6 bytes"):
        plain_files.read_bytes(path, 6)


@pytest.mark.skipif(not Path("/proc/self/maps").is_file(), reason="of Linux")
def test_a_file_of_unknown_size_is_bounded() -> None:
    assert plain_files.read_bytes(Path("/proc/self/maps"), 1 << 20)
    with pytest.raises(plain_files.TooLarge):
        plain_files.read_bytes(Path("/proc/self/maps"), 100)


def test_a_pipe_that_replaces_a_file_does_not_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "named"
    path.write_bytes(b"plain")
    known = os.stat(path)
    path.unlink()
    os.mkfifo(path)
    monkeypatch.setattr(os, "stat", lambda *given, **named: known)  # its state a moment ago
    with pytest.raises(plain_files.NotPlain, match="it is a pipe"):
        plain_files.open_plain(path)
