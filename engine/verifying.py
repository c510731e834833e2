"""Whether a store still holds what was written: hashes, keys, and a sample computed once more.

Nothing is changed, trained or set aside. What cannot be checked here is said, and is not wrong.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from engine import checkpoints, hdf5, measuring, store, study
from engine.errors import CheckpointError, DataError, EngineError, SpecError
from engine.neighborhood import copies_of, views_on
from engine.perturb import BLOCK
from engine.pipeline import Pipeline
from engine.report import Reporter
from engine.residual import is_attack, verdicts
from engine.runtime import numpy_generator
from engine.spec import RunSpec
from engine.store import Record

SAMPLE = 5  # results that are computed once more
ROWS = 5  # forget samples of which the answers are computed once more
FEW = 0.01  # share of answers that other versions, devices or threads may change
CLOSE = 1e-6  # of a measure, in its own unit
ASIDE = ("checkpoints", "damaged", "forget", "locks", "partial", "tables")  # hold no records


@dataclass
class Findings:
    """What was looked at, what is wrong with it and what could not be checked, in sentences."""

    hashed: int = 0
    recomputed: int = 0
    unmarked: int = 0
    wrong: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


class Unchecked(Exception):
    """Why something cannot be computed once more here."""


def verify(pipeline: Pipeline, sample: int, seed: int, report: Reporter) -> Findings:
    """Look at every file of the pipeline's store, and compute `sample` results once more.

    Which ones, `seed` says. Raises Cancelled.
    """
    found, root = Findings(), pipeline.store.root
    records = sorted(path for path in root.glob("*/*.h5") if _holds_records(path))
    weights = sorted((root / "checkpoints").glob("*.pt"))
    report.expect(len(records) + len(weights))
    report.stage("hashes and keys")
    sound = []
    for path in records:
        record = _checked(path, found, _record)
        if record is not None:
            sound.append(record)
        report.advance(1)
    for path in weights:
        _checked(path, found, _weights)
        report.advance(1)
    report.stage("computing again")
    for record in itertools.islice(_drawn(sound, seed), sample):
        report.check()
        _recompute(pipeline, record, seed, found, report)
    _remark_on(root, found)
    return found


# -- hashes and keys --------------------------------------------------------------------------


def _checked(
    path: Path, found: Findings, look: Callable[[Path, Findings], Record | None]
) -> Record | None:
    """What `look` sees in the file; None, and a sentence, where something is wrong with it."""
    found.hashed += 1
    try:
        return look(path, found)
    except SpecError as error:
        found.remarks.append(f"{_short(path)} cannot be checked by this version: {error}")
    except OSError as error:
        if error.errno not in store.PASSING:
            found.wrong.append(f"{_short(path)} is damaged: {str(error).rstrip('.')}.")
        else:  # it says nothing of what was written
            why = os.strerror(error.errno or 0)
            found.remarks.append(f"{_short(path)} cannot be read now ({why}).")
    except (EngineError, KeyError, ValueError, RuntimeError, TypeError) as error:
        why = str(error.args[0]) if isinstance(error, KeyError) else str(error)
        found.wrong.append(f"{_short(path)} is damaged: {why.rstrip('.')}.")
    return None


def _record(path: Path, found: Findings) -> Record:
    record = store.read(path)
    found.unmarked += hdf5.HASH not in record.attributes
    expected = _key_of(record)
    if expected not in ("", record.key):
        raise ValueError(f"its settings have the key {expected}, which is not its name")
    return record


def _key_of(record: Record) -> str:
    """The key that follows from a record's spec; '' where more than the spec decides."""
    if record.kind not in ("studies", "models", "counts"):
        return ""
    spec, facts = study.from_plain(record.plain("spec")), record.attributes
    if record.kind == "studies":
        return study.study_key(spec)
    if record.kind == "counts":
        return study.counts_key(spec, str(facts["viewer"]), str(facts["source"]))
    return study.model_keys(spec)[str(facts["model"])]


def _weights(path: Path, found: Findings) -> None:
    _, facts = checkpoints.load(path)
    found.unmarked += "weights" not in facts
    if facts.get("key", path.stem) != path.stem:
        raise CheckpointError(f"it says that its key is {facts['key']}")
    if facts.get("model", "pretrained") != "pretrained":
        expected = study.model_keys(study.from_plain(facts["spec"]))[facts["model"]]
        if expected != path.stem:
            raise CheckpointError(f"its settings have the key {expected}, which is not its name")


# -- computing again --------------------------------------------------------------------------


def _recompute(
    pipeline: Pipeline, record: Record, seed: int, found: Findings, report: Reporter
) -> None:
    try:
        different = AGAIN[record.kind](pipeline, record, seed, report)
    except (Unchecked, DataError, SpecError) as error:
        why = str(error).rstrip(".")
        found.remarks.append(f"{_name(record)} was not computed once more: {why}.")
        return
    found.recomputed += 1
    if different:
        place = found.remarks if _excused(pipeline, record, different) else found.wrong
        place.extend(f"{_name(record)}: {said}" for said, _ in different)


Differences = Sequence[tuple[str, float]]  # a sentence, and the share of answers that differ


