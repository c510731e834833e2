"""Recently opened or saved sessions, bundles and studies, newest first, in a small file."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from explorer.state.settings import read_json, write_text

FILE = "recent.json"
MOST = 8
SESSION, BUNDLE, STUDY = "session", "bundle", "study"
KINDS = {SESSION: "Session", BUNDLE: "Bundle", STUDY: "Study"}


@dataclass(frozen=True)
class RecentItem:
    """A recent item. place: a file, or the key of a study; title: what it contains."""

    kind: str
    place: str
    title: str

    @property
    def name(self) -> str:
        """Display name with its kind: 'digits.rkx (bundle: Digits, 3 methods)'."""
        word = KINDS[self.kind].lower()
        about = f": {self.title}" if self.title else ""
        short = self.place[:8] if self.kind == STUDY else Path(self.place).name
        return f"{short} ({word}{about})"


class Recents:
    """The list on disk, read and written each time, since several windows may share it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def entries(self) -> tuple[RecentItem, ...]:
        """The recent items, newest first; none if the file cannot be read."""
        plain = read_json(self._path)
        items = [_entry(item) for item in plain] if isinstance(plain, list) else []
        return tuple(item for item in items if item is not None)[:MOST]

    def add(self, entry: RecentItem) -> None:
        """Put an entry first, replacing an older one of the same file or study."""
        same = (entry.kind, entry.place)
        others = [other for other in self.entries() if (other.kind, other.place) != same]
        self.replace([entry, *others])

    def replace(self, entries: Sequence[RecentItem]) -> None:
        """Replace the list; if it cannot be written, nothing is remembered."""
        text = json.dumps([asdict(entry) for entry in entries[:MOST]], indent=1)
        with contextlib.suppress(OSError):
            write_text(self._path, text)


def _entry(plain: Any) -> RecentItem | None:
    if not isinstance(plain, dict) or plain.get("kind") not in list(KINDS):
        return None
    values = [plain.get(name) for name in ("kind", "place", "title")]
    texts = [value for value in values if isinstance(value, str)]
    return RecentItem(*texts) if len(texts) == len(values) else None
