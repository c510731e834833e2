"""The samples of a contact sheet, with the caption data shown below each picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.analysis.ranking import measured_methods, worst_first
from engine.datasets.base import Dataset
from engine.residual.verdict import verdict_word, verdicts
from engine.results import ModelResult, Residual


@dataclass(frozen=True, eq=False)
class SampleCard:
    """One sample, (C, H, W) or (d,) in [0, 1], with a model's prediction and verdict.

    split: 'forget', 'retain', 'validation' or 'test'; predicted: the predicted class; confidence:
    its probability; r, tau: the largest r over tau and the tau it occurs at, NaN where no r is
    defined; verdict: '' where r was not measured; name: the sample's display name; text: its
    message, if it is one.
    """

    sample: int
    pixels: np.ndarray
    label: int
    split: str
    predicted: int
    confidence: float
    r: float = float("nan")
    tau: float = float("nan")
    verdict: str = ""
    name: str = ""
    text: str = ""


def worst(residual: Residual, model: str = "", column: int = -1) -> list[int]:
    """The forget samples, largest r in `model` first; '' = the first method.

    column: index into the tau grid, -1 = its middle.
    """
    index = len(residual.taus) // 2 if column < 0 else column
    return [int(k) for k in worst_first(residual, model or measured_methods(residual)[0], index)]


def sample_cards(
    dataset: Dataset,
    samples: Sequence[int],
    model: ModelResult,
    forget: Sequence[int],
    residual: Residual,
) -> list[SampleCard]:
    """These samples with the predictions of `model`, in this order.

    forget: the study's forget set; residual: its measured residual knowledge. Raises SpecError for
    a sample that does not exist.
    """
    forgotten, measured = set(forget), _measured(residual, model.name)
    cards = []
    for sample in samples:
        dataset.require(sample)
        train_split = "forget" if sample in forgotten else "retain"
        train_split = "validation" if dataset.is_held_out(sample) else train_split
        split = "test" if dataset.is_test(sample) else train_split
        pixels, label = dataset.pixels(sample), dataset.label_of(sample)
        largest = measured.get(sample, ())
        card = SampleCard(sample, pixels, label, split, *_answer(model, sample), *largest)
        text = dataset.texts[sample] if dataset.texts else ""
        cards.append(replace(card, name=dataset.name_of(sample), text=text))
    return cards


def _answer(model: ModelResult, sample: int) -> tuple[int, float]:
    """(predicted class, its probability)."""
    n = len(model.train_logits)
    row = model.train_logits[sample] if sample < n else model.test_logits[sample - n]
    odds = np.exp(row.astype(np.float64) - row.max())
    return int(row.argmax()), float(odds.max() / odds.sum())


def _measured(residual: Residual, model: str) -> Mapping[int, tuple[float, float, str]]:
    """sample -> (largest r, its tau, verdict over all tau)."""
    if model not in residual.curves:
        return {}
    ratio, words = residual.ratio(model), verdicts(residual, model)
    defined = np.where(np.isfinite(ratio), ratio, -1.0)
    columns = defined.argmax(1)
    largest = np.take_along_axis(defined, columns[:, None], 1)[:, 0]
    largest = np.where(largest < 0, np.nan, largest)
    taus = np.where(np.isnan(largest), np.nan, residual.taus[columns])
    rows = zip(residual.samples, largest, taus, words, strict=True)
    return {int(k): (float(r), float(tau), verdict_word(word)) for k, r, tau, word in rows}
