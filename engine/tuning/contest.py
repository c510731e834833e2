"""The contest: the same number of trials, seeds, Originals and Re-trains for every method.

Everything is computed through the pipeline and kept in its store; trials are written to files
(`trial_file`), so that an interrupted contest resumes where it stopped.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine import registry
from engine.datasets.base import Dataset
from engine.errors import SpecError
from engine.fields import amend
from engine.paper import presets
from engine.pipeline.pipeline import Pipeline
from engine.runtime.progress import Reporter
from engine.serialization import to_plain
from engine.spec import REFUSE, DataSpec, RunSpec
from engine.sweeps.batch import Outcome, Share, run_all
from engine.tuning import space as spaces
from engine.tuning.objective import objective
from engine.tuning.sampler import optuna, suggestion
from engine.tuning.space import Space
from engine.tuning.trial_file import COMPLETE, FAILED, PRUNED, Trial, TrialFile, best

SEEDS = (11, 12, 13, 14, 15)
TRIALS = 30
DRAWS = 30
TRAIN = "train"  # owner of the settings of Original and Re-trains
REFERENCE = "retrain"  # a method of the registry, and what all others are compared with


@dataclass(frozen=True)
class Conditions:
    """What all methods have in common.

    model, forget, perturbation, taus: as for `compose`, empty for the dataset's recommendation;
    draws: copies per sample and tau where the objective measures residual knowledge; seeds: of the
    tuning; objective: a name in `objective.OBJECTIVES`; trials: of each method; constants: owner
    ('train' or a method) -> settings that are the same in every trial.
    """

    dataset: str
    root: str = ""
    links: str = REFUSE
    model: str = ""
    forget: str = ""
    perturbation: str = ""
    taus: str = ""
    draws: int = DRAWS
    retrains: int = 3
    seeds: tuple[int, ...] = SEEDS
    objective: str = "gap"
    trials: int = TRIALS
    constants: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """The trials of one method, the first with its own default settings."""

    method: str
    trials: tuple[Trial, ...]

    @property
    def default(self) -> Trial:
        """The trial with the settings of the method's source."""
        return self.trials[0]

    @property
    def best(self) -> Trial | None:
        """The best complete trial, None if all failed."""
        return best(self.trials)

    def count(self, state: str) -> int:
        """How many trials ended in this state."""
        return sum(one.state == state for one in self.trials)


def all_methods() -> list[str]:
    """The registered unlearning methods."""
    return [name for name in registry.names("method") if name != REFERENCE]


def table_seeds() -> set[int]:
    """The seeds that presets, and so tables, report."""
    return {seed for name in presets.names() for seed in presets.preset(name).seeds}


def tune(
    pipeline: Pipeline, methods: Sequence[str], conditions: Conditions, report: Reporter
) -> list[Result]:
    """The trials of every method, in the order given.

    Trials in the store are not repeated; with more of them than `conditions.trials` the first ones
    count. Raises SpecError for conditions that are not valid or without Optuna, what
    `batch.run_all` raises, and Cancelled; a failing method costs only its trial.
    """
    optuna()
    check(methods, conditions)
    contest = _Contest(pipeline, conditions, report)
    searches = [_Search(contest, method) for method in methods]
    report.expect(float(sum(search.missing for search in searches)))
    return [search.run() for search in searches]


def check(methods: Sequence[str], conditions: Conditions) -> None:
    """SpecError for no trials or seeds, a seed of a table, and settings of other methods."""
    objective(conditions.objective)
    if conditions.trials < 1:
        raise SpecError(f"The number of trials must be at least 1, but is {conditions.trials}.")
    if not conditions.seeds or not methods:
        raise SpecError("A tuning needs at least one seed and one method.")
    reported = sorted(set(conditions.seeds) & table_seeds())
    if reported:
        raise SpecError(
            f"Seed {reported[0]} is reported by tables. Settings that are chosen on it would look "
            f"better there than they are: tune on others, such as {', '.join(map(str, SEEDS))}."
        )
    for owner in conditions.constants:
        if owner not in (TRAIN, *methods):
            registry.get("method", owner)
            raise SpecError(f"There are settings for '{owner}', but it is not one of the methods.")


class _Quiet(Share):
    """A share without log lines: what a method says of hundreds of trials would hide the trials."""

    def on_log(self, message: str) -> None:
        """Nothing; why a method failed is in the trial."""


