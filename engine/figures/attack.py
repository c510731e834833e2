"""Membership inference: score distribution and ROC curves of models A and B."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from engine.drawing.labels import model_label
from engine.drawing.palette import model_style
from engine.figures.canvas import (
    MARKERS,
    MUTED,
    TEXT,
    Sheet,
    add_caption,
    check_page,
    page,
    save,
    shown_label,
    style,
)
from engine.figures.legends import add_legend
from engine.figures.log_axis import make_log
from engine.figures.page_options import BELOW
from engine.membership.results import Attack, AttackResult, Estimate, Roc
from engine.membership.scores import LINEAR, SCORES, Score, histogram

LOW_FPR = 1.0  # percent
NARROW = 120.0  # mm of width below which the panels stand one above the other
HIGHEST = 70.0  # mm of a panel
FEW_MARKS = 6  # ticks on an axis that is not linear


def attack(
    results: Attack,
    labels: Mapping[str, str],
    out: Path,
    *,
    facts: Mapping[str, str] | None = None,
    width_mm: float = 183,
    font_size: float = 8,
    threshold: float | None = None,
    log: bool = False,
    per_sample: bool = False,
) -> list[Path]:
    """Scores of members and non-members under A, and the ROC of A and B; returns the files.

    threshold: in the unit of the score, None for the one chosen on the held-out half; log: draw the
    false positive rate on a logarithmic axis. The CSV has every step of the curves, or, per_sample,
    the scores of every sample. SpecError for an unknown format or an invalid size.
    """
    check_page(out, width_mm, font_size)
    name, first = next(iter(results.models.items()))
    at = first.threshold if threshold is None else threshold
    with style(font_size):
        narrow = width_mm < NARROW
        figure = page(width_mm, min((0.6 if narrow else 0.36) * width_mm, HIGHEST))
        left, right = figure.subplots(2, 1) if narrow else figure.subplots(1, 2)
        _draw_scores(left, results, first, at, model_label(name, labels))
        _draw_rates(right, results, labels, at, log)
        handles = [one for axes in (left, right) for one in axes.get_legend_handles_labels()[0]]
        add_legend(figure, handles, font_size, place=BELOW)
        add_caption(figure, _caption(results, labels), font_size)
        sheet = _samples(results) if per_sample else _sheet(results, labels)
        return save(figure, out, facts, sheet)


def _draw_scores(axes: Axes, results: Attack, one: AttackResult, at: float, label: str) -> None:
    score = SCORES[results.score]
    counts = histogram(score, one.values, results.member)
    color = model_style(next(iter(results.models))).color
    axes.stairs(counts.members, counts.edges, fill=True, color=color, alpha=0.3)
    axes.stairs(counts.members, counts.edges, color=color, label=f"{results.size} members")
    axes.stairs(
        counts.others, counts.edges, color=TEXT, linestyle="--", label=f"{results.size} non-members"
    )
    if np.isfinite(at):
        position = float(score.drawn(np.array(at)))
        axes.axvline(position, color=TEXT, linewidth=0.8, label=f"threshold {at:.3g}")
    _mark(axes, score)
    axes.set(xlabel=score.axis, ylabel="samples")
    axes.set_title(f"Scores under {label}", loc="left")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))


def _mark(axes: Axes, score: Score) -> None:
    """Label a non-linear axis with values of the score."""
    if score.scale == LINEAR:
        return
    low, high = axes.get_xlim()
    marks = [(place, text) for place, text in score.marks() if low <= place <= high]
    marks = marks[:: 1 + len(marks) // FEW_MARKS]
    axes.set_xticks([place for place, _ in marks], [text for _, text in marks])


def _draw_rates(
    axes: Axes, results: Attack, labels: Mapping[str, str], at: float, log: bool
) -> None:
    floor = 50 / results.size  # percent; the position of zero on a logarithmic axis
    for number, (name, one) in enumerate(results.models.items()):
        color, symbol, dash = model_style(name)
        fpr, tpr = _rates(one.roc, floor if log else 0.0)
        text = f"{model_label(name, labels)}, AUC {_words(one.auc)}"
        axes.plot(
            fpr, tpr, color=color, linestyle=(0, dash) if dash else "-", label=shown_label(text)
        )
        step = _step(results, one, at if number == 0 else one.threshold)
        if step is not None:
            axes.plot(
                fpr[step], tpr[step], marker=MARKERS[symbol], color=color, linestyle="",
                markeredgecolor=TEXT, markersize=5,
            )  # fmt: skip
    chance = np.geomspace(floor, 100, 60) if log else np.array([0.0, 100.0])
    axes.plot(chance, chance, color=MUTED, linewidth=0.6, linestyle=":", label="chance")
    axes.axvline(LOW_FPR, color=MUTED, linewidth=0.6, label="1 % false positives")
    if log:
        make_log(axes.xaxis)
    axes.set_title("True and false positives", loc="left")
    axes.set(xlabel="false positive rate (%)", ylabel="true positive rate (%)", ylim=(0, 102))


def _rates(roc: Roc, floor: float) -> tuple[np.ndarray, np.ndarray]:
    """(FPR, TPR) of every step in percent, FPR at least `floor`."""
    return np.maximum(100 * roc.fp / roc.fp[-1], floor), 100 * roc.tp / roc.tp[-1]


def _step(results: Attack, one: AttackResult, at: float) -> int | None:
    if not np.isfinite(at):
        return None
    return SCORES[results.score].step(one.values, at)


def _words(estimate: Estimate, form: str = ".2f") -> str:
    interval = (
        f" [{estimate.low:{form}}, {estimate.high:{form}}]" if np.isfinite(estimate.low) else ""
    )
    return f"{estimate.value:{form}}{interval}"


def _caption(results: Attack, labels: Mapping[str, str]) -> str:
    """What is drawn, and the true positive rates at 1 % FPR or that there are too few samples."""
    names = " and ".join(model_label(name, labels) for name in results.models)
    first = model_label(next(iter(results.models)), labels)
    words = (
        f"Membership inference by {SCORES[results.score].axis}: scores of {results.size} members "
        f"and as many non-members under {first}, and ROC curves of {names} with 95 % intervals."
    )
    models = [(model_label(name, labels), one) for name, one in results.models.items()]
    rates = [
        _rate("1 %", [(name, one.tpr_at_low) for name, one in models], results.size),
        _rate("0.1 %", [(name, one.tpr_at_lowest) for name, one in models], results.size),
    ]
    if not np.isfinite(models[0][1].tpr_at_low.value):
        rates = rates[:1]  # what is too few for 1 % is for 0.1 %
    return " ".join(filter(None, [words, *rates, results.note]))


def _rate(fpr: str, models: list[tuple[str, Estimate]], size: int) -> str:
    """True positive rates at a low false positive rate, or that there are too few samples."""
    if not any(np.isfinite(one.value) for _, one in models):
        return f"TPR at {fpr} FPR undefined: only {size} non-members."
    rates = [f"{name} {_words(one, '.1f')} %" for name, one in models]
    return f"TPR at {fpr} FPR: {', '.join(rates)}."


def _sheet(results: Attack, labels: Mapping[str, str]) -> Sheet:
    header = [
        "model", "name", "score", "threshold", "tp", "fn", "fp", "tn", "tpr_percent", "fpr_percent",
        "held_out_threshold", "auc", "auc_low", "auc_high", "tpr_at_1_percent_fpr",
        "tpr_at_1_percent_fpr_low", "tpr_at_1_percent_fpr_high", "tpr_at_0.1_percent_fpr",
        "tpr_at_0.1_percent_fpr_low", "tpr_at_0.1_percent_fpr_high",
    ]  # fmt: skip
    n, rows = results.size, []
    for name, one in results.models.items():
        estimates = (one.auc, one.tpr_at_low, one.tpr_at_lowest)
        parts = [part for each in estimates for part in (each.value, each.low, each.high)]
        summary = (one.threshold, *parts)
        for tp, fp, at in zip(one.roc.tp, one.roc.fp, one.roc.thresholds, strict=True):
            calls = (int(tp), n - int(tp), int(fp), n - int(fp))
            rates = (100 * float(tp) / n, 100 * float(fp) / n)
            rows.append(
                [
                    name,
                    model_label(name, labels),
                    results.score,
                    float(at),
                    *calls,
                    *rates,
                    *summary,
                ]
            )
    return header, rows


def _samples(results: Attack) -> Sheet:
    """The score of every sample, reported or held out, under each model."""
    header = [
        "sample",
        "member",
        "held_out",
        *(f"{results.score}_{name}" for name in results.models),
    ]
    rows = [
        [sample, int(member), int(held_out), *scores]
        for sample, member, held_out, scores in results.per_sample()
    ]
    return header, rows
