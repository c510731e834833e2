"""Watching the methods of a study: what is evaluated, and how the observations are stored.

The copies are those of the final curve: the first `BLOCK` draws of the study's own perturbation.
An attack would have to be recomputed against the model of every epoch, at many times the cost of
the method; a study that measures with an attack is watched under Gaussian noise of the same tau.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch

from engine.analysis.epoch_series import Epochs, EpochView
from engine.errors import SpecError
from engine.perturbations import BLOCK
from engine.pipeline.epoch_probe import ACCURACIES, EpochWatch, Views, WatchProbe
from engine.pipeline.models import StudyModels
from engine.pipeline.records import labels_of
from engine.residual.predictions import correct_counts
from engine.residual.ratio import null_band, resampling_weights
from engine.runtime.progress import Reporter
from engine.spec import RunSpec
from engine.storage.store import Record
from engine.study import viewpoint
from engine.study.costs import sizes_of
from engine.study.plan import Plan
from engine.study.viewpoint import (
    CHECKED,
    drawn_samples,
    planned,
    probe_of,
    references,
    watched_samples,
)
from engine.training.sgd import Resume

__all__ = [
    "Recorder",
    "WatchScene",
    "cost",
    "epochs_of",
    "planned",
    "probe_of",
    "references",
    "scene",
    "sight",
    "stored_epochs",
    "stored_epochs_key",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class WatchScene:
    """What is watched in a study, and an Epochs without views as a template."""

    sight: WatchProbe
    blank: Epochs


def sight(work: StudyModels, spec: RunSpec) -> WatchProbe:
    """What this study's methods are evaluated on; depends only on spec and data."""
    dataset = work.datasets.load(spec.data, Reporter())
    train, test = work.datasets.on_device(dataset)
    forget = np.array(spec.forget)
    retain = dataset.retained(spec.forget)
    rows = watched_samples(spec, len(train))
    parts = {"retain": retain, "forget": forget, "test": np.arange(len(test))}
    checked = {
        name: torch.from_numpy(drawn_samples(pool, CHECKED, spec.seed, name)).to(work.device)
        for name, pool in parts.items()
    }
    return WatchProbe(
        train, test, rows.tolist(), probe_of(spec), **checked, mark=viewpoint.watch_key(spec, rows)
    )


def scene(work: StudyModels, spec: RunSpec, predictions: Mapping[str, np.ndarray]) -> WatchScene:
    """The scene; predictions: of the references, (n_f, T, >= BLOCK), on copies by `probe_of`."""
    probe = sight(work, spec)
    places = np.searchsorted(np.array(spec.forget), probe.rows)
    references_of = {name: predictions[name][places][:, :, :BLOCK] for name in references(spec)}
    labels = work.datasets.load(spec.data, Reporter()).train_y[probe.rows]
    counts = {name: correct_counts(one, labels, BLOCK) for name, one in references_of.items()}
    weights = resampling_weights(len(probe.rows), spec.probe.seed)
    low, high = null_band(counts, references(spec)[1:], weights)
    blank = Epochs(
        model="",
        perturbation=probe.probe.perturbation,
        taus=np.array(probe.probe.taus),
        samples=np.array(probe.rows),
        labels=labels,
        references=references_of,
        null_low=low,
        null_high=high,
        views=(),
    )
    return WatchScene(probe, blank)


def cost(work: StudyModels, spec: RunSpec, name: str) -> float:
    """Upper bound on the sample passes that watching this method takes."""
    return viewpoint.cost(spec, name, sizes_of(work.datasets.load(spec.data, Reporter())))


def stored_epochs(work: StudyModels, plan: Plan, name: str) -> Record:
    """The stored observations of this method; SpecError if it was not watched."""
    probe = sight(work, plan.spec)
    needs = {
        "predictions": (None, len(probe.rows), len(probe.probe.taus), BLOCK),
        "accuracy": (None, len(ACCURACIES)),
    }
    record = work.results.get("epochs", stored_epochs_key(plan, name, probe), plan.spec, needs)
    if record is None:
        raise SpecError(
            f"{labels_of(plan.spec)[name]} was not watched when it was made, so there are no "
            "epochs to replay. Record epochs runs it once more, with the same result, and stores "
            "them."
        )
    return record


class Recorder:
    """Watches one method while it runs, reports each epoch and stores them all."""

    def __init__(
        self, work: StudyModels, plan: Plan, name: str, scene: WatchScene, report: Reporter
    ) -> None:
        self._work, self._plan, self._name, self._report = work, plan, name, report
        self._scene = replace(
            scene, blank=replace(scene.blank, model=name, planned=planned(plan.spec, name))
        )
        self._watch: EpochWatch | None = None

    def on(self, kept: Resume) -> EpochWatch:
        """The watch that evaluates the states passed on to `kept`."""
        original = self._work.loaded(self._plan, "original")
        planned = self._scene.blank.planned
        self._watch = EpochWatch(
            self._scene.sight, original, planned, kept, self._report, self._tell
        )
        return self._watch

    @property
    def began(self) -> bool:
        """Whether watching has begun."""
        return self._watch is not None

    def put(self, training: float, *, exact: bool = True) -> Epochs:
        """Store all observations; training: seconds that the method itself took."""
        assert self._watch is not None
        epochs = replace(
            self._scene.blank,
            views=self._watch.views,
            seconds=self._watch.seconds,
            training=training,
            finished=True,
            exact=exact,
        )
        key = stored_epochs_key(self._plan, self._name, self._scene.sight)
        facts = {"model": self._name, "training": training, "planned": epochs.planned}
        self._work.results.put(
            "epochs", key, _arrays(epochs), self._plan.spec, epochs.seconds, exact=exact, **facts
        )
        self._report.point("epochs", epochs)
        return epochs

    def _tell(self, views: Views) -> None:
        assert self._watch is not None
        seconds = self._watch.seconds
        self._report.point("epochs", replace(self._scene.blank, views=views, seconds=seconds))


def stored_epochs_key(plan: Plan, name: str, probe: WatchProbe) -> str:
    """Key of the observations: the model, and what it was evaluated on."""
    return viewpoint.epochs_key(plan.spec, name, probe.mark, plan.models)


def _arrays(epochs: Epochs) -> dict[str, np.ndarray]:
    accuracy = [[view.accuracy[name] for name in ACCURACIES] for view in epochs.views]
    return {
        "epochs": epochs.epochs,
        "predictions": np.stack([view.predictions for view in epochs.views]),
        "accuracy": np.array(accuracy),
        "samples": epochs.samples,
        "taus": epochs.taus,
    }


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
