"""The metrics of a study: all cheap measures of every model, and expensive ones on request.

An expensive measure is stored on its own, so that it is computed once per model and forget set.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from engine.datasets.base import Dataset
from engine.metrics import Case, mean_of, with_censored
from engine.pipeline import relearning
from engine.pipeline.features import features_of
from engine.pipeline.models import StudyModels
from engine.pipeline.siblings import OverSeeds
from engine.registry import Registration
from engine.results import ModelResult
from engine.runtime.progress import Reporter
from engine.spec import RunSpec
from engine.study import keys
from engine.study.costs import cost_of_measure
from engine.study.keys import judged_models
from engine.study.plan import Plan, measures_of

Measures = dict[str, float]


def table(
    work: StudyModels, plan: Plan, results: Mapping[str, ModelResult], report: Reporter
) -> dict[str, Measures]:
    """model -> {measure: value}: `original`, `retrain` (the mean over the Re-trains), methods.

    NaN where a measure is undefined for a model; 'NAME_censored' is the number of censored values
    of NAME. Raises Cancelled.
    """
    spec, measures = plan.spec, measures_of(plan.spec)
    seeds = OverSeeds(work, plan, report)
    cases = {name: _case(work, plan, results, name, seeds, report) for name in results}
    rows = {name: _row(work, plan, name, case, measures, report) for name, case in cases.items()}
    retrains = {f"retrain-{j}": rows.pop(f"retrain-{j}") for j in range(spec.retrains)}
    first = {name: rows.pop(name) for name in judged_models(spec)[:1] if name == "original"}
    metrics = {**first, "retrain": mean_of([*retrains.values()]), **rows}
    reference = dict(metrics["retrain"])
    compared = [one for one in measures if one[0].facts["metric"].compares]
    for name, row in metrics.items():
        case = replace(cases.get(name, cases["retrain-0"]), reference=reference)
        for entry, config in compared:
            metric = entry.facts["metric"]
            if name == "retrain" and metric.null:
                row[metric.name] = _null(entry, config, cases, retrains)
            else:
                row[metric.name] = entry.make(replace(case, figures=row), config)
    _log_missing_seeds(metrics, measures, report)
    return metrics


def _log_missing_seeds(
    metrics: Mapping[str, Measures], measures: list[tuple[Registration, Any]], report: Reporter
) -> None:
    """Log which measures are undefined for all models because too few seeds are stored."""
    for entry, _ in measures:
        metric = entry.facts["metric"]
        if metric.over_seeds and all(math.isnan(row[metric.name]) for row in metrics.values()):
            report.log(
                f"{metric.label} is undefined: the store has too few studies of other seeds with "
                "the same data, training, forget set and methods. Run these without it first; "
                "delete this study, whose models are kept by one without it, and run it again."
            )


def _null(
    entry: Registration, config: Any, cases: Mapping[str, Case], retrains: Mapping[str, Measures]
) -> float:
    """Mean of a comparison over the Re-trains, each judged by the mean of the others.

    NaN with a single Re-train.
    """
    if len(retrains) < 2:
        return math.nan
    values = []
    for name, row in retrains.items():
        others = mean_of([other for own, other in retrains.items() if own != name])
        values.append(entry.make(replace(cases[name], figures=row, reference=others), config))
    return float(np.mean(values))


def take_stored_measures(
    work: StudyModels, plan: Plan, results: Mapping[str, ModelResult], name: str, report: Reporter
) -> None:
    """Compute the stored measures of one model that are not in the store yet."""
    case = _case(work, plan, results, name, OverSeeds(work, plan, report), report)
    for entry, config in measures_of(plan.spec):
        if entry.facts.get("kept"):
            _value(work, plan, name, entry, config, case, report)


def cost(work: StudyModels, spec: RunSpec) -> float:
    """Upper bound on the sample passes of measures that train, over all models."""
    each = sum(_cost(work, spec, config) for _, config in measures_of(spec))
    return each * len(keys.model_keys(spec))


def _cost(work: StudyModels, spec: RunSpec, config: Any) -> float:
    dataset = work.datasets.load(spec.data, Reporter())
    return cost_of_measure(spec, config, len(dataset.pool), len(dataset.test_y))


def _row(
    work: StudyModels,
    plan: Plan,
    name: str,
    case: Case,
    measures: list[tuple[Registration, Any]],
    report: Reporter,
) -> Measures:
    row: Measures = {}
    for entry, config in measures:
        metric = entry.facts["metric"]
        if metric.trains:
            report.stage(f"{metric.label} of {name}")
        if not metric.compares:
            row[metric.name] = _value(work, plan, name, entry, config, case, report)
    return with_censored(row, [entry.facts["metric"] for entry, _ in measures])


def _value(
    work: StudyModels,
    plan: Plan,
    name: str,
    entry: Registration,
    config: Any,
    case: Case,
    report: Reporter,
) -> float:
    """The measure's value, from the store if it is one that is stored."""
    if not entry.facts.get("kept"):
        return float(entry.make(case, config))
    spec, key = plan.spec, plan.measure(name, entry.name, config)
    record = work.results.shelf(spec).get("measures", key)
    if record is not None:
        report.forgo(_cost(work, spec, config))
        return float(record.arrays["value"])
    started = time.monotonic()
    value = float(entry.make(case, config))
    seconds = time.monotonic() - started
    array = {"value": np.array(value)}
    work.results.put("measures", key, array, spec, seconds, model=name, measure=entry.name)
    return value


def _case(
    work: StudyModels,
    plan: Plan,
    results: Mapping[str, ModelResult],
    name: str,
    seeds: OverSeeds,
    report: Reporter,
) -> Case:
    spec = plan.spec
    dataset: Dataset = work.datasets.load(spec.data, report)
    return Case(
        train_logits=results[name].train_logits,
        test_logits=results[name].test_logits,
        train_y=dataset.train_y,
        test_y=dataset.test_y,
        forget=np.array(spec.forget),
        validation=dataset.validation,
        seconds=results[name].seconds,
        seed=spec.seed,
        original_logits=results.get("original", results[name]).train_logits,
        retrains=tuple(
            one.train_logits
            for other, one in results.items()
            if other.startswith("retrain-") and other != name
        ),
        features=lambda rows: features_of(work, plan, name, rows, report),
        over_seeds=functools.partial(seeds.log_odds, name),
        relearn=lambda config: relearning.losses(work, plan, name, config, report),
    )
