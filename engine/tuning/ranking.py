"""All methods with default and with tuned settings, ranked on the seeds that tables report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine import registry
from engine.paper.presets import Preset
from engine.pipeline.pipeline import Pipeline
from engine.results import Residual, Study, pooled_ratio, retrain_names
from engine.runtime.progress import Reporter
from engine.spec import REFUSE
from engine.sweeps.batch import run_all
from engine.sweeps.reproduce import trials_of
from engine.tables.text import aligned
from engine.tuning.objective import average_gap, residual_distance
from engine.tuning.ranks import Rank, interval, ranks

ORIGINAL = "original"
DASH = "-"


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The studies of a preset, one per seed, and the methods that all of them have."""

    studies: tuple[Study, ...]
    methods: tuple[str, ...]

    def gaps(self) -> dict[str, list[float]]:
        """Method -> average gap on each seed, in percentage points."""
        return {name: [average_gap(one, name) for one in self.studies] for name in self.methods}

    def pooled(self, model: str) -> list[float]:
        """The pooled ratio at the largest tau on each seed."""
        return [float(one.residual.curves[model].pooled[-1]) for one in self.studies]

    def distances(self, model: str) -> list[float]:
        """The distance of residual knowledge from Re-train's on each seed."""
        return [residual_distance(one.residual, model) for one in self.studies]


def evaluate(
    pipeline: Pipeline, preset: Preset, report: Reporter, root: str = "", links: str = REFUSE
) -> Evaluation:
    """Run the preset on its seeds; a method that fails on one of them is left out."""
    trials = list(trials_of(pipeline, preset, report, root, links))
    names = [trial.name for trial in trials]
    studies = [
        one.study for one in run_all(pipeline, [trial.spec for trial in trials], names, report)
    ]
    whole = [name for name in preset.methods if all(name in one.metrics for one in studies)]
    return Evaluation(tuple(studies), tuple(whole))


def null_range(residuals: Sequence[Residual]) -> tuple[float, float]:
    """Smallest and largest pooled ratio at the largest tau of one Re-train to the others.

    Over all Re-trains of all seeds; NaN with a single Re-train.
    """
    ratios = [ratio for one in residuals for ratio in _between_retrains(one)]
    return (float(np.nanmin(ratios)), float(np.nanmax(ratios))) if ratios else (np.nan, np.nan)


def _between_retrains(residual: Residual) -> list[float]:
    counts = [residual.share(name)[:, -1:] for name in retrain_names(residual.counts)]
    if len(counts) < 2:
        return []
    pairs = ((own, np.stack(counts[:i] + counts[i + 1 :])) for i, own in enumerate(counts))
    return [float(pooled_ratio(own, others)[0]) for own, others in pairs]


def text(default: Evaluation, tuned: Evaluation) -> str:
    """The ranking as an aligned table, and what its columns are."""
    tau = float(tuned.studies[0].residual.taus[-1])
    low, high = null_range([one.residual for one in (*default.studies, *tuned.studies)])
    rows = [*_rows(default, tuned), _reference(tuned)]
    head = [
        "rank", "method", "gap, % points", "behind the best", f"r pooled, tau {tau:g}", "|ln r|",
        "default: gap", "r pooled", "|ln r|", "rank (place)",
    ]  # fmt: skip
    return f"{aligned([head, *rows], left=(1,))}\n\n" + "\n".join(_notes(tau, low, high, tuned))


def _rows(default: Evaluation, tuned: Evaluation) -> list[list[str]]:
    before, after = ranks(default.gaps()), ranks(tuned.gaps())
    methods = [*after, *(name for name in before if name not in after)]
    places = {name: place for place, name in enumerate(before, 1)}
    numbers = {name: _numbers(tuned, name) for name in after}
    others = {name: _numbers(default, name) for name in before}
    return [
        [
            str(after[name].rank) if name in after else DASH,
            registry.get("method", name).label,
            _at(numbers, name, 0),
            _behind(after, name),
            *(_at(numbers, name, i) for i in (1, 2)),
            *(_at(others, name, i) for i in (0, 1, 2)),
            f"{before[name].rank} ({places[name]})" if name in before else DASH,
        ]
        for name in methods
    ]


def _behind(after: Mapping[str, Rank], name: str) -> str:
    if name not in after or name == next(iter(after)):
        return DASH
    one = after[name].behind
    return f"{one.mean:+.2f} [{one.low:.2f}, {one.high:.2f}]"


def _numbers(found: Evaluation, model: str) -> tuple[str, str, str]:
    """Average gap with its half-width, pooled ratio and distance, as text."""
    gap = interval([average_gap(one, model) for one in found.studies])
    pooled, distance = np.mean(found.pooled(model)), np.mean(found.distances(model))
    return f"{gap.mean:.2f} ± {gap.half_width:.2f}", f"{pooled:.3f}", f"{distance:.3f}"


def _at(numbers: Mapping[str, tuple[str, str, str]], name: str, column: int) -> str:
    return numbers[name][column] if name in numbers else DASH


def _reference(tuned: Evaluation) -> list[str]:
    """The Original, which has no rank."""
    gap, pooled, distance = _numbers(tuned, ORIGINAL)
    return [DASH, "Original", gap, DASH, pooled, distance, gap, pooled, distance, DASH]


def _notes(tau: float, low: float, high: float, tuned: Evaluation) -> list[str]:
    seeds = ", ".join(str(one.spec["seed"]) for one in tuned.studies)
    return [
        f"gap: average gap to Re-train, mean over the seeds {seeds} ± Student's 95 % half-width; "
        "behind the best: paired over the seeds, with its 95 % interval.",
        "rank: a method shares the rank of a better one if the interval of their paired difference "
        "includes 0, and so do all between them; place: by the mean alone, as rows are ordered.",
        f"r pooled: pooled residual knowledge at tau {tau:g}, mean over the seeds; of one Re-train "
        f"to the others it lies between {low:.3f} and {high:.3f}.",
        "|ln r|: mean over tau > 0 of |ln r pooled|; 0 for a model like Re-train.",
    ]
