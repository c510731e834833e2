"""The metrics of a study: every cheap measure of every model, and the dear ones that are asked for.

A measure that takes time is stored by itself, so that it is taken once per model and forget set.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from engine import registry, relearn, study
from engine.datasets.base import Dataset
from engine.metrics import Case, mean_of, with_censored
from engine.metrics.relearn_epochs import RelearnEpochs
from engine.registry import Registration
from engine.report import Reporter
from engine.results import ModelResult
from engine.runtime import derive
from engine.spec import RunSpec, key
from engine.workshop import Workshop

Measures = dict[str, float]


def table(
    work: Workshop, spec: RunSpec, results: Mapping[str, ModelResult], report: Reporter
) -> dict[str, Measures]:
    """model -> {measure: value}: `original`, `retrain` (the mean over the Re-trains), methods.

    NaN where a measure is undefined for a model; 'NAME_censored' is the number of values past
    what NAME counts. Raises Cancelled.
    """
    chosen = measures_of(spec)
    cases = {name: _case(work, spec, results, name, report) for name in results}
    rows = {name: _row(work, spec, name, case, chosen, report) for name, case in cases.items()}
    retrains = [rows.pop(f"retrain-{j}") for j in range(spec.retrains)]
    found = {"original": rows.pop("original"), "retrain": mean_of(retrains), **rows}
    reference = dict(found["retrain"])
    for name, row in found.items():
        case = replace(cases.get(name, cases["retrain-0"]), reference=reference)
        for entry, config in chosen:
            if entry.facts["metric"].compares:
                row[entry.facts["metric"].name] = entry.make(replace(case, figures=row), config)
    return found


def measures_of(spec: RunSpec) -> list[tuple[Registration, Any]]:
    """The measures of this study with their settings: all cheap ones, and those asked for."""
    asked = {one.name: one.config for one in study.measures_of(spec)}
    found = []
    for entry in registry.all_of("metric"):
        if entry.name in asked:
            found.append((entry, asked[entry.name]))
        elif not entry.facts["metric"].trains:
            found.append((entry, _usual(entry)))
    return found


def measure_key(spec: RunSpec, name: str, entry: Registration, config: Any) -> str:
    """Key of a measure that is kept, of the model called `name`."""
    keys = study.model_keys(spec)
    who = (keys[name], keys["original"], spec.forget, spec.seed)
    return key("measure", entry.name, config, *who)


def take(
    work: Workshop, spec: RunSpec, results: Mapping[str, ModelResult], name: str, report: Reporter
) -> None:
    """Take the measures of one model that are kept, and are not in the store."""
    case = _case(work, spec, results, name, report)
    for entry, config in measures_of(spec):
        if entry.facts.get("kept"):
            _value(work, spec, name, entry, config, case, report)


def _usual(entry: Registration) -> Any:
    assert entry.config is not None
    return entry.config()


def cost(work: Workshop, spec: RunSpec) -> float:
    """Sample passes that the measures which train will take at most, over all models."""
    each = sum(_cost(work, spec, config) for _, config in measures_of(spec))
    return each * len(study.model_keys(spec))


def _cost(work: Workshop, spec: RunSpec, config: Any) -> float:
    if not isinstance(config, RelearnEpochs):
        return 0.0
    n = len(work.dataset(spec.data, Reporter()).pool)
    return relearn.cost(config, n, len(spec.forget))


def _row(
    work: Workshop,
    spec: RunSpec,
    name: str,
    case: Case,
    chosen: list[tuple[Registration, Any]],
    report: Reporter,
) -> Measures:
    row: Measures = {}
    for entry, config in chosen:
        metric = entry.facts["metric"]
        if metric.trains:
            report.stage(f"{metric.label} of {name}")
        if not metric.compares:
            row[metric.name] = _value(work, spec, name, entry, config, case, report)
    return with_censored(row, [entry.facts["metric"] for entry, _ in chosen])


def _value(
    work: Workshop,
    spec: RunSpec,
    name: str,
    entry: Registration,
    config: Any,
    case: Case,
    report: Reporter,
) -> float:
    """The measure's value, from the store if it is one that is kept."""
    if not entry.facts.get("kept"):
        return float(entry.make(case, config))
    mark = measure_key(spec, name, entry, config)
    record = work.shelf(spec).get("measures", mark)
    if record is not None:
        report.forgo(_cost(work, spec, config))
        return float(record.arrays["value"])
    started = time.monotonic()
    value = float(entry.make(case, config))
    taken = time.monotonic() - started
    array = {"value": np.array(value)}
    work.put("measures", mark, array, spec, taken, model=name, measure=entry.name)
    return value


def _case(
    work: Workshop,
    spec: RunSpec,
    results: Mapping[str, ModelResult],
    name: str,
    report: Reporter,
) -> Case:
    dataset: Dataset = work.dataset(spec.data, report)
    samples, _ = work.on_device(dataset)
    return Case(
        train_logits=results[name].train_logits,
        test_logits=results[name].test_logits,
        train_y=dataset.train_y,
        test_y=dataset.test_y,
        forget=np.array(spec.forget),
        validation=dataset.validation,
        seconds=results[name].seconds,
        seed=spec.seed,
        original_logits=results["original"].train_logits,
        relearn=lambda config: relearn.losses(
            work.loaded(spec, name, report),
            samples,
            torch.tensor(spec.forget, device=work.device),
            config,
            derive(spec.seed, "relearn", name),
            report,
            torch.from_numpy(dataset.pool).to(work.device),
        ),
    )
