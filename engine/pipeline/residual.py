"""Residual knowledge of a study: which models classify which copies, and what is stored.

Predictions are stored per model and extended by blocks of draws, so that another model or more
draws cost only the new part.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.perturbations import BLOCK
from engine.pipeline.models import StudyModels
from engine.pipeline.records import audit_facts, audit_of, labels_of
from engine.provenance import Audit
from engine.residual.copy_counts import blocks_of, copies, correct_counts
from engine.residual.summary import summarize
from engine.results import Residual
from engine.runtime.progress import Reporter
from engine.spec import ASKED, RunSpec
from engine.study.keys import judged_models
from engine.study.plan import Plan

FIRST_DRAWS = 10  # a first curve at once ...
REFINE_BY = 30  # ... then refined in steps of this many draws


@dataclass(frozen=True, eq=False)
class Answers:
    """(n_f, T, draws) predictions of one model; audit of those inferred, if any; seconds taken."""

    predictions: np.ndarray
    audit: Audit | None = None
    seconds: float = 0.0


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
        answers = self._answers(plan, source, viewers, draws, report)
        return {name: one.predictions for name, one in answers.items()}

    def _answers(
        self, plan: Plan, source: str, viewers: Sequence[str], draws: int, report: Reporter
    ) -> dict[str, Answers]:
        """The same, with the audits of what was inferred."""
        keys = {viewer: plan.counts(viewer, source) for viewer in viewers}
        stored, need = self._stored(plan.spec, keys), blocks_of(draws)
        missing = [keys[viewer] for viewer, one in stored.items() if _blocks(one) < need]
        if missing:
            shelf = self._work.results.shelf(plan.spec)
            with shelf.making("counts", missing, "residual knowledge", report):
                stored = self._stored(plan.spec, keys)  # another process may just have stored them
                stored |= self._grown(plan, source, stored, need, report)
        return {
            answer_name(viewer, source): one for viewer, one in stored.items() if one is not None
        }

    def _grown(
        self,
        plan: Plan,
        source: str,
        stored: Mapping[str, Answers | None],
        need: int,
        report: Reporter,
    ) -> dict[str, Answers]:
        """viewer -> answers on `need` blocks, computed and stored for all that have fewer.

        Those that were inferred are audited. A model that answers one of them otherwise is asked
        about every copy, also those of earlier draws, and from then on.
        """
        grown: dict[str, Answers] = {}
        for inferring in (True, False):
            some = {v: one for v, one in stored.items() if _infers(one) == inferring}
            for n_blocks in sorted({_blocks(one) for one in some.values()} & {*range(need)}):
                viewers = [viewer for viewer, one in some.items() if _blocks(one) == n_blocks]
                blocks = range(n_blocks, need)
                more = self._ask(plan, source, viewers, blocks, report, inferring)
                whole = {viewer: _joined(stored[viewer], one) for viewer, one in more.items()}
                whole |= self._repeated(plan, source, whole, need, report)
                for viewer, one in whole.items():
                    self._put(plan, viewer, source, one)
                grown |= whole
        return grown

    def _repeated(
        self, plan: Plan, source: str, grown: Mapping[str, Answers], need: int, report: Reporter
    ) -> dict[str, Answers]:
        """viewer -> answers on all copies, of every model whose audit found a wrong one."""
        wrong = {v: one for v, one in grown.items() if one.audit and one.audit.is_failed}
        if not wrong:
            return {}
        probe = replace(plan.spec.probe, draws=need * BLOCK)
        report.expect(copies(probe, len(plan.spec.forget)) * len(wrong))
        for viewer, one in wrong.items():
            report.log(f"{labels_of(plan.spec)[viewer]}: {one.audit}")
        again = self._ask(plan, source, list(wrong), range(need), report, inferring=False)
        return {
            viewer: replace(
                one,
                audit=replace(wrong[viewer].audit or Audit(), repeated=True),
                seconds=one.seconds + wrong[viewer].seconds,
            )
            for viewer, one in again.items()
        }

    def _curves(self, plan: Plan, draws: int, report: Reporter) -> Residual:
        """Residual knowledge from this number of draws."""
        spec = plan.spec
        y = self._work.datasets.load(spec.data, report).train_y[list(spec.forget)]
        answers: dict[str, Answers] = {}
        for source, viewers in plan.groups.items():
            answers |= self._answers(plan, source, viewers, draws, report)
        residual = summarize(
            spec.probe,
            draws,
            np.array(spec.forget),
            y,
            {name: one.predictions for name, one in answers.items()},
            judged_models(spec),
            [f"retrain-{j}" for j in range(spec.retrains)],
            anytime=draws < spec.probe.draws,
        )
        audits = {name: one.audit for name, one in answers.items() if one.audit is not None}
        return replace(residual, audits=audits)

    def _stored(self, spec: RunSpec, keys: Mapping[str, str]) -> dict[str, Answers | None]:
        """viewer -> its stored answers, None if there are none."""
        needs = {"predictions": (len(spec.forget), len(spec.probe.taus), None)}
        records = {
            viewer: self._work.results.get("counts", key, spec, needs)
            for viewer, key in keys.items()
        }
        return {
            viewer: None
            if record is None
            else Answers(record.arrays["predictions"], audit_of(record))
            for viewer, record in records.items()
        }

    def _ask(
        self,
        plan: Plan,
        source: str,
        viewers: Sequence[str],
        blocks: range,
        report: Reporter,
        inferring: bool,
    ) -> dict[str, Answers]:
        """viewer -> answers on these blocks of draws; inferring: as far as the probe allows it."""
        spec, device = plan.spec, self._work.device
        import torch

        from engine.residual.predictions import predict_copies

        dataset = self._work.datasets.load(spec.data, report)
        samples, _ = self._work.datasets.on_device(dataset)
        rows = torch.tensor(spec.forget, device=device)
        started, audits = time.monotonic(), dict[str, Audit]()
        answers = predict_copies(
            {viewer: self._work.loaded(plan, viewer) for viewer in viewers},
            samples.pixels(rows),
            samples.y[rows],
            spec.forget,
            spec.probe if inferring else replace(spec.probe, between=ASKED),
            blocks,
            samples.n_classes,
            report,
            self._work.loaded(plan, source) if source else None,
            dataset.messages,
            audits,
        )
        seconds = (time.monotonic() - started) / len(viewers)
        return {v: Answers(one, audits.get(v), seconds) for v, one in answers.items()}

    def _put(self, plan: Plan, viewer: str, source: str, one: Answers) -> None:
        spec = plan.spec
        dataset, draws = self._work.datasets.load(spec.data, Reporter()), one.predictions.shape[2]
        arrays = {
            "predictions": one.predictions,
            "counts": correct_counts(one.predictions, dataset.train_y[list(spec.forget)], draws),
            "samples": np.array(spec.forget),
            "taus": np.array(spec.probe.taus),
        }
        facts = {"viewer": viewer, "source": source, "draws": draws, **audit_facts(one.audit)}
        key = plan.counts(viewer, source)
        self._work.results.put("counts", key, arrays, spec, one.seconds, **facts)


def _stages(draws: int) -> list[int]:
    """The numbers of draws at which a curve is reported; the last is all of them."""
    return list(dict.fromkeys([*range(min(FIRST_DRAWS, draws), draws, REFINE_BY), draws]))


def answer_name(viewer: str, source: str) -> str:
    """'gd', or 'retrain-0@gd' for answers to copies that were attacked against gd."""
    return viewer if source in ("", viewer) else f"{viewer}@{source}"


def _joined(before: Answers | None, more: Answers) -> Answers:
    if before is None:
        return more
    joined = np.concatenate([before.predictions, more.predictions], axis=2)
    audits = [one.audit for one in (before, more) if one.audit is not None]
    return Answers(joined, sum(audits, Audit()) if audits else None, more.seconds)


def _blocks(one: Answers | None) -> int:
    return 0 if one is None else one.predictions.shape[2] // BLOCK


def _infers(one: Answers | None) -> bool:
    """Whether answers of this model may be inferred: its audit has found no wrong one so far."""
    return one is None or one.audit is None or not one.audit.repeated
