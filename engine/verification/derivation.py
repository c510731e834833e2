"""Values that follow from the rest of a file, or from another file, without evaluating a model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from engine.datasets import base as datasets
from engine.errors import CheckpointError, DataError, SpecError
from engine.metrics import METRICS
from engine.perturbations import named, names
from engine.pipeline import bundled_data, epoch_recorder, metrics, similarity, stored_epochs
from engine.pipeline.bundle import digest_of
from engine.pipeline.records import labels_of, study_of
from engine.residual.copy_counts import correct_counts, truncated
from engine.residual.posterior import posterior
from engine.residual.ratio import curve, null_band, resampling_weights
from engine.residual.summary import summarize, with_evidence
from engine.results import Residual, complete_norms, reference_counts
from engine.runtime.progress import Reporter
from engine.spec import GIVEN, DataSpec, RunSpec, restored
from engine.storage import hdf5
from engine.storage.schema import CURVE, EVIDENCE, INTERVAL, Arrays
from engine.storage.store import Record
from engine.study import viewpoint
from engine.study.keys import judged_models
from engine.study.plan import measures_of
from engine.training import checkpoints
from engine.verification import findings
from engine.verification.findings import DERIVED, OTHER_KEY, Difference, Unchecked
from engine.verification.inspection import Look

Differences = Iterator[Difference]


def check(look: Look, record: Record) -> Differences:
    """Where the record differs from what follows from its own parts and from related files."""
    if record.kind not in STANDALONE:
        yield from _settings(look, record)
    if record.kind in CHECKS:
        yield from CHECKS[record.kind](look, record)


def _settings(look: Look, record: Record) -> Differences:
    """What keys leave out: the seed of the data, and the perturbation of a view's result."""
    spec = look.spec(record)
    if not _leads_to(look, spec.data):
        yield "the data named in its settings have another fingerprint.", 1.0
    name = record.attributes.get("perturbation")
    if name is not None and str(name) not in names():
        yield f"its perturbation '{str(name)[:40]}' does not exist.", 1.0


def _leads_to(look: Look, data: DataSpec) -> bool:
    """Whether built-in data have the stated fingerprint; True for all other data."""
    if data.root:
        return True
    try:
        known = look.whole.dataset(data, Reporter())
        if known.spec.seed == data.seed:
            return True
        found = datasets.load(replace(data, fingerprint=""), Reporter())
    except (DataError, SpecError):  # wrong only if the data are certainly here
        return not look.has_data(data)
    return found.spec.fingerprint == data.fingerprint


def labels_of_forgotten(look: Look, spec: RunSpec) -> np.ndarray:
    """(n_f,) classes of the forget samples; Unchecked where the data are not here."""
    try:
        return look.whole.dataset(spec.data, Reporter()).train_y[list(spec.forget)]
    except (DataError, SpecError) as error:
        raise Unchecked(str(error)) from error


def _study(look: Look, record: Record) -> Differences:
    spec = look.spec(record)
    one, known = study_of(record), record.arrays
    probe = spec.probe
    yield from findings.follows(
        record,
        {"seed": spec.seed, "perturbation": probe.perturbation, "draws": probe.draws,
         "seconds": float(np.nansum([row["seconds"] for row in one.metrics.values()]))},
    )  # fmt: skip
    if dict(one.labels) != labels_of(spec):
        yield "its labels differ from those of its models.", 1.0
    for name, expected in (("taus", probe.taus), ("forget", spec.forget), ("samples", spec.forget)):
        yield from findings.numbers(name, known[name], np.array(expected))
    yield from _residual(look, spec, known, one.residual)
    yield from _copied(look, spec, known, one.residual.drawn)


