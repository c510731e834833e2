"""The sort keys of samples: their values, and the captions of thumbnails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.analysis.point_colors import ratio_colors
from engine.analysis.sample_table import ANY, SampleTable
from engine.arrays import Floats
from engine.residual.verdict import VERDICTS, verdict_note, verdict_rule

PALE = 0x9AA0A8  # a gray that is visible on both grounds
NOBODY, EVERY, MEASURED = "nobody", "every model", "measured models"
SPLITS = ("forget", "retain", "validation", "test")


@dataclass(frozen=True, eq=False)
class SampleFacts:
    """The data that keys read: evidence, forget mask (n + m,), names of classes, and the tau.

    column: the number of the shown tau in the study's grid.
    """

    evidence: SampleTable
    forget: np.ndarray
    classes: tuple[str, ...]
    held: np.ndarray  # (v,) indices of the samples held out for validation
    column: int = 0

    def splits(self) -> np.ndarray:
        """(n + m,) index in SPLITS of every sample."""
        splits = np.where(self.forget, 0, 1)
        splits[self.held] = 2
        splits[self.evidence.trained :] = 3
        return splits


@dataclass(frozen=True)
class Key:
    """One order of samples.

    help: its meaning, with unit and range; follows: the property of AppState it depends on; of:
    the models it applies to; descending: whether the largest come first by default; values:
    (facts, model) -> (n + m,), None while unknown; caption: (facts, model, sample, value) -> the
    text below a thumbnail, None for no captions.
    """

    help: str
    follows: str
    of: str
    descending: bool
    values: Callable[[SampleFacts, str], np.ndarray | None]
    caption: Callable[[SampleFacts, str, int, float], str] | None


def note_on(key: str, facts: SampleFacts | None) -> str:
    """The rule of the verdicts if samples are sorted by them, or why there are none; else ''."""
    residual = facts.evidence.residual if facts is not None else None
    judged = key in (VERDICT, Q_VALUE)
    return verdict_note(residual) if judged and residual is not None else ""


def _loss(facts: SampleFacts, model: str) -> Floats | None:
    answers = facts.evidence.answers(model)
    return None if answers is None else answers.loss


def _confidence(facts: SampleFacts, model: str) -> Floats | None:
    answers = facts.evidence.answers(model)
    return None if answers is None else answers.confidence


def _predicted(facts: SampleFacts, model: str) -> np.ndarray | None:
    answers = facts.evidence.answers(model)
    return None if answers is None else answers.predicted


def _ratio_words(facts: SampleFacts, model: str, sample: int, value: float) -> str:
    if np.isfinite(value):
        return f"r {value:.2f}" if value < 10 else f"r {value:.3g}"
    return "r undef." if facts.evidence.is_measured(sample) else ""


def _predicted_words(facts: SampleFacts, model: str, sample: int, value: float) -> str:
    mark = "✓" if int(value) == facts.evidence.labels[sample] else "✗"
    return f"{mark} {facts.classes[int(value)]}"


def _q_words(facts: SampleFacts, model: str, sample: int, value: float) -> str:
    return f"q {value:.2g}" if np.isfinite(value) else ""


def _radius_words(facts: SampleFacts, model: str, sample: int, value: float) -> str:
    return f"radius {value:.2g}" if np.isfinite(value) else ""


def _verdict_words(facts: SampleFacts, model: str, sample: int, value: float) -> str:
    return "" if np.isnan(value) else VERDICTS[int(value)]


def _tau_words(facts: SampleFacts, model: str, sample: int, value: float) -> str:
    if np.isnan(value):
        return ""
    search = facts.evidence.recognition(model)
    if np.isfinite(value) or search is None:
        return f"τ* {value:.3g}"
    return f"τ* > {search.limit:.3g}"


INDEX, CLASS, SPLIT, PREDICTION = "Index", "Class", "Split", "Prediction"
LOSS, CONFIDENCE, RATIO, VERDICT, TAU = "Loss", "Confidence", "r", "Verdict", "Smallest τ"
RATIO_AT, Q_VALUE, RADIUS = "r at τ", "q-value", "Certified radius"
KEYS = {
    INDEX: Key(
        "As in the dataset", "dataset", NOBODY, False,
        lambda facts, _: np.arange(len(facts.evidence)), None,
    ),
    CLASS: Key(
        "Class by class", "dataset", NOBODY, False, lambda facts, _: facts.evidence.labels,
        lambda facts, _, sample, value: facts.classes[int(value)],
    ),
    SPLIT: Key(
        "Forget, retain, validation, test set", "forget", NOBODY, False,
        lambda facts, _: facts.splits(), lambda facts, _, sample, value: SPLITS[int(value)],
    ),
    PREDICTION: Key(
        "The class that the chosen model predicts; ✓ where it is the true one", "models", EVERY,
        False, _predicted, _predicted_words,
    ),
    LOSS: Key(
        "Cross-entropy of the chosen model in nats, largest first", "models", EVERY, True, _loss,
        lambda facts, _, sample, value: f"loss {value:.2f}",
    ),
    CONFIDENCE: Key(
        "Probability that the chosen model gives the true class, 0 to 1, lowest first", "models",
        EVERY, False, _confidence, lambda facts, _, sample, value: f"p {value:.2f}",
    ),
    RATIO: Key(
        "Largest residual knowledge r over τ, largest first; then unmeasured samples",
        "residual", MEASURED, True, lambda facts, model: facts.evidence.ratio(model), _ratio_words,
    ),
    RATIO_AT: Key(
        "Residual knowledge r at the τ that Neighborhood shows, largest first; then unmeasured "
        "samples", "residual", MEASURED, True,
        lambda facts, model: facts.evidence.ratio_at(model, facts.column), _ratio_words,
    ),
    Q_VALUE: Key(
        "Smallest false discovery rate at which a forget sample counts as residual, 0 to 1, "
        "smallest first; then unmeasured samples", "residual", MEASURED, False,
        lambda facts, model: facts.evidence.q_value(model), _q_words,
    ),
    RADIUS: Key(
        "Certified radius, within which no shift makes the smoothed model less sure than Re-train, "
        "as L2 length in the pixel range [0, 1], largest first; only with Gaussian noise",
        "residual", MEASURED, True, lambda facts, model: facts.evidence.certified_radius(model),
        _radius_words,
    ),
    VERDICT: Key(
        f"Residual, undecided, none; then unmeasured samples. {verdict_rule()}", "residual",
        MEASURED, True, lambda facts, model: facts.evidence.verdict(model), _verdict_words,
    ),
    TAU: Key(
        "The smallest perturbation norm at which the chosen model recognizes a forget sample "
        "again, in the pixel range [0, 1], smallest first; then those it does not, then the rest",
        "recognition", EVERY, False, lambda facts, model: facts.evidence.smallest_tau(model),
        _tau_words,
    ),
}  # fmt: skip


def accents_of(key: str, facts: SampleFacts | None, values: np.ndarray | None) -> np.ndarray | None:
    """(n + m,) uint32 RGB of the bars below thumbnails sorted by r; None for the classes' colors.

    values: (n + m,) of the key. Samples without a measurement have the color PALE.
    """
    if key not in (RATIO, RATIO_AT) or values is None or facts is None:
        return None
    residual = facts.evidence.residual
    colors = np.full(len(values), PALE, np.uint32)
    if residual is not None:
        rows = residual.samples[residual.samples < len(values)]
        red, green, blue = ratio_colors(values[rows]).astype(np.uint32).T
        colors[rows] = (red << 16) | (green << 8) | blue
    return colors


def models_of(key: str, evidence: SampleTable) -> list[str]:
    """The models that this key applies to now, ANY method first if the key has one."""
    of = KEYS[key].of
    if of == EVERY:
        return list(evidence.models)
    return [ANY, *evidence.measured()] if of == MEASURED and evidence.measured() else []


def caption_of(
    key: str, facts: SampleFacts | None, model: str, values: np.ndarray | None
) -> Callable[[int], str] | None:
    """The function of the captions of thumbnails, None if the key has none.

    values: (n + m,) of the key, None while unknown.
    """
    words = KEYS[key].caption
    if words is None or values is None or facts is None:
        return None

    def caption(sample: int) -> str:
        return words(facts, model, sample, float(values[sample]))

    return caption
