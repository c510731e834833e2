"""Whether a store still holds what was written: hashes, keys, what follows, and what comes again.

Nothing is changed, trained or set aside in it. Everything that follows from the rest of a file or
from its siblings is derived once more, of every file; models are asked once more about a sample of
rows of every file. What cannot be checked here is said, and is not wrong.
"""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from engine.errors import CheckpointError, DataError, EngineError, SpecError
from engine.pipeline.pipeline import Pipeline
from engine.runtime.progress import Reporter
from engine.storage import hdf5, origins, store
from engine.storage.store import Record
from engine.study import compose
from engine.training import checkpoints
from engine.verification import derivation, findings, other_files, recomputation
from engine.verification.findings import Difference, Findings, Unchecked
from engine.verification.imported import came_in, remake
from engine.verification.inspection import DEAR, Look, looked_at

__all__ = ["SAMPLE", "Findings", "examine", "remake", "verify"]
SAMPLE = 5  # rows of every file of which the answers are computed once more
ASIDE = ("checkpoints", "damaged", "forget", "locks", "partial", "tables", origins.FOLDER)
UNMARKED = "it carries no hash, as files of an early version and tampered ones do"
TELLING = ("studies", "models", "counts")  # kinds whose keys follow from their attributes


def verify(pipeline: Pipeline, sample: int, seed: int, report: Reporter) -> Findings:
    """Look at every file of the pipeline's store, and compute `sample` rows of each once more.

    What takes training or a layout is computed for one file of its kind for every `DEAR` rows.
    Which, `seed` says. What came from elsewhere is looked at alike, and listed. Raises Cancelled.
    """
    found = Findings()
    report.expect(sum(1 for path in pipeline.store.root.rglob("*.*") if path.is_file()))
    for imported in (False, True):
        with tempfile.TemporaryDirectory(prefix="rk-verify-") as folder:
            look = looked_at(pipeline, imported, Path(folder), sample, seed, report)
            _look_through(look, found)
    found.remarks.extend(came_in(pipeline))
    _remark_on(pipeline.store.root, found)
    return found


def _look_through(look: Look, found: Findings) -> None:
    root = look.shelf.root
    records = sorted(path for path in root.glob("*/*.h5") if _holds_records(path))
    weights = sorted((root / "checkpoints").glob("*.pt"))
    others = sorted((root / "partial").glob("*.pt"))
    chosen = _chosen([*records, *weights, *others], look)
    look.report.stage("imported files" if look.imported else "files and what follows from them")
    for path in records:
        look.report.check()
        examine(look, path, found, path.stem in chosen[path.parent.name])
        look.report.advance(1)
    for path in weights:
        look.report.check()
        _checked(path, found, functools.partial(_weights, look, path, chosen, found))
        look.report.advance(1)
    other_files.check(look, found, chosen)


def examine(look: Look, path: Path, found: Findings, chosen: bool) -> None:
    """Look at one record; chosen: whether that may take long."""
    record = _checked(path, found, lambda: _record(look, path))
    if record is not None:
        _derive(look, record, found)
        _recompute(look, record, found, chosen)


def _chosen(paths: list[Path], look: Look) -> Mapping[str, set[str]]:
    """Folder -> the files that may take long."""
    folders: dict[str, list[str]] = {}
    for path in paths:
        folders.setdefault(path.parent.name, []).append(path.stem)
    few = look.sample // DEAR
    return {
        folder: {keys[at] for at in findings.some(len(keys), few, look.seed, folder)}
        for folder, keys in folders.items()
    } | {"partial": set(folders.get("partial", [])[:few])}


# -- hashes and keys --------------------------------------------------------------------------


def _checked(path: Path, found: Findings, look: Callable[[], Record | None]) -> Record | None:
    """What `look` sees in the file; None, and a sentence, where something is wrong with it."""
    found.hashed += 1
    try:
        return look()
    except SpecError as error:
        found.remarks.append(f"{findings.short(path)} cannot be checked by this version: {error}")
    except OSError as error:
        if error.errno not in store.PASSING:
            found.wrong.append(f"{findings.short(path)} is damaged: {str(error).rstrip('.')}.")
        else:  # it says nothing of what was written
            why = os.strerror(error.errno or 0)
            found.remarks.append(f"{findings.short(path)} cannot be read now ({why}).")
    except (EngineError, KeyError, ValueError, RuntimeError, TypeError) as error:
        found.wrong.append(f"{findings.short(path)} is damaged: {_why(error)}.")
    return None