def _residual(look: Look, spec: RunSpec, known: Arrays, residual: Residual) -> Differences:
    """Counts from predictions; curves, null band, posterior and evidence from counts."""
    counts, predictions = _group(known, "counts"), _group(known, "predictions")
    drawn = residual.drawn
    judged = judged_models(spec)
    retrains = [f"retrain-{number}" for number in range(spec.retrains)]
    expected: dict[str, np.ndarray] = {}
    if predictions.keys() == counts.keys():
        y = labels_of_forgotten(look, spec)
        now = summarize(
            spec.probe,
            spec.probe.draws,
            np.array(spec.forget),
            y,
            predictions,
            judged,
            retrains,
            drawn,
            residual.settled,
        )
        expected |= {f"counts/{name}": one for name, one in now.counts.items()}
        expected |= {f"rates/{name}": one for name, one in now.rates.items()}
        expected |= {f"predictions/{name}": one for name, one in now.predictions.items()}
        counts = dict(now.counts)
    else:
        now = with_evidence(residual, {}, anytime=drawn is not None)
    if _group(known, "q_values"):
        expected |= _evidence(now)
    norms = complete_norms(drawn, residual.settled, residual.draws)
    weights = resampling_weights(len(spec.forget), spec.probe.seed)
    low, high = null_band(counts, retrains, weights)
    expected |= {"null/low": low, "null/high": high}
    shares = _group(expected, "rates") or _group(known, "rates")
    for name in judged:
        a = reference_counts(counts, name)
        pair = (shares[name], reference_counts(shares, name)) if shares else None
        made = curve(counts[name], a, weights, pair, norms)
        parts = [part for part in (*CURVE, *INTERVAL) if f"curves/{name}/{part}" in known]
        parts = list(dict.fromkeys((*CURVE, *parts)))
        expected |= {f"curves/{name}/{part}": getattr(made, part) for part in parts}
        chances = posterior(counts[name], a, spec.probe.draws)
        unknown = np.full(a.shape[1:], np.nan)
        expected.setdefault(f"posterior/{name}", chances if drawn is None else unknown)
    own = {name: known[name] for name in known if name not in UNDERIVED}
    for name, one in _earlier(own, expected, counts, residual.withheld).items():
        expected[name] = one
    yield from findings.arrays(own, expected, DERIVED)


def _evidence(now: Residual) -> dict[str, np.ndarray]:
    """The evidence on samples, and the posterior."""
    groups = {part: getattr(now, part) for part in ("posterior", *EVIDENCE)}
    found = {f"{part}/{name}": one for part, all_ in groups.items() for name, one in all_.items()}
    return found


STANDALONE = (bundled_data.KIND, "places", "origins")  # kinds that belong to no study
UNDERIVED = (  # arrays of a study that are not derived
    "taus", "forget", "samples", "drawn", "settled",
)  # fmt: skip


def _earlier(known: Arrays, now: Arrays, counts: Arrays, adaptive: bool) -> dict[str, np.ndarray]:
    """Values that an earlier version derived by another rule, if the file holds exactly those."""
    found = {}
    for name in known.keys() & now.keys():
        model, part = name.split("/")[1], name.rpartition("/")[2]
        withheld = part == "prevalence" or name.startswith("posterior/")
        if part == "pooled" and not adaptive:
            u, a = counts[model].sum(0), reference_counts(counts, model).sum(1)
            with np.errstate(divide="ignore", invalid="ignore"):
                before = np.where(a > 0, u / np.where(a > 0, a, 1), np.nan)
            some = np.isfinite(before).any(0)
            means = np.where(some, np.nan_to_num(before).sum(0), np.nan)
            means = means / np.maximum(np.isfinite(before).sum(0), 1)
            if np.allclose(known[name], means, rtol=DERIVED, atol=DERIVED, equal_nan=True):
                found[name] = known[name]
        elif adaptive and withheld and np.isfinite(known[name]).any():
            found[name] = known[name]  # withheld wherever it would be shown
    return found


