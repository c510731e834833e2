"""Every number of every model in one or several studies, for tables and scatter plots.

Plain numpy, so that tables, figures and the explorer need no torch.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.analysis.curves import StudyRun, families, run_of, runs_beside
from engine.analysis.measures import MEASURES, residual_at
from engine.analysis.pareto import DOWN, NEAR, UP, Goal
from engine.drawing.labels import model_label
from engine.metrics import COMPARED, METRICS, Metric, average_gap, is_censored
from engine.paper.presets import Figure
from engine.residual import over_seeds
from engine.residual.over_seeds import spread
from engine.results import Residual, Study

RETRAIN, RESIDUAL, GAP = "retrain", "residual", "avg_gap"
CERTIFIED = "certified"
TOLERANCE = 1e-9  # between taus that count as equal


@dataclass(frozen=True)
class Quantity:
    """One column: its name, label and unit, which way is better, and the digits shown.

    better: 'up', 'down', 'retrain' (near Re-train's value) or 'one' (near 1); most: the largest
    uncensored value; at_tau: whether it is measured on perturbed copies.
    """

    name: str
    label: str
    unit: str
    better: str
    help: str
    digits: int = 2
    most: float | None = None
    at_tau: bool = False

    def goal(self, reference: float) -> Goal:
        """Which way is better; reference: Re-train's value, NaN if there is none."""
        if self.better == "one":
            return Goal(NEAR, 1.0)
        if self.better == RETRAIN:
            return Goal(NEAR, reference)
        return Goal(UP if self.better == "up" else DOWN)

    def text(self, value: float, bound: bool = False) -> str:
        """A value without its unit: '>30' where it is censored, '–' where unknown.

        bound: whether it is only a lower bound, shown as '≥27.0'.
        """
        if math.isnan(value):
            return "–"
        past = self.most is not None and value > self.most
        return f">{self.most:g}" if past else f"{'≥' * bound}{value:.{self.digits}f}"

    def of(self, entry: ModelCell) -> str:
        """The mean of an entry, marked if it is a lower bound."""
        return self.text(entry.mean, entry.bound)


@dataclass(frozen=True)
class ModelCell:
    """One number of one model.

    values, gaps: one per seed, and its difference from the Re-train of the same seed; low, high:
    its interval, NaN if there is none; published: the paper's figure; censored: for each value,
    whether it is a lower bound, () if the quantity is never censored.
    """

    values: tuple[float, ...] = ()
    gaps: tuple[float, ...] = ()
    low: float = math.nan
    high: float = math.nan
    published: Figure | None = None
    censored: tuple[bool, ...] = ()

    @property
    def bound(self) -> bool:
        """Whether the mean is a lower bound because a value is censored."""
        return any(self.censored)

    @property
    def mean(self) -> float:
        """Mean over the seeds; NaN without values."""
        return spread(self.values).mean

    @property
    def deviation(self) -> float:
        """Standard deviation over the seeds, divisor n; NaN for fewer than two and for bounds."""
        return math.nan if self.bound else spread(self.values).deviation

    @property
    def gap(self) -> float:
        """Mean gap to Re-train over the seeds; NaN without gaps."""
        return spread(self.gaps).mean

    @property
    def interval(self) -> tuple[float, float]:
        """(low, high): the interval, else mean ± deviation; NaN if there is neither."""
        if math.isfinite(self.low):
            return self.low, self.high
        return self.mean - self.deviation, self.mean + self.deviation


@dataclass(frozen=True)
class ModelRow:
    """One model of one run, or of several seeds; run: '' for the open study."""

    model: str
    label: str
    run: str
    number: int
    n: int
    entries: Mapping[str, ModelCell]

    @property
    def name(self) -> str:
        """Display name of model and run."""
        return f"{self.label} ({self.run})" if self.run else self.label

    def entry(self, quantity: str) -> ModelCell:
        """The entry with this name, or an empty one."""
        return self.entries.get(quantity, ModelCell())


@dataclass(frozen=True)
class ModelTable:
    """The rows of one or several studies; tau: at which tau-dependent quantities are read.

    withheld: whether any of the studies withholds the prevalence.
    """

    tau: float
    draws: int
    quantities: tuple[Quantity, ...]
    rows: tuple[ModelRow, ...]
    seeds: tuple[int, ...] = ()
    key: str = ""
    withheld: bool = False

    def quantity(self, name: str) -> Quantity | None:
        """The column with this name, or None."""
        return next((one for one in self.quantities if one.name == name), None)

    def reference(self, number: int, quantity: str) -> float:
        """Re-train's value in this run."""
        return self.reference_entry(number, quantity).mean

    def reference_entry(self, number: int, quantity: str) -> ModelCell:
        """Re-train's entry in this run, or an empty one if there is no Re-train."""
        own = [one for one in self.rows if (one.number, one.model) == (number, RETRAIN)]
        return own[0].entry(quantity) if own else ModelCell()


def board(
    study: Study, beside: Iterable[Study] = (), *, tau: float = -1.0, mean: bool = False
) -> ModelTable:
    """The board of a study and those beside it; mean: merge seeds of the same settings.

    tau < 0 means the middle of the study's grid; otherwise its nearest value is used.
    """
    studies = [study, *(one for one in beside if one.key != study.key)]
    runs = [run_of(study), *runs_beside(study, studies[1:])]
    at = nearest_tau(study.residual.taus, tau)
    groups = families(runs) if mean else [[i] for i in range(len(runs))]
    cuts = [_cut(one, at) for one in studies]
    rows = [row for group in groups for row in _rows(runs, cuts, group)]
    return ModelTable(
        at,
        study.residual.draws,
        _named(rows),
        tuple(rows),
        tuple(int(studies[i].spec.get("seed", 0)) for i in groups[0]),
        study.key,
        any(one.residual.withheld for one in studies),
    )


def with_published(table: ModelTable, figures: Mapping[str, Mapping[str, Figure]]) -> ModelTable:
    """The board with the paper's figures added to the rows of the open study.

    figures: model -> measure -> published figure.
    """
    rows = [
        replace(one, entries=_published(one, figures.get(one.model, {}))) if not one.number else one
        for one in table.rows
    ]
    return replace(table, rows=tuple(rows), quantities=_named(rows))


def _named(rows: Sequence[ModelRow]) -> tuple[Quantity, ...]:
    """The quantities that occur in any row."""
    named = {name for row in rows for name in row.entries}
    return tuple(one for one in QUANTITIES if one.name in named)


def nearest_tau(taus: np.ndarray, tau: float) -> float:
    """The grid value nearest to tau; the middle for tau < 0, NaN for an empty grid."""
    if not len(taus):
        return math.nan
    return float(taus[len(taus) // 2] if tau < 0 else taus[np.argmin(np.abs(taus - tau))])


def _published(row: ModelRow, figures: Mapping[str, Figure]) -> dict[str, ModelCell]:
    """The row's entries with their published figures, plus those that only the paper has."""
    names = [*row.entries, *(name for name in figures if name not in row.entries)]
    return {name: replace(row.entry(name), published=figures.get(name)) for name in names}


def _rows(
    runs: Sequence[StudyRun], studies: Sequence[Study], group: Sequence[int]
) -> list[ModelRow]:
    """The models common to all studies of a group, Original and Re-train first."""
    members, number = [studies[i] for i in group], group[0]
    run = _title(runs[number], len(group))
    return [
        ModelRow(
            model, model_label(model, members[0].labels), run, number, len(group),
            _entries(members, model),
        )
        for model in members[0].metrics
        if all(model in one.metrics for one in members)
    ]  # fmt: skip


def _title(run: StudyRun, n: int) -> str:
    if n == 1 or not run.name:
        return run.name
    return f"{run.setting}, {n} seeds" if run.setting else f"{n} seeds"


def _entries(studies: Sequence[Study], model: str) -> dict[str, ModelCell]:
    rows = [one.metrics[model] for one in studies]
    retrains = [one.metrics[RETRAIN] for one in studies if RETRAIN in one.metrics]
    compared = model != RETRAIN and len(retrains) == len(rows)
    pairs = [*zip(rows, retrains, strict=True)] if compared else []
    entries = {
        one.name: ModelCell(
            tuple(float(row[one.name]) for row in rows),
            _gaps(one, pairs),
            censored=_flags(one, rows),
        )
        for one in METRICS
        if all(one.name in row for row in rows)
    }
    entries[GAP] = ModelCell(tuple(average_gap(*pair) for pair in pairs))
    return entries | _on_copies(studies, model)


def _gaps(
    metric: Metric, pairs: Sequence[tuple[Mapping[str, float], Mapping[str, float]]]
) -> tuple[float, ...]:
    """Difference of each model from its Re-train, for uncensored pairs."""
    counted = [pair for pair in pairs if not any(is_censored(metric, one) for one in pair)]
    return tuple(
        model[metric.name] - retrain.get(metric.name, math.nan) for model, retrain in counted
    )


def _flags(metric: Metric, rows: Sequence[Mapping[str, float]]) -> tuple[bool, ...]:
    if metric.most is None:
        return ()
    return tuple(is_censored(metric, row) for row in rows)


def _on_copies(studies: Sequence[Study], model: str) -> dict[str, ModelCell]:
    """The quantities measured on perturbed copies, from the studies that have this tau."""
    at_tau = [one for one in studies if len(one.residual.taus)]
    entries: dict[str, ModelCell] = {}
    for measure in MEASURES:
        traces = [measure.traces(one.residual) for one in at_tau]
        if traces and all(model in one for one in traces):
            entries[measure.name] = ModelCell(tuple(float(one[model].y[0]) for one in traces))
    shares = [certified_samples(one.residual, model) for one in studies]
    if all(math.isfinite(share) for share in shares):
        entries[CERTIFIED] = ModelCell(tuple(shares))
    if RESIDUAL in entries:
        curve = over_seeds.seed_curve(at_tau, model)
        low, high = float(curve.low[0]), float(curve.high[0])
        entries[RESIDUAL] = replace(entries[RESIDUAL], low=low, high=high)
    return entries


def _cut(study: Study, tau: float) -> Study:
    """The study with its residual knowledge restricted to this tau; empty if it lacks it."""
    columns = np.flatnonzero(np.abs(study.residual.taus - tau) < TOLERANCE)
    column = int(columns[0]) if len(columns) else len(study.residual.taus)
    return replace(study, residual=residual_at(study.residual, column))


CERTIFIED_SHARE = Quantity(
    CERTIFIED, "Certified", "%", "down",
    "percent of forget samples with certified residual knowledge: some radius within which no "
    "shift makes the smoothed model less sure than Re-train; only with Gaussian noise", 1,
)  # fmt: skip


def certified_samples(residual: Residual, model: str) -> float:
    """Percent of the forget samples with a certified radius above 0; NaN where there are none."""
    radius = residual.certified_radius.get(model)
    return math.nan if radius is None else float(100 * (radius > 0).mean())


def _quantities() -> tuple[Quantity, ...]:
    pooled, residual, *others = (
        Quantity(one.name, one.short, one.unit, one.better, one.help, one.digits, at_tau=True)
        for one in MEASURES
    )
    digits = {"seconds": 1, "relearn_epochs": 1}
    measured = [
        Quantity(m.name, m.label, m.unit, m.better, m.help, digits.get(m.name, m.digits), m.most)
        for m in sorted(METRICS, key=lambda one: one.further)
    ]
    usual = len([one for one in METRICS if not one.further])
    return (residual, *measured[:usual], pooled, *others, *measured[usual:], CERTIFIED_SHARE)


QUANTITIES = _quantities()
assert set(COMPARED) <= {one.name for one in QUANTITIES}
