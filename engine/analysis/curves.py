"""Curves of several studies over tau, as the window, the figures and the CSV show them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.analysis.measures import Measure, Trace
from engine.arrays import nanmean
from engine.drawing.labels import model_label
from engine.paper.presets import Figure
from engine.results import Residual, Study
from engine.study.family import MOST_LISTED, difference_summary, family

ALL = 1000  # differences listed where two studies would otherwise read alike
SHOWN, BESIDE, MEAN, PUBLISHED = "shown", "beside", "mean", "published"
RUN_DASHES: tuple[tuple[float, ...], ...] = (
    (6, 2), (2, 2), (8, 2, 2, 2), (4, 2, 1.5, 2, 1.5, 2), (12, 3), (3, 1.5),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class StudyRun:
    """One study whose curves are drawn.

    key: of the study, '' while it is still running; name: what distinguishes it from the open
    study, '' for the open one; setting: the same without the seed; family: equal for studies that
    differ only in their seed; spec: the plain RunSpec.
    """

    key: str
    name: str
    residual: Residual
    labels: Mapping[str, str]
    setting: str = ""
    family: str = ""
    spec: Mapping[str, Any] = field(default_factory=dict)

    @property
    def data(self) -> str:
        """Fingerprint of the dataset that its sample indices refer to; '' if unknown."""
        return str(self.spec.get("data", {}).get("fingerprint", ""))


@dataclass(frozen=True, eq=False)
class Line:
    """One curve over tau: x (T,) and its trace, with NaN as a gap.

    kind: SHOWN, BESIDE, MEAN (over the seeds of a family; the trace's low and high are the range)
    or PUBLISHED; run: index of its run, 0 for the open study; n: number of seeds.
    """

    model: str
    label: str
    kind: str
    run: int
    x: np.ndarray
    trace: Trace
    n: int = 1

    @property
    def name(self) -> str:
        """Unique name among all lines: 'gd', 'gd@2', 'gd@published'."""
        if self.kind == PUBLISHED:
            return f"{self.model}@{PUBLISHED}"
        return self.model if self.run == 0 else f"{self.model}@{self.run}"


def run_dash(number: int) -> tuple[float, ...]:
    """Dash pattern, in line widths, of the curves of run `number` (1, 2 ...)."""
    return RUN_DASHES[(number - 1) % len(RUN_DASHES)]


def run_of(study: Study) -> StudyRun:
    """The open study as a run."""
    return _run(study, "", "")


def runs_beside(study: Study | None, others: Iterable[Study]) -> list[StudyRun]:
    """The other studies as runs, no two of which have the same name.

    The name is the one that somebody gave the study, else what differs from the open one, else the
    seed; where two would read alike, more of what differs follows, and in the end the key.
    """
    distinct = [one for one in others if study is None or one.key != study.key]
    names = _names(study, distinct)
    return [
        _run(one, name, _setting(study, one)) for one, name in zip(distinct, names, strict=True)
    ]


def lines(measure: Measure, runs: Sequence[StudyRun], *, mean: bool = False) -> list[Line]:
    """The measure's curves of all runs, in the order of the runs; mean: one mean per family."""
    curves: list[Line] = []
    for group in families(runs) if mean else [[i] for i in range(len(runs))]:
        curves += _of_group(measure, runs, group)
    return curves


def families(runs: Sequence[StudyRun]) -> list[list[int]]:
    """Indices of the runs, grouped where they differ only in seed and share their tau grid."""
    groups: dict[object, list[int]] = {}
    for i, run in enumerate(runs):
        grid = (run.residual.perturbation, *run.residual.taus.tolist())
        groups.setdefault((run.family or i, grid), []).append(i)
    return list(groups.values())


def published_lines(
    measure: Measure,
    curves: Mapping[str, Mapping[str, Mapping[float, Figure]]],
    labels: Mapping[str, str],
) -> list[Line]:
    """The published curves of this measure; curves: as returned by `paper.curves_of`."""
    drawn_lines = []
    for model, figures in curves.get(measure.published, {}).items():
        means = {tau: one.mean for tau, one in figures.items() if one.mean is not None}
        x, y = np.array([*means]), np.array([*means.values()], np.float64)
        label = f"{model_label(model, labels)}, published"
        drawn_lines.append(Line(model, label, PUBLISHED, 0, x, Trace(y)))
    return drawn_lines


def _of_group(measure: Measure, runs: Sequence[StudyRun], group: Sequence[int]) -> list[Line]:
    """One line per model: that of a single run, or the mean over several with its range."""
    first, number = runs[group[0]], group[0]
    traces_of_runs = [measure.traces(runs[i].residual) for i in group]
    kind = MEAN if len(group) > 1 else BESIDE if number else SHOWN
    group_lines = []
    for model in traces_of_runs[0]:
        own = [traces[model] for traces in traces_of_runs if model in traces]
        trace = own[0] if len(own) == 1 else _mean(own)
        label = model_label(model, first.labels)
        group_lines.append(Line(model, label, kind, number, first.residual.taus, trace, len(own)))
    return group_lines


def _mean(traces: Sequence[Trace]) -> Trace:
    """Mean, minimum and maximum over seeds, ignoring undefined values."""
    values = np.stack([trace.y for trace in traces]).astype(np.float64)
    return Trace(nanmean(values, 0), np.fmin.reduce(values), np.fmax.reduce(values))


def _run(study: Study, name: str, setting: str) -> StudyRun:
    spec = study.spec
    return StudyRun(study.key, name, study.residual, study.labels, setting, family(spec), spec)


def _setting(study: Study | None, other: Study) -> str:
    return difference_summary(study.spec, other.spec, seeds=False) if study is not None else ""


def _names(study: Study | None, others: Sequence[Study]) -> list[str]:
    """A name for each of the others, all of them different."""
    differences = [_difference(study, one) for one in others]
    full = [_difference(study, one, most=ALL) for one in others]
    names = [one.name or short for one, short in zip(others, differences, strict=True)]
    names = _told_apart(names, full, [bool(one.name) for one in others])
    return _told_apart(names, [one.key[:8] for one in others], [True] * len(others))


def _told_apart(names: Sequence[str], more: Sequence[str], added: Sequence[bool]) -> list[str]:
    """The names, those that occur twice with more words: added to them or in their place."""
    twice = {name for name, count in Counter(names).items() if count > 1}
    return [
        name if name not in twice else f"{name}, {words}" if behind and words != name else words
        for name, words, behind in zip(names, more, added, strict=True)
    ]


def _difference(study: Study | None, other: Study, most: int = MOST_LISTED) -> str:
    difference = difference_summary(study.spec, other.spec, most=most) if study is not None else ""
    return difference or f"seed {other.spec.get('seed', '?')}, {other.key[:8]}"
