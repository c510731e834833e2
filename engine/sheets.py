"""Numbers as tables: the rows of a study's metrics, and CSV that spreadsheets open safely."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.labels import model_label
from engine.measured import VERDICTS, overall, verdict
from engine.metrics import ACCURACIES, COMPARED, average_gap
from engine.results import Recognition, Study

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for the start of a formula


@dataclass(frozen=True)
class MetricRow:
    """One model: accuracies and their gaps to Re-train in percent, seconds, r at the middle tau.

    values, gaps: retain, unlearn, test and, where it was measured, MIA accuracy. NaN where a number
    does not exist, such as the gap of Re-train to itself.
    """

    model: str
    label: str
    values: Mapping[str, float]
    gaps: Mapping[str, float]
    average_gap: float
    seconds: float
    r: float
    low: float
    high: float


def metric_rows(study: Study) -> list[MetricRow]:
    """The rows of a study's table, Original and Re-train first, as the study has them."""
    retrain = study.metrics.get("retrain")
    return [_metric_row(study, name, row, retrain) for name, row in study.metrics.items()]


def middle_tau(study: Study) -> float:
    """The tau at which the table gives r; NaN without any."""
    taus = study.residual.taus
    return float(taus[len(taus) // 2]) if len(taus) else math.nan


def metrics_sheet(study: Study) -> tuple[list[str], list[list[object]]]:
    """(header, rows) of a study's table for CSV."""
    tau = f"{middle_tau(study):g}"
    header = ["model", "name", *ACCURACIES, *(f"gap_{name}" for name in ACCURACIES)]
    header += ["average_gap", "seconds", f"r_at_tau_{tau}", "r_low", "r_high"]
    header += ["mia_acc", "gap_mia_acc"]
    rows: list[list[object]] = [
        [
            row.model,
            row.label,
            *(row.values[name] for name in ACCURACIES),
            *(row.gaps[name] for name in ACCURACIES),
            row.average_gap,
            row.seconds,
            row.r,
            row.low,
            row.high,
            row.values.get("mia_acc", math.nan),
            row.gaps.get("mia_acc", math.nan),
        ]
        for row in metric_rows(study)
    ]
    return header, rows


def samples_sheet(
    study: Study, model: str, classes: Sequence[int], recognition: Recognition | None = None
) -> tuple[list[str], list[list[object]]]:
    """(header, rows) with one row per forget sample, the ones `model` still knows best first.

    classes (n_f,): true classes in the order of the forget set. Columns: verdict over all tau,
    its largest r and the tau it is found at, the posterior there, and, with `recognition`, the
    smallest tau at which the model recognizes the sample again.
    """
    residual = study.residual
    found, ratio = verdict(residual, model), residual.ratio(model)
    over_all = overall(found)
    known = np.where(np.isfinite(ratio), ratio, -1.0)
    order = np.argsort(-known.max(1), kind="stable")
    header = ["index", "class", "verdict", "largest_r", "at_tau", "posterior_there"]
    rows: list[list[object]] = []
    for row in order:
        at = int(known[row].argmax())
        rows.append(
            [
                int(residual.samples[row]),
                int(classes[row]),
                VERDICTS[int(over_all[row])],
                float(ratio[row, at]),
                float(residual.taus[at]),
                float(found.exceeds[row, at]),
            ]
        )
        if recognition is not None:
            rows[-1].append(float(recognition.taus[row]))
    return header + ["smallest_tau"] * (recognition is not None), rows


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """CSV with a header line; numbers in full, NaN as an empty cell, texts made harmless."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([neutral(name) for name in header])
    writer.writerows([[_cell(value) for value in row] for row in rows])
    return out.getvalue()


def neutral(text: str) -> str:
    """The text with an apostrophe before it where a spreadsheet would run it as a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def _cell(value: object) -> str:
    if isinstance(value, str):
        return neutral(value)
    if isinstance(value, float):
        return "" if math.isnan(value) else repr(float(value))
    return str(value)


def _metric_row(
    study: Study, name: str, row: Mapping[str, float], retrain: Mapping[str, float] | None
) -> MetricRow:
    compared = retrain is not None and name != "retrain"
    curve = study.residual.curves.get(name)
    at = len(study.residual.taus) // 2
    r, low, high = (
        (float(curve.mean[at]), float(curve.low[at]), float(curve.high[at]))
        if curve is not None
        else (math.nan, math.nan, math.nan)
    )
    values = {key: row[key] for key in COMPARED if key in row}
    gaps = {
        key: value - retrain[key] if compared and retrain else math.nan
        for key, value in values.items()
    }
    gap = average_gap(row, retrain) if compared and retrain else math.nan
    label = model_label(name, study.labels)
    return MetricRow(name, label, values, gaps, gap, row["seconds"], r, low, high)
