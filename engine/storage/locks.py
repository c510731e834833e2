"""Lock files, one for each expensive result, so that no two processes compute the same one.

`<folder>/<name>.lock` names its owner: process, machine, start time. It is created atomically
(written to a temporary file and hard-linked), and the lock of a process that has ended is taken
over. Locks only prevent duplicate work: files are written atomically in any case.
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

POLL = 0.05  # seconds between two checks of a lock held by another process
STALE_AFTER = 24 * 3600.0  # seconds after which the lock of an owner on another machine is stale
UNREADABLE_AFTER = 10.0  # seconds that writing a lock may take on file systems without hard links
LARGEST = 4096  # bytes of a lock file
SUFFIX = ".lock"


@dataclass(frozen=True)
class Owner:
    """The owner of a lock; `token` distinguishes successive locks of the same process."""

    process: int = field(default_factory=os.getpid)
    place: str = field(default_factory=processes.place_id)
    host: str = field(default_factory=platform.node)
    since: str = field(default_factory=lambda: processes.start_time(os.getpid()))
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    machine: str = field(default_factory=processes.machine)

    def has_ended(self, age: float) -> bool:
        """Whether its process has ended; on another machine, judged by the lock's age (s) only.

        Processes of this machine from before its last boot have ended.
        """
        if self == NOBODY:
            return age > UNREADABLE_AFTER
        if self.place == processes.place_id():
            return not processes.is_running(self.process, self.since)
        return age > STALE_AFTER or self._began_before_boot()

    def _began_before_boot(self) -> bool:
        same = bool(self.machine) and self.machine == processes.machine()
        return same and processes.began_before_boot(self.since)

    def __str__(self) -> str:
        if self.place != processes.place_id():
            return f"a process on {self.host} ({self.process})"
        own = self.process == os.getpid()
        return "another job of this program" if own else f"another process ({self.process})"


NOBODY = Owner(process=0, place="", host="another machine", since="", token="", machine="")


class _Mine(threading.local):
    """The locks held by each thread."""

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

        Waits for other owners, logs that once, and raises Cancelled if cancelled meanwhile; `what`
        names the work, for the log. Locks are reentrant per thread. StoreError if the folder
        cannot be written.
        """
        with contextlib.ExitStack() as stack:
            for name in sorted(
                set(names) - self._mine.held.keys()
            ):  # a fixed order prevents deadlock
                self._acquire(name, what, report)
                stack.callback(self._release, name)
            yield

    def free(self, name: str) -> bool:
        """Whether this lock is free."""
        return self._holder(self._path(name)) is None

    def sweep(self) -> None:
        """Remove the locks of processes that have ended."""
        for path in list(self._folder.glob(f"*{SUFFIX}")):
            self._holder(path)
        atomic_files.sweep(self._folder)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}{SUFFIX}"

    def _acquire(self, name: str, what: str, report: Reporter) -> None:
        """Acquire the lock as soon as it is free."""
        path, me, waited = self._path(name), Owner(), False
        while not self._link(path, me):
            report.check()
            other = self._holder(path)
            if other is None:
                self._check_not_blocked(path)
                continue
            if not waited:
                report.log(f"{str(other).capitalize()} is working on {what}: waiting for it.")
            waited = True
            time.sleep(POLL)
        self._mine.held[name] = me

    def _check_not_blocked(self, path: Path) -> None:
        """StoreError if something other than a lock file has its name."""
        if path.is_dir() or path.is_symlink():
            raise StoreError(f"{path} is in the way of a lock file of that name. Remove it.")

    def _release(self, name: str) -> None:
        me, path = self._mine.held.pop(name), self._path(name)
        with contextlib.suppress(OSError):
            if (
                _read(path) == me
            ):  # another machine may have taken it over while this one was suspended
                path.unlink()

    def _link(self, path: Path, me: Owner) -> bool:
        """Create the lock file atomically; False if there is one already."""
        temporary = atomic_files.temporary_path(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(asdict(me)), encoding="utf-8")
            return _hard_link(temporary, path)
        except OSError as error:
            raise StoreError(
                f"Cannot write {path} ({error.strerror or error}). Free some space or name "
                "another folder with --store; what was stored before is intact."
            ) from error
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)

    def _holder(self, path: Path) -> Owner | None:
        """The owner of this lock, None if it is free; a stale lock is removed."""
        if not _is_stale(path):
            return _read(path)
        with contextlib.suppress(OSError), _exclusive(path.parent):
            if _is_stale(path):  # still stale: only under the folder lock is another's lock removed
                path.unlink(missing_ok=True)
        return None


def _hard_link(temporary: Path, path: Path) -> bool:
    """Hard-link the file to `path`; False if `path` exists."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    except (OSError, NotImplementedError):  # no hard links: created first, then written
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(temporary.read_text(encoding="utf-8"))
        except FileExistsError:
            return False
    return True


def _read(path: Path) -> Owner | None:
    """The owner in a lock file; None if there is no file, `NOBODY` if it cannot be read."""
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
    """The owner from its JSON fields; ValueError unless they are complete.

    Earlier versions wrote no machine.
    """
    kinds = {item.name: int if item.name == "process" else str for item in fields(Owner)}
    values = {"machine": "", **plain}
    if values.keys() != kinds.keys() or any(
        type(values[name]) is not kinds[name] for name in kinds
    ):
        raise ValueError
    return Owner(**values)  # type: ignore[arg-type]


def _is_stale(path: Path) -> bool:
    """Whether the owner of this lock has ended."""
    owner = _read(path)
    try:
        return owner is not None and owner.has_ended(abs(time.time() - path.lstat().st_mtime))
    except OSError:  # it was released in the meantime
        return False


@contextlib.contextmanager
def _exclusive(folder: Path) -> Iterator[None]:
    """Exclusive access to the folder; the system releases it when the process ends."""
    if sys.platform == "win32":  # has no flock, and open files cannot be removed there
        yield
        return
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
