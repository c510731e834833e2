"""Several studies as one job: one progress bar, and a method that fails costs only its own row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.errors import OutOfMemory, SpecError, TrainingError
from engine.pipeline.pipeline import Pipeline
from engine.results import Study
from engine.runtime.progress import Reporter
from engine.spec import RunSpec
from engine.study.plan import Plan

# Errors that cost one method its row and nothing else: a refusal, a loss that is not a number, out
# of memory (torch raises RuntimeError). A full disk or a missing dataset ends the whole job.
REFUSALS = (SpecError, TrainingError, OutOfMemory, RuntimeError, MemoryError)


@dataclass(frozen=True)
class Outcome:
    """A finished study; refused: method that is missing from it -> why it refused or failed."""

    spec: RunSpec
    study: Study
    refused: Mapping[str, str]


def run_all(
    pipeline: Pipeline, specs: Sequence[RunSpec], names: Sequence[str], report: Reporter
) -> Iterator[Outcome]:
    """The outcome of each study in turn; `names` are their names in the progress messages.

    All work that is not in the store is announced before the first study begins, so that the
    remaining time covers the whole job. Raises what `Pipeline.run` raises, except for refusals of
    single methods.
    """
    costs = _costs(pipeline, specs)
    report.expect(sum(models + rest for models, rest in costs))
    _pretrain(pipeline, specs, report)
    for spec, name, (models, rest) in zip(specs, names, costs, strict=True):
        making = Share(report, name, models)
        refused = {} if _is_stored(pipeline, pipeline.plan(spec)) else _make(pipeline, spec, making)
        making.finish()
        kept = tuple(method for method in spec.methods if method.name not in refused)
        measuring = Share(report, name, rest)
        found = pipeline.run(replace(spec, methods=kept), measuring)
        measuring.finish()
        yield Outcome(spec, found, refused)


class Share(Reporter):
    """The reporter of a part that fills `weight` of the whole job's bar, in its own units.

    Stages, points and log messages are passed on to the whole job, which also decides on
    cancellation.
    """

    def __init__(self, whole: Reporter, name: str, weight: float) -> None:
        super().__init__()
        self._whole = whole
        self._name = name
        self._weight = weight
        self._passed = 0.0

    def stage(self, name: str) -> None:
        """Report the stage that begins, prefixed by the part's name."""
        self._stage = name
        self._whole.stage(f"{self._name}: {name}")

    def advance(self, units: float) -> None:
        """Report finished work of this part; raises `Cancelled` if the whole job was cancelled."""
        self._done += units
        total = max(self._total, self._done)
        self._pass_on(self._weight * self._done / total if total else 0.0)

    def finish(self) -> None:
        """Fill the part's share of the bar."""
        self._pass_on(self._weight)

    def on_point(self, channel: str, data: Any) -> None:
        """Pass an intermediate result on."""
        self._whole.point(channel, data)

    def on_log(self, message: str) -> None:
        """Pass a message on, prefixed by the part's name."""
        self._whole.log(f"{self._name}: {message}")

    def check(self) -> None:
        """Raise `Cancelled` if the whole job was cancelled."""
        self._whole.check()

    def cancel(self) -> None:
        """Cancel the whole job."""
        self._whole.cancel()

    @property
    def cancelled(self) -> bool:
        """Whether the whole job was cancelled."""
        return self._whole.cancelled

    def _pass_on(self, reached: float) -> None:
        """Advance the whole job's bar to `reached`; it never runs backwards."""
        self._whole.advance(max(0.0, reached - self._passed))
        self._passed = max(self._passed, reached)


class _Tally(Reporter):
    """A reporter that only sums the expected work."""

    @property
    def total(self) -> float:
        """Sample passes."""
        return self._total


def _costs(pipeline: Pipeline, specs: Sequence[RunSpec]) -> list[tuple[float, float]]:
    """(models, everything else) of each study in sample passes, without what is in the store."""
    known: set[str] = set()
    costs = []
    for spec in specs:
        plan = pipeline.plan(spec)
        if _is_stored(pipeline, plan):
            costs.append((0.0, 0.0))
            continue
        tally = _Tally()
        pipeline.expect(spec, tally)
        keys = plan.models
        each = {name: pipeline.work.maker.cost(spec, name) for name in keys}
        known |= {keys[name] for name in pipeline.models(spec)}
        models = sum(cost for name, cost in each.items() if keys[name] not in known)
        costs.append((models, tally.total - sum(each.values())))
        known |= set(keys.values())
    return costs


def _pretrain(pipeline: Pipeline, specs: Sequence[RunSpec], report: Reporter) -> None:
    """Train the pre-trained networks of the studies that are not in the store."""
    past = dict.fromkeys(
        (spec.model, spec.pretrain)
        for spec in specs
        if spec.pretrain and not _is_stored(pipeline, pipeline.plan(spec))
    )
    costs = [pipeline.work.pretraining.cost(model, pretrain) for model, pretrain in past]
    report.expect(sum(costs))
    for (model, pretrain), cost in zip(past, costs, strict=True):
        if cost:
            share = Share(report, pretrain.data.name, cost)
            pipeline.work.pretraining.network(model, pretrain, share)
            share.finish()


def _make(pipeline: Pipeline, spec: RunSpec, report: Reporter) -> dict[str, str]:
    """Train the missing models; returns method -> why it refused or failed."""
    methods = {method.name for method in spec.methods}
    plan = pipeline.plan(spec)
    report.expect(sum(pipeline.work.maker.cost(spec, name) for name in plan.models))
    refused = {}
    for name in plan.models:
        try:
            pipeline.work.model(plan, name, report)
        except REFUSALS as error:
            if name not in methods:
                raise
            refused[name] = str(error) or type(error).__name__
            report.log(f"{name} is skipped: {refused[name]}")
    return refused


def _is_stored(pipeline: Pipeline, plan: Plan) -> bool:
    return pipeline.work.results.shelf(plan.spec).has("studies", plan.key)
