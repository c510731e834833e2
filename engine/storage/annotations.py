"""What people write beside a study: its name, tags and notes.

One JSON file for each annotated study, `<store>/annotations/<key>.json`, written atomically and
apart from the result, whose hash does not change. A file that cannot be read counts as empty.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import StoreError
from engine.storage import plain_files

if TYPE_CHECKING:
    from engine.storage.store import Store

FOLDER = "annotations"
LONGEST_NAME, LONGEST_TAG, LONGEST_NOTES = 120, 40, 20_000  # characters
MOST_TAGS = 20
LARGEST = 1 << 20  # bytes of a file
KEY = re.compile(r"[0-9a-f]{8,64}")


@dataclass(frozen=True)
class Annotation:
    """Name (one line), tags (single words) and notes (any text) of a study; '' and () for none."""

    name: str = ""
    tags: tuple[str, ...] = ()
    notes: str = ""

    def __bool__(self) -> bool:
        return bool(self.name or self.tags or self.notes)

    @property
    def plain(self) -> dict[str, Any]:
        """As JSON data."""
        return asdict(self)


def annotation(name: str = "", tags: Iterable[str] = (), notes: str = "") -> Annotation:
    """The annotation, cut to the allowed lengths: one line of name, each tag once.

    >>> annotation("  for the\\n paper", ["good", "Good", "seed sweep, old"])
    Annotation(name='for the paper', tags=('good', 'seed', 'sweep', 'old'), notes='')
    """
    words = (word.lstrip("#") for tag in tags for word in re.split(r"[\s,;]+", tag))
    unique = {word.casefold(): word for word in reversed([w[:LONGEST_TAG] for w in words if w])}
    return Annotation(
        _visible(" ".join(name.split()))[:LONGEST_NAME],
        tuple(reversed(unique.values()))[:MOST_TAGS],
        _visible(notes.strip(), "\n\t")[:LONGEST_NOTES],
    )


def annotation_of(plain: Any) -> Annotation:
    """The annotation in JSON data from a file; what is not valid is left out."""
    if not isinstance(plain, Mapping):
        return Annotation()
    name, tags, notes = (plain.get(part) for part in ("name", "tags", "notes"))
    return annotation(
        name if isinstance(name, str) else "",
        [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else (),
        notes if isinstance(notes, str) else "",
    )


class Annotations:
    """The annotations of one store, also those of its imported studies."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._folder = store.root / FOLDER

    def path(self, key: str) -> Path:
        """The file of this study, whether or not it exists."""
        return self._folder / f"{key}.json"

    def get(self, key: str) -> Annotation:
        """The annotation of this study; an empty one if there is none."""
        try:
            text = plain_files.read_text(self.path(key), LARGEST)
            return annotation_of(json.loads(text))
        except FileNotFoundError:
            return Annotation()
        except (OSError, ValueError, RecursionError) as error:
            self._store.tell(
                f"{self.path(key)} cannot be read ({plain_files.error_reason(error)})."
            )
            return Annotation()

    def all(self) -> dict[str, Annotation]:
        """The annotation of each annotated study, by key."""
        names: list[str] = []
        with contextlib.suppress(OSError):
            names = os.listdir(self._folder)
        keys = [name.removesuffix(".json") for name in names if name.endswith(".json")]
        return {key: self.get(key) for key in keys if KEY.fullmatch(key)}

    def put(self, key: str, written: Annotation) -> None:
        """Write the annotation of this study; an empty one removes the file.

        StoreError if the store is read-only or cannot be written.
        """
        if not self._store.writable:
            raise StoreError(f"{self._store.refusal} Names, tags and notes cannot be written here.")
        if written:
            with self._store.replacing(self.path(key)) as aside:
                aside.write_text(json.dumps(written.plain, indent=1) + "\n", encoding="utf-8")
            return
        try:
            self.path(key).unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"{self.path(key)} cannot be removed ({error.strerror}).") from error


def _visible(text: str, also: str = "") -> str:
    """The text without control characters and lone surrogates."""
    return "".join(letter for letter in text if letter.isprintable() or letter in also)
