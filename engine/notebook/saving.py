"""A measured result in a store: its samples, and what every model said of them.

The study that results is like any other, but for its models, which are known by their answers
alone: a `ModelSpec` named `GIVEN` and, for each model, a `ForeignSpec` whose digest is that of its
answers. Its data are the samples, stored as from a bundle under their fingerprint. The statistics
are computed by the pipeline, from the stored answers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.datasets.base import Dataset, Origin, Recommended, check, fingerprint
from engine.errors import SpecError, StoreError
from engine.external.weights import check_model_name
from engine.notebook.answers import MODEL, Answers
from engine.notebook.places import store_of
from engine.notebook.torch_settings import restored_torch_settings
from engine.pipeline.bundled_data import record_of
from engine.pipeline.method_epochs import MethodEpochs
from engine.pipeline.models import StudyModels
from engine.pipeline.residual import ResidualMeasurement
from engine.pipeline.run import StudyComputation
from engine.residual.copy_counts import correct_counts
from engine.runtime.progress import Reporter
from engine.spec import GIVEN, DataSpec, ForeignSpec, ModelSpec, RunSpec, TrainSpec, validate
from engine.storage.annotations import Annotations, annotation
from engine.storage.schema import is_name
from engine.storage.store import Store
from engine.study import compose
from engine.study.plan import Plan


def save(
    given: Answers,
    place: Store | Path | str | None,
    name: str,
    classes: Sequence[str],
    label: str,
) -> str:
    """Put a result into a store, see `Measurement.save`. Returns the key of its study."""
    store, called = store_of(place), _model_name(name)
    answers = _renamed(given, called)
    dataset = _dataset(answers, classes, label)
    plan = Plan.of(_spec(dataset, answers, called, name))
    _require_writable(store)
    with restored_torch_settings():
        work = StudyModels(store, answers.device)
        store.adopt(record_of(dataset))
        for model, key in plan.models.items():
            _put_model(work, plan, model, key, answers)
        for source, viewers in plan.groups.items():
            for viewer in viewers:
                _put_counts(work, plan, viewer, source, answers)
        measurement = ResidualMeasurement(work)
        runs = StudyComputation(work, measurement, MethodEpochs(work, measurement))
        runs.run(plan, Reporter())
    annotations = Annotations(store)
    if not annotations.get(plan.key):
        annotations.put(plan.key, annotation(name))
    return plan.key


def _model_name(name: str) -> str:
    """The name of the model within the study: 'my-method' for 'my method'."""
    if not is_name(name, 80) or name != name.strip():
        raise SpecError(f"{name!r} is no name for a model: use one line of up to 80 characters.")
    short = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:40] or "saved"
    check_model_name(short)
    return short


def _require_writable(store: Store) -> None:
    if not store.writable:
        raise StoreError(
            f"{store.refusal} Name another folder, or make this one writable, and save again."
        )


def _renamed(answers: Answers, name: str) -> Answers:
    """The answers, with those of the measured model under this name."""

    def own(key: str) -> str:
        viewer, at, source = key.partition("@")
        return "".join(name if part == MODEL else part for part in (viewer, at, source))

    logits = {own(model): one for model, one in answers.logits.items()}
    predictions = {own(key): one for key, one in answers.predictions.items()}
    return replace(answers, logits=logits, predictions=predictions)


def _dataset(answers: Answers, classes: Sequence[str], label: str) -> Dataset:
    """The samples as a dataset without a test set; SpecError for unusable names."""
    x, y, taus = answers.samples.x, answers.samples.y, answers.probe.taus
    n_classes = next(iter(answers.logits.values())).shape[1]
    names = tuple(map(str, classes)) or tuple(map(str, range(n_classes)))
    if len(names) != n_classes:
        raise SpecError(f"classes has {len(names)} names, but the models know {n_classes} classes.")
    if not is_name(label):
        raise SpecError(f"{label!r} is no name for samples: use one line of up to 255 characters.")
    pictures = np.round(x * 255).astype(np.uint8) if x.ndim == 4 and x.dtype != np.uint8 else x
    forget = f"indices:0-{len(y) - 1}" if len(y) > 1 else "indices:0"
    advice = Recommended(GIVEN, TrainSpec(), forget, taus, compared=())
    nothing = np.empty((0, *pictures.shape[1:]), pictures.dtype)
    data = DataSpec(GIVEN, seed=answers.probe.seed)
    origin = Origin(label, np.array(answers.rows, np.int64))
    return check(Dataset(data, label, names, pictures, y, nothing, y[:0], advice, origin=origin))


def _spec(dataset: Dataset, answers: Answers, model: str, label: str) -> RunSpec:
    retrains = [name for name in answers.logits if name.startswith("retrain-")]
    foreign = tuple(
        ForeignSpec(name, _digest(answers, name), label=label if name == model else "")
        for name in answers.logits
    )
    return validate(
        RunSpec(
            dataset.spec, ModelSpec(GIVEN), TrainSpec(), tuple(range(len(dataset.train_y))), (),
            len(retrains), answers.probe.seed, answers.probe, foreign,
        )
    )  # fmt: skip


def _digest(answers: Answers, name: str) -> str:
    """What identifies a model: a hash of all that it said."""
    own = [key for key in answers.predictions if key.partition("@")[0] == name]
    return fingerprint(answers.logits[name], *(answers.predictions[key] for key in sorted(own)))


def _put_model(work: StudyModels, plan: Plan, name: str, key: str, answers: Answers) -> None:
    """Store a model's outputs on the samples; it has no weights, and nobody knows its losses."""
    logits = answers.logits[name]
    arrays = {
        "history/loss": np.empty(0),
        "outputs/train": logits,
        "outputs/test": np.empty((0, logits.shape[1]), np.float32),
    }
    work.results.put("models", key, arrays, plan.spec, float("nan"), model=name)


def _put_counts(work: StudyModels, plan: Plan, viewer: str, source: str, answers: Answers) -> None:
    """Store a model's predictions on the copies, as a measurement does."""
    predictions = answers.predictions.get(f"{viewer}@{source}", answers.predictions[viewer])
    draws = predictions.shape[2]
    arrays = {
        "predictions": predictions,
        "counts": correct_counts(predictions, answers.samples.y, draws),
        "samples": np.array(plan.spec.forget),
        "taus": np.array(plan.spec.probe.taus),
    }
    facts = {"viewer": viewer, "source": source, "draws": draws}
    key = compose.counts_key(plan.spec, viewer, source)
    work.results.put("counts", key, arrays, plan.spec, float("nan"), **facts)
