"""What stored studies are called in menus, dialogs and lists: no two of them alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from engine.results import StudySummary
from engine.study.siblings import DIGITS, distinguishing, in_words


def study_labels(studies: Sequence[StudySummary]) -> dict[str, str]:
    """key -> the name that somebody gave the study, followed by what tells it apart.

    The parts are those of `distinguishing`; a study without siblings is called by its seed. Where
    studies of different datasets read alike, their dataset is added, and in the end the key.

    >>> from dataclasses import replace
    >>> def study(key: str, tau: str, name: str = "") -> StudySummary:
    ...     settings = {"data.name": "iris", "seed": "1", "rurk.tau": tau}
    ...     row = StudySummary(key, "iris", "mlp", 7, (), "", 1, 1, "", 0.0)
    ...     return replace(row, settings=settings, name=name)
    >>> list(study_labels([study("a", "0.1"), study("b", "0.3", "paper")]).values())
    ['tau 0.1', 'paper · tau 0.3']
    """
    parts = distinguishing({one.key: one.settings for one in studies})
    labels = {
        one.key: " · ".join(filter(None, (one.name, in_words(parts[one.key]))))
        or f"seed {one.seed}"
        for one in studies
    }
    labels = _apart(labels, {one.key: one.dataset for one in studies})
    return _apart(labels, {one.key: one.key[:DIGITS] for one in studies})


def _apart(labels: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    """The labels, those that occur twice with more words."""
    twice = {label for label, count in Counter(labels.values()).items() if count > 1}
    return {
        key: f"{label} · {more[key]}" if label in twice else label for key, label in labels.items()
    }