def _counts(pipeline: Pipeline, record: Record, seed: int, report: Reporter) -> Differences:
    """Some forget samples' answers of one viewer."""
    spec, facts = study.from_plain(record.plain("spec")), record.attributes
    viewer, source = str(facts["viewer"]), str(facts["source"])
    if spec.probe.perturbation == "pgd":  # its random start depends on the whole batch
        raise Unchecked("an attack with a random start cannot be made for a few samples alone")
    _need(pipeline, spec, [viewer, *filter(None, [source])])
    known = record.arrays["predictions"]
    rows = _some(len(known), ROWS, seed)
    samples, _ = pipeline.work.on_device(pipeline.dataset(spec.data, report))
    chosen = torch.tensor(spec.forget, device=pipeline.work.device)[rows]
    said = verdicts(
        {viewer: pipeline.work.loaded(spec, viewer)}, samples.pixels(chosen), samples.y[chosen],
        chosen.tolist(), spec.probe, range(known.shape[2] // BLOCK), samples.n_classes, Reporter(),
        pipeline.work.loaded(spec, source) if source else None,
    )  # fmt: skip
    return _differences(viewer, said[viewer], known[rows])


def _neighborhood(pipeline: Pipeline, record: Record, seed: int, report: Reporter) -> Differences:
    """All models' answers to the copies of one sample."""
    spec, facts = study.from_plain(record.plain("spec")), record.attributes
    if "tau" not in facts:
        raise Unchecked("it is of an earlier version, and does not say how it was made")
    tau = float(facts["tau"])
    probe = replace(spec.probe, perturbation=str(facts["perturbation"]), taus=(tau,))
    names = list(study.model_keys(spec))
    _need(pipeline, spec, names)
    dataset = pipeline.dataset(spec.data, report)
    one = pipeline.work.sample(dataset, int(facts["sample"]))
    against = pipeline.work.loaded(spec, spec.aim) if is_attack(probe) else None
    copies = copies_of(one, probe, tau, len(dataset.classes), against)
    models = {name: pipeline.work.loaded(spec, name) for name in names}
    said = views_on(models, copies, one.y)[0]
    found: list[tuple[str, float]] = []
    for name in names:
        found += _differences(name, said[name], record.arrays[f"predictions/{name}"])
    return found


def _study(pipeline: Pipeline, record: Record, seed: int, report: Reporter) -> Differences:
    """The measures of all models, from their stored outputs."""
    spec = study.from_plain(record.plain("spec"))
    _need(pipeline, spec, list(study.model_keys(spec)))
    if any(entry.facts["metric"].trains for entry, _ in measuring.measures_of(spec)):
        raise Unchecked("it has measures that train")
    now = measuring.table(pipeline.work, spec, pipeline.models(spec), Reporter())
    return list(_measures(record.plain("metrics"), now))


def _measures(
    known: Mapping[str, Mapping[str, float]], now: Mapping[str, Mapping[str, float]]
) -> Iterator[tuple[str, float]]:
    for model, row in known.items():
        for name, value in row.items():
            again = now.get(model, {}).get(name, np.nan)
            same = np.isclose(value, again, rtol=0, atol=CLOSE, equal_nan=True)
            if name != "seconds" and not same:
                yield f"{name} of {model} is {again:g}, but {value:g} in the file.", 1.0


AGAIN = {"counts": _counts, "neighborhoods": _neighborhood, "studies": _study}


def _differences(model: str, now: np.ndarray, known: np.ndarray) -> list[tuple[str, float]]:
    count, share = int((now != known).sum()), float((now != known).mean())
    if not count:
        return []
    return [
        (f"{count} of {known.size} answers of {model} ({share:.2%}) come out differently.", share)
    ]


def _excused(pipeline: Pipeline, record: Record, different: Differences) -> bool:
    """Whether so few differ that another device, version or number of threads explains it."""
    facts, work = record.attributes, pipeline.work
    alike = (
        str(facts["device"]) == str(work.device)
        and record.plain("versions").get("torch") == store.versions().get("torch")
        and facts.get("threads") == torch.get_num_threads()
    )
    return not alike and all(share <= FEW for _, share in different)


def _need(pipeline: Pipeline, spec: RunSpec, models: Sequence[str]) -> None:
    """Unchecked unless these models are in the store: nothing is trained here."""
    for name in models:
        if not pipeline.work.made(spec, name):
            raise Unchecked(f"{name} is not in the store with its weights")


def _drawn(records: Sequence[Record], seed: int) -> Iterator[Record]:
    """Those that can be computed again, each kind in turn, in an order that the seed says."""
    piles = []
    for kind in AGAIN:
        pile = [record for record in records if record.kind == kind]
        piles.append(
            [pile[i] for i in numpy_generator(seed, "verify", kind).permutation(len(pile))]
        )
    for turn in itertools.zip_longest(*piles):
        yield from (record for record in turn if record is not None)


def _some(count: int, most: int, seed: int) -> list[int]:
    chosen = numpy_generator(seed, "verify", "rows").permutation(count)[:most]
    return sorted(int(row) for row in chosen)


# -- what is said -----------------------------------------------------------------------------


def _remark_on(root: Path, found: Findings) -> None:
    if found.unmarked:
        found.remarks.append(
            f"{found.unmarked} files are of an earlier version, and carry no hash to compare with."
        )
    damaged = [path for path in (root / "damaged").glob("*") if path.is_file()]
    if damaged:
        found.remarks.append(
            f"{len(damaged)} damaged files were set aside in {root / 'damaged'} before."
        )


def _holds_records(path: Path) -> bool:
    return path.parent.name not in ASIDE and not path.name.startswith(".")


def _short(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _name(record: Record) -> str:
    return f"{record.kind}/{record.key}.h5"
