"""Locks, with real processes: some finish, some are killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from patience import PATIENCE

from engine.errors import Cancelled, StoreError
from engine.runtime.progress import Reporter
from engine.storage import atomic_files, locks, processes
from engine.storage.locks import Locks, Owner

HOLDER = """
import sys, time
from pathlib import Path
from engine.storage.locks import Locks
from engine.runtime.progress import Reporter
with Locks(Path(sys.argv[1])).held(["models-a"], "gd", Reporter()):
    print("held", flush=True)
    sys.stdin.readline()
"""
MARKER = """
import sys, time
from pathlib import Path
from engine.storage.locks import Locks
from engine.runtime.progress import Reporter
folder, log = Path(sys.argv[1]), sys.argv[2]
for turn in range(8):
    with Locks(folder).held(["models-a", "models-b"], "gd", Reporter()):
        with open(log, "a") as file:
            print("in", file=file, flush=True)
            time.sleep(0.005)
            print("out", file=file, flush=True)
"""


class Listener(Reporter):
    """Records log messages; may cancel at the first, or call a function at each."""

    def __init__(self, stop: bool = False, then: Callable[[], None] | None = None) -> None:
        super().__init__()
        self.said: list[str] = []
        self._stops, self._then = stop, then

    def on_log(self, message: str) -> None:
        self.said.append(message)
        if self._stops:
            self.cancel()
        if self._then is not None:
            self._then()


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts Python processes that end with the test."""
    begun: list[subprocess.Popen[str]] = []

    def begin(code: str, *words: object) -> subprocess.Popen[str]:
        asked = [sys.executable, "-c", code, *map(str, words)]
        pipe = subprocess.PIPE
        begun.append(subprocess.Popen(asked, stdin=pipe, stdout=pipe, text=True))
        return begun[-1]

    yield begin
    for one in begun:
        one.kill()
        one.communicate()


def holding(start: Start, folder: Path) -> subprocess.Popen[str]:
    """A process that holds the lock 'models-a' until it is released or killed."""
    one = start(HOLDER, folder)
    assert one.stdout is not None
    assert one.stdout.readline() == "held\n"
    return one


def release(one: subprocess.Popen[str]) -> None:
    """Let a process that holds a lock end."""
    assert one.stdin is not None
    one.stdin.write("\n")
    one.stdin.flush()


def wait_until(true: Callable[[], bool]) -> None:
    """Wait until the condition holds, within a generous limit."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def files(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_a_second_process_waits_with_a_message_and_continues(tmp_path: Path, start: Start) -> None:
    one = holding(start, tmp_path)
    report = Listener(then=lambda: release(one))
    with Locks(tmp_path).held(["models-a"], "gd", report):
        assert one.wait() == 0
    expected = f"Another process ({one.pid}) is working on gd: waiting for it."
    assert report.said == [expected]
    assert files(tmp_path) == []


def test_waiting_can_be_cancelled(tmp_path: Path, start: Start) -> None:
    holding(start, tmp_path)
    with pytest.raises(Cancelled), Locks(tmp_path).held(["models-a"], "gd", Listener(stop=True)):
        pytest.fail("it was not free")
    assert files(tmp_path) == ["models-a.lock"]


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path: Path, start: Start) -> None:
    one = holding(start, tmp_path)
    one.send_signal(signal.SIGKILL)
    one.wait()
    assert files(tmp_path) == ["models-a.lock"]
    report = Listener()
    with Locks(tmp_path).held(["models-a"], "gd", report):
        assert files(tmp_path) == ["models-a.lock"]
    assert report.said == []
    assert files(tmp_path) == []


def test_a_zombie_process_counts_as_ended(tmp_path: Path, start: Start) -> None:
    one = holding(start, tmp_path)
    one.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, one.pid, os.WEXITED | os.WNOWAIT)  # its process ID is still in use
    assert Path(f"/proc/{one.pid}").exists() or sys.platform != "linux"
    assert Locks(tmp_path).free("models-a")


def test_a_reused_process_id_is_another_process(tmp_path: Path) -> None:
    me = Owner()
    reused = Owner(since=f"{me.since}0")  # our own process ID with another start time
    write(tmp_path, reused)
    assert processes.is_running(me.process, me.since)
    assert Locks(tmp_path).free("models-a")
    assert files(tmp_path) == []
    write(tmp_path, me)
    assert not Locks(tmp_path).free("models-a")


@pytest.fixture
def by_psutil(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on systems without /proc, such as Windows."""
    monkeypatch.setattr(processes, "_from_proc", processes._from_psutil)


