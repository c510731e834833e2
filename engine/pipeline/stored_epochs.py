"""The epochs of a study's methods as the store has them: their keys, their records, their costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from engine.analysis.epoch_series import Epochs, EpochView
from engine.errors import SpecError
from engine.perturbations import BLOCK
from engine.pipeline.models import StudyModels
from engine.pipeline.records import labels_of
from engine.residual.copy_counts import correct_counts
from engine.residual.ratio import null_band, resampling_weights
from engine.runtime.progress import Reporter
from engine.spec import RunSpec
from engine.storage.store import Record
from engine.study import viewpoint
from engine.study.costs import sizes_of
from engine.study.plan import Plan
from engine.study.viewpoint import ACCURACIES, probe_of, references, watched_samples


def watched_rows(work: StudyModels, spec: RunSpec) -> np.ndarray:
    """The forget samples whose copies this study's methods are evaluated on."""
    return watched_samples(spec, len(work.datasets.load(spec.data, Reporter()).train_y))


def blank_epochs(work: StudyModels, spec: RunSpec, predictions: Mapping[str, np.ndarray]) -> Epochs:
    """An Epochs without views, as a template.

    predictions: of the references, (n_f, T, >= BLOCK), on copies by `probe_of`.
    """
    rows, probe = watched_rows(work, spec), probe_of(spec)
    places = np.searchsorted(np.array(spec.forget), rows)
    references_of = {name: predictions[name][places][:, :, :BLOCK] for name in references(spec)}
    labels = work.datasets.load(spec.data, Reporter()).train_y[rows]
    counts = {name: correct_counts(one, labels, BLOCK) for name, one in references_of.items()}
    weights = resampling_weights(len(rows), spec.probe.seed)
    low, high = null_band(counts, references(spec)[1:], weights)
    return Epochs(
        model="",
        perturbation=probe.perturbation,
        taus=np.array(probe.taus),
        samples=rows,
        labels=labels,
        references=references_of,
        null_low=low,
        null_high=high,
        views=(),
    )


def cost(work: StudyModels, spec: RunSpec, name: str) -> float:
    """Upper bound on the sample passes that watching this method takes."""
    return viewpoint.cost(spec, name, sizes_of(work.datasets.load(spec.data, Reporter())))


def stored_epochs(work: StudyModels, plan: Plan, name: str) -> Record:
    """The stored observations of this method; SpecError if it was not watched."""
    spec, rows, probe = plan.spec, watched_rows(work, plan.spec), probe_of(plan.spec)
    needs = {
        "predictions": (None, len(rows), len(probe.taus), BLOCK),
        "accuracy": (None, len(ACCURACIES)),
    }
    record = work.results.get(
        "epochs", stored_epochs_key(plan, name, viewpoint.watch_key(spec, rows)), spec, needs
    )
    if record is None:
        raise SpecError(
            f"{labels_of(plan.spec)[name]} was not watched when it was made, so there are no "
            "epochs to replay. Record epochs runs it once more, with the same result, and stores "
            "them."
        )
    return record


def stored_epochs_key(plan: Plan, name: str, mark: str) -> str:
    """Key of the observations of a model; mark: what it was evaluated on (`watch_key`)."""
    return viewpoint.epochs_key(plan.spec, name, mark, plan.models)


def epochs_of(record: Record, blank: Epochs) -> Epochs:
    """The Epochs of a watched method, from its record and the template of its scene."""
    arrays, facts = record.arrays, record.attributes
    rows = zip(arrays["epochs"], arrays["predictions"], arrays["accuracy"], strict=True)
    views = tuple(
        EpochView(int(epoch), predictions, dict(zip(ACCURACIES, map(float, shares), strict=True)))
        for epoch, predictions, shares in rows
    )
    return replace(
        blank,
        model=str(facts["model"]),
        views=views,
        planned=int(facts["planned"]),
        seconds=float(facts["seconds"]),
        training=float(facts["training"]),
        finished=True,
        exact=bool(facts["exact"]),
    )
