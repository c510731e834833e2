"""Captions of a neighborhood: the sample, the perturbation, its rank, and its r."""

from __future__ import annotations

import html

from engine.datasets.base import Dataset
from engine.drawing.labels import perturbation_label
from engine.forget_sets.sample_names import sample_label, sample_title
from engine.residual.sample_ratio import Ratio
from engine.results import Neighborhood
from explorer.plots.sample_curve import short
from explorer.state.ranking import Ranking

NO_MODELS = (
    "No models yet. Press Run; then every sample you click is shown here with its perturbed copies "
    "and each model's predictions on them."
)
NO_SAMPLE = "Click a sample in Samples or Embedding to see its neighborhood."


def awaited(sample: int, dataset: Dataset | None) -> str:
    """That a sample's copies are not ready yet."""
    return f"Computing the copies of {sample_label(sample, dataset)}."


def behind(shown: Neighborhood, sample: int | None, dataset: Dataset) -> str:
    """That the copies below are still those of another sample."""
    coming, still = sample_label(sample, dataset), sample_label(shown.sample, dataset)
    return f"Computing the copies of {coming}; below are those of {still}."


def other_probe(shown: Neighborhood, perturbation: str, tau: float) -> str:
    """That the copies below are still those of another perturbation or norm."""
    if perturbation == shown.perturbation:
        return f"Computing the copies at τ {tau:g}; below are those at τ {shown.tau:g}."
    coming, still = perturbation_label(perturbation), perturbation_label(shown.perturbation)
    return f"Computing the copies of {coming}; below are those of {still}."


def heading(shown: Neighborhood, dataset: Dataset) -> str:
    """The sample and its class, as rich text."""
    return f"<b>Sample {shown.sample}</b>, {html.escape(dataset.classes[shown.label])}"


def details(shown: Neighborhood, dataset: Dataset, forgotten: bool, draws: int) -> str:
    """The sample's set, and what the dataset calls it, such as the name of its file.

    forgotten: whether it is in the study's forget set; draws: the final number of copies.
    """
    copies = len(shown.copies)
    few = f"only {copies} copies so far" if copies < draws else ""
    source = sample_title(shown.sample, dataset).partition(" (")[2].removesuffix(")")
    where = place(shown.sample, dataset, forgotten)
    return " · ".join(words for words in (few, where, source) if words)


def heading_tip(shown: Neighborhood, dataset: Dataset) -> str:
    """The sample with its name, and the perturbation of the copies."""
    kind = perturbation_label(shown.perturbation)
    return f"{sample_title(shown.sample, dataset)}; {kind} at τ {shown.tau:g}"


def place(sample: int, dataset: Dataset, forgotten: bool) -> str:
    """The set a sample belongs to."""
    if dataset.is_test(sample):
        return "test set"
    if dataset.is_held_out(sample):
        return "held out for validation"
    return "forget set" if forgotten else "not in the forget set"


def rank(ranking: Ranking, model: str = "") -> str:
    """The current sample's rank among the forget samples; model: its label, '' to leave it out."""
    if not ranking.place:
        return "not ranked"
    where = f"{ordinal(ranking.place)} of {len(ranking.order):,}"
    return f"{where} by r of {model}" if model else where


def rank_tip(ranking: Ranking, model: str) -> str:
    """What the rank means; model: the label of the one whose r ranks."""
    if ranking.place:
        return f"Rank of this sample among the forget samples, the largest r of {model} first"
    return f"Only the {len(ranking.order):,} forget samples are ranked; Next goes to the largest r"


def ratio_tip(one: Ratio | None) -> str:
    """How the sample's r is computed: u over a, averaged over the Re-trains."""
    if one is None:
        return "It is the reference of the other models' r."
    if not one.against:
        return "No Re-train recognizes any of them, so r is undefined (division by 0)."
    return (
        f"r {short(float(one.r))}, 95 % interval {short(float(one.low))} to "
        f"{short(float(one.high))}: its count over Re-train's, mean over {one.against} Re-trains "
        "that recognize a copy. 1 = like Re-train."
    )


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, ..."""
    last = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{'th' if number % 100 in (11, 12, 13) else last}"
