"""Autosave: the session on disk while the window is open, to be restored after a crash.

Each window has its own file and lock in one folder: `<name>.json`, `<name>.lock`. If the lock can
be taken, its process was killed, and the file beside it is a session that was not closed properly.
"""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QLockFile, QObject, QTimer, Signal

from explorer.state import session as sessions
from explorer.state.session import Session
from explorer.state.settings import write_text

EVERY_MS = 2000  # how often the session is checked; it is written only when it has changed
MOST_CRASHED = 5  # sessions of crashed windows to keep, newest first
CRASHED = "not-closed-{}.json"


class Autosave(QObject):
    """Writes the session next to the settings whenever it has changed, in a separate thread."""

    failed = Signal(str)  # emitted once: why the session cannot be saved

    def __init__(self, folder: Path, gather: Callable[[], Session], parent: QObject) -> None:
        """`gather()` returns the current session of the window."""
        super().__init__(parent)
        self._folder, self._gather = folder, gather
        self._name = uuid.uuid4().hex[:12]
        self._lock: QLockFile | None = None
        self._saved: Session | None = None
        self._writer: threading.Thread | None = None
        self._warned = False
        self._timer = QTimer(self, interval=EVERY_MS)
        self._timer.timeout.connect(self.look)

    @property
    def file(self) -> Path:
        """The session file of this window while it is open."""
        return self._folder / f"{self._name}.json"

    def begin(self) -> None:
        """Take the lock and start checking; the current session counts as saved."""
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(self._folder / f"{self._name}.lock")
        self._lock.tryLock(0)
        self._saved = self._gather()
        self._timer.start()

    def look(self) -> None:
        """Write the session if it has changed since it was last written."""
        if self._writer is not None and self._writer.is_alive():
            return
        now = self._gather()
        if now != self._saved:
            self._saved = now
            self._writer = threading.Thread(target=self._write, args=(now,), name="autosave")
            self._writer.start()

    def end(self) -> None:
        """Remove the session file: the window is closing properly."""
        self._timer.stop()
        if self._writer is not None:
            self._writer.join()
        self.file.unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.unlock()

    def crashed(self) -> list[Path]:
        """The sessions that were not closed properly, newest first; each is reported only once.

        They are renamed, so that no other window reports them as well.
        """
        sessions = []
        files = [*self._folder.glob("*.json"), *self._folder.glob("*.lock")]
        for path in {
            path.with_suffix(".json") for path in files
        }:  # killed early, a window has no file
            lock = _lock(path.with_suffix(".lock"))
            if not path.name.startswith(CRASHED[:3]) and lock.tryLock(0):
                sessions += _set_aside(path)
                lock.unlock()
        old = sorted(self._folder.glob(CRASHED.format("*")), key=_age)
        for path in old[MOST_CRASHED:]:
            path.unlink(missing_ok=True)
        return sorted(sessions, key=_age)

    def _write(self, session: Session) -> None:
        try:
            write_text(self.file, sessions.as_text(session))
        except OSError as error:
            if not self._warned:
                self._warned = True
                self.failed.emit(
                    f"This session cannot be saved in {self._folder} ({error.strerror}), so it "
                    "could not be restored after a crash. Free some space, or save it elsewhere."
                )


def _lock(path: Path) -> QLockFile:
    """A lock that is stale only once its process has ended, however old it is."""
    lock = QLockFile(str(path))
    lock.setStaleLockTime(0)
    return lock


def _set_aside(path: Path) -> list[Path]:
    """Rename the file and return its new path; [] if another window was faster."""
    aside = path.with_name(CRASHED.format(path.stem))
    try:
        path.rename(aside)
    except OSError:
        return []
    return [aside]


def _age(path: Path) -> float:
    """Sort key: newest first."""
    try:
        return -path.stat().st_mtime
    except OSError:
        return 0.0