def _copied(look: Look, spec: RunSpec, known: Arrays, drawn: np.ndarray | None) -> Differences:
    """The predictions of a study are the first draws of each model's stored predictions."""
    for name, predictions in _group(known, "predictions").items():
        viewer, _, source = name.partition("@")
        attack = named(spec.probe.perturbation).attack
        aim = source or viewer
        mark = look.whole.plan(spec).counts(viewer, aim if attack else "")
        found = look.peek("counts", mark)
        if found is None:
            continue
        own = truncated(found.arrays["predictions"][:, :, : predictions.shape[2]], drawn)
        for sentence, share in findings.answers(name, predictions, own):
            yield f"counts/{mark}.h5 disagrees: {sentence}", share


def _counts(look: Look, record: Record) -> Differences:
    spec, known = look.spec(record), record.arrays
    predictions = known["predictions"]
    yield from findings.follows(record, {"draws": predictions.shape[2], "seed": spec.seed})
    yield from findings.numbers("samples", known["samples"], np.array(spec.forget))
    yield from findings.numbers("taus", known["taus"], np.array(spec.probe.taus))
    right = correct_counts(predictions, labels_of_forgotten(look, spec), predictions.shape[2])
    yield from findings.numbers("counts", known["counts"], right)


def _model(look: Look, record: Record) -> Differences:
    """A model's record and its checkpoint, each of which holds a hash of the other."""
    spec, facts = look.spec(record), record.attributes
    yield from findings.follows(record, {"seed": spec.seed})
    path = look.shelf.path("checkpoints", record.key, ".pt")
    if not path.is_file():
        return
    try:
        state, beside = checkpoints.load(path)
    except CheckpointError:
        return  # a finding of the checkpoint itself
    if "weights" in facts and facts["weights"] != checkpoints.digest(state):
        yield f"the weights in {findings.short(path)} differ from those it was computed with.", 1.0
    if "outputs" in beside:
        group = hdf5.GroupContent({}, record.arrays)
        if beside["outputs"] != hdf5.digest(group):
            yield f"its outputs, losses or time differ from those of {findings.short(path)}.", 1.0


def _recognition(look: Look, record: Record) -> Differences:
    spec = look.spec(record)
    yield from findings.follows(record, {"seed": spec.seed})
    yield from findings.numbers("samples", record.arrays["samples"], np.array(spec.forget))


def _neighborhood(look: Look, record: Record) -> Differences:
    spec = look.spec(record)
    yield from findings.follows(record, {"seed": spec.seed})


def _dataset(look: Look, record: Record) -> Differences:
    """Stored samples match their fingerprint; the rest is compared with the data, if available."""
    try:
        one = bundled_data.dataset_of(record)
    except DataError as error:
        raise ValueError(str(error)) from error
    if one.spec.name == GIVEN:
        return  # saved from Python: there are no other data to compare with
    try:
        there = datasets.load(replace(one.spec, fingerprint=""), Reporter())
    except (DataError, SpecError) as error:
        raise Unchecked(str(error)) from error
    if there.spec.fingerprint != record.key:
        yield "its settings lead to other data.", 1.0
        return
    expected = bundled_data.record_of(there)
    for name in ("label", "classes", "features", "recommended", "origin"):
        if record.attributes.get(name) != expected.attributes.get(name):
            yield f"its '{name}' differs from that of the data.", 1.0
    yield from findings.arrays(record.arrays, expected.arrays)


def _place(look: Look, record: Record) -> Differences:
    """The data are at the stated location."""
    spec = restored(DataSpec, record.plain("spec"))
    there = replace(spec, root=str(record.attributes["root"]), fingerprint="")
    yield from findings.follows(record, {"seed": spec.seed})
    try:
        found = datasets.load(there, Reporter())
    except (DataError, SpecError) as error:
        raise Unchecked(str(error)) from error
    if found.spec.fingerprint != record.key:
        yield f"{there.root or 'its location'} holds other data than it states.", 1.0


