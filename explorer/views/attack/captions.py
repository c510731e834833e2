"""Captions of the attack: counts at a threshold, estimates with intervals, tooltips."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from engine.datasets.base import Dataset
from engine.forget_sets.sample_names import sample_title
from engine.membership.attack import FEWEST, FEWEST_AT_LOWEST
from engine.membership.results import Attack, AttackResult, Estimate
from engine.membership.roc import Counts
from engine.membership.scores import SCORES

CHANCE = 0.5  # AUC of an attacker who guesses
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


def verdict(attack: Attack, label: Callable[[str], str]) -> str:
    """Whether the attack tells members of A from non-members, and better than those of B.

    label: display name of a model.
    """
    (a, first), *others = attack.models.items()
    name, auc = label(a), first.auc
    if not np.isfinite(auc.low):
        return f"Too few samples to tell whether members of {name} can be recognized."
    if auc.low <= CHANCE <= auc.high:
        own = f"Members of {name} cannot be told from non-members"
    else:
        better = "better" if auc.value > CHANCE else "worse"
        own = f"Members of {name} are told from non-members {better} than by chance"
    own += f" (AUC {interval_words(auc, '.2f')})"
    if not others:
        return f"{own}."
    ((b, _), *_), gap = others, attack.difference
    other, size = label(b), interval_words(replace(gap, value=abs(gap.value)), ".2f")
    size = size.split(" [")[0]
    if not np.isfinite(gap.low):
        return f"{own}; too few samples to compare with {other}."
    if gap.low <= 0 <= gap.high:
        return f"{own}; the attack does as well on {other}: the AUCs differ by {size}."
    more = "better" if gap.value > 0 else "worse"
    return f"{own}; the attack does {more} than on {other}: the AUCs differ by {size}."


def estimates(attack: Attack, label: Callable[[str], str]) -> str:
    """Accuracy, TPR at 1 % and 0.1 % FPR and the difference of AUCs, with their intervals.

    label: display name of a model. U-LiRA and RMIA add what they compare with.
    """
    models = [(label(name), one) for name, one in attack.models.items()]
    accuracy = [f"{name} {interval_words(one.accuracy, '.1f', ' %')}" for name, one in models]
    low = [(name, one.tpr_at_low) for name, one in models]
    parts = [
        f"Accuracy at the held-out threshold: {', '.join(accuracy)}.",
        _rate("1 %", attack.size, FEWEST, low),
    ]
    if attack.size >= FEWEST:
        lowest = [(name, one.tpr_at_lowest) for name, one in models]
        parts.append(_rate("0.1 %", attack.size, FEWEST_AT_LOWEST, lowest))
    if len(models) > 1:
        parts.append(difference(attack.difference, models[0][0], models[1][0]))
    return " ".join(filter(None, [*parts, attack.note]))


def _rate(fpr: str, size: int, fewest: int, models: Sequence[tuple[str, Estimate]]) -> str:
    """True positive rates at a false positive rate, or how many non-members that takes."""
    if size < fewest:
        return (
            f"TPR at {fpr} FPR is undefined: with {size:,} non-members the FPR has steps of "
            f"{100 / size:.3g} % (at least {fewest:,} are needed)."
        )
    rates = [f"{name} {interval_words(one, '.1f', ' %')}" for name, one in models]
    return f"TPR at {fpr} FPR: {', '.join(rates)}."


def difference(gap: Estimate, a: str, b: str) -> str:
    """Which of two models leaks more about its members; gap: AUC of a - AUC of b."""
    if not np.isfinite(gap.low):
        return f"A single pair of samples cannot distinguish {a} from {b}."
    if gap.low <= 0 <= gap.high:
        which = "no significant difference"
    else:
        which = f"{a if gap.value > 0 else b} leaks more"
    return f"AUC of {a} minus AUC of {b}: {interval_words(gap, '+.2f')}; {which}."


def curve_label(name: str, attacked: AttackResult) -> str:
    """The legend entry of a model: 'RURK: AUC 0.61 [0.50, 0.71]'; name: its display name."""
    return f"{name}: AUC {interval_words(attacked.auc, '.2f')}"


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
