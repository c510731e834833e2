"""The measures plotted against tau: the values of each model, axis labels and wording."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from engine.residual.disagreement import disagreement, perturbed_unlearn_accuracy
from engine.results import Curve, Residual, retrain_names

RETRAIN = "retrain"  # the mean over the Re-trains


@dataclass(frozen=True, eq=False)
class Trace:
    """Values of one model: y (T,) with NaN as a gap, and bounds low, high (T,) or None."""

    y: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None


@dataclass(frozen=True)
class Measure:
    """One quantity over tau: its name in sessions, on its tab and in full, its axis with unit.

    help: its meaning and range; traces: model -> its values; words: a trace's value at one tau as
    text; better: the goal as in engine.metrics, or 'one' for best near 1; short: its name in a
    table; unit, digits: of its values; published: the name of its curves in engine.paper.presets,
    '' where the paper has none; log: whether its axis is logarithmic unless somebody changes it;
    ratio: whether it is a ratio to Re-train, which has a null band around 1.
    """

    name: str
    tab: str
    title: str
    axis: str
    help: str
    traces: Callable[[Residual], Mapping[str, Trace]]
    words: Callable[[Trace, int], str]
    better: str
    short: str
    unit: str = ""
    digits: int = 2
    published: str = ""
    log: bool = False
    ratio: bool = False

    def text(self, trace: Trace, i: int) -> str:
        """The value at one tau, without interval or unit; '-' where it is undefined."""
        return f"{trace.y[i]:.{self.digits}f}" if np.isfinite(trace.y[i]) else "-"


def residual_at(residual: Residual, column: int) -> Residual:
    """The residual knowledge restricted to one tau of its grid."""
    columns = slice(column, column + 1)
    return replace(
        residual,
        taus=residual.taus[columns],
        counts={name: values[:, columns] for name, values in residual.counts.items()},
        curves={name: _cut_curve(values, columns) for name, values in residual.curves.items()},
        null_low=residual.null_low[columns],
        null_high=residual.null_high[columns],
        posterior={name: values[:, columns] for name, values in residual.posterior.items()},
        predictions={name: values[:, columns] for name, values in residual.predictions.items()},
        drawn=_cut(residual.drawn, columns),
        rates={name: values[:, columns] for name, values in residual.rates.items()},
        e_values={name: values[:, columns] for name, values in residual.e_values.items()},
        absence={name: values[:, columns] for name, values in residual.absence.items()},
        settled=_cut(residual.settled, columns),
    )


def _cut_curve(curve: Curve, columns: slice) -> Curve:
    return Curve(
        curve.mean[columns],
        curve.low[columns],
        curve.high[columns],
        curve.pooled[columns],
        curve.undefined[columns],
        curve.prevalence[columns],
        None if curve.pooled_low is None else curve.pooled_low[columns],
        None if curve.pooled_high is None else curve.pooled_high[columns],
    )


def _cut(values: np.ndarray | None, columns: slice) -> np.ndarray | None:
    return None if values is None else values[:, columns]


def _pooled_ratios(residual: Residual) -> dict[str, Trace]:
    return {
        name: Trace(curve.pooled, curve.pooled_low, curve.pooled_high)
        for name, curve in residual.curves.items()
    }


def _ratios(residual: Residual) -> dict[str, Trace]:
    return {
        name: Trace(curve.mean, curve.low, curve.high) for name, curve in residual.curves.items()
    }


def _prevalences(residual: Residual) -> dict[str, Trace]:
    return {name: Trace(curve.prevalence) for name, curve in residual.curves.items()}


def _disagreements(residual: Residual) -> dict[str, Trace]:
    shares = {name: disagreement(residual, name) for name in residual.curves}
    return {name: Trace(one.mean, one.low, one.high) for name, one in shares.items()}


def _accuracies(residual: Residual) -> dict[str, Trace]:
    traces = {name: Trace(perturbed_unlearn_accuracy(residual, name)) for name in residual.curves}
    names = retrain_names(residual.counts)
    if names:
        retrain_accuracies = np.stack(
            [perturbed_unlearn_accuracy(residual, name) for name in names]
        )
        traces[RETRAIN] = Trace(
            retrain_accuracies.mean(0), retrain_accuracies.min(0), retrain_accuracies.max(0)
        )
    return traces


def _ratio_words(trace: Trace, i: int) -> str:
    return f"r {_bounded(trace, i)}" if np.isfinite(trace.y[i]) else "undefined"


def _percent_words(trace: Trace, i: int) -> str:
    return f"{trace.y[i]:.1f} %" if np.isfinite(trace.y[i]) else "undefined"


def _share_words(trace: Trace, i: int) -> str:
    if np.isfinite(trace.y[i]) or trace.low is None or trace.high is None:
        return _bounded(trace, i)
    return f"between {trace.low[i]:.3g} and {trace.high[i]:.3g}"


def _bounded(trace: Trace, i: int) -> str:
    words = f"{trace.y[i]:.3g}"
    if trace.low is None or trace.high is None or not np.isfinite(trace.low[i]):
        return words
    return f"{words} [{trace.low[i]:.3g}, {trace.high[i]:.3g}]"


MEASURES = (
    Measure(
        "pooled",
        "Pooled",
        "Residual knowledge",
        "pooled r (1 = like Re-train)",
        "Copies of all forget samples that the model recognizes, over those that Re-train does, "
        "against τ with 95 % intervals; rarely recognized samples cannot dominate it",
        _pooled_ratios,
        _ratio_words,
        better="one",
        short="pooled r",
        log=True,
        ratio=True,
    ),
    Measure(
        "residual",
        "Residual",
        "Mean of samples (paper)",
        "r (1 = like Re-train)",
        "The paper's r: the mean over forget samples of their own ratios, against τ with 95 % "
        "intervals; a few rarely recognized samples can dominate it",
        _ratios,
        _ratio_words,
        better="one",
        short="r",
        ratio=True,
    ),
    Measure(
        "prevalence",
        "Prevalence",
        "Prevalence",
        "forget samples with r > 1 (%)",
        "Percent of forget samples that the model recognizes more often than Re-train does",
        _prevalences,
        _percent_words,
        better="down",
        short="Prevalence",
        unit="%",
        digits=1,
        published="prevalence",
    ),
    Measure(
        "disagreement",
        "Disagreement",
        "Adversarial disagreement",
        "copies classified differently (share, 0 to 1)",
        "Share of perturbed copies that the model and Re-train classify differently, 0 to 1; "
        "the band is what r alone implies",
        _disagreements,
        _share_words,
        better="down",
        short="Disagreement",
        digits=3,
        published="disagreement",
    ),
    Measure(
        "accuracy",
        "Accuracy",
        "Perturbed unlearn accuracy",
        "perturbed unlearn accuracy (%)",
        "Percent of perturbed copies of the forget set that a model does not recognize, 0 to 100; "
        "the band is the range over the Re-trains",
        _accuracies,
        _percent_words,
        better="retrain",
        short="Perturbed unlearn",
        unit="%",
        digits=1,
        published="unlearn-accuracy",
    ),
)
