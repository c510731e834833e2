"""CSV tables that spreadsheets open safely, and the table of a study's forget samples."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence

import numpy as np

from engine.residual.verdict import verdict_note, verdict_word, verdicts
from engine.results import Recognition, Study
from engine.storage.spreadsheet import escape_formula

RULE = "verdict_rule"  # the column that states the rule of the verdicts


def samples_sheet(
    study: Study,
    model: str,
    classes: Sequence[int],
    recognition: Recognition | None = None,
    names: Sequence[str] = (),
) -> tuple[list[str], list[list[object]]]:
    """(header, rows) with one row per forget sample, largest r in `model` first.

    classes, names (n_f,): true classes and names (`Dataset.name_of`) of the samples, in the order
    of the forget set. Columns: verdict and q-value over all tau, the largest r and its tau, the
    posterior there, the e-value averaged over tau, the certified radius, with `recognition` the
    smallest tau at which the model recognizes the sample again, the name if given, and the rule of
    the verdict or why there is none.
    """
    residual = study.residual
    codes, ratio = verdicts(residual, model), residual.ratio(model)
    unknown = np.full(ratio.shape, np.nan)
    q = residual.q_values.get(model, unknown[:, 0])
    evidence = residual.e_values.get(model, unknown).mean(1)
    radius = residual.certified_radius.get(model, unknown[:, 0])
    posterior = residual.posterior.get(model, unknown)
    defined = np.where(np.isfinite(ratio), ratio, -1.0)
    order = np.argsort(-defined.max(1), kind="stable")
    header = ["index", "class", "verdict", "q_value", "largest_r", "at_tau", "posterior_there"]
    header += ["e_value", "certified_radius"]
    rows: list[list[object]] = []
    for row in order:
        at = int(defined[row].argmax())
        rows.append(
            [
                int(residual.samples[row]),
                int(classes[row]),
                verdict_word(codes[row]),
                float(q[row]),
                float(ratio[row, at]),
                float(residual.taus[at]),
                float(posterior[row, at]),
                float(evidence[row]),
                float(radius[row]),
            ]
        )
        if recognition is not None:
            rows[-1].append(float(recognition.taus[row]))
        rows[-1].extend(names[row : row + 1])
        rows[-1].append(verdict_note(residual))
    last = ["smallest_tau"] * (recognition is not None) + ["sample_name"] * bool(names)
    return [*header, *last, RULE], rows


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """CSV with a header line: numbers in full precision, NaN as an empty cell, text neutralized."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([escape_formula(name) for name in header])
    writer.writerows([[_cell(value) for value in row] for row in rows])
    return out.getvalue()


def _cell(value: object) -> str:
    if isinstance(value, str):
        return escape_formula(value)
    if isinstance(value, float):
        return "" if math.isnan(value) else repr(float(value))
    return str(value)
