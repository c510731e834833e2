"""Captions of Critical tau: what a step means, what is missing, and what a click selected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.analysis.critical_tau import Distribution, missing_words
from engine.drawing.labels import perturbation_label
from engine.results import Recognition

EMPTY = (
    "No critical tau yet. Press Run; then the smallest perturbation at which a model recognizes "
    "each forgotten sample again is searched here, for every model."
)
NO_FORGET_SAMPLES = "The forget set is empty, so that there is no sample to search for."
USE = (
    "Drag over a range of τ to select its samples in the chosen model; click a curve to choose its "
    "model and select what it recognizes up to there. Hover to read values."
)


def about(searches: Mapping[str, Recognition], distributions: Sequence[Distribution]) -> str:
    """All that is to be said of the curves, for the info mark."""
    first = next(iter(searches.values()))
    words = (
        f"A curve counts the {len(first.samples):,} forget samples that a model recognizes again "
        f"within τ: one of {first.draws} copies, each moved along its own direction "
        f"({perturbation_label(first.perturbation)}). A sample that needs less than in a Re-train "
        "is remembered. The band spans the Re-trains; rings mark the current sample, and ticks at "
        "the foot the samples of the chosen model."
    )
    return "\n\n".join(filter(None, [words, USE, missing_words(distributions, first.limit)]))


def searching(found: int, total: int, label: str) -> str:
    """What is still missing, while it is searched."""
    return f"Searching {label}: {found} of {total} models are done."


def selected(label: str, count: int, low: float, high: float) -> str:
    """Which samples a drag or a click selected."""
    span = f"within τ {high:.3g}" if low <= 0 else f"between τ {low:.3g} and {high:.3g}"
    if not count:
        return f"{label} recognizes no forget sample again {span}; the selection is unchanged."
    samples = "1 forget sample" if count == 1 else f"{count:,} forget samples"
    are = "it is" if count == 1 else "they are"
    return f"{label} recognizes {samples} again {span}; {are} selected."


def missing(label: str, count: int, limit: float) -> str:
    """Which samples are selected that are not recognized again."""
    if not count:
        return f"{label} recognizes every forget sample again within τ {limit:g}."
    samples = "1 forget sample" if count == 1 else f"{count:,} forget samples"
    return f"{label} does not recognize {samples} again up to τ {limit:g}; selected."


def reading(one: Distribution, tau: float) -> tuple[str, str]:
    """(count and share at one tau, how many are never reached) of one model."""
    count = one.count(tau)
    more = f"{one.missing:,} not up to τ {one.limit:g}" if one.missing else ""
    return f"{count:,} of {one.total:,} ({one.percent(tau):.3g} %)", more
