"""One at a time: a lock file for each thing that is expensive to make, so none is made twice.

`<folder>/<name>.lock` says who holds it: process, machine, time of start. It appears whole or not
at all (it is written aside and linked), and whoever finds the lock of a process that has ended
takes it over. Locks guard against double work alone: files are written atomically in any case.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import stat
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from engine.errors import StoreError
from engine.runtime.progress import Reporter
from engine.storage import atomic_files, processes

POLL = 0.05  # seconds between two looks at a lock that another holds
FORGOTTEN = 24 * 3600.0  # seconds after which a lock counts whose owner cannot be asked for
UNFINISHED = 10.0  # seconds that a lock may take to be written where files have no second names
LARGEST = 4096  # bytes of a lock
SUFFIX = ".lock"


@dataclass(frozen=True)
class Owner:
    """Who holds a lock; `token` makes every holding one of its own."""

    process: int = field(default_factory=os.getpid)
    place: str = field(default_factory=processes.place)
    host: str = field(default_factory=platform.node)
    since: str = field(default_factory=lambda: processes.started(os.getpid()))
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    machine: str = field(default_factory=processes.machine)

    def gone(self, age: float) -> bool:
        """Whether its process has ended; of another machine's only the lock's age (s) tells.

        What this machine held before it was last started has ended with it.
        """
        if self == NOBODY:
            return age > UNFINISHED
        if self.place == processes.place():
            return not processes.lives(self.process, self.since)
        return age > FORGOTTEN or self._before_restart()

    def _before_restart(self) -> bool:
        same = bool(self.machine) and self.machine == processes.machine()
        return same and processes.before_restart(self.since)

    def __str__(self) -> str:
        if self.place != processes.place():
            return f"a process on {self.host} ({self.process})"
        own = self.process == os.getpid()
        return "another job of this program" if own else f"another process ({self.process})"


NOBODY = Owner(process=0, place="", host="another machine", since="", token="", machine="")


class _Mine(threading.local):
    """The locks that each thread holds."""

    def __init__(self) -> None:
        self.held: dict[str, Owner] = {}


class Locks:
    """The locks in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mine = _Mine()

    @contextlib.contextmanager
    def held(self, names: Sequence[str], what: str, report: Reporter) -> Iterator[None]:
        """Hold the locks of these names.

        Waits for whoever has one, says so once, and raises Cancelled where that is wished; `what`
        is what is made under them, for the sentence. A thread may take again what it holds.
        StoreError where the folder cannot be written.
        """
        with contextlib.ExitStack() as stack:
            for name in sorted(set(names) - self._mine.held.keys()):  # one order: no ring of waits
                self._take(name, what, report)
                stack.callback(self._leave, name)
            yield

    def free(self, name: str) -> bool:
        """Whether nobody holds this lock now."""
        return self._holder(self._path(name)) is None

    def sweep(self) -> None:
        """Remove the locks of processes that have ended."""
        for path in list(self._folder.glob(f"*{SUFFIX}")):
            self._holder(path)
        atomic_files.sweep(self._folder)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}{SUFFIX}"

    def _take(self, name: str, what: str, report: Reporter) -> None:
        """Take the lock, as soon as it is free."""
        path, me, waited = self._path(name), Owner(), False
        while not self._link(path, me):
            report.check()
            other = self._holder(path)
            if other is None:
                self._check_removed(path)
                continue
            if not waited:
                report.log(f"{str(other).capitalize()} is at work on {what}: waiting for it.")
            waited = True
            time.sleep(POLL)
        self._mine.held[name] = me

    def _check_removed(self, path: Path) -> None:
        """StoreError where something lies in the way that is no lock of anybody."""
        if path.is_dir() or path.is_symlink():
            raise StoreError(f"{path} is in the way of a lock of that name. Take it away.")

    def _leave(self, name: str) -> None:
        me, path = self._mine.held.pop(name), self._path(name)
        with contextlib.suppress(OSError):
            if _read(path) == me:  # it may have been taken over from a machine that slept
                path.unlink()

    def _link(self, path: Path, me: Owner) -> bool:
        """Make the lock file, whole, unless there is one; whether it was made."""
        aside = atomic_files.aside_of(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            aside.write_text(json.dumps(asdict(me)), encoding="utf-8")
            return _linked(aside, path)
        except OSError as error:
            raise StoreError(
                f"Cannot write {path} ({error.strerror or error}). Free some space or name "
                "another folder with --store; what was stored before is intact."
            ) from error
        finally:
            with contextlib.suppress(OSError):
                aside.unlink(missing_ok=True)

    def _holder(self, path: Path) -> Owner | None:
        """Who has this lock; None if nobody, the lock of one who is gone being removed."""
        if not _is_left(path):
            return _read(path)
        with contextlib.suppress(OSError), _alone(path.parent):
            if _is_left(path):  # still: only who is alone here removes another's lock
                path.unlink(missing_ok=True)
        return None


def _linked(aside: Path, path: Path) -> bool:
    """Give the file its second name, unless that is taken; whether it was given."""
    try:
        os.link(aside, path)
    except FileExistsError:
        return False
    except (OSError, NotImplementedError):  # a file system without links: not whole at once
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(aside.read_text(encoding="utf-8"))
        except FileExistsError:
            return False
    return True


def _read(path: Path) -> Owner | None:
    """Who is written in a lock file; None if it is gone, `NOBODY` if that cannot be read."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return NOBODY
        with path.open(encoding="utf-8") as file:
            return _owner(json.loads(file.read(LARGEST)))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, RecursionError):
        return NOBODY


def _owner(plain: dict[str, object]) -> Owner:
    """The owner written as JSON, with all that it has; ValueError otherwise.

    Earlier versions wrote no machine.
    """
    kinds = {item.name: int if item.name == "process" else str for item in fields(Owner)}
    whole = {"machine": "", **plain}
    if whole.keys() != kinds.keys() or any(type(whole[name]) is not kinds[name] for name in kinds):
        raise ValueError
    return Owner(**whole)  # type: ignore[arg-type]


def _is_left(path: Path) -> bool:
    """Whether this is the lock of one who is gone."""
    owner = _read(path)
    try:
        return owner is not None and owner.gone(abs(time.time() - path.lstat().st_mtime))
    except OSError:  # it was left meanwhile
        return False


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time; the system ends this by itself with the process."""
    if sys.platform == "win32":  # lacks it, and there a lock is not removed while it is open
        yield
        return
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
