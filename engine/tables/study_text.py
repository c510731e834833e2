"""A study as text tables and JSON, for the command line."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from engine.analysis.finding import as_json, findings
from engine.drawing.labels import null_note
from engine.metrics import METRICS, is_censored
from engine.residual.disagreement import disagreement, perturbed_unlearn_accuracy
from engine.residual.prediction import Prediction, prediction, retrains_for_a_claim
from engine.residual.verdict import DASH, VERDICTS, verdict_counts, verdict_note
from engine.results import Curve, Residual, Study, StudySummary
from engine.spec import FLOAT32
from engine.storage.origins import sentence
from engine.tables.csv import RULE
from engine.tables.evidence_json import null_json, numbers, samples_json
from engine.tables.text import aligned

WIDTH = 100  # characters of a line of a sentence


def study_table(study: Study) -> str:
    """The findings, accuracies of every model, r_tau with interval, pooled ratio, and verdicts."""
    parts = (_headline, _findings, _metrics, _pooled, _curves, _verdicts)
    return "\n\n".join(part(study) for part in parts)


def study_list(summaries: Sequence[StudySummary]) -> str:
    """One line per study, newest first."""
    if not summaries:
        return "No studies yet. Make one: rk-engine run --dataset digits"
    imported = any(one.origins for one in summaries)
    rows = [["key", "created", "dataset", "model", "forget", "methods", "perturbation", "seed"]]
    rows[0] += ["origin"] * imported
    rows += [
        [
            one.key,
            one.created,
            one.dataset,
            one.model,
            str(one.forget),
            ",".join(one.methods),
            f"{one.perturbation} c={one.draws}",
            str(one.seed),
            *([sentence(one.origins)] if imported else []),
        ]
        for one in summaries
    ]
    return aligned(rows, left=set(range(9)))


def samples_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """The forget samples of `csv.samples_sheet` as text; a dash where there is no number.

    The rule of the verdicts, the same in all rows, is printed below.
    """
    rule = list(header).index(RULE)
    lines = [[name.replace("_", " ") for i, name in enumerate(header) if i != rule]]
    lines += [[_shown(value) for i, value in enumerate(row) if i != rule] for row in rows]
    named = lines[0][-1] == "sample name"
    words = [str(row[rule]) for row in rows[:1]]
    return "\n\n".join([aligned(lines, left=(2, len(lines[0]) - 1) if named else (2,)), *words])


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}" if math.isfinite(value) else "-"
    return str(value)


def study_json(study: Study) -> dict[str, Any]:
    """A study as JSON data: percentages 0 to 100, one curve value per tau, null if undefined."""
    residual = study.residual
    return {
        "key": study.key,
        **({"origins": [asdict(one) for one in study.origins]} if study.origins else {}),
        "spec": study.spec,
        "findings": as_json(findings(study)),
        "metrics": {name: _finite(row) for name, row in study.metrics.items()},
        "residual_knowledge": {
            "taus": residual.taus.tolist(),
            "draws": residual.draws,
            "mean_draws": residual.per_cell.mean(0).tolist(),
            "fdr": residual.fdr,
            "models": {
                name: _curve_json(curve)
                | samples_json(residual, name)
                | _audit_json(residual, name)
                for name, curve in residual.curves.items()
            },
            "null": null_json(residual),
            "verdict_rule": verdict_note(residual),
            **{part: {name: of(residual, name) for name in residual.curves} for part, of in MORE},
        },
    }


def _headline(study: Study) -> str:
    spec = study.spec
    precision = spec["train"].get("precision", FLOAT32)
    trained = "" if precision == FLOAT32 else f", trained in {precision}"
    return (
        f"study {study.key}: {spec['data']['name']}, {spec['model']['name']}{trained}, "
        f"{len(study.forget)} forgotten, seed {spec['seed']}, {spec['retrains']} Re-trains"
        + (f"\n{sentence(study.origins)}" if study.origins else "")
    )


def _findings(study: Study) -> str:
    """One sentence for each model, as a list."""
    lines = [
        textwrap.fill(
            one.text, WIDTH, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False
        )
        for one in findings(study)
    ]
    return "\n".join(["findings", *lines])


def _metrics(study: Study) -> str:
    metrics = [one for one in METRICS if any(one.name in row for row in study.metrics.values())]
    rows = [["model", *(f"{one.label.lower()} {one.unit}" for one in metrics)]]
    for name, row in study.metrics.items():
        cells = [one.text(row.get(one.name, math.nan), is_censored(one, row)) for one in metrics]
        rows.append([study.labels.get(name, name), *cells])
    return aligned(rows)


def _curves(study: Study) -> str:
    residual = study.residual
    names = list(residual.curves)
    rows = [["tau", *(study.labels.get(name, name) for name in names), "null band"]]
    rows[0] += [f"undefined{of}" for of in undefined_heads(study)]
    for t, tau in enumerate(residual.taus):
        cells = [_interval(residual.curves[name], t) for name in names]
        null = _range(residual.null_low[t], residual.null_high[t])
        rows.append([f"{tau:g}", *cells, null, *undefined_cells(residual, t)])
    title = (
        f"residual knowledge r_tau [95 % interval], {residual.perturbation}, "
        f"{residual.said_draws}, and the range of r between Re-trains"
    )
    return "\n".join(filter(None, [title, aligned(rows), null_note(residual.taus)]))


def undefined_heads(study: Study) -> list[str]:
    """Suffixes of 'undefined' in the headers of `undefined_cells`; [''] for a single column."""
    names = _undefined_apart(study.residual)
    return [f", {study.labels.get(name, name)}" for name in names] or [""]


def undefined_cells(residual: Residual, t: int) -> list[str]:
    """Number of samples with undefined r at one tau, once or per model where models differ."""
    names = _undefined_apart(residual) or [*residual.curves][:1]
    size = len(residual.samples)
    return [f"{int(residual.curves[name].undefined[t])} of {size}" for name in names]


def _undefined_apart(residual: Residual) -> list[str]:
    """The models if their undefined counts differ, as with per-model attacks; else none."""
    counts = [one.tolist() for one in residual.undefined.values()]
    return [] if all(one == counts[0] for one in counts) else [*residual.curves]


def _pooled(study: Study) -> str:
    """The ratio of summed counts, which no single sample can dominate, and the prevalence."""
    residual = study.residual
    names = list(residual.curves)
    own = prediction(residual)
    rows = [["tau", *(study.labels.get(name, name) for name in names)]]
    rows[0] += ["Re-trains", "one more, each tau", "one more, whole grid"]
    for t, tau in enumerate(residual.taus):
        curves = [residual.curves[name] for name in names]
        cells = [f"{_ratio(one.pooled[t])} ({percent(one.prevalence[t])})" for one in curves]
        ends = (own.envelope_low, own.envelope_high), (own.low, own.high)
        cells += [_range(low[t], high[t]) for low, high in (*ends, (own.grid_low, own.grid_high))]
        rows.append([f"{tau:g}", *cells])
    title = (
        "pooled ratio sum(u) / mean over Re-trains of sum(a) (prevalence: share of forget samples "
        "with u > a),\nthe range of the Re-trains' own, and where one more Re-train lies with 95 % "
        "probability; outside, at all tau together, it is evidence"
    )
    return "\n".join([title, aligned(rows), *_claim(residual, own)])


def _claim(residual: Residual, own: Prediction) -> list[str]:
    """How many Re-trains it takes until a curve is evidence, where they are too few; else nothing.

    Nothing, too, where no number of them would do.
    """
    needed = retrains_for_a_claim(residual, own)
    if needed is None or needed <= own.retrains:
        return []
    return [
        f"{own.retrains} Re-trains are too few for a claim on a curve; {needed} would do, if they "
        "differed as these do."
    ]


def _verdicts(study: Study) -> str:
    """Number of forget samples per verdict, and the rule."""
    residual = study.residual
    rows = [["forget samples by verdict", *VERDICTS.values()]]
    for name in residual.curves:
        counts = verdict_counts(residual, name)
        cells = [DASH if counts is None else str(counts[word]) for word in VERDICTS.values()]
        rows.append([study.labels.get(name, name), *cells])
    return f"{aligned(rows)}\n{verdict_note(residual)}"


def percent(value: float) -> str:
    """A percentage without decimals, a dash where undefined."""
    return f"{value:.0f} %" if math.isfinite(value) else DASH


def _ratio(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "undefined"


def _interval(curve: Curve, t: int) -> str:
    if not math.isfinite(curve.mean[t]):
        return "undefined"
    return f"{_ratio(curve.mean[t])} {_range(curve.low[t], curve.high[t])}"


def _range(low: float, high: float) -> str:
    return f"[{low:.3f}, {high:.3f}]" if math.isfinite(low) and math.isfinite(high) else "-"


def _curve_json(curve: Curve) -> dict[str, list[float | int | None] | None]:
    return {
        "mean": numbers(curve.mean),
        "low": numbers(curve.low),
        "high": numbers(curve.high),
        "pooled": numbers(curve.pooled),
        "pooled_low": _or_nothing(curve.pooled_low),
        "pooled_high": _or_nothing(curve.pooled_high),
        "undefined": [int(n) for n in curve.undefined],
        "prevalence": numbers(curve.prevalence),
    }


def _or_nothing(values: np.ndarray | None) -> list[float | int | None] | None:
    return None if values is None else numbers(values)


def _audit_json(residual: Residual, name: str) -> dict[str, Any]:
    """How many inferred answers were asked anew and how many differed; null if none is inferred."""
    audit = residual.audits.get(name)
    numbers_of = None if audit is None else {"asked": audit.asked, "differed": audit.differed}
    return {"audit": numbers_of}


def _disagreement_json(residual: Residual, name: str) -> dict[str, list[float | int | None]]:
    shares = disagreement(residual, name)
    return {part: numbers(getattr(shares, part)) for part in ("mean", "low", "high")}


def _unlearn_json(residual: Residual, name: str) -> list[float | int | None]:
    return numbers(perturbed_unlearn_accuracy(residual, name))


MORE = (  # further entries of each model beside its curve
    ("disagreement", _disagreement_json),
    ("perturbed_unlearn_acc", _unlearn_json),
    ("verdicts", verdict_counts),
)


def _finite(row: Mapping[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in row.items()}
