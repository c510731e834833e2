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

from engine.analysis.epoch_series import Epochs
from engine.pipeline.epoch_probe import EpochWatch, Views, WatchProbe
from engine.pipeline.models import StudyModels
from engine.pipeline.stored_epochs import blank_epochs, stored_epochs_key
from engine.runtime.progress import Reporter
from engine.spec import RunSpec
from engine.study import viewpoint
from engine.study.plan import Plan
from engine.study.viewpoint import (
    ACCURACIES,
    CHECKED,
    drawn_samples,
    planned,
    probe_of,
    watched_samples,
)
from engine.training.sgd import Resume


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
        train, test, rows.tolist(), probe_of(spec), **checked,
        mark=viewpoint.watch_key(spec, rows), messages=dataset.messages,
    )  # fmt: skip


def scene(work: StudyModels, spec: RunSpec, predictions: Mapping[str, np.ndarray]) -> WatchScene:
    """The scene; predictions: as for `blank_epochs`."""
    return WatchScene(sight(work, spec), blank_epochs(work, spec, predictions))


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
        key = stored_epochs_key(self._plan, self._name, self._scene.sight.mark)
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


def _arrays(epochs: Epochs) -> dict[str, np.ndarray]:
    accuracy = [[view.accuracy[name] for name in ACCURACIES] for view in epochs.views]
    return {
        "epochs": epochs.epochs,
        "predictions": np.stack([view.predictions for view in epochs.views]),
        "accuracy": np.array(accuracy),
        "samples": epochs.samples,
        "taus": epochs.taus,
    }
