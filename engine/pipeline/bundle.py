"""A study in one HDF5 file for sharing: indices, results, checkpoints and the window's session.

Layout: attributes `format, schema, version, key, created, session` (JSON text) and, where somebody
wrote them, `annotation` (name, tags and notes as JSON); groups `records/<kind>/<key>` as in the
store; `checkpoints/<key>`: the bytes of a .pt file; with images
also `records/datasets/<fingerprint>`. A bundle is an untrusted file: engine.storage.hdf5 checks it,
and checkpoints stay unopened until they are loaded as weights only. Imported content is stored
apart from local results (`Store.imported`), each part marked with the file it came from, which for
a checkpoint takes a separate record in `origins/`.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import engine
from engine.datasets.base import Dataset
from engine.errors import DataError, StoreError
from engine.pipeline import study_files
from engine.pipeline.bundled_data import KIND as DATASETS
from engine.pipeline.bundled_data import dataset_of, record_of
from engine.provenance import Origin
from engine.runtime.progress import Reporter
from engine.storage import hdf5, output_files, plain_files, schema
from engine.storage.annotations import Annotation, Annotations, annotation_of
from engine.storage.origins import origin_of_file, with_origin
from engine.storage.record import SCHEMA as RECORD
from engine.storage.record import Record, check_content, check_facts
from engine.storage.store import Store

FORMAT, SCHEMA = "rk-explorer bundle", 1
SUFFIX = ".rkx"
KINDS = (
    "studies", "models", "counts", "neighborhoods", "slices", "embeddings", "epochs", "measures",
    "recognitions", "similarities", DATASETS,
)  # fmt: skip
CHECKPOINTS = "checkpoints"
ALL = (*KINDS, CHECKPOINTS)
ORIGINS = "origins"  # kind of records: source file and digest of a checkpoint
KEY = re.compile(r"[0-9a-f]{8,64}")
LARGEST_SESSION = 1 << 24  # characters
WRONG = "{} cannot be opened as a bundle: {}. Ask for a new copy, or open another file."


@dataclass(frozen=True)
class ImportedBundle:
    """Result of opening a bundle: the key of its study, and the session it was saved with.

    annotation: name, tags and notes that it carries.
    """

    key: str
    session: Mapping[str, Any]
    annotation: Annotation = field(default_factory=Annotation)


def save(
    store: Store,
    key: str,
    out: Path,
    session: Mapping[str, Any],
    images: Dataset | None,
    report: Reporter,
    annotation: Annotation | None = None,
) -> Path:
    """Write the study with everything that belongs to it; returns the file.

    session: JSON data; images: the study's dataset to include, or None; annotation: its name, tags
    and notes, or None. Raises StoreError if the study is not in the store or the file cannot be
    written.
    """
    files = study_files.all_files(store, key)
    study_key = files[0].stem
    report.stage(f"bundle {out.name}")
    if images is not None and images.linked:
        were = "was" if images.linked == 1 else "were"
        report.log(
            f"Of the {len(images):,} samples in the bundle, {images.linked:,} {were} read through "
            f"links from outside {images.label}/. Share it only with those who may have them."
        )
    report.expect(len(files))
    with output_files.output(out) as aside:
        head = _head_facts(study_key, session, annotation)
        hdf5.write(aside, _groups(store, head, files, images, report))
    return out


def open_bundle(
    store: Store,
    path: Path,
    report: Reporter,
    source: str = "",
    kinds: Collection[str] = ALL,
) -> ImportedBundle:
    """Import the content of a bundle into the store, except for what it already holds.

    Imported content is stored apart from local results and marked with its origin: the file's name,
    or `source`. kinds: those of the records to import, and `CHECKPOINTS`; all by default. Raises
    StoreError, and imports nothing, if the file is not a valid bundle.
    """
    try:
        with hdf5.open_checked(path) as file:
            opened = _head(file.attributes())
            records = [_place(name) for name in file.names if name.count("/") == 2]
            files = [name for name in file.names if re.fullmatch(f"{CHECKPOINTS}/[^/]+", name)]
            _check_names(file.names)
            if ("studies", opened.key) not in records:
                raise StoreError("it lacks the study that it names")
            records = [place for place in records if place[0] in kinds]
            files = files if CHECKPOINTS in kinds else []
            report.stage(f"opening {path.name}")
            report.expect(len(records) + len(files))
            checked = [_record(file, *place) for place in records]  # all, before any is stored
            blobs = _blobs(file, files)
        origin = origin_of_file(
            path, source
        )  # only now that the file is known to be within its size limits
    except (StoreError, DataError, OSError, KeyError, ValueError, RuntimeError, TypeError) as error:
        why = plain_files.error_reason(error) or type(error).__name__
        raise StoreError(WRONG.format(path, why.rstrip("."))) from error
    if store.has("studies", opened.key):
        report.log(
            f"The study {opened.key} was already made here, and that one is shown: the results in "
            f"{path.name} are stored apart, and `rk-engine verify` compares the two."
        )
    for record in checked:
        if not store.imported.has(record.kind, record.key):
            facts = with_origin(record.attributes, origin)
            store.imported.adopt(Record(record.kind, record.key, facts, record.arrays))
        report.advance(1)
    for name, content in blobs.items():
        _keep_checkpoint(store.imported, name.partition("/")[2], content, origin)
        report.advance(1)
    _annotate(store, opened)
    return opened


def _annotate(store: Store, opened: ImportedBundle) -> None:
    """Write the annotation that came with a study, unless somebody here has written one."""
    annotations = Annotations(store)
    if opened.annotation and store.writable and not annotations.get(opened.key):
        annotations.put(opened.key, opened.annotation)


def _groups(
    store: Store,
    head: Mapping[str, Any],
    files: list[Path],
    images: Dataset | None,
    report: Reporter,
) -> Iterator[tuple[str, hdf5.GroupContent]]:
    yield "", hdf5.GroupContent(head)
    for path in files:
        report.check()
        kind, name = path.parent.name, path.stem
        if path.suffix == ".pt" and kind == CHECKPOINTS:
            yield CHECKPOINTS, hdf5.GroupContent({}, {name: _content(store, path)})
        elif path.suffix == ".h5" and kind in KINDS and kind != DATASETS:
            record = store.get(kind, name)
            if record is not None:
                yield _named(record)
        report.advance(1)
    if images is not None:
        yield _named(record_of(images))


def _head_facts(
    key: str, session: Mapping[str, Any], annotation: Annotation | None
) -> dict[str, Any]:
    """The attributes of the bundle itself."""
    facts = {
        "format": FORMAT,
        "schema": SCHEMA,
        "version": engine.__version__,
        "key": key,
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "session": json.dumps(session),
    }
    return {**facts, "annotation": json.dumps(annotation.plain)} if annotation else facts


def _content(store: Store, path: Path) -> np.ndarray:
    """The bytes of a checkpoint; StoreError if it is a link to a file outside the store."""
    roots = (store.root.resolve(), path.parent.resolve())  # whole folders may be on other disks
    if not any(path.resolve().is_relative_to(one) for one in roots):
        raise StoreError(
            f"{path} is a link that leads out of the store, to {path.resolve()}, which may be "
            "anything and is not shared. Replace the link by the file itself."
        )
    with plain_files.open_plain(path) as file:
        return np.frombuffer(file.read(), np.uint8)


def _named(record: Record) -> tuple[str, hdf5.GroupContent]:
    group = hdf5.GroupContent(record.attributes, record.arrays)
    return f"records/{record.kind}/{record.key}", group


def _head(top: Mapping[str, Any]) -> ImportedBundle:
    if top.get("format") != FORMAT:
        raise StoreError("it was not written by 'Save bundle'")
    if top.get("schema") != SCHEMA:
        raise StoreError(f"it has schema {top.get('schema')}, but this version reads {SCHEMA}")
    key, text = top.get("key"), top.get("session")
    if not isinstance(key, str) or not KEY.fullmatch(key):
        raise StoreError("its key is invalid")
    if not isinstance(text, str) or len(text) > LARGEST_SESSION:
        raise StoreError("its session is not text of reasonable length")
    session = json.loads(text)
    if not isinstance(session, dict):
        raise StoreError("its session is invalid")
    return ImportedBundle(key, session, _annotation(top.get("annotation", "")))


def _annotation(text: Any) -> Annotation:
    """The annotation in a bundle; an empty one where it is missing or invalid."""
    if not isinstance(text, str) or len(text) > LARGEST_SESSION:
        return Annotation()
    try:
        return annotation_of(json.loads(text))
    except (ValueError, RecursionError):
        return Annotation()


def _place(name: str) -> tuple[str, str]:
    """(kind, key) of 'records/<kind>/<key>'; StoreError for any other name."""
    top, kind, key = name.split("/")
    if top != "records" or kind not in KINDS or not KEY.fullmatch(key):
        raise StoreError(f"there is no place in a store for '{name[:80]}'")
    return kind, key


def _check_names(names: list[str]) -> None:
    for name in names:
        top, _, rest = name.partition("/")
        if top not in ("records", CHECKPOINTS):
            raise StoreError(f"it holds '{name[:80]}', which does not belong in a bundle")
        if top == CHECKPOINTS and rest and not KEY.fullmatch(rest):
            raise StoreError(f"there is no place in a store for '{name[:80]}'")


def _record(file: hdf5.OpenFile, kind: str, key: str) -> Record:
    group = file.read(f"records/{kind}/{key}")
    check_facts(group.attributes, kind, key)
    check_content(group)
    schema.check(kind, group.attributes, group.arrays)
    facts = {**group.attributes, "spec": _without_paths(group.attributes.get("spec", "{}"))}
    record = Record(kind, key, facts, group.arrays)
    if kind == DATASETS:
        dataset_of(record)
    return record


def _without_paths(spec: str) -> str:
    """The spec without paths of another machine: the FILE.py of a network would be executed."""
    plain = json.loads(spec)
    for one in [plain.get("model"), *plain.get("foreign", ())]:
        if isinstance(one, dict) and "path" in one:
            one["path"] = ""
    return json.dumps(plain, sort_keys=True)


def _blobs(file: hdf5.OpenFile, names: list[str]) -> dict[str, bytes]:
    """The contents of the checkpoint files, unopened."""
    arrays = file.read(CHECKPOINTS).arrays if names else {}
    return {name: _bytes(name, arrays[name.partition("/")[2]]) for name in names}


def _bytes(name: str, array: np.ndarray) -> bytes:
    if array.dtype != np.uint8 or array.ndim != 1:
        raise StoreError(f"'{name[:80]}' is not a file")
    return array.tobytes()


def _keep_checkpoint(store: Store, key: str, content: bytes, origin: Origin) -> None:
    path = store.path(CHECKPOINTS, key, ".pt")
    if not path.is_file():
        facts = {"schema": RECORD, "kind": ORIGINS, "key": key, "spec": "{}", "complete": True}
        facts["digest"] = digest_of(content)
        store.adopt(Record(ORIGINS, key, with_origin(facts, origin), {}))
        with store.replacing(path) as aside:
            aside.write_bytes(content)


def digest_of(content: bytes) -> str:
    """Digest (20 hexadecimal digits) of a checkpoint file, as recorded in `origins/`."""
    return hashlib.blake2b(content, digest_size=10).hexdigest()
