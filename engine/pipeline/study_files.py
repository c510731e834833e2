"""The files of stored studies, and which of them no other study uses."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import SpecError, StoreError
from engine.pipeline.bundled_data import KIND as DATASETS
from engine.spec import GIVEN, RunSpec
from engine.storage.store import Record, Store
from engine.study import compose

MODELS = (("models", ".h5"), ("checkpoints", ".pt"), ("partial", ".pt"), ("origins", ".h5"))
# Kinds whose keys follow from a study; records of all other kinds hold the spec of the study that
# first requested them.
OWN = ("studies", "models", "counts")


@dataclass(frozen=True)
class StudyFiles:
    """The files that only these studies use, their records first, and their size in bytes."""

    keys: tuple[str, ...]
    files: tuple[Path, ...]
    size: int

    def __add__(self, other: StudyFiles) -> StudyFiles:
        return StudyFiles(self.keys + other.keys, self.files + other.files, self.size + other.size)


def belongings(store: Store, keys: Sequence[str], spared: Iterable[RunSpec] = ()) -> StudyFiles:
    """What deleting the studies `keys` would remove; StoreError if one does not exist.

    Models, partial trainings and counts stay if another stored study, or one of `spared` (studies
    about to run), uses them; so do forget sets that copied commands refer to. If the store holds a
    study that this version cannot read, only the records of the studies themselves are removed.
    """
    records = [_record(store, key) for key in keys]
    study_keys = tuple(record.key for record in records)
    files = [*(store.path("studies", key) for key in study_keys), *_alone(store, records, spared)]
    return StudyFiles(study_keys, tuple(files), sum(path.stat().st_size for path in files))


def all_files(store: Store, key: str) -> list[Path]:
    """All files of a stored study, including shared ones; its record comes first.

    StoreError if there is no such study, SpecError if this version cannot read it.
    """
    record = _record(store, key)
    files = [store.path("studies", record.key), *_used(store, _spec(record))]
    files += _sights(store, {record.key})
    return [path for path in dict.fromkeys(files) if path.is_file()]


def delete(files: StudyFiles) -> None:
    """Remove these files; StoreError if that is impossible."""
    for path in files.files:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(
                f"{path} cannot be deleted ({error.strerror}). Close the program that uses it, or "
                "make its folder writable, and delete the study again."
            ) from error


def _record(store: Store, key: str) -> Record:
    record = store.get("studies", store.find("studies", key), arrays=False)
    if record is None:
        raise StoreError(f"The study {key} is damaged and was set aside; there is nothing left.")
    return record


def _alone(store: Store, records: Sequence[Record], spared: Iterable[RunSpec]) -> list[Path]:
    """Files besides the records that no other study uses, each once."""
    keys = [record.key for record in records]
    try:
        own = {record.key: _spec(record) for record in records}
        others = [*_others(store, keys), *spared]
    except SpecError:
        return []
    shared = {path for other in others for path in _used(store, other)}
    paths = [path for spec in own.values() for path in _used(store, spec) if path not in shared]
    model_keys_of_others = [set(compose.model_keys(other).values()) for other in others]
    paths += _sights(store, own, model_keys_of_others)
    return [path for path in dict.fromkeys(paths) if path.is_file()]


def _others(store: Store, keys: Sequence[str]) -> Iterator[RunSpec]:
    for other in store.keys("studies"):
        record = None if other in keys else store.get("studies", other, arrays=False)
        if record is not None:
            yield _spec(record)


def _spec(record: Record) -> RunSpec:
    return compose.from_plain(record.plain("spec"))


def _used(store: Store, spec: RunSpec) -> Iterator[Path]:
    """Paths of the models of a study and their counts on perturbed copies, existing or not.

    Those of its samples as well, if they were saved from Python.
    """
    keys = compose.model_keys(spec)
    if spec.data.name == GIVEN:  # stored for the sake of such studies
        yield store.path(DATASETS, spec.data.fingerprint)
    pretrained = [compose.pretrained_key(spec.model, spec.pretrain)] if spec.pretrain else []
    for key in [*keys.values(), *pretrained]:
        yield from (store.path(kind, key, suffix) for kind, suffix in MODELS)
    for viewer in keys:
        yield from (
            store.path("counts", compose.counts_key(spec, viewer, source, keys))
            for source in ("", *keys)
        )


def _sights(
    store: Store, keys: Collection[str], other_models: Sequence[set[str]] = ()
) -> Iterator[Path]:
    """Paths of derived results of these studies, unless another study has all of their models.

    kept: the model keys of every other study.
    """
    kinds = [path.name for path in store.root.iterdir() if path.is_dir()]
    for kind in sorted(set(kinds) - {*OWN}):
        for key in store.keys(kind):
            record = store.get(kind, key, arrays=False)
            with contextlib.suppress(SpecError):
                if record is not None and _is_alone(record, keys, other_models):
                    yield store.path(kind, key)


def _is_alone(record: Record, keys: Collection[str], other_models: Sequence[set[str]]) -> bool:
    spec = _spec(record)
    models = compose.model_keys(spec)
    one = models.get(str(record.attributes.get("model", "")))
    own_models = {one} if one is not None else set(models.values())
    return compose.study_key(spec) in keys and not any(
        own_models <= others for others in other_models
    )