def _why(error: Exception) -> str:
    text = str(error.args[0]) if isinstance(error, KeyError) else str(error)
    return text.rstrip(".")


def _record(look: Look, path: Path) -> Record:
    record = store.read(path)
    if hdf5.HASH not in record.attributes:
        raise ValueError(UNMARKED)
    expected = _key_of(record)
    if expected not in ("", record.key):
        raise ValueError(f"its settings have the key {expected}, which is not its name")
    if (origins.MARK in record.attributes) != look.imported:
        where = "lies among what was made here" if not look.imported else "carries no origin"
        raise ValueError(f"it {where}, {'but' if not look.imported else 'and'} came from elsewhere")
    return record


def _key_of(record: Record) -> str:
    """The key that follows from a record's spec; '' where more than the spec decides."""
    if record.kind not in TELLING:
        return ""
    spec, facts = compose.from_plain(record.plain("spec")), record.attributes
    if record.kind == "studies":
        return compose.study_key(spec)
    if record.kind == "counts":
        return compose.counts_key(spec, str(facts["viewer"]), str(facts["source"]))
    return compose.model_keys(spec)[str(facts["model"])]


def _weights(look: Look, path: Path, chosen: Mapping[str, set[str]], found: Findings) -> None:
    _, facts = checkpoints.load(path)
    if "weights" not in facts:
        raise CheckpointError(
            "it carries no hash, as files of an early version and tampered ones do"
        )
    if not checkpoints.hashed(path):
        raise CheckpointError("it carries no hash of its content")
    if facts.get("key", path.stem) != path.stem:
        raise CheckpointError(f"it says that its key is {facts['key']}")
    plain = facts.get("spec", {})
    if facts.get("seed", plain.get("seed")) != plain.get("seed"):
        raise CheckpointError(f"its seed is {facts['seed']}, not that of its settings")
    if facts.get("model", "pretrained") != "pretrained":
        expected = compose.model_keys(compose.from_plain(plain))[facts["model"]]
        if expected != path.stem:
            raise CheckpointError(f"its settings have the key {expected}, which is not its name")
    elif path.stem in chosen["checkpoints"] or look.sample >= DEAR:
        _tell(look, path, found, recomputation.pretrained(look, path.stem, facts))


# -- what follows, and what comes again -------------------------------------------------------


def _derive(look: Look, record: Record, found: Findings) -> None:
    path = look.shelf.path(record.kind, record.key)
    _tell(look, path, found, derivation.check(look, record), "derived", record)


def _recompute(look: Look, record: Record, found: Findings, chosen: bool) -> None:
    if look.sample > 0 and record.kind in recomputation.CHECKS:
        path = look.shelf.path(record.kind, record.key)
        done = _tell(
            look, path, found, recomputation.check(look, record, chosen), "computed", record
        )
        found.recomputed += done


def _tell(
    look: Look, path: Path, found: Findings, differences: Iterator[Difference],
    how: str = "computed", record: Record | None = None,
) -> bool:  # fmt: skip
    """Say where something differs; whether all could be looked at."""
    name, different, done = findings.short(path), [], True
    try:
        for one in differences:
            different.append(one)
    except findings.Lengthy:
        done, found.lengthy = False, found.lengthy + 1
    except (Unchecked, DataError, SpecError) as error:
        done = False
        found.remarks.append(f"{name} was not {how} once more: {str(error).rstrip('.')}.")
    except (EngineError, KeyError, ValueError, RuntimeError, TypeError) as error:
        different.append((f"it is damaged: {_why(error)}.", 1.0))
    if record is not None:
        excused = how == "computed" and findings.excused(record, look.device, different)
    else:
        excused = all(share == 0.0 for _, share in different)
    place, more = (found.remarks, findings.ELSEWHERE) if excused else (found.wrong, "")
    said = (f"{name}: {sentence}{more}" for sentence, _ in different)
    place.extend(one for one in said if one not in place)
    return done


# -- what is said -----------------------------------------------------------------------------


def _remark_on(root: Path, found: Findings) -> None:
    if found.lengthy:
        found.remarks.append(
            f"{found.lengthy} files were compared with the rest alone, since making them again "
            f"takes training, a layout or many passes: a larger --sample makes some, or all."
        )
    damaged = [path for path in (root / "damaged").glob("*") if path.is_file()]
    if damaged:
        found.remarks.append(
            f"{len(damaged)} damaged files were set aside in {root / 'damaged'} before."
        )


def _holds_records(path: Path) -> bool:
    return path.parent.name not in ASIDE and not path.name.startswith(".")
