"""The studies in a store, made here or imported: lookup, listing, annotation and deletion."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from engine.analysis.study_measures import StudyMeasures
from engine.errors import CheckpointError, StoreError
from engine.pipeline import study_files as belongings
from engine.pipeline.copy_cache import CopyCache
from engine.pipeline.datasets import LoadedDatasets
from engine.pipeline.ranked_measures import RankedMeasures
from engine.pipeline.records import fingerprint_of, provenance_of, study_of, summary_of
from engine.pipeline.study_files import StudyFiles
from engine.provenance import Provenance
from engine.results import Study, StudySummary
from engine.spec import RunSpec, as_imported
from engine.storage.annotations import Annotation, Annotations
from engine.storage.store import Record, Store
from engine.study import compose as study

NEIGHBORHOODS = "neighborhoods"  # kind of records whose copies are kept beside them
WHOLE_KEY = re.compile(r"[0-9a-f]{20}")


class StudyCatalog:
    """Finds stored studies; local ones take precedence over imported ones of the same key."""

    def __init__(self, store: Store, datasets: LoadedDatasets) -> None:
        self._store, self._datasets = store, datasets
        self.annotations = Annotations(store)
        self._measures, self._copies = RankedMeasures(store), CopyCache(store)

    def study(self, key: str) -> Study:
        """The stored study whose key starts with `key`; StoreError if there is none.

        It is validated against its dataset if that is loaded.
        """
        shelf, place = self.place(key)
        head = shelf.get("studies", place, arrays=False)
        world = None if head is None else self._datasets.world(fingerprint_of(head))
        record = shelf.get("studies", place, world=world)
        name = self.annotations.get(place).name
        return replace(study_of(_undamaged(record, key)), name=name)

    def measures(self, key: str) -> StudyMeasures:
        """The measures of the study under this key; raises as `study`."""
        shelf, place = self.place(key)
        return self._measures.of(shelf, place, self.study)

    def annotate(self, key: str, written: Annotation) -> None:
        """Write name, tags and notes of the study under this key.

        StoreError if there is none, or they cannot be written.
        """
        self.annotations.put(self.place(key)[1], written)

    def place(self, start: str) -> tuple[Store, str]:
        """(store, key) of the one study whose key starts with `start`: made here, else imported.

        StoreError if there is none, or several.
        """
        if WHOLE_KEY.fullmatch(start) and self._store.has("studies", start):
            return self._store, start  # without listing the folder
        imported = [one for one in self._store.imported.keys("studies") if one.startswith(start)]
        if imported and not any(one.startswith(start) for one in self._store.keys("studies")):
            return self._store.imported, self._store.imported.find("studies", start)
        return self._store, self._store.find("studies", start)

    def has(self, key: str) -> bool:
        """Whether there is a study under this key, made here or imported."""
        return any(one.has("studies", key) for one in (self._store, self._store.imported))

    def summaries(self) -> list[StudySummary]:
        """All stored studies, newest first, followed by the imported ones.

        The store reports files that cannot be read.
        """
        own = self._store.keys("studies")
        imported = [one for one in self._store.imported.keys("studies") if one not in own]
        places = [(self._store, one) for one in own]
        places += [(self._store.imported, one) for one in imported]
        summaries, written = [], self.annotations.all()
        for shelf, name in places:
            try:
                record = shelf.get("studies", name, arrays=False)
            except StoreError as error:  # another program is writing to it, or permission is denied
                self._store.tell(str(error))
                continue
            if record is not None:
                note = written.get(name, Annotation())
                summaries.append(
                    replace(summary_of(record), name=note.name, tags=note.tags, notes=note.notes)
                )
        return summaries

    def provenance(self, key: str) -> Provenance:
        """How, with what and when a stored study was made; StoreError if there is none."""
        shelf, place = self.place(key)
        record = shelf.get("studies", place, arrays=False)
        found = provenance_of(_undamaged(record, key))
        return replace(found, spec=study.completed(found.spec))

    def spec_under(self, key: str) -> RunSpec:
        """The RunSpec of a stored study, without its results; raises as `provenance`."""
        apart = self.place(key)[0] is not self._store
        spec = study.from_plain(self.provenance(key).spec)
        return as_imported(spec) if apart else spec

    def is_imported(self, key: str) -> bool:
        """Whether the study under this key was imported and not made here."""
        return self._store.imported.has("studies", key) and not self._store.has("studies", key)

    def belongings(self, keys: Sequence[str], spared: Sequence[RunSpec] = ()) -> StudyFiles:
        """The files that deleting these studies would remove; StoreError if one does not exist."""
        places = [self.place(key) for key in keys]
        apart = [key for shelf, key in places if shelf is not self._store]
        local = [key for shelf, key in places if shelf is self._store]
        removed = belongings.belongings(self._store, local, spared)
        if apart:
            removed += belongings.belongings(self._store.imported, apart)
        copies = [
            self._copies.path(path.stem)
            for path in removed.files
            if path.parent.name == NEIGHBORHOODS
        ]
        return removed + _existing(copies) + self._beside([*apart, *local])

    def delete(self, keys: Sequence[str], spared: Sequence[RunSpec] = ()) -> StudyFiles:
        """Delete studies and all files that no other study nor `spared` uses; returns them."""
        removed = self.belongings(keys, spared)
        belongings.delete(removed)
        return removed

    def _beside(self, keys: Sequence[str]) -> StudyFiles:
        """What was written beside these studies, unless a twin of theirs stays."""
        gone = [
            key
            for key in keys
            if not (self._store.has("studies", key) and self._store.imported.has("studies", key))
        ]
        paths = [
            path for key in gone for path in (self.annotations.path(key), self._measures.path(key))
        ]
        return _existing(paths)


def _existing(paths: Sequence[Path]) -> StudyFiles:
    """Those of these files that exist."""
    files = tuple(path for path in paths if path.is_file())
    return StudyFiles((), files, sum(path.stat().st_size for path in files))


def spec_of(one: Study) -> RunSpec:
    """The RunSpec a stored study was made from."""
    spec = study.from_plain(one.spec)
    return as_imported(spec) if one.origins else spec


def _undamaged(record: Record | None, key: str) -> Record:
    """The record of a study; CheckpointError if it is None because it was damaged."""
    if record is None:
        raise CheckpointError(f"The study {key} is damaged and was set aside; run it again.")
    return record
