"""Verification of a store: hashes, keys, derived values, and recomputed predictions.

Nothing in the store is changed, trained or set aside. Every value that follows from the rest of a
file or from related files is derived again, for every file; models are evaluated again on a sample
of the rows of every file. What cannot be checked here is reported, and does not count as wrong.
Begin with `verify`.
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
SAMPLE = 5  # rows of every file whose predictions are recomputed
ASIDE = ("checkpoints", "damaged", "forget", "locks", "partial", "tables", origins.FOLDER)
DERIVED, RECOMPUTED = "derived again", "recomputed"  # how values of a file were checked
UNMARKED = "it carries no hash, like files of an early version or tampered files"
SELF_KEYED = ("studies", "models", "counts")  # kinds whose keys follow from their attributes


def verify(pipeline: Pipeline, sample: int, seed: int, report: Reporter) -> Findings:
    """Check every file of the pipeline's store, and recompute `sample` rows of each.

    Results that require training or a layout are recomputed for one file of a kind per `DEAR` rows
    of the sample; `seed` selects rows and files. Imported results are checked in the same way, and
    listed. Raises Cancelled.
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
    look.report.stage("imported files" if look.imported else "files and derived values")
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
    """Check one record; chosen: whether it may be recomputed at length."""
    record = _checked(path, found, lambda: _record(look, path))
    if record is not None:
        _derive(look, record, found)
        _recompute(look, record, found, chosen)


def _chosen(paths: list[Path], look: Look) -> Mapping[str, set[str]]:
    """Folder -> keys of the files that may be recomputed at length."""
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
    """What `look` reads from the file; None, and a finding, where something is wrong with it."""
    found.hashed += 1
    try:
        return look()
    except SpecError as error:
        found.remarks.append(f"{findings.short(path)} cannot be checked by this version: {error}")
    except OSError as error:
        if error.errno not in store.TRANSIENT_ERRORS:
            found.wrong.append(f"{findings.short(path)} is damaged: {str(error).rstrip('.')}.")
        else:  # a passing error of the file system
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
        raise ValueError(f"its settings have the key {expected}, which differs from its name")
    if (origins.ORIGIN_ATTRIBUTE in record.attributes) != look.imported:
        raise ValueError(
            "it lies among imported results, but carries no origin"
            if look.imported
            else "it lies among results computed here, but is marked as imported"
        )
    return record


def _key_of(record: Record) -> str:
    """The key that follows from a record's spec; '' where more than the spec decides."""
    if record.kind not in SELF_KEYED:
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
        raise CheckpointError(UNMARKED)
    if not checkpoints.has_hash(path):
        raise CheckpointError("it carries no hash of its content")
    if facts.get("key", path.stem) != path.stem:
        raise CheckpointError(f"it states the key {facts['key']}, which differs from its name")
    plain = facts.get("spec", {})
    if facts.get("seed", plain.get("seed")) != plain.get("seed"):
        raise CheckpointError(f"its seed is {facts['seed']}, which differs from its settings")
    if facts.get("model", "pretrained") != "pretrained":
        expected = compose.model_keys(compose.from_plain(plain))[facts["model"]]
        if expected != path.stem:
            raise CheckpointError(
                f"its settings have the key {expected}, which differs from its name"
            )
    elif path.stem in chosen["checkpoints"] or look.sample >= DEAR:
        _tell(look, path, found, recomputation.pretrained(look, path.stem, facts))


# -- derived values and recomputed predictions ------------------------------------------------


def _derive(look: Look, record: Record, found: Findings) -> None:
    path = look.shelf.path(record.kind, record.key)
    _tell(look, path, found, derivation.check(look, record), DERIVED, record)


def _recompute(look: Look, record: Record, found: Findings, chosen: bool) -> None:
    if look.sample > 0 and record.kind in recomputation.CHECKS:
        path = look.shelf.path(record.kind, record.key)
        done = _tell(
            look, path, found, recomputation.check(look, record, chosen), RECOMPUTED, record
        )
        found.recomputed += done


def _tell(
    look: Look, path: Path, found: Findings, differences: Iterator[Difference],
    how: str = RECOMPUTED, record: Record | None = None,
) -> bool:  # fmt: skip
    """Record the differences; returns whether everything could be compared."""
    name, different, done = findings.short(path), [], True
    try:
        for one in differences:
            different.append(one)
    except findings.Lengthy:
        done, found.lengthy = False, found.lengthy + 1
    except (Unchecked, DataError, SpecError) as error:
        done = False
        found.remarks.append(f"{name} was not {how}: {str(error).rstrip('.')}.")
    except (EngineError, KeyError, ValueError, RuntimeError, TypeError) as error:
        different.append((f"it is damaged: {_why(error)}.", 1.0))
    if record is not None:
        excused = how == RECOMPUTED and findings.excused(record, look.device, different)
    else:
        excused = all(share == 0.0 for _, share in different)
    place, more = (found.remarks, findings.ELSEWHERE) if excused else (found.wrong, "")
    sentences = (f"{name}: {sentence}{more}" for sentence, _ in different)
    place.extend(one for one in sentences if one not in place)
    return done


# -- remarks ----------------------------------------------------------------------------------


def _remark_on(root: Path, found: Findings) -> None:
    if found.lengthy:
        found.remarks.append(
            f"{found.lengthy} files were only compared with the rest of the store, since "
            f"recomputing them takes training, a layout or many passes. A larger --sample "
            f"recomputes some or all of them."
        )
    damaged = [path for path in (root / "damaged").glob("*") if path.is_file()]
    if damaged:
        found.remarks.append(
            f"{len(damaged)} damaged files were set aside earlier in {root / 'damaged'}."
        )


def _holds_records(path: Path) -> bool:
    return path.parent.name not in ASIDE and not path.name.startswith(".")
