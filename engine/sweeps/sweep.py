"""Sweeps over grids of settings: one run per combination, all runs in one tidy table."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine import PROGRAM, registry
from engine.metrics import METRICS, is_censored
from engine.pipeline.pipeline import Pipeline
from engine.pipeline.records import labels_of
from engine.runtime.progress import Reporter
from engine.spec import ProbeSpec, RunSpec, TrainSpec, field_kind, parse_settings
from engine.storage.spreadsheet import escape_formula
from engine.sweeps.batch import Outcome, run_all
from engine.sweeps.grid import Point, combinations
from engine.tables.study_text import study_json
from engine.tables.text import aligned

Settings = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class SweepRun:
    """A point of the grid and its outcome."""

    point: Point[str]
    outcome: Outcome


def grid(texts: Sequence[str]) -> list[Point[str]]:
    """Every combination of `['rurk.tau=0.01,0.03', ...]`, the last setting changing fastest.

    A comma separates values of numbers, switches and choices; free text and the grid of tau are
    not split. SpecError where a setting does not have that form, or for too many combinations.
    """
    settings = parse_settings(texts)
    return combinations(
        {
            f"{owner}.{name}": _values(owner, name, text)
            for owner, found in settings.items()
            for name, text in found.items()
        }
    )


def run_grid(
    pipeline: Pipeline,
    points: Sequence[Point[str]],
    compose: Callable[[Settings], RunSpec],
    report: Reporter,
) -> list[SweepRun]:
    """The runs of all points, with shared models trained once; raises what `run_all` raises."""
    specs = [compose(point.settings) for point in points]
    if len(points) == 1:  # a method that fails is an error then, not a missing row
        return [SweepRun(points[0], Outcome(specs[0], pipeline.run(specs[0], report), {}))]
    outcomes = run_all(pipeline, specs, [point.name for point in points], report)
    return [SweepRun(point, found) for point, found in zip(points, outcomes, strict=True)]


def tidy(runs: Sequence[SweepRun]) -> list[dict[str, Any]]:
    """One flat row per run: swept settings, seed, study, then 'model.measure' for every model.

    Measures are those of the study's table, 'r_max' (the largest r_tau over the grid of tau) and
    'r@0.03' ...; '..._censored' counts the values beyond a measure's limit, which are entered as
    the limit plus one; 'refused' says why a method has no values.
    """
    return [_row(run) for run in runs]


def as_csv(runs: Sequence[SweepRun]) -> str:
    """The tidy table as CSV; a cell without a number is empty."""
    rows = tidy(runs)
    names = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _csv(value) for name, value in row.items()} for row in rows)
    return out.getvalue()


def as_json(runs: Sequence[SweepRun]) -> dict[str, Any]:
    """All runs as JSON data: each study as `run --json` writes it, with its swept settings."""
    return {
        "swept": list(runs[0].point.swept),
        "runs": [
            {
                "settings": dict(run.point.swept),
                "refused": dict(run.outcome.refused),
                **study_json(run.outcome.study),
            }
            for run in runs
        ],
    }


def text(runs: Sequence[SweepRun]) -> str:
    """The table for a terminal: of the methods that the grid changes, or of all if none."""
    paths = list(runs[0].point.swept)
    changed = {path.partition(".")[0] for path in paths}
    models = runs[0].outcome.spec.unlearned or ["original"]
    shown = [name for name in models if name in changed] or models
    rows = tidy(runs)
    measures = [one for one in METRICS if any(f"{shown[0]}.{one.name}" in row for row in rows)]
    labels = labels_of(runs[0].outcome.spec)
    heads = [f"{labels[name]} " * (len(shown) > 1) for name in shown]
    titles = [f"{one.label} {one.unit}" for one in measures]
    table = [[*paths, *(h + t for h in heads for t in [*titles, "r max"]), "study"]]
    for row in rows:
        cells = [row[path] for path in paths]
        for name in shown:
            start = f"{name}."
            own = {path.removeprefix(start): row[path] for path in row if path.startswith(start)}
            cells += [
                one.text(own.get(one.name, math.nan), is_censored(one, own)) for one in measures
            ]
            cells.append(_number(row.get(f"{name}.r_max", math.nan)))
        table.append([*cells, row["study"][:8]])
    refused = dict.fromkeys(why for run in runs for why in _reasons(run))
    return "\n".join([aligned(table, left=()), *refused])


def _values(owner: str, name: str, text: str) -> list[str]:
    parts = list(dict.fromkeys(part.strip() for part in text.split(",")))
    return parts if _is_list(owner, name) else [text]


def _is_list(owner: str, name: str) -> bool:
    """Whether a comma in this setting separates values: not in free text or a tuple."""
    config = _config(owner)
    found = dict(_fields(config))
    if name not in found:
        return False  # `compose` raises the error
    kind = field_kind(config, name) if config else str
    return kind in (int, float, bool) or bool(kind is str and found[name].get("choices"))


def _config(owner: str) -> type[Any] | None:
    own = {"train": TrainSpec, "probe": ProbeSpec}
    if owner in own:
        return own[owner]
    if owner in registry.names("metric"):
        return registry.get("metric", owner).config
    return registry.get("method", owner).config


def _fields(config: type[Any] | None) -> Iterator[tuple[str, Mapping[str, Any]]]:
    fields: Mapping[str, Any] = getattr(config, "__dataclass_fields__", {})
    yield from ((name, item.metadata) for name, item in fields.items())


def _row(run: SweepRun) -> dict[str, Any]:
    study, residual = run.outcome.study, run.outcome.study.residual
    made = {"seed": run.outcome.spec.seed, "study": study.key, "version": PROGRAM}
    row: dict[str, Any] = {**run.point.swept, **made}
    for model, measures in study.metrics.items():
        row |= {f"{model}.{name}": float(value) for name, value in measures.items()}
    for model, curve in residual.curves.items():
        known = curve.mean[np.isfinite(curve.mean)]
        row[f"{model}.r_max"] = float(known.max()) if len(known) else math.nan
        pairs = zip(residual.taus, curve.mean, strict=True)
        row |= {f"{model}.r@{tau:g}": float(value) for tau, value in pairs}
    return row | {f"{model}.refused": why for model, why in run.outcome.refused.items()}


def _reasons(run: SweepRun) -> list[str]:
    return [f"{model}: {why}" for model, why in run.outcome.refused.items()]


def _csv(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else ""
    return escape_formula(value) if isinstance(value, str) else str(value)


def _number(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "-"
