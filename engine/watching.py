"""Watching the methods of a study: what is looked at, and where what was seen is kept.

Copies are those of the final curve: the first `BLOCK` draws of the study's own perturbation. An
attack would have to be made anew against every epoch's model, which costs many times the method;
where a study measures with one, Gaussian noise of the same tau is watched instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch

from engine import study
from engine.archive import labels_of
from engine.epochs import Epochs, EpochView
from engine.errors import SpecError
from engine.labels import perturbation_named
from engine.perturb import BLOCK
from engine.ratios import null_band, resampling_weights
from engine.report import Reporter
from engine.residual import correct
from engine.runtime import numpy_generator
from engine.spec import ProbeSpec, RunSpec, key
from engine.store import Record
from engine.train import PASSES_PER_STEP, Resume
from engine.watch import ACCURACIES, Sight, Views, Watch, looks
from engine.workshop import Workshop

MOST_SAMPLES = 500  # forget samples that are watched
FEW_PASSES = 10_000  # sample passes that one look may take in any case ...
SHARE_OF_EPOCH = 0.25  # ... or else this share of one epoch over the training set
CHECKED = 1000  # samples that each accuracy is taken from


@dataclass(frozen=True, eq=False)
class Scene:
    """What is watched in a study, and an Epochs without views to fill in."""

    sight: Sight
    blank: Epochs


def probe_of(spec: RunSpec) -> ProbeSpec:
    """How the watched copies are made."""
    attack = perturbation_named(spec.probe.perturbation).attack
    name = "gaussian" if attack else spec.probe.perturbation
    return replace(spec.probe.everywhere, perturbation=name, draws=BLOCK)


def references(spec: RunSpec) -> list[str]:
    """Names of the models that a method is seen beside."""
    return ["original", *(f"retrain-{j}" for j in range(spec.retrains))]


def sight(work: Workshop, spec: RunSpec) -> Sight:
    """What every look at this study's methods looks at; it depends on spec and data alone."""
    dataset = work.dataset(spec.data, Reporter())
    train, test = work.on_device(dataset)
    probe, forget = probe_of(spec), np.array(spec.forget)
    retain = dataset.retained(spec.forget)
    rows = _some(forget, _affordable(probe, len(train)), spec.seed, "copies")
    parts = {"retain": retain, "forget": forget, "test": np.arange(len(test))}
    chosen = {
        name: torch.from_numpy(_some(pool, CHECKED, spec.seed, name)).to(work.device)
        for name, pool in parts.items()
    }
    mark = key("sight", spec.data, probe, BLOCK, rows.tolist(), spec.forget, spec.seed, CHECKED)
    return Sight(train, test, rows.tolist(), probe, **chosen, mark=mark)


def scene(work: Workshop, spec: RunSpec, said: Mapping[str, np.ndarray]) -> Scene:
    """said: the references' predictions (n_f, T, >= BLOCK) of copies made as `probe_of` says."""
    seen = sight(work, spec)
    places = np.searchsorted(np.array(spec.forget), seen.rows)
    found = {name: said[name][places][:, :, :BLOCK] for name in references(spec)}
    labels = work.dataset(spec.data, Reporter()).train_y[seen.rows]
    counts = {name: correct(one, labels, BLOCK) for name, one in found.items()}
    weights = resampling_weights(len(seen.rows), spec.probe.seed)
    low, high = null_band(counts, references(spec)[1:], weights)
    blank = Epochs(
        model="",
        perturbation=seen.probe.perturbation,
        taus=np.array(seen.probe.taus),
        samples=np.array(seen.rows),
        labels=labels,
        references=found,
        null_low=low,
        null_high=high,
        views=(),
    )
    return Scene(seen, blank)


def cost(work: Workshop, spec: RunSpec, name: str) -> float:
    """Sample passes that watching this method takes at most."""
    return looks(planned(spec, name)) * sight(work, spec).cost()


def cost_of_references(spec: RunSpec) -> float:
    """Sample passes that measuring the study does not take anyway: those under an attack."""
    if probe_of(spec).perturbation == spec.probe.perturbation:
        return 0.0
    copies = sum(1 if tau == 0 else BLOCK for tau in spec.probe.taus)
    return float(len(references(spec)) * len(spec.forget) * copies)


