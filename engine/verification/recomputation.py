"""Predictions of models computed again: a sample of the rows of large files, all of small ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from engine.embedding import outputs, points
from engine.errors import SpecError
from engine.models.base import Classifier
from engine.perturbations import BLOCK, is_attack, named
from engine.pipeline import metrics, stored_epochs
from engine.pipeline.embedding import embedding_key
from engine.pipeline.records import audit_of
from engine.residual.chosen_copies import CopyEvaluator, no_predictions
from engine.residual.copy_counts import HALVINGS
from engine.residual.predictions import predict_copies
from engine.residual.smallest_tau import smallest_taus
from engine.results import DIRECTIONS
from engine.runtime.device_samples import Samples
from engine.runtime.progress import Reporter
from engine.spec import ASKED, OWN, RunSpec, key, validate
from engine.storage.store import Record
from engine.study import compose
from engine.study.keys import judged_models
from engine.training import checkpoints
from engine.verification import derivation, findings
from engine.verification.findings import OTHER_KEY, OUTPUT, Difference, Lengthy, Unchecked
from engine.verification.inspection import DEAR, Look

Differences = Iterator[Difference]
AT_ONCE = 250  # samples of a forward pass
VARYING = frozenset((
    "complete", "content", "created", "device", "imported", "seconds", "spec", "threads",
    "training", "versions",
))  # fmt: skip


def check(look: Look, record: Record, chosen: bool) -> Differences:
    """Where the record differs from a recomputed one; chosen: whether that may take long.

    Unchecked where it cannot be computed here, or would take too long.
    """
    yield from CHECKS[record.kind](look, record, chosen)


def _counts(look: Look, record: Record, chosen: bool) -> Differences:
    """One model's predictions on some forget samples."""
    spec, facts = look.spec(record), record.attributes
    viewer, source = str(facts["viewer"]), str(facts["source"])
    look.need(spec, viewer, *filter(None, [source]))
    known = record.arrays["predictions"]
    rows = findings.some(len(known), look.sample, look.seed)
    data = look.whole.dataset(spec.data, Reporter())
    samples, _ = look.whole.work.datasets.on_device(data)
    if named(spec.probe.perturbation).starts and spec.probe.start != OWN:
        if known.size * samples.x[0].numel() > look.limit and not chosen:
            raise Unchecked("an attack with a random start cannot be repeated for a few samples")
        rows = list(range(len(known)))
    at = torch.tensor(spec.forget, device=look.whole.work.device)[rows]
    plan = look.whole.plan(spec)
    models = {viewer: look.whole.work.loaded(plan, viewer)}
    if spec.probe.adaptive:
        yield from _cells(record, spec, models, samples.pixels(at), samples.y[at], rows)
        return
    audit = audit_of(record)
    asked = audit is not None and audit.repeated
    predictions = predict_copies(
        models, samples.pixels(at), samples.y[at], at.tolist(),
        replace(spec.probe, between=ASKED) if asked else spec.probe,
        range(known.shape[2] // BLOCK), samples.n_classes, Reporter(),
        look.whole.work.loaded(plan, source) if source else None, data.messages,
    )  # fmt: skip
    yield from findings.answers(viewer, known[rows], predictions[viewer])


def _cells(
    record: Record, spec: RunSpec, models: Any, x: torch.Tensor, y: torch.Tensor, rows: list[int]
) -> Differences:
    """The same for adaptive draws, where cells differ in their number of draws."""
    (viewer,), known = models, {name: record.arrays[name][rows] for name in CELLS}
    n, taus, draws = known["predictions"].shape
    classes = 255 if known["predictions"].dtype == np.uint8 else 65535
    nothing = {viewer: no_predictions(n, taus, draws, classes)}
    forget = [spec.forget[row] for row in rows]
    cells = CopyEvaluator(models, x, y, forget, spec.probe, nothing, Reporter())
    cells.ask(known["drawn"])
    now = cells.said[viewer]
    asked = np.arange(draws) < known["drawn"][:, :, None]
    yield from findings.answers(
        viewer, np.where(asked, known["predictions"], 0), np.where(asked, now.classes, 0)
    )
    yield from findings.numbers(
        "margins", np.where(asked, known["margins"], 0), np.where(asked, now.margins, 0), 1e-2
    )


CELLS = ("predictions", "margins", "drawn")


def _model(look: Look, record: Record, chosen: bool) -> Differences:
    """A model's outputs on some samples, or on all where that is quick."""
    spec, name = look.spec(record), str(record.attributes["model"])
    look.need(spec, name)
    model = look.whole.work.loaded(look.whole.plan(spec), name)
    parts = look.whole.work.datasets.on_device(look.whole.dataset(spec.data, Reporter()))
    for part, samples in zip(("train", "test"), parts, strict=True):
        known = record.arrays[f"outputs/{part}"]
        few = look.sample if len(samples) * samples.x[0].numel() > look.limit else len(samples)
        rows = findings.some(len(samples), few, look.seed, part)
        if len(known) != len(samples):
            yield f"it has outputs on {len(known)} samples, not on {len(samples)}.", 1.0
        elif rows:
            now = _outputs(model, samples, torch.tensor(rows, device=samples.device))
            yield from findings.numbers(f"outputs/{part}", known[rows], now, OUTPUT)


@torch.inference_mode()
def _outputs(model: Classifier, samples: Samples, rows: torch.Tensor) -> np.ndarray:
    """(m, K) float32 of the samples at `rows` (m,)."""
    parts = [model(samples.pixels(part)).cpu() for part in rows.split(AT_ONCE)]
    found: np.ndarray = torch.cat(parts).numpy()
    return found


def _recognition(look: Look, record: Record, chosen: bool) -> Differences:
    spec, facts = look.spec(record), record.attributes
    model = str(facts["model"])
    look.need(spec, model)
    probe = _recognizing(look, record, spec, model)
    data = look.whole.dataset(spec.data, Reporter())
    samples, _ = look.whole.work.datasets.on_device(data)
    rows = findings.some(len(spec.forget), look.sample, look.seed)
    tries = probe.draws * (len(probe.taus) + HALVINGS)
    if len(rows) * tries * samples.x[0].numel() > look.limit and not chosen:
        rows = rows[: max(1, int(look.limit / (tries * samples.x[0].numel())))]
    at = torch.tensor(spec.forget, device=look.whole.work.device)[rows]
    source = look.whole.work.loaded(look.whole.plan(spec), model)
    now = smallest_taus(
        source, samples.pixels(at), samples.y[at], at.tolist(), probe,
        samples.n_classes, Reporter(), data.messages,
    )  # fmt: skip
    yield from findings.numbers("taus", record.arrays["taus"][rows], now, OUTPUT)


def _recognizing(look: Look, record: Record, spec: RunSpec, model: str) -> Any:
    """The probe that the record's key was computed from."""
    facts = record.attributes
    if "draws" not in facts:
        raise Unchecked("it comes from an earlier version that did not store its settings")
    name = named(str(facts["perturbation"])).name
    probe = validate(
        replace(spec.probe.everywhere, perturbation=name, target="true", draws=int(facts["draws"]))
    )
    own = look.whole.plan(spec).models[model]
    if key("recognition", own, probe, probe.draws, spec.forget) != record.key:
        raise ValueError(OTHER_KEY.rstrip("."))
    return probe


# -- recomputed entirely, in a scratch store --------------------------------------------------


def _whole(
    make: Callable[[Look, Record, RunSpec], object], cost: Callable[[Look, Record], float]
) -> Callable[[Look, Record, bool], Differences]:
    """A check that recomputes the record; cost: input values that takes, infinite for training."""

    def compare(look: Look, record: Record, chosen: bool) -> Differences:
        spec = look.spec(record)
        look.need(spec, *_models_of(look, record, spec))
        data = look.whole.dataset(spec.data, Reporter())
        if cost(look, record) * data.train_x[0].size > look.limit and not chosen:
            raise Lengthy
        make(look, record, spec)
        now = look.again.store.get(record.kind, record.key)
        if now is None:
            yield OTHER_KEY, 1.0
            return
        yield from findings.arrays(record.arrays, now.arrays, OUTPUT)
        same = {n: v for n, v in now.attributes.items() if n not in VARYING}
        yield from findings.follows(record, same)

    return compare


def _models_of(look: Look, record: Record, spec: RunSpec) -> list[str]:
    names = list(look.whole.plan(spec).models)
    if record.kind == "embeddings":
        return [name for name in names if f"xy/{name}" in record.arrays]
    if record.kind == "measures":
        return list({*judged_models(spec)[:1], str(record.attributes["model"])})
    return names


def _see_neighborhood(look: Look, record: Record, spec: RunSpec) -> None:
    facts = record.attributes
    if "tau" not in facts:
        raise Unchecked("it comes from an earlier version that did not store its settings")
    look.again.neighborhood(
        spec, int(facts["sample"]), str(facts["perturbation"]), float(facts["tau"]), Reporter()
    )


def _see_slice(look: Look, record: Record, spec: RunSpec) -> None:
    facts = record.attributes
    directions = str(facts["directions"])
    if directions not in DIRECTIONS:
        raise SpecError(f"its directions '{directions[:40]}' are unknown")
    look.again.slice(
        spec, int(facts["sample"]), directions, float(facts["tau"]),
        len(record.arrays["steps"]), Reporter(), perturbation=str(facts["perturbation"]),
        towards=int(facts["other"]) if directions == "chosen" else -1,
    )  # fmt: skip


def _see_epochs(look: Look, record: Record, spec: RunSpec) -> None:
    look.again.watch_again(spec, str(record.attributes["model"]), Reporter())


def _see_similarity(look: Look, record: Record, spec: RunSpec) -> None:
    one, other = record.plain("models")
    look.again.similarity(spec, one, other, Reporter())


def _see_measure(look: Look, record: Record, spec: RunSpec) -> None:
    plan, models = look.again.plan(spec), look.again.models(spec)
    metrics.take_stored_measures(
        look.again.work, plan, models, str(record.attributes["model"]), Reporter()
    )


def _embedding(look: Look, record: Record, chosen: bool) -> Differences:
    """Samples and features of an embedding; the layout too, if chosen."""
    spec = look.spec(record)
    names = _models_of(look, record, spec)
    source = spec.aim if is_attack(spec.probe) else ""
    look.need(spec, *names, *filter(None, [source]))
    if chosen:
        yield from _LAYOUT(look, record, True)
        return
    plan = look.whole.plan(spec)
    if embedding_key(plan, names) != record.key:
        yield OTHER_KEY, 1.0
    work, data = look.whole.work, look.whole.dataset(spec.data, Reporter())
    who = points.select_points(spec, data)
    if len(who.sample) * len(names) * data.train_x[0].size > look.limit:
        raise Lengthy
    against = work.loaded(plan, source) if source else None
    x = outputs.pixels(
        who, work.datasets.on_device(data), spec.probe, against, Reporter(), data.messages
    )
    views = {
        n: outputs.point_outputs(work.loaded(plan, n), x, who.label, Reporter()) for n in names
    }
    now = points.packed_arrays(who, views, [record.arrays[f"xy/{n}"] for n in names])
    yield from findings.arrays(record.arrays, now, OUTPUT)
    raise Lengthy


def _study(look: Look, record: Record, chosen: bool) -> Differences:
    yield from derivation.measures(look, record)


def pretrained(look: Look, mark: str, facts: Any) -> Differences:
    """A pre-trained network, trained again; Unchecked where no study has its settings."""
    for spec in look.specs():
        past = spec.pretrain
        if past is not None and compose.pretrained_key(spec.model, past) == mark:
            look.rehearsal.hidden.add(mark)
            now = look.again.work.pretraining.network(spec.model, past, Reporter())
            if checkpoints.digest(now.state_dict()) != facts["weights"]:
                certain = float(findings.alike(facts, look.device))
                yield "its weights differ when trained again.", certain
            return
    raise Unchecked("no study in the store has the settings of its network")


def _points(look: Look, record: Record) -> float:
    models = len(look.whole.plan(look.spec(record)).models)
    if record.kind == "slices":
        return float(models * len(record.arrays["steps"]) ** 2)
    return float(models * look.spec(record).probe.draws)


def _endless(look: Look, record: Record) -> float:
    return float("inf")


def _training(look: Look, record: Record) -> float:
    """Cost of a method and its probes, or of a measure: infinite below `DEAR` rows."""
    spec, model = look.spec(record), str(record.attributes["model"])
    if look.sample < DEAR:
        return float("inf")
    if record.kind == "measures":
        return metrics.cost(look.whole.work, spec) / len(look.whole.plan(spec).models)
    work = look.whole.work
    return work.maker.cost(spec, model) + stored_epochs.cost(work, spec, model)


_LAYOUT = _whole(
    lambda look, record, spec: look.again.embed(spec, _models_of(look, record, spec), Reporter()),
    _endless,
)
CHECKS: dict[str, Callable[[Look, Record, bool], Differences]] = {
    "studies": _study,
    "models": _model,
    "counts": _counts,
    "recognitions": _recognition,
    "neighborhoods": _whole(_see_neighborhood, _points),
    "slices": _whole(_see_slice, _points),
    "embeddings": _embedding,
    "epochs": _whole(_see_epochs, _training),
    "measures": _whole(_see_measure, _training),
    "similarities": _whole(_see_similarity, lambda look, record: 1024.0),
}
