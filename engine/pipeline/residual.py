"""Residual knowledge of a study: which models classify which copies, and what is stored.

Predictions are stored per model and extended by blocks of draws, so that another model or more
draws cost only the new part.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np

from engine.perturbations import BLOCK
from engine.pipeline.models import StudyModels
from engine.residual.copy_counts import blocks_of, correct_counts
from engine.residual.summary import summarize
from engine.results import Residual
from engine.runtime.progress import Reporter
from engine.spec import RunSpec
from engine.study.keys import judged_models
from engine.study.plan import Plan

FIRST_DRAWS = 10  # a first curve at once ...
REFINE_BY = 30  # ... then refined in steps of this many draws


class ResidualMeasurement:
    """Measures residual knowledge of the models of a study."""

    def __init__(self, work: StudyModels) -> None:
        self._work = work

    def residual(self, plan: Plan, report: Reporter) -> Residual:
        """Residual knowledge of all models, reported from the first ten draws on."""
        if plan.spec.probe.adaptive:
            from engine.pipeline import adaptive

            return adaptive.measure(self._work, plan, report)
        report.stage("residual knowledge")
        *previews, last = _stages(plan.spec.probe.draws)
        for draws in previews:
            report.point("residual", self._curves(plan, draws, report))
        return self._curves(plan, last, report)

    def predictions(
        self, plan: Plan, source: str, viewers: Sequence[str], draws: int, report: Reporter
    ) -> dict[str, np.ndarray]:
        """(n_f, T, >= draws) predictions by name ('viewer@source' where the two differ).

        source: the model that adversarial copies are computed against, '' for random copies;
        viewers: the models that classify them. Raises Cancelled.
        """
        keys = {viewer: plan.counts(viewer, source) for viewer in viewers}
        stored_predictions, need = self._stored(plan.spec, keys), blocks_of(draws)
        missing = [
            keys[viewer] for viewer, stored in stored_predictions.items() if _blocks(stored) < need
        ]
        if missing:
            shelf = self._work.results.shelf(plan.spec)
            with shelf.making("counts", missing, "residual knowledge", report):
                stored_predictions = self._stored(
                    plan.spec, keys
                )  # another process may just have stored them
                stored_predictions |= self._grown(plan, source, stored_predictions, need, report)
        return {
            answer_name(viewer, source): one
            for viewer, one in stored_predictions.items()
            if one is not None
        }

    def _grown(
        self,
        plan: Plan,
        source: str,
        stored: Mapping[str, np.ndarray | None],
        need: int,
        report: Reporter,
    ) -> dict[str, np.ndarray]:
        """viewer -> predictions of `need` blocks, computed and stored for all that have fewer."""
        grown = {}
        for n_blocks in sorted({_blocks(one) for one in stored.values()} & {*range(need)}):
            viewers = [viewer for viewer, one in stored.items() if _blocks(one) == n_blocks]
            more = self._ask(plan, source, viewers, range(n_blocks, need), report)
            for viewer, (answers, seconds) in more.items():
                grown[viewer] = _joined(stored[viewer], answers)
                self._put(plan, viewer, source, grown[viewer], seconds)
        return grown

    def _curves(self, plan: Plan, draws: int, report: Reporter) -> Residual:
        """Residual knowledge from this number of draws."""
        spec = plan.spec
        y = self._work.datasets.load(spec.data, report).train_y[list(spec.forget)]
        predictions: dict[str, np.ndarray] = {}
        for source, viewers in plan.groups.items():
            predictions |= self.predictions(plan, source, viewers, draws, report)
        return summarize(
            spec.probe,
            draws,
            np.array(spec.forget),
            y,
            predictions,
            judged_models(spec),
            [f"retrain-{j}" for j in range(spec.retrains)],
            anytime=draws < spec.probe.draws,
        )

    def _stored(self, spec: RunSpec, keys: Mapping[str, str]) -> dict[str, np.ndarray | None]:
        """viewer -> its stored predictions, None if there are none."""
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
        self, plan: Plan, source: str, viewers: Sequence[str], blocks: range, report: Reporter
    ) -> dict[str, tuple[np.ndarray, float]]:
        """viewer -> (n_f, T, draws) predictions on these blocks of draws, and the seconds taken."""
        spec, device = plan.spec, self._work.device
        import torch

        from engine.residual.predictions import predict_copies

        dataset = self._work.datasets.load(spec.data, report)
        samples, _ = self._work.datasets.on_device(dataset)
        rows = torch.tensor(spec.forget, device=device)
        started = time.monotonic()
        answers = predict_copies(
            {viewer: self._work.loaded(plan, viewer) for viewer in viewers},
            samples.pixels(rows),
            samples.y[rows],
            spec.forget,
            spec.probe,
            blocks,
            samples.n_classes,
            report,
            self._work.loaded(plan, source) if source else None,
            dataset.messages,
        )
        seconds = (time.monotonic() - started) / len(viewers)
        return {viewer: (one, seconds) for viewer, one in answers.items()}

    def _put(
        self, plan: Plan, viewer: str, source: str, predictions: np.ndarray, seconds: float
    ) -> None:
        spec = plan.spec
        dataset, draws = self._work.datasets.load(spec.data, Reporter()), predictions.shape[2]
        arrays = {
            "predictions": predictions,
            "counts": correct_counts(predictions, dataset.train_y[list(spec.forget)], draws),
            "samples": np.array(spec.forget),
            "taus": np.array(spec.probe.taus),
        }
        facts = {"viewer": viewer, "source": source, "draws": draws}
        key = plan.counts(viewer, source)
        self._work.results.put("counts", key, arrays, spec, seconds, **facts)


def _stages(draws: int) -> list[int]:
    """The numbers of draws at which a curve is reported; the last is all of them."""
    return list(dict.fromkeys([*range(min(FIRST_DRAWS, draws), draws, REFINE_BY), draws]))


def answer_name(viewer: str, source: str) -> str:
    """'gd', or 'retrain-0@gd' for answers to copies that were attacked against gd."""
    return viewer if source in ("", viewer) else f"{viewer}@{source}"


def _joined(before: np.ndarray | None, more: np.ndarray) -> np.ndarray:
    return more if before is None else np.concatenate([before, more], axis=2)


def _blocks(predictions: np.ndarray | None) -> int:
    return 0 if predictions is None else predictions.shape[2] // BLOCK
