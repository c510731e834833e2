"""Suggestions by Optuna's tree-structured Parzen estimator, from the trials so far.

Source: Bergstra et al. 2011, Algorithms for hyper-parameter optimization; Akiba et al. 2019,
Optuna. Every suggestion is made from the finished trials and a seed alone, so that a search that
was interrupted goes on as if it had not been.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

from engine.runtime.libraries import require
from engine.runtime.seeds import derive
from engine.tuning.space import Range, Space, Value
from engine.tuning.trial_file import COMPLETE, FAILED, Trial

RANDOM = 10  # trials before the estimator takes over: Optuna's default
DIGITS = 3


def optuna() -> ModuleType:
    """The package; SpecError with the command that installs it where it is missing."""
    require("optuna", "Tuning needs")
    return importlib.import_module("optuna")


def suggestion(space: Space, trials: Sequence[Trial], seed: int) -> dict[str, Value]:
    """Setting -> value to try after these trials; SpecError without Optuna.

    seed: of the search; the number of trials enters as well. Numbers have `DIGITS` significant
    digits, so that people can read and write them.
    """
    package = optuna()
    with _quiet(package):
        study = package.create_study(
            sampler=package.samplers.TPESampler(
                seed=derive(seed, "trial", len(trials)) % 2**32, n_startup_trials=RANDOM
            )
        )
        distributions = _distributions(package, space)
        for one in trials:
            study.add_trial(_past(package, one, space, distributions))
        values = study.ask(distributions).params
    return {name: space[name].nearest(_short(values[name])) for name in space}


def _short(value: Value) -> Value:
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def _distributions(package: ModuleType, space: Space) -> dict[str, Any]:
    kinds = package.distributions
    found: dict[str, Any] = {}
    for name, one in space.items():
        if not isinstance(one, Range):
            found[name] = kinds.CategoricalDistribution(one.values)
        elif one.whole:
            ends = int(one.low), int(one.high)
            found[name] = kinds.IntDistribution(*ends, log=one.logarithmic)
        else:
            found[name] = kinds.FloatDistribution(one.low, one.high, log=one.logarithmic)
    return found


def _past(package: ModuleType, one: Trial, space: Space, distributions: dict[str, Any]) -> Any:
    """An earlier trial as Optuna knows it.

    Settings outside the space, as defaults may be, count as the nearest inside. A failed trial
    counts as pruned before its first value, which is worse than any value: a failure that is
    forgotten would be suggested again.
    """
    states = package.trial.TrialState
    return package.trial.create_trial(
        state=states.COMPLETE if one.state == COMPLETE else states.PRUNED,
        params={name: space[name].nearest(one.settings[name]) for name in space},
        distributions=distributions,
        value=None if one.state == FAILED else one.value,
        intermediate_values=dict(enumerate(one.running_means)),
    )


@contextlib.contextmanager
def _quiet(package: ModuleType) -> Iterator[None]:
    """Without Optuna's own log lines; its setting is restored."""
    before = package.logging.get_verbosity()
    package.logging.set_verbosity(package.logging.WARNING)
    try:
        yield
    finally:
        package.logging.set_verbosity(before)
