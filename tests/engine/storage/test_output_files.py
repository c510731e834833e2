"""Output files that a user named: links, devices, pipes, modes, standard output."""

from __future__ import annotations

import contextlib
import os
import select
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from engine.errors import SpecError, StoreError
from engine.runtime import child_processes
from engine.storage import output_files

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes, pipes and links of POSIX")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("kept", [0o600, 0o640, 0o444 | 0o200])
def test_a_file_keeps_its_mode(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "table.csv"
    path.write_text("old")
    path.chmod(kept)
    output_files.write_text(path, "new")
    assert path.read_text() == "new"
    assert mode(path) == kept


def test_a_new_file_has_the_default_mode(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("")
    output_files.write_text(tmp_path / "table.csv", "new")
    assert mode(tmp_path / "table.csv") == mode(tmp_path / "other")


def test_the_target_of_a_link_is_written(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    real = tmp_path / "deep" / "real.csv"
    real.write_text("old")
    (tmp_path / "first").symlink_to("deep/real.csv")
    (tmp_path / "second").symlink_to(tmp_path / "first")
    output_files.write_text(tmp_path / "second", "new")
    assert (tmp_path / "second").is_symlink() and (tmp_path / "first").is_symlink()
    assert real.read_text() == "new"
    assert sorted(path.name for path in (tmp_path / "deep").iterdir()) == ["real.csv"]


def test_the_missing_target_of_a_link_is_created(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("made.csv")
    output_files.write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "made.csv").read_text() == "new"


def test_circular_links_are_refused(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to("other")
    (tmp_path / "other").symlink_to("one")
    with pytest.raises(StoreError, match="links are circular"):
        output_files.write_text(tmp_path / "one", "new")


def test_a_device_is_written_through(tmp_path: Path) -> None:
    before = os.stat("/dev/null")
    output_files.write_text(Path("/dev/null"), "new")
    (tmp_path / "link").symlink_to("/dev/null")
    output_files.write_text(tmp_path / "link", "new")
    after = os.stat("/dev/null")
    assert stat.S_ISCHR(after.st_mode)
    assert (before.st_ino, before.st_mode) == (after.st_ino, after.st_mode)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_device_is_reported() -> None:
    with pytest.raises(StoreError, match="No space left"):
        output_files.write_text(Path("/dev/full"), "new")
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)


def test_a_pipe_gets_the_whole_text(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    handle = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)  # the pipe has a reader from now on
    writer = threading.Thread(target=output_files.write_text, args=(pipe, "x" * 200_000))
    writer.start()
    content = b""
    while writer.is_alive() or select.select([handle], [], [], 0)[0]:
        with contextlib.suppress(BlockingIOError):  # nothing is written yet
            part = os.read(handle, 65_536)
            content += part
            if not part and not writer.is_alive():
                break
    writer.join()
    os.close(handle)
    assert content == b"x" * 200_000
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_pipe_without_a_reader_is_reported(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StoreError, match="the pipe has no reader"):
        output_files.write_text(tmp_path / "pipe", "new")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_an_error_inside_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("old")
    with contextlib.suppress(ZeroDivisionError), output_files.output(path) as aside:
        aside.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["table.csv"]


def test_equal_output_paths_are_refused_before_computing(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="standard output"):
        output_files.check(Path("-"), Path("-"))
    (tmp_path / "link").symlink_to("table.csv")
    with pytest.raises(SpecError, match=r"table\.csv"):
        output_files.check(tmp_path / "link", tmp_path / "table.csv")
    with pytest.raises(SpecError, match="name a file"):
        output_files.check(tmp_path / "missing" / "table.csv")
    with pytest.raises(SpecError, match="name a file"):
        output_files.check(tmp_path)
    output_files.check(None, Path("-"), tmp_path / "table.csv", Path("/dev/null"))


CHILD = """
import sys
from pathlib import Path
from engine.storage import output_files as outputs
with outputs.messages_to_stderr([Path(sys.argv[1])]):
    print("words", flush=True)
    outputs.write_text(Path(sys.argv[1]), "text\\n")
"""


def written(name: str, **how: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CHILD, name], text=True, cwd=child_processes.HOME, **how
    )  # fmt: skip


def test_a_hyphen_is_standard_output_and_messages_go_to_standard_error(tmp_path: Path) -> None:
    done = written("-", capture_output=True)
    assert (done.stdout, done.stderr) == ("text\n", "words\n")
    assert not (Path(child_processes.HOME) / "-").exists()


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_the_path_of_standard_output_follows_redirection(tmp_path: Path, name: str) -> None:
    if not os.path.lexists(name):
        pytest.skip(f"there is no {name} here")
    kind = os.lstat(name)
    assert written(name, capture_output=True).stdout == "words\ntext\n"
    file = tmp_path / "directed"
    with file.open("w") as stream:
        written(name, stdout=stream, check=True)
    assert file.read_text() == "words\ntext\n"
    assert os.lstat(name).st_mode == kind.st_mode


LINE = "import sys; from engine.__main__ import main; sys.exit(main(sys.argv[1:]))"


def line(words: list[str], **how: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", LINE, *words], text=True, cwd=child_processes.HOME,
        stderr=subprocess.PIPE, **how,
    )  # fmt: skip


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_standard_output_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unbuffered: str
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    with open("/dev/full", "w") as full:
        done = line(["reproduce", "?"], stdout=full)
    assert done.returncode == 2
    assert done.stderr.startswith("rk-engine: Standard output cannot be written (No space left")
    assert len(done.stderr.splitlines()) == 1


def test_a_closed_standard_output_is_reported() -> None:
    done = line(["reproduce", "?"], preexec_fn=lambda: os.close(1))
    assert done.returncode == 2
    assert done.stderr.startswith("rk-engine: Standard output is closed")


def test_a_closed_pipe_is_not_an_error() -> None:
    read, write = os.pipe()
    os.close(read)
    done = line(["reproduce", "?"], stdout=write)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


ASKED = """
import os, signal, sys, time
from engine import __main__ as program
from engine.cli import commands
def info(options):
    os.kill(os.getpid(), getattr(signal, sys.argv[1]))
    time.sleep(60)
commands.info = info
sys.exit(program.main(["info"]))
"""


@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_termination_signal_prints_a_message(name: str, status: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASKED, name],
        capture_output=True,
        text=True,
        cwd=child_processes.HOME,
    )
    assert done.returncode == status
    assert done.stderr == "rk-engine: stopped; run the same command again to resume.\n"


def test_an_ignored_signal_stays_ignored() -> None:
    before = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    code = before + ASKED.replace("time.sleep(60)", "print('went on')")
    done = subprocess.run(
        [sys.executable, "-c", code, "SIGHUP"],
        capture_output=True,
        text=True,
        cwd=child_processes.HOME,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "went on\n", "")