def recorded(work: Workshop, spec: RunSpec, name: str) -> Record:
    """What was kept of this method when it was watched; SpecError if it was not."""
    seen = sight(work, spec)
    needs = {
        "predictions": (None, len(seen.rows), len(seen.probe.taus), BLOCK),
        "accuracy": (None, len(ACCURACIES)),
    }
    record = work.stored("epochs", mark_of(spec, name, seen), spec, needs)
    if record is None:
        raise SpecError(
            f"{labels_of(spec)[name]} was not watched when it was made, so there are no epochs to "
            "replay. Watch again runs it once more and keeps them."
        )
    return record


class Recorder:
    """Watches one method of a study being made, tells of each epoch and keeps them all."""

    def __init__(
        self, work: Workshop, spec: RunSpec, name: str, seen: Scene, report: Reporter
    ) -> None:
        self._work, self._spec, self._name, self._report = work, spec, name, report
        self._scene = replace(
            seen, blank=replace(seen.blank, model=name, planned=planned(spec, name))
        )
        self._watch: Watch | None = None

    def on(self, kept: Resume) -> Watch:
        """The watch that looks at what goes to `kept`."""
        original = self._work.loaded(self._spec, "original")
        planned = self._scene.blank.planned
        self._watch = Watch(self._scene.sight, original, planned, kept, self._report, self._tell)
        return self._watch

    @property
    def began(self) -> bool:
        """Whether there is anything that was watched."""
        return self._watch is not None

    def put(self, training: float, *, exact: bool = True) -> Epochs:
        """Keep all that was seen; training: seconds that the method itself took."""
        assert self._watch is not None
        found = replace(
            self._scene.blank,
            views=self._watch.views,
            seconds=self._watch.seconds,
            training=training,
            finished=True,
            exact=exact,
        )
        mark = mark_of(self._spec, self._name, self._scene.sight)
        facts = {"model": self._name, "training": training, "planned": found.planned}
        self._work.put(
            "epochs", mark, _arrays(found), self._spec, found.seconds, exact=exact, **facts
        )
        self._report.point("epochs", found)
        return found

    def _tell(self, views: Views) -> None:
        assert self._watch is not None
        seconds = self._watch.seconds
        self._report.point("epochs", replace(self._scene.blank, views=views, seconds=seconds))


def _affordable(probe: ProbeSpec, n_train: int) -> int:
    """How many forget samples one look can afford to perturb."""
    passes = max(FEW_PASSES, SHARE_OF_EPOCH * PASSES_PER_STEP * n_train)
    return max(1, min(MOST_SAMPLES, int(passes) // (BLOCK * len(probe.taus))))


def _some(pool: np.ndarray, most: int, seed: int, salt: str) -> np.ndarray:
    """At most `most` of these indices, drawn from the seed, in order."""
    if len(pool) <= most:
        return pool
    return np.sort(numpy_generator(seed, "watch", salt).choice(pool, most, replace=False))


def planned(spec: RunSpec, name: str) -> int:
    """The epochs that the method is set to; 0 where it has no such setting."""
    config = next(one.config for one in spec.methods if one.name == name)
    epochs = getattr(config, "epochs", 0)
    return epochs if isinstance(epochs, int) else 0


def mark_of(spec: RunSpec, name: str, seen: Sight) -> str:
    """Key of what was seen: the model, and all that was looked at."""
    return key("epochs", study.model_keys(spec)[name], seen.mark)


def _arrays(found: Epochs) -> dict[str, np.ndarray]:
    accuracy = [[view.accuracy[name] for name in ACCURACIES] for view in found.views]
    return {
        "epochs": found.epochs,
        "predictions": np.stack([view.predictions for view in found.views]),
        "accuracy": np.array(accuracy),
        "samples": found.samples,
        "taus": found.taus,
    }


def epochs_of(record: Record, blank: Epochs) -> Epochs:
    """The record of a method that was watched, filled into its scene."""
    arrays, facts = record.arrays, record.attributes
    rows = zip(arrays["epochs"], arrays["predictions"], arrays["accuracy"], strict=True)
    views = tuple(
        EpochView(int(epoch), said, dict(zip(ACCURACIES, map(float, shares), strict=True)))
        for epoch, said, shares in rows
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
