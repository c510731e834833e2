"""The measures by which studies are ranked, kept beside the store's studies once computed.

`<store>/rankings/<key>.json` holds what `engine.analysis.study_measures` computes from a study in
some ten milliseconds, and for large forget sets in more. It follows from the study alone, whose
hash it states, and is computed again if it is missing, damaged or of another study.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

from engine.analysis.study_measures import StudyMeasures, measures_from, measures_of
from engine.errors import CheckpointError, StoreError
from engine.results import Study
from engine.storage import hdf5, plain_files
from engine.storage.store import Record, Store

FOLDER = "rankings"
LARGEST = 1 << 24  # bytes of a file


class RankedMeasures:
    """Reads and writes the measures of one store, also those of its imported studies."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def path(self, key: str) -> Path:
        """The file of this study, whether or not it exists."""
        return self._store.root / FOLDER / f"{key}.json"

    def of(self, shelf: Store, key: str, read: Callable[[str], Study]) -> StudyMeasures:
        """The measures of the study `key` in `shelf`; read(key) is the study with its arrays.

        CheckpointError if the study is damaged; raises what `read` raises.
        """
        record = shelf.get("studies", key, arrays=False)
        if record is None:
            raise CheckpointError(f"The study {key} is damaged and was set aside; run it again.")
        mark = _mark(record)
        with contextlib.suppress(OSError, ValueError, RecursionError, KeyError, TypeError):
            plain = json.loads(plain_files.read_text(self.path(key), LARGEST))
            if plain["of"] == mark:
                return measures_from(plain["measures"], key)
        measures = measures_of(read(key))
        if self._store.writable:
            with contextlib.suppress(StoreError), self._store.replacing(self.path(key)) as aside:
                text = json.dumps({"of": mark, "measures": measures.plain})
                aside.write_text(text, encoding="utf-8")
        return measures


def _mark(record: Record) -> str:
    """What changes whenever the study is written anew."""
    facts = record.attributes
    return str(facts.get(hdf5.HASH) or facts.get("created", ""))
