"""The tooltip of a thumbnail: the enlarged sample, its measures, and its predictions."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Iterable

import numpy as np

from engine.analysis.sample_table import ANY
from engine.datasets.base import Dataset, feature_names
from engine.forget_sets.sample_names import sample_title
from engine.residual.verdict import DASH, verdict_note, verdict_word
from explorer.theme import Theme
from explorer.thumbnails.model import ThumbnailModel
from explorer.views.samples.sort_keys import SPLITS, SampleFacts
from explorer.widgets.sample_picture import html_beside, html_picture

SIDE = 128  # logical pixels of the picture
MODELS = 10  # models in a tooltip
LETTERS = 52  # letters in a line of small print
MESSAGE, FEATURES = 12, 32  # lines of a message, features that are named


def describe(
    sample: int, dataset: Dataset, facts: SampleFacts, theme: Theme, marks: Iterable[str] = ()
) -> str:
    """The tooltip of a sample, as rich text; marks: what the frames around it mean."""
    label = dataset.label_of(sample)
    split = SPLITS[facts.splits()[sample]]
    lines = [
        f"<b>{html.escape(sample_title(sample, dataset))}</b>",
        f"class {html.escape(dataset.classes[label])}",
        f"{split} set{_when(split)}",
        *map(html.escape, marks),
        *_values(dataset, sample),
        *_ratio(sample, facts),
        *_verdict(sample, facts),
    ]
    table = "".join(_predictions(sample, dataset, facts))
    return f"{_shown(sample, dataset, lines, theme)}<table cellpadding='1'>{table}</table>"


def _shown(sample: int, dataset: Dataset, lines: list[str], theme: Theme) -> str:
    """The picture beside the lines, or the message above them."""
    if dataset.texts:
        message = html.escape(textwrap.fill(dataset.texts[sample], LETTERS, max_lines=MESSAGE))
        return f"<p>{message.replace(chr(10), '<br>')}</p><p>{'<br>'.join(lines)}</p>"
    color = theme.class_color(dataset.label_of(sample))
    return html_beside(html_picture(dataset.raw(sample), SIDE, color, theme.base), lines)


def _when(split: str) -> str:
    notes = {
        "forget": " of the next run (badge F)",
        "validation": ", held out and never learned (badge V)",
        "test": ", never learned (badge T)",
    }
    return notes.get(split, "")


def _values(dataset: Dataset, sample: int) -> Iterable[str]:
    if dataset.is_image or dataset.texts:
        return []
    values = list(zip(feature_names(dataset), dataset.raw(sample).tolist(), strict=True))
    more = len(values) - FEATURES
    lines = [f"{html.escape(name)} {value:.2f}" for name, value in values[:FEATURES]]
    return [*lines, f"and {more:,} more features"] if more > 0 else lines


def _ratio(sample: int, facts: SampleFacts) -> Iterable[str]:
    """The largest r of a method, with its name."""
    worst = facts.evidence.ratio(ANY)
    if worst is None or not facts.evidence.is_measured(sample):
        return []
    if not np.isfinite(worst[sample]):
        return ["largest r: undefined (no Re-train recognizes a copy)"]
    return [f"largest r: {worst[sample]:.3g} ({_whose(sample, float(worst[sample]), facts)})"]


def _verdict(sample: int, facts: SampleFacts) -> Iterable[str]:
    """The verdict on the methods with its rule, or why there is none."""
    residual = facts.evidence.residual
    if residual is None or not facts.evidence.is_measured(sample):
        return []
    verdicts = facts.evidence.verdict(ANY)
    word = DASH if verdicts is None else verdict_word(int(verdicts[sample]))
    lines = map(html.escape, textwrap.wrap(verdict_note(residual), LETTERS))
    return [
        f"verdict on the methods: {word}{_numbers(sample, facts)}",
        *(f"<small>{line}</small>" for line in lines),
    ]


def _numbers(sample: int, facts: SampleFacts) -> str:
    """The q-value and the certified radius in parentheses, as far as they are known."""
    q, radius = facts.evidence.q_value(ANY), facts.evidence.certified_radius(ANY)
    parts = []
    if q is not None and np.isfinite(q[sample]):
        parts.append(f"q {q[sample]:.2g}")
    if radius is not None and radius[sample] > 0:
        parts.append(f"certified radius {radius[sample]:.2g}")
    return f" ({', '.join(parts)})" if parts else ""


def _whose(sample: int, worst: float, facts: SampleFacts) -> str:
    evidence = facts.evidence
    owners = [
        evidence.models[name].label if name in evidence.models else name
        for name in evidence.measured()
        if (own := evidence.ratio(name)) is not None and own[sample] == worst
    ]
    return html.escape(", ".join(owners[:2]))


def _predictions(sample: int, dataset: Dataset, facts: SampleFacts) -> Iterable[str]:
    label = dataset.label_of(sample)
    for name, model in list(facts.evidence.models.items())[:MODELS]:
        answers = facts.evidence.answers(name)
        if answers is None:
            continue
        predicted = int(answers.predicted[sample])
        mark = "✓" if predicted == label else "✗"
        cells = (
            html.escape(model.label),
            f"{mark} {html.escape(dataset.classes[predicted])}",
            f"{answers.certainty(sample):.0%}",
        )
        yield f"<tr>{''.join(f'<td>{cell}&nbsp;&nbsp;</td>' for cell in cells)}</tr>"


def marks_of(sample: int, model: ThumbnailModel) -> list[str]:
    """What the frames around a thumbnail mean."""
    marks = []
    if sample == model.current:
        marks.append("current sample, which the other views show (double frame)")
    if model.chosen[sample]:
        marks.append("selected (blue frame)")
    return marks