def _origin(look: Look, record: Record) -> Differences:
    """The checkpoint beside it is the imported file."""
    path = look.shelf.path("checkpoints", record.key, ".pt")
    if path.is_file() and digest_of(path.read_bytes()) != record.attributes["digest"]:
        yield f"{findings.short(path)} is not the imported file, or was recomputed here.", 1.0


def measures(look: Look, record: Record) -> Differences:
    """The measures of all models from their stored outputs; Unchecked where that needs training."""
    spec = look.spec(record)
    plan = look.whole.plan(spec)
    look.need(spec, *plan.models)
    for entry, config in measures_of(spec):
        for name in plan.models if entry.facts.get("kept") else ():
            mark = plan.measure(name, entry.name, config)
            if look.peek("measures", mark) is None:
                raise Unchecked(f"the measure {entry.name} of {name} is not in the store")
    now = metrics.table(look.whole.work, plan, look.whole.models(spec), Reporter())
    known = record.plain("metrics")
    if known.keys() != now.keys():
        yield f"it has measures of {', '.join(known)}, not of {', '.join(now)}.", 1.0
    free = {one.name for one in METRICS if one.over_seeds}  # they depend on what else was stored
    for model in known.keys() & now.keys():
        for name in known[model].keys() & now[model].keys() - free:
            value, other = known[model][name], now[model][name]
            close = findings.CLOSE
            same = np.isclose(value, other, rtol=close, atol=close, equal_nan=True)
            if not same and not (name == "seconds" and _made_later(look, spec, record)):
                yield f"{name} of {model} is {other:g}, but {value:g} in the file.", 1.0


def _made_later(look: Look, spec: RunSpec, record: Record) -> bool:
    """Whether a model was recomputed after the study was stored, so that its time differs."""
    found = (look.peek("models", mark) for mark in look.whole.plan(spec).models.values())
    made = [str(one.attributes["created"]) for one in found if one is not None]
    return max(made, default="") > str(record.attributes["created"])


def _group(known: Arrays, name: str) -> dict[str, np.ndarray]:
    start = f"{name}/"
    return {one.removeprefix(start): known[one] for one in known if one.startswith(start)}


def epochs(look: Look, record: Record) -> Differences:
    """The settings of an epochs record, without its observations."""
    spec, facts = look.spec(record), record.attributes
    seen = epoch_recorder.sight(look.whole.work, spec)
    model = str(facts["model"])
    yield from findings.follows(
        record, {"seed": spec.seed, "planned": viewpoint.planned(spec, model)}
    )
    yield from findings.numbers("samples", record.arrays["samples"], np.array(seen.rows))
    yield from findings.numbers("taus", record.arrays["taus"], np.array(seen.probe.taus))
    if stored_epochs.stored_epochs_key(look.whole.plan(spec), model, seen.mark) != record.key:
        yield OTHER_KEY, 1.0


def _measure(look: Look, record: Record) -> Differences:
    spec, facts = look.spec(record), record.attributes
    plan = look.whole.plan(spec)
    yield from findings.follows(record, {"seed": spec.seed})
    for entry, config in measures_of(spec):
        mark = plan.measure(str(facts["model"]), entry.name, config)
        if entry.name == facts["measure"] and mark == record.key:
            return
    yield OTHER_KEY, 1.0


def _similarity(look: Look, record: Record) -> Differences:
    spec, facts = look.spec(record), record.attributes
    yield from findings.follows(record, {"seed": spec.seed})
    one, other = json.loads(facts["models"])
    if similarity.pair_key(look.whole.plan(spec), one, other, str(facts["split"])) != record.key:
        yield OTHER_KEY, 1.0


CHECKS = {
    "studies": _study,
    "models": _model,
    "counts": _counts,
    "recognitions": _recognition,
    "neighborhoods": _neighborhood,
    "slices": _neighborhood,
    "embeddings": _neighborhood,
    "epochs": epochs,
    "measures": _measure,
    "similarities": _similarity,
    bundled_data.KIND: _dataset,
    "places": _place,
    "origins": _origin,
}
