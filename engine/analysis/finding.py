"""The finding on each model of a study in words, with the numbers as links to what they count.

Begin with `findings`. The window, the report, tables and JSON all show these pieces.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.analysis import finding_words as words
from engine.analysis.curves import run_of, runs_beside
from engine.analysis.evidence import ORIGINAL, between_retrains, differing, evidence
from engine.analysis.finding_words import Link, Part, Wording
from engine.drawing.labels import model_label
from engine.residual.prediction import prediction
from engine.results import Residual, Study

ACCURACIES = ("retain_acc", "unlearn_acc", "test_acc")
Metrics = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Finding:
    """What was found on one model.

    run: what distinguishes its study from the open one, '' for the open one; kind: one of
    finding_words.KINDS; sentence: in full; short: the same in a few words, without the label;
    brief: the number alone; residual: number of forget samples with the verdict, None if not given.
    """

    model: str
    label: str
    run: str
    kind: str
    sentence: tuple[Part, ...]
    short: tuple[Part, ...]
    brief: tuple[Part, ...]
    residual: int | None = None

    @property
    def name(self) -> str:
        """Display name of model and run."""
        return f"{self.label} ({self.run})" if self.run else self.label

    @property
    def text(self) -> str:
        """The full sentence as plain text."""
        return plain(self.sentence)

    @property
    def links(self) -> tuple[Link, ...]:
        """The links of the full sentence."""
        return tuple(part.link for part in self.sentence if part.link is not None)


def plain(parts: Iterable[Part]) -> str:
    """Parts of a sentence as plain text."""
    return "".join(part.text for part in parts)


def findings(study: Study, beside: Iterable[Study] = ()) -> tuple[Finding, ...]:
    """The findings on every model of a study, then of those beside it.

    Methods come first, those with most to find first, Original last. Samples of a study on other
    data than the open one are counted but not linked.
    """
    own = run_of(study)
    others = [one for one in beside if one.key != study.key]
    made = list(findings_of(study.residual, study.labels, study.spec, study.metrics))
    for one, run in zip(others, runs_beside(study, others), strict=True):
        found = findings_of(one.residual, one.labels, one.spec, one.metrics, run.name)
        made += found if run.data == own.data else map(_without_samples, found)
    return tuple(made)


def yardstick(residual: Residual) -> str:
    """'copies of 1 to 2 of 70': what one Re-train recognizes more often than the others; or ''."""
    between = between_retrains(residual)
    if between is None:
        return ""
    return f"copies of {words.number_range(*between)} of {len(residual.samples):,}"


def findings_of(
    residual: Residual,
    labels: Mapping[str, str],
    spec: Mapping[str, Any] | None = None,
    metrics: Metrics | None = None,
    run: str = "",
) -> tuple[Finding, ...]:
    """The findings on every model of residual knowledge, which may still be growing.

    labels: model -> display name; spec: the plain RunSpec, None while unknown; metrics: those of
    the study, None while it runs.
    """
    between, own = between_retrains(residual), prediction(residual)
    settings = _settings(spec)
    made: list[Finding] = []
    for model in residual.curves:
        found = evidence(residual, model, between, own)
        label = model_label(model, labels)
        twin = _twin(residual, model, metrics)
        alike = None
        if twin is not None:
            other, apart = twin
            alike = words.Alike(
                model_label(other, labels), other == ORIGINAL, *apart, settings.get(model, "")
            )
        wording = words.wording(model, f"{label} ({run})" if run else label, found, alike)
        made.append(_finding(model, label, run, wording, found.count))
    made += [
        _finding(name, model_label(name, labels), run,
                 words.not_measured(model_label(name, labels)), None)
        for name in settings if name not in residual.curves
    ]  # fmt: skip
    return tuple(sorted(made, key=_most_first))


def as_json(found: Iterable[Finding]) -> list[dict[str, Any]]:
    """Findings as JSON data: kind and sentence, and what each number of it links to."""
    return [
        {
            "model": one.model,
            "kind": one.kind,
            "sentence": one.text,
            "links": [
                {"text": part.text, **_link_json(part.link)} for part in one.sentence if part.link
            ],
        }
        for one in found
    ]


def _link_json(link: Link) -> dict[str, Any]:
    return {"tau": link.tau} if math.isfinite(link.tau) else {"samples": list(link.samples)}


def _finding(model: str, label: str, run: str, wording: Wording, residual: int | None) -> Finding:
    return Finding(
        model, label, run, wording.kind, wording.sentence, wording.short, wording.brief, residual
    )


def _most_first(one: Finding) -> tuple[bool, int, int]:
    """Original last; before it, what was found before what was not, large numbers first."""
    return one.model == ORIGINAL, [*words.KINDS].index(one.kind), -(one.residual or 0)


def _without_samples(one: Finding) -> Finding:
    def unlinked(parts: Sequence[Part]) -> tuple[Part, ...]:
        return tuple(
            replace(part, link=None) if part.link and part.link.samples else part for part in parts
        )

    return replace(
        one, sentence=unlinked(one.sentence), short=unlinked(one.short), brief=unlinked(one.brief)
    )


def _twin(
    residual: Residual, model: str, metrics: Metrics | None
) -> tuple[str, tuple[int, int]] | None:
    """(first model with the same answers, how many copies they differ on), None without one."""
    for other in residual.curves:
        if other == model:
            break
        apart = differing(residual, model, other)
        if apart is not None and _accurate_alike(model, other, metrics):
            return other, apart
    return None


def _accurate_alike(model: str, other: str, metrics: Metrics | None) -> bool:
    """Whether all accuracies of two models agree, as far as they are known."""
    one, two = (metrics or {}).get(model, {}), (metrics or {}).get(other, {})
    return all(one.get(name) == two.get(name) for name in ACCURACIES)


def _settings(spec: Mapping[str, Any] | None) -> dict[str, str]:
    """Method -> its epochs and learning rate in words, '' where it has none."""
    methods = (spec or {}).get("methods", ())
    return {str(one["name"]): _setting(one.get("config", {})) for one in methods}


def _setting(config: Mapping[str, Any]) -> str:
    epochs, rate = config.get("epochs"), config.get("lr")
    parts = []
    if isinstance(epochs, int):
        parts.append(f"{epochs:,} epoch{'s' * (epochs != 1)}")
    if isinstance(rate, (int, float)):
        parts.append(f"learning rate {rate:g}")
    return ", ".join(parts)
