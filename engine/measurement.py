"""Residual knowledge of a study: which models are asked about which copies, and what is stored.

Predictions lie in the store model by model and grow by blocks of draws, so that another model or
more draws cost only what is new.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from engine import sampled, study
from engine.perturb import BLOCK
from engine.report import Reporter
from engine.residual import blocks_of, copies, correct, is_attack, summarize, verdicts
from engine.results import Residual
from engine.spec import RunSpec
from engine.workshop import Workshop

FIRST_DRAWS = 10  # a first curve at once ...
REFINE_BY = 30  # ... then refined in steps of this many draws


class Measurement:
    """Measures residual knowledge of the models of a study."""

    def __init__(self, work: Workshop) -> None:
        self._work = work

    def residual(self, spec: RunSpec, report: Reporter) -> Residual:
        """Residual knowledge of all models, reported from the first ten draws on."""
        if spec.probe.adaptive:
            return sampled.measure(self._work, spec, report)
        report.stage("residual knowledge")
        *early, last = _stages(spec.probe.draws)
        for draws in early:
            report.point("residual", self._curves(spec, draws, report))
        return self._curves(spec, last, report)

    def predictions(
        self, spec: RunSpec, source: str, viewers: Sequence[str], draws: int, report: Reporter
    ) -> dict[str, np.ndarray]:
        """(n_f, T, >= draws) predictions by name ('viewer@source' where the two differ).

        source: the model that copies are made against, '' for random ones; viewers: the models
        that are asked about them. Raises Cancelled.
        """
        keys = {viewer: study.counts_key(spec, viewer, source) for viewer in viewers}
        known, need = self._stored(spec, keys), blocks_of(draws)
        short = [keys[viewer] for viewer, stored in known.items() if _blocks(stored) < need]
        if short:
            shelf = self._work.results.shelf(spec)
            with shelf.making("counts", short, "residual knowledge", report):
                known = self._stored(spec, keys)  # another may just have asked
                for done in sorted({_blocks(one) for one in known.values()} & {*range(need)}):
                    late = [viewer for viewer, one in known.items() if _blocks(one) == done]
                    more = self._ask(spec, source, late, range(done, need), report)
                    for viewer, (answers, seconds) in more.items():
                        known[viewer] = whole = _joined(known[viewer], answers)
                        self._put(spec, keys[viewer], viewer, source, whole, seconds)
        return {_label(viewer, source): one for viewer, one in known.items() if one is not None}

    def cost(self, spec: RunSpec) -> float:
        """Copies that are asked about, over all models, were nothing of it stored."""
        each = copies(spec.probe, len(spec.forget))
        return float(sum(len(viewers) * each for viewers in groups(spec).values()))

    def _curves(self, spec: RunSpec, draws: int, report: Reporter) -> Residual:
        """Residual knowledge from so many draws."""
        y = self._work.datasets.load(spec.data, report).train_y[list(spec.forget)]
        predictions: dict[str, np.ndarray] = {}
        for source, viewers in groups(spec).items():
            predictions |= self.predictions(spec, source, viewers, draws, report)
        return summarize(
            spec.probe,
            draws,
            np.array(spec.forget),
            y,
            predictions,
            ["original", *spec.unlearned],
            [f"retrain-{j}" for j in range(spec.retrains)],
        )

    def _stored(self, spec: RunSpec, keys: Mapping[str, str]) -> dict[str, np.ndarray | None]:
        """viewer -> the predictions that are in the store under its key."""
        needs = {"predictions": (len(spec.forget), len(spec.probe.taus), None)}
        records = {
            viewer: self._work.results.get("counts", key, spec, needs)
            for viewer, key in keys.items()
        }
        return {
            viewer: None if record is None else record.arrays["predictions"]
            for viewer, record in records.items()
        }

    def _ask(
        self, spec: RunSpec, source: str, viewers: Sequence[str], blocks: range, report: Reporter
    ) -> dict[str, tuple[np.ndarray, float]]:
        """viewer -> (n_f, T, draws) predictions on these blocks of draws, and the seconds."""
        dataset = self._work.datasets.load(spec.data, report)
        samples, _ = self._work.datasets.on_device(dataset)
        rows = torch.tensor(spec.forget, device=self._work.device)
        started = time.monotonic()
        answers = verdicts(
            {viewer: self._work.loaded(spec, viewer) for viewer in viewers},
            samples.pixels(rows),
            samples.y[rows],
            spec.forget,
            spec.probe,
            blocks,
            samples.n_classes,
            report,
            self._work.loaded(spec, source) if source else None,
        )
        seconds = (time.monotonic() - started) / len(viewers)
        return {viewer: (one, seconds) for viewer, one in answers.items()}

    def _put(
        self,
        spec: RunSpec,
        key: str,
        viewer: str,
        source: str,
        predictions: np.ndarray,
        seconds: float,
    ) -> None:
        dataset, draws = self._work.datasets.load(spec.data, Reporter()), predictions.shape[2]
        arrays = {
            "predictions": predictions,
            "counts": correct(predictions, dataset.train_y[list(spec.forget)], draws),
            "samples": np.array(spec.forget),
            "taus": np.array(spec.probe.taus),
        }
        facts = {"viewer": viewer, "source": source, "draws": draws}
        self._work.results.put("counts", key, arrays, spec, seconds, **facts)


def groups(spec: RunSpec) -> dict[str, list[str]]:
    """source -> viewers of its copies: one group for random draws, one per attacked model else."""
    names = list(study.model_keys(spec))
    if not is_attack(spec.probe):
        return {"": names}
    retrains = [name for name in names if name.startswith("retrain-")]
    return {name: list(dict.fromkeys([name, *retrains])) for name in names}


def _stages(draws: int) -> list[int]:
    """The numbers of draws after which there is a curve; the last is all of them."""
    return list(dict.fromkeys([*range(min(FIRST_DRAWS, draws), draws, REFINE_BY), draws]))


def _label(viewer: str, source: str) -> str:
    return viewer if source in ("", viewer) else f"{viewer}@{source}"


def _joined(before: np.ndarray | None, more: np.ndarray) -> np.ndarray:
    return more if before is None else np.concatenate([before, more], axis=2)


def _blocks(predictions: np.ndarray | None) -> int:
    return 0 if predictions is None else predictions.shape[2] // BLOCK