@pytest.mark.usefixtures("by_psutil")
def test_without_proc_a_process_is_identified_by_its_start_time(start: Start) -> None:
    before = time.time()
    one = start("import time; print('up', flush=True); time.sleep(60)")
    assert one.stdout is not None and one.stdout.readline() == "up\n"
    since = processes.start_time(one.pid)
    assert before - 2 < float(since) < time.time() + 2  # the clock's ticks and the boot's second
    assert processes.exists(one.pid) and processes.is_running(one.pid, since)
    assert not processes.is_running(one.pid, f"{float(since) - 60:.2f}")  # reused ID
    assert processes.is_running(one.pid, "")  # from an earlier version on Windows
    one.kill()
    one.wait()
    assert not processes.exists(one.pid)
    assert not processes.is_running(one.pid, since) and not processes.is_running(one.pid, "")


@pytest.mark.usefixtures("by_psutil")
@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL and unburied processes")
def test_without_proc_a_killed_process_leaves_no_lock(tmp_path: Path, start: Start) -> None:
    me = Owner()
    write(tmp_path, me)
    assert not Locks(tmp_path).free("models-a")
    one = start("import time; print('up', flush=True); time.sleep(60)")
    assert one.stdout is not None and one.stdout.readline() == "up\n"
    write(tmp_path, Owner(process=one.pid, since=processes.start_time(one.pid)))
    assert not Locks(tmp_path).free("models-a")
    one.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, one.pid, os.WEXITED | os.WNOWAIT)  # its process ID is still in use
    assert Locks(tmp_path).free("models-a")


def test_a_hidden_process_counts_as_running(monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(number: int) -> None:
        raise psutil.AccessDenied(number)

    monkeypatch.setattr(psutil, "Process", deny)
    monkeypatch.setattr(processes, "_from_proc", processes._from_psutil)
    assert processes.exists(1) and processes.is_running(1, "1700000000.00")


@pytest.mark.parametrize("number", [-1, 0x7FFFFFFF, 1 << 80])
def test_invalid_process_ids_do_not_exist(number: int) -> None:
    assert processes._from_psutil(number) == "" and not processes.exists(number)


def test_locks_of_other_machines_expire_by_age(tmp_path: Path) -> None:
    path = write(tmp_path, Owner(place="elsewhere", host="far", process=1, since="x"))
    assert not Locks(tmp_path).free("models-a")
    report = Listener(stop=True)
    with pytest.raises(Cancelled), Locks(tmp_path).held(["models-a"], "gd", report):
        pytest.fail("it was not free")
    assert report.said == ["A process on far (1) is working on gd: waiting for it."]
    long_ago = time.time() - locks.STALE_AFTER - 60
    os.utime(path, (long_ago, long_ago))
    assert Locks(tmp_path).free("models-a")


def test_an_unreadable_lock_counts(tmp_path: Path) -> None:
    (tmp_path / "models-a.lock").write_text("{")  # as on file systems without hard links
    assert not Locks(tmp_path).free("models-a")


def test_locks_are_exclusive_without_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    report = Listener(stop=True)
    with Locks(tmp_path).held(["models-a"], "gd", Reporter()):
        assert not Locks(tmp_path).free("models-a")
        with pytest.raises(Cancelled), Locks(tmp_path).held(["models-a"], "gd", report):
            pytest.fail("it was not free")
    assert files(tmp_path) == []


def test_locks_exclude_many_processes(tmp_path: Path, start: Start) -> None:
    log = tmp_path / "log"
    running = [start(MARKER, tmp_path / "locks", log) for _ in range(4)]
    wait_until(log.exists)
    running[0].send_signal(signal.SIGKILL)
    assert [one.wait() for one in running[1:]] == [0, 0, 0]
    lines = log.read_text().split()
    whole = [line for line in lines if line]
    assert whole.count("out") >= 24
    assert "".join(whole).replace("inout", "") in ("", "in")  # one may have been killed inside
    Locks(tmp_path / "locks").sweep()
    assert files(tmp_path / "locks") == []


def test_locks_exclude_threads_and_are_reentrant(tmp_path: Path) -> None:
    here, order, report = Locks(tmp_path), [], Listener()

    def second() -> None:
        with Locks(tmp_path).held(["models-a"], "gd", report):
            order.append("second")

    with here.held(["models-a"], "gd", Reporter()):
        other = threading.Thread(target=second)
        other.start()
        with here.held(["models-a", "models-b"], "gd", Reporter()):
            assert (tmp_path / "models-b.lock").exists()
        assert not (tmp_path / "models-b.lock").exists()
        assert not here.free("models-a")
        wait_until(lambda: bool(report.said))
        order.append("first")
    other.join()
    assert order == ["first", "second"]
    assert report.said == ["Another job of this program is working on gd: waiting for it."]


def test_an_error_inside_releases_the_lock(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no"), Locks(tmp_path).held(["x"], "gd", Reporter()):
        raise ValueError("no")
    assert files(tmp_path) == []


def test_an_unwritable_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "locks").write_text("in the way")
    held = Locks(tmp_path / "locks").held(["x"], "gd", Reporter())
    with pytest.raises(StoreError, match=r"Cannot write .*--store"), held:
        pytest.fail("there is no lock")


def test_sweeping_removes_only_leftovers_of_ended_processes(tmp_path: Path, start: Start) -> None:
    one = start("import time; time.sleep(60)")
    living = atomic_files.temporary_path(tmp_path / "b.h5")
    dead = tmp_path / living.name.replace(f"-{os.getpid()}-", f"-{one.pid}-")
    far = tmp_path / living.name.replace(processes.place_id(), "0" * 8)
    for path in (living, dead, far, tmp_path / "notes.tmp"):
        path.touch()
    assert atomic_files.sweep(tmp_path) == []  # its process is running
    one.kill()
    one.wait()
    assert atomic_files.sweep(tmp_path) == [dead]
    long_ago = time.time() - atomic_files.ABANDONED_AFTER - 60
    for path in tmp_path.iterdir():
        os.utime(path, (long_ago, long_ago))
    assert sorted(atomic_files.sweep(tmp_path)) == sorted([living, far])
    assert files(tmp_path) == ["notes.tmp"]


def test_a_long_name_leaves_room_for_the_suffix(tmp_path: Path) -> None:
    aside = atomic_files.temporary_path(tmp_path / ("n" * 250 + ".csv"))
    aside.touch()
    assert len(aside.name) < 200


def write(folder: Path, owner: Owner) -> Path:
    """Write the lock 'models-a' of this owner."""
    path = folder / "models-a.lock"
    path.write_text(json.dumps(vars(owner)))
    return path


@pytest.mark.parametrize("text", ["{}", "", "[]", "null", "{", '{"process": 1}', "7" * 9000])
def test_an_invalid_lock_expires_soon(tmp_path: Path, text: str) -> None:
    path = tmp_path / "models-a.lock"
    path.write_text(text)
    assert not Locks(tmp_path).free("models-a")
    before = time.time() - locks.UNREADABLE_AFTER - 1
    os.utime(path, (before, before))
    with Locks(tmp_path).held(["models-a"], "gd", Reporter()):
        assert files(tmp_path) == ["models-a.lock"]
    assert files(tmp_path) == []


def test_a_lock_with_a_future_time_expires_too(tmp_path: Path) -> None:
    path = tmp_path / "models-a.lock"
    path.touch()
    later = time.time() + locks.UNREADABLE_AFTER + 60
    os.utime(path, (later, later))
    assert Locks(tmp_path).free("models-a")


@pytest.mark.skipif(sys.platform == "win32", reason="needs pipes with names")
def test_a_pipe_in_place_of_a_lock_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "models-a.lock"
    os.mkfifo(path)
    before = time.time() - locks.UNREADABLE_AFTER - 1
    os.utime(path, (before, before))
    assert Locks(tmp_path).free("models-a")


def test_a_folder_in_place_of_a_lock_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "models-a.lock"
    path.mkdir()
    before = time.time() - locks.UNREADABLE_AFTER - 1
    os.utime(path, (before, before))
    held = Locks(tmp_path).held(["models-a"], "gd", Reporter())
    with pytest.raises(StoreError, match="in the way"), held:
        pytest.fail("it was not free")


@pytest.fixture
def other_owner(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Owner]]:
    """Creates owners on another machine of the same name, or after another boot."""

    def owner(machine: str, boot: str) -> Owner:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(processes, "_machine", lambda: machine)
            patch.setattr(processes, "_boot", lambda: boot)
            clear()
            made = Owner(since=f"{boot} 12345", process=2**22 + 1)
        clear()
        return made

    def clear() -> None:
        processes.place_id.cache_clear()
        processes.machine.cache_clear()

    yield owner
    clear()