class _Contest:
    """What the searches share: data, studies, and how a trial is measured."""

    def __init__(self, pipeline: Pipeline, conditions: Conditions, report: Reporter) -> None:
        self.pipeline, self.conditions, self.report = pipeline, conditions, report
        self.objective = objective(conditions.objective)
        self._datasets: dict[int, Dataset] = {}

    def data(self, seed: int) -> Dataset:
        """The dataset with the split of this seed."""
        one = self.conditions
        if seed not in self._datasets:
            spec = DataSpec(one.dataset, one.root, seed, links=one.links)
            self._datasets[seed] = self.pipeline.dataset(spec, self.report)
        return self._datasets[seed]

    def spec(self, seed: int, method: str, settings: Mapping[str, Any]) -> RunSpec:
        """The study of one method on one seed."""
        one = self.conditions
        own = {TRAIN: one.constants.get(TRAIN, {}), method: settings}
        return self.pipeline.compose(
            self.data(seed), model=one.model, forget=one.forget, methods=[method],
            settings=own, retrains=one.retrains, seed=seed,
            perturbation=one.perturbation, **self.objective.probe(one.taus, one.draws),
        )  # fmt: skip

    def measure(self, seed: int, method: str, settings: Mapping[str, Any], name: str) -> Outcome:
        """The study, computed or from the store, as one unit of progress."""
        share = _Quiet(self.report, name, 1.0)
        spec = self.spec(seed, method, settings)
        outcome = next(run_all(self.pipeline, [spec], [f"seed {seed}"], share))
        share.finish()
        return outcome

    def facts(self, method: str, settings: Mapping[str, Any], space: Space) -> dict[str, Any]:
        """All that the objective of a method's trials depends on, as JSON data."""
        one = self.conditions
        specs = {seed: self.spec(seed, method, settings) for seed in one.seeds}
        first = specs[one.seeds[0]]
        forget = one.forget or self.data(one.seeds[0]).recommended.forget
        return {
            "method": method, "objective": one.objective, "seeds": list(one.seeds),
            "default": dict(settings), "space": spaces.as_plain(space),
            "dataset": first.data.name, "model": to_plain(first.model, keyed=True),
            "forget": forget, "train": to_plain(first.train, keyed=True),
            "probe": {**to_plain(first.probe, keyed=True), "seed": None},
            "models": {str(seed): self._references(spec, method) for seed, spec in specs.items()},
        }  # fmt: skip

    def _references(self, spec: RunSpec, method: str) -> dict[str, str]:
        """Original and Re-trains -> their keys, which depend on data, forget set and training."""
        models = self.pipeline.plan(spec).models
        return {name: models[name] for name in models if name != method}


class _Search:
    """The trials of one method."""

    def __init__(self, contest: _Contest, method: str) -> None:
        self._contest, self._method = contest, method
        self._wanted = contest.conditions.trials
        config = registry.get("method", method).config
        assert config is not None
        constants = contest.conditions.constants.get(method, {})
        self._default = to_plain(amend(config(), constants, f"{method}."))
        self._space = spaces.space_of(method, constants)
        if not self._space:
            raise SpecError(f"Every setting of {method} is set: there is nothing to tune.")
        start = f"{contest.conditions.dataset}-{contest.conditions.objective}-{method}"
        facts = contest.facts(method, self._default, self._space)
        self._file = TrialFile(contest.pipeline.store.root, start, facts)

    @property
    def missing(self) -> int:
        """Studies that are still to be measured, at most."""
        left = max(0, self._wanted - len(self._file.trials))
        return left * len(self._contest.conditions.seeds)

    def run(self) -> Result:
        """Make the missing trials."""
        while len(self._file.trials) < self._wanted:
            self._file.append(self._next())
            self._tell()
        return Result(self._method, tuple(self._file.trials[: self._wanted]))

    def _next(self) -> Trial:
        trials = self._file.trials
        changes = suggestion(self._space, trials, 0) if trials else {}
        return self._trial({**self._default, **changes})

    def _trial(self, settings: Mapping[str, Any]) -> Trial:
        """Measure these settings seed by seed, as long as they can still become the best."""
        started, contest, values = time.monotonic(), self._contest, dict[int, float]()
        seeds, state, reason = contest.conditions.seeds, COMPLETE, ""
        for seed in seeds:
            outcome = contest.measure(seed, self._method, settings, self._name)
            reason = outcome.refused.get(self._method, "")
            value = math.nan if reason else contest.objective.of(outcome.study, self._method)
            if not math.isfinite(value):
                state, reason = FAILED, reason or f"the objective is undefined on seed {seed}"
                break
            values[seed] = value
            if len(values) < len(seeds) and self._is_lost(values):
                state = PRUNED
                break
        contest.report.forgo(float(len(seeds) - seeds.index(seed) - 1))
        return Trial(settings, values, round(time.monotonic() - started, 3), state, reason)

    def _is_lost(self, values: Mapping[int, float]) -> bool:
        """Whether even 0 on all further seeds, the least there is, would not beat the best."""
        found = best(self._file.trials)
        return found is not None and sum(values.values()) > found.value * len(
            self._contest.conditions.seeds
        )

    @property
    def _name(self) -> str:
        return f"{self._method}, trial {len(self._file.trials) + 1} of {self._wanted}"

    def _tell(self) -> None:
        """One line on the last trial."""
        trials, last, found = self._file.trials, self._file.trials[-1], best(self._file.trials)
        shown = f"{last.value:.3f}" if last.values else "no value"
        note = "" if last.state == COMPLETE else f" ({last.state})"
        leader = f", best {found.value:.3f}" if found else ""
        number = f"trial {len(trials)} of {self._wanted}"
        self._contest.report.log(f"{self._method}: {number}: {shown}{note}{leader}")


def lines(results: Sequence[Result]) -> Iterator[str]:
    """What each search found, one line per method, the best first."""
    for one in sorted(results, key=lambda one: one.best.value if one.best else math.inf):
        counts = f"{one.count(COMPLETE)} complete, {one.count(PRUNED)} pruned, "
        counts += f"{one.count(FAILED)} failed"
        value = f"{one.best.value:8.3f}" if one.best else "       -"
        start = one.default.value if one.default.state == COMPLETE else math.nan
        default = f"{start:8.3f}" if math.isfinite(start) else "       -"
        yield f"{one.method:<14} best {value}  default {default}  {counts}"
