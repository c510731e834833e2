"""What the command line prints: progress on a terminal, tables, and the JSON of a study."""

from __future__ import annotations

import math
import sys
from collections.abc import Collection, Mapping, Sequence
from types import TracebackType
from typing import Any

import numpy as np

from engine.measured import (
    VERDICTS,
    disagreement,
    overall,
    perturbed_unlearn_accuracy,
    verdict,
)
from engine.metrics import METRICS
from engine.report import Progress, Reporter
from engine.results import Curve, Residual, Study, StudySummary

BAR = 30  # characters


class ConsoleReporter(Reporter):
    """A progress bar on a terminal, nothing elsewhere; log lines go to standard error."""

    def __init__(self) -> None:
        super().__init__()
        self._live = sys.stderr.isatty()

    def __enter__(self) -> ConsoleReporter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._clear()

    def on_progress(self, progress: Progress) -> None:
        """Draw the bar."""
        if self._live:
            full = round(BAR * progress.fraction)
            left = f"{duration(progress.left)} left" if progress.left is not None else ""
            bar = "█" * full + "·" * (BAR - full)
            text = f"{bar} {100 * progress.fraction:3.0f} %  {progress.stage}  {left}"
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()

    def on_log(self, message: str) -> None:
        """Print the sentence above the bar."""
        self._clear()
        print(f"rk-engine: {message}", file=sys.stderr)

    def _clear(self) -> None:
        if self._live:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def duration(seconds: float) -> str:
    """Seconds as a person says them: 8 s, 3 min, 2 h 5 min."""
    if seconds < 90:
        return f"{math.ceil(seconds)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def study_table(study: Study) -> str:
    """Accuracies of every model, then r_tau with its interval and the pooled ratio at each tau."""
    return "\n\n".join([_headline(study), _metrics(study), _curves(study), _pooled(study)])


def study_list(found: Sequence[StudySummary]) -> str:
    """One line a study, newest first."""
    if not found:
        return "No studies yet. Make one: rk-engine run --dataset digits"
    rows = [["key", "created", "dataset", "model", "forget", "methods", "perturbation", "seed"]]
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
        ]
        for one in found
    ]
    return aligned(rows, left=set(range(8)))


def samples_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """The forget samples of `sheets.samples_sheet` as text; a dash where there is no number."""
    lines = [[name.replace("_", " ") for name in header]]
    lines += [[_shown(value) for value in row] for row in rows]
    named = lines[0][-1] == "sample name"
    return aligned(lines, left=(2, len(lines[0]) - 1) if named else (2,))


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}" if math.isfinite(value) else "-"
    return str(value)


def study_json(study: Study) -> dict[str, Any]:
    """A study as JSON data: percentages 0-100, curves one value per tau, null where undefined."""
    residual = study.residual
    return {
        "key": study.key,
        "spec": study.spec,
        "metrics": {name: _finite(row) for name, row in study.metrics.items()},
        "residual_knowledge": {
            "taus": residual.taus.tolist(),
            "draws": residual.draws,
            "mean_draws": residual.per_cell.mean(0).tolist(),
            "models": {name: _curve_json(found) for name, found in residual.curves.items()},
            "null": {"low": _numbers(residual.null_low), "high": _numbers(residual.null_high)},
            **{part: {name: of(residual, name) for name in residual.curves} for part, of in MORE},
        },
    }


def aligned(rows: Sequence[Sequence[str]], left: Collection[int] = (0,)) -> str:
    """Rows of cells as text columns; those in `left` flush left, the others flush right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = (
        "  ".join(
            cell.ljust(width) if i in left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
    return "\n".join(lines)


def _headline(study: Study) -> str:
    spec = study.spec
    return (
        f"study {study.key}: {spec['data']['name']}, {spec['model']['name']}, "
        f"{len(study.forget)} forgotten, seed {spec['seed']}, {spec['retrains']} Re-trains"
    )


def _metrics(study: Study) -> str:
    shown = [one for one in METRICS if any(one.name in row for row in study.metrics.values())]
    rows = [["model", *(f"{one.label.lower()} {one.unit}" for one in shown)]]
    for name, row in study.metrics.items():
        cells = [one.text(row.get(one.name, math.nan)) for one in shown]
        rows.append([study.labels.get(name, name), *cells])
    return aligned(rows)


def _curves(study: Study) -> str:
    residual = study.residual
    names = list(residual.curves)
    rows = [["tau", *(study.labels.get(name, name) for name in names), "null band", "undefined"]]
    for t, tau in enumerate(residual.taus):
        cells = [_interval(residual.curves[name], t) for name in names]
        undefined = max(int(residual.curves[name].undefined[t]) for name in names)
        null = _range(residual.null_low[t], residual.null_high[t])
        rows.append([f"{tau:g}", *cells, null, f"{undefined} of {len(residual.samples)}"])
    title = (
        f"residual knowledge r_tau [95 % interval], {residual.perturbation}, "
        f"{residual.said_draws}; above the null band it is evidence"
    )
    return f"{title}\n{aligned(rows)}"


def _pooled(study: Study) -> str:
    """The ratio of summed counts, which single samples cannot dominate, and the prevalence."""
    residual = study.residual
    names = list(residual.curves)
    rows = [["tau", *(study.labels.get(name, name) for name in names)]]
    for t, tau in enumerate(residual.taus):
        found = [residual.curves[name] for name in names]
        cells = [f"{_ratio(one.pooled[t])} ({one.prevalence[t]:.0f} %)" for one in found]
        rows.append([f"{tau:g}", *cells])
    title = "pooled ratio sum(u) / sum(a) (prevalence: share of forget samples with u > a)"
    return f"{title}\n{aligned(rows)}"


def _ratio(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "undefined"


def _interval(found: Curve, t: int) -> str:
    if not math.isfinite(found.mean[t]):
        return "undefined"
    return f"{_ratio(found.mean[t])} {_range(found.low[t], found.high[t])}"


def _range(low: float, high: float) -> str:
    return f"[{low:.3f}, {high:.3f}]" if math.isfinite(low) and math.isfinite(high) else "-"


def _curve_json(found: Curve) -> dict[str, list[float | int | None]]:
    return {
        "mean": _numbers(found.mean),
        "low": _numbers(found.low),
        "high": _numbers(found.high),
        "pooled": _numbers(found.pooled),
        "undefined": [int(n) for n in found.undefined],
        "prevalence": _numbers(found.prevalence),
    }


def _disagreement_json(residual: Residual, name: str) -> dict[str, list[float | int | None]]:
    found = disagreement(residual, name)
    return {part: _numbers(getattr(found, part)) for part in ("mean", "low", "high")}


def _unlearn_json(residual: Residual, name: str) -> list[float | int | None]:
    return _numbers(perturbed_unlearn_accuracy(residual, name))


def _verdicts_json(residual: Residual, name: str) -> dict[str, int]:
    """How many forget samples get which verdict over the whole grid of tau."""
    found = overall(verdict(residual, name))
    return {word: int((found == value).sum()) for value, word in VERDICTS.items()}


MORE = (  # what is said of each model beside its curve
    ("disagreement", _disagreement_json),
    ("perturbed_unlearn_acc", _unlearn_json),
    ("verdicts", _verdicts_json),
)


def _finite(row: Mapping[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in row.items()}


def _numbers(values: np.ndarray) -> list[float | int | None]:
    return [float(value) if math.isfinite(value) else None for value in values]