def test_machines_of_the_same_name_respect_each_others_locks(
    tmp_path: Path, other_owner: Callable[..., Owner]
) -> None:
    other = other_owner("another", "other")
    assert other.host == Owner().host and other.place != processes.place_id()
    write(tmp_path, other)
    assert not Locks(tmp_path).free("models-a")
    unknown = other_owner("", "other")  # a container without its own machine ID
    write(tmp_path, unknown)
    assert not Locks(tmp_path).free("models-a")


@pytest.mark.skipif(not processes.machine(), reason="nothing tells which machine this is")
def test_locks_from_before_a_reboot_are_free(
    tmp_path: Path, other_owner: Callable[..., Owner]
) -> None:
    write(tmp_path, other_owner(processes._machine(), "earlier"))
    assert Locks(tmp_path).free("models-a") or sys.platform != "linux"


def test_locks_of_earlier_versions_are_read(tmp_path: Path) -> None:
    path = write(tmp_path, Owner(place="elsewhere", host="far"))
    plain = json.loads(path.read_text())
    del plain["machine"]
    path.write_text(json.dumps(plain))
    report = Listener(stop=True)
    with pytest.raises(Cancelled), Locks(tmp_path).held(["models-a"], "gd", report):
        pytest.fail("it was not free")
    assert "far" in report.said[0]
