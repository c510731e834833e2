"""Captions of the attack: counts at a threshold, estimates with intervals, tooltips."""

from __future__ import annotations

import html
from collections.abc import Callable

import numpy as np

from engine.datasets.base import Dataset
from engine.forget_sets.sample_names import sample_title
from engine.membership.attack import FEWEST
from engine.membership.results import Attack, AttackResult, Estimate
from engine.membership.roc import Counts
from engine.membership.scores import SCORES

ALONE = (
    "There is only one member, so none is left to choose a threshold with. Drag the line in the "
    "plot, or attack more members."
)


def sentence(attack: Attack, calls: Counts | None, threshold: float, by_hand: bool) -> str:
    """The counts at a threshold, as rich text; calls: None where none could be chosen."""
    if calls is None:
        return ALONE
    half, n = len(attack.held_out) // 2, attack.size
    origin = "moved by hand" if by_hand else f"chosen on {half:,} + {half:,} held-out samples"
    return (
        f"<b>Threshold {threshold:.4g}</b> ({origin}): "
        f"<b>{calls.tp:,} of {n:,} members caught</b> (TP), {calls.fn:,} missed (FN); "
        f"<b>{calls.fp:,} of {n:,} non-members flagged</b> (FP), {calls.tn:,} cleared (TN). "
        f"Accuracy {calls.accuracy:.1f} %, TPR {calls.tpr:.1f} %, FPR {calls.fpr:.1f} %."
    )


def estimates(attack: Attack) -> str:
    """Accuracy, TPR at 1 % FPR and the difference of AUCs, with their intervals."""
    models = list(zip("AB", attack.models.values(), strict=False))
    accuracy = [f"{letter} {interval_words(one.accuracy, '.1f', ' %')}" for letter, one in models]
    parts = [f"Accuracy at the held-out threshold: {', '.join(accuracy)}."]
    if attack.size < FEWEST:
        parts.append(
            f"TPR at 1 % FPR is undefined: with {attack.size:,} non-members the FPR has steps of "
            f"{100 / attack.size:.3g} % (at least {FEWEST} are needed)."
        )
    else:
        low = [f"{letter} {interval_words(one.tpr_at_low, '.1f', ' %')}" for letter, one in models]
        parts.append(f"TPR at 1 % FPR: {', '.join(low)}.")
    if len(models) > 1:
        parts.append(difference(attack.difference))
    return " ".join(parts)


def difference(gap: Estimate) -> str:
    """Which of two models leaks more about its members; gap: AUC(A) - AUC(B)."""
    if not np.isfinite(gap.low):
        return "A single pair of samples cannot distinguish A from B."
    if gap.low <= 0 <= gap.high:
        verdict = "no significant difference"
    else:
        verdict = "A leaks more" if gap.value > 0 else "B leaks more"
    return f"AUC(A) − AUC(B): {interval_words(gap, '+.2f')}; {verdict}."


def curve_label(number: int, attacked: AttackResult) -> str:
    """The legend entry of the model with this number: 'A: AUC 0.61 [0.50, 0.71]'."""
    return f"{'AB'[number]}: AUC {interval_words(attacked.auc, '.2f')}"


def interval_words(estimate: Estimate, form: str, unit: str = "") -> str:
    """'0.612 [0.501, 0.710]', or 'undefined'."""
    if not np.isfinite(estimate.value):
        return "undefined"
    interval = (
        f" [{estimate.low:{form}}, {estimate.high:{form}}]" if np.isfinite(estimate.low) else ""
    )
    return f"{estimate.value:{form}}{unit}{interval}"


def tooltip(sample: int, attack: Attack, dataset: Dataset, label: Callable[[str], str]) -> str:
    """A sample's class and its score under both models, as rich text; '' where it has none.

    label: display name of a model.
    """
    if sample not in attack.samples:
        return ""
    score, place = SCORES[attack.score], int(np.flatnonzero(attack.samples == sample)[0])
    title = html.escape(sample_title(sample, dataset))
    lines = [f"<b>{title}</b> · class {html.escape(dataset.classes[dataset.labels[sample]])}"]
    lines += [
        f"{html.escape(label(name))}: {score.label.lower()} {one.values[place]:.4g}"
        for name, one in attack.models.items()
    ]
    return "<br>".join(lines)
