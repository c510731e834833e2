"""The curves of one figure: those of the open study, of the studies beside it and of the paper."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np

from engine.analysis.curves import PUBLISHED, Line, StudyRun, families, lines, published_lines
from engine.analysis.measures import Measure
from engine.arrays import Floats
from engine.drawing.labels import NO_VERDICTS_NOTE, undefined_of_each
from engine.paper.published import Published
from engine.residual.over_seeds import null_band_envelope
from engine.residual.prediction import LEVEL, Prediction, prediction, retrains_for_a_claim

POOLED, RESIDUAL, PREVALENCE = "pooled", "residual", "prevalence"
AT_ZERO = "(at most 1 by construction)"
Sheet = tuple[list[str], list[list[object]]]


class CurveSet:
    """Runs (the first is the open study) and published figures; curves are computed on demand.

    mean: merge studies that differ only in their seed into one curve per model.
    """

    def __init__(
        self, runs: Sequence[StudyRun] = (), *, mean: bool = False, paper: Published | None = None
    ) -> None:
        self.runs, self.mean, self.paper = tuple(runs), mean, paper
        self._lines: dict[str, list[Line]] = {}
        self._predicted: list[Prediction] | None = None

    @property
    def taus(self) -> np.ndarray:
        """(T,) tau grid of the open study; empty if no study is open."""
        return self.runs[0].residual.taus if self.runs else np.empty(0)

    @property
    def groups(self) -> list[list[int]]:
        """Indices of the runs, grouped by the curves they share."""
        return families(self.runs) if self.mean else [[i] for i in range(len(self.runs))]

    @property
    def seeds(self) -> list[StudyRun]:
        """The runs drawn as one curve with the open study, itself included."""
        return [self.runs[i] for i in self.groups[0]] if self.runs else []

    @property
    def alone(self) -> list[int]:
        """Indices of the runs that have their own curves beside those of the open study."""
        return [group[0] for group in self.groups[1:]]

    def nearest(self, x: float) -> int:
        """Index of the tau in the grid that is nearest to x."""
        return int(np.argmin(np.abs(self.taus - x)))

    def lines(self, measure: Measure, hidden: Collection[str] = ()) -> list[Line]:
        """The measure's curves, without those of hidden models ('gd') and runs ('@key')."""
        if measure.name not in self._lines:
            own = lines(measure, self.runs, mean=self.mean) if self.runs else []
            if self.runs and self.paper is not None:
                own += published_lines(measure, self.paper.curves, self.runs[0].labels)
            self._lines[measure.name] = own
        return [one for one in self._lines[measure.name] if self._seen(one, hidden)]

    def line(self, measure: Measure, name: str) -> Line | None:
        """The curve with this name, or None."""
        return next((one for one in self.lines(measure) if one.name == name), None)

    def has_paper(self, measure: Measure) -> bool:
        """Whether the paper has curves for this measure."""
        return any(line.kind == PUBLISHED for line in self.lines(measure))

    def band(self, measure: Measure) -> tuple[Floats, Floats] | None:
        """(low, high), each (T,): null band over all seeds; None where Re-trains give none.

        Of the pooled ratio the range of the Re-trains' own, of r `ratio.null_band`.
        """
        if not measure.ratio or not self.runs:
            return None
        if measure.name == POOLED:
            low = np.fmin.reduce([one.envelope_low for one in self._predictions()])
            high = np.fmax.reduce([one.envelope_high for one in self._predictions()])
        else:
            low, high = null_band_envelope([run.residual for run in self.seeds])
        return (low, high) if np.isfinite(low).any() else None

    def prediction(self, measure: Measure) -> Prediction | None:
        """Where one more Re-train lies (`engine.residual.prediction`); None for other measures.

        Only of the pooled ratio, and of a single seed.
        """
        if measure.name != POOLED or len(self.seeds) != 1:
            return None
        own = self._predictions()[0]
        return own if np.isfinite(own.low).any() else None

    def claim(self, measure: Measure) -> str:
        """What a curve outside the bands says, and how many Re-trains that takes; '' without any.

        A sentence without its full stop.
        """
        own = self.prediction(measure)
        if own is None:
            return ""
        words = (
            f"Outside the dashed band, where one more Re-train lies with {100 * LEVEL:g} % "
            "probability at all τ together, a curve is evidence; inside, it is none"
        )
        needed = retrains_for_a_claim(self.runs[0].residual, own)
        if needed is None or needed <= own.retrains:
            return words
        return f"{words}. {own.retrains} Re-trains are too few here; {needed} would tell"

    def _predictions(self) -> list[Prediction]:
        if self._predicted is None:
            self._predicted = [prediction(run.residual) for run in self.seeds]
        return self._predicted

    def title(self, number: int) -> str:
        """What distinguishes this run, or all of its seeds, from the open study."""
        run = self.runs[number]
        group = next(one for one in self.groups if number in one)
        if len(group) == 1:
            return run.name
        return f"{run.setting}, {len(group)} seeds" if run.setting else f"{len(group)} seeds"

    def over_seeds(self) -> str:
        """Sentence naming the seeds that the curves average over; '' for a single seed."""
        if len(self.seeds) < 2:
            return ""
        numbers = sorted(int(run.spec.get("seed", 0)) for run in self.seeds)
        return f"Curves are means over the seeds {', '.join(map(str, numbers))}, bands their range."

    def undefined(self) -> str:
        """For how many samples r is undefined in the open study; '' if for none."""
        run = self.runs[0]
        residual = run.residual
        return undefined_of_each(residual.undefined, run.labels, len(residual.samples))

    def sheet(self, measure: Measure, drawn: Iterable[Line]) -> Sheet:
        """(header, rows) for CSV: one row per curve and tau, followed by the bands around 1.

        For r, a curve of a single run also gets the pooled ratio and the number of undefined
        samples; for the prevalence, a note where it is withheld.
        """
        ends = ["low", "high"]
        header = ["model", "name", "study", "run", "kind", "seeds", "tau", measure.name, *ends]
        header += ["pooled", "undefined"] * (measure.name == RESIDUAL)
        header += ["note"] * self._withholds(measure)
        rows = [row for line in drawn for row in self._rows(measure, line)]
        for name, low, high in self._bands(measure):
            for tau, *ends in zip(self.taus.tolist(), low.tolist(), high.tolist(), strict=True):
                words = name if tau or measure.name == POOLED else f"{name} {AT_ZERO}"
                cells = ["null", words, "", "", "", len(self.seeds), tau, np.nan, *ends]
                rows.append(cells + [np.nan, ""] * (measure.name == RESIDUAL))
        return header, rows

    def _bands(self, measure: Measure) -> list[tuple[str, Floats, Floats]]:
        """Name, low and high, each (T,), of every band around 1."""
        band, own = self.band(measure), self.prediction(measure)
        bands = [("null band", *band)] if band is not None else []
        if own is not None:
            bands.append(("prediction interval at each tau", own.low, own.high))
            bands.append(("prediction interval of the grid", own.grid_low, own.grid_high))
        return bands

    def _rows(self, measure: Measure, line: Line) -> list[list[object]]:
        run, trace, paper = self.runs[line.run], line.trace, line.kind == PUBLISHED
        source = ["", ""] if paper else [run.key, run.name]
        nothing = np.full(len(line.x), np.nan)
        low, high = (nothing if end is None else end for end in (trace.low, trace.high))
        rows: list[list[object]] = []
        for i, tau in enumerate(line.x.tolist()):
            values = [float(part[i]) for part in (trace.y, low, high)]
            rows.append([line.model, line.label, *source, line.kind, line.n, tau, *values])
            if measure.name == RESIDUAL:
                rows[-1] += _besides(run, line, i)
            if self._withholds(measure):
                rows[-1].append(NO_VERDICTS_NOTE * (run.residual.withheld and not paper))
        return rows

    def _withholds(self, measure: Measure) -> bool:
        """Whether any run withholds this measure."""
        adaptive = any(run.residual.withheld for run in self.runs)
        return measure.name == PREVALENCE and adaptive

    def _seen(self, line: Line, hidden: Collection[str]) -> bool:
        of = PUBLISHED if line.kind == PUBLISHED else self.runs[line.run].key
        own = line.run == 0 and line.kind != PUBLISHED
        return line.model not in hidden and (own or f"@{of}" not in hidden)


def _besides(run: StudyRun, line: Line, i: int) -> list[object]:
    if line.n > 1 or line.kind == PUBLISHED:
        return [np.nan, ""]
    curve = run.residual.curves[line.model]
    return [float(curve.pooled[i]), int(curve.undefined[i])]
