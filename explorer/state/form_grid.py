"""Expansion of a form whose settings have several values into forms of single studies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine.sweeps.grid import Point, combinations, count
from explorer.state.study_form import StudyForm

STUDY, TRAIN, PROBE = "study", "train", "probe"  # owners of settings other than methods
MANY = 50  # studies; more are queued only after confirmation
MOST = 1000  # studies in one grid; the command line has no such limit


def size_of(form: StudyForm) -> int:
    """The number of studies that the form describes."""
    return count(_options(form))


def studies_of(form: StudyForm) -> list[tuple[StudyForm, str]]:
    """(form of one study, the settings that distinguish it) for every combination.

    Raises SpecError if there are too many.
    """
    return [(_single(form, point), point.name) for point in combinations(_options(form))]


def with_values(
    grid: Mapping[str, Sequence[Any]], owner: str, several: Mapping[str, Sequence[Any]]
) -> dict[str, Sequence[Any]]:
    """The grid with the settings of `owner` replaced by these."""
    others = {path: current for path, current in grid.items() if path.partition(".")[0] != owner}
    return others | {f"{owner}.{name}": tuple(values) for name, values in several.items()}


def values_of(grid: Mapping[str, Sequence[Any]], owner: str) -> dict[str, tuple[Any, ...]]:
    """The settings of `owner` that have several values."""
    start = f"{owner}."
    return {
        path.removeprefix(start): tuple(values)
        for path, values in grid.items()
        if path.startswith(start)
    }


def _options(form: StudyForm) -> dict[str, Sequence[Any]]:
    """The effective grid: without methods that are not chosen and values that are not lists."""
    owners = {STUDY, TRAIN, PROBE, *form.methods}
    return {
        path: values
        for path, values in form.grid.items()
        if path.partition(".")[0] in owners and isinstance(values, (tuple, list)) and values
    }


def _single(form: StudyForm, point: Point[Any]) -> StudyForm:
    changes_by_owner = dict(point.settings)
    study, train, probe = (changes_by_owner.pop(owner, {}) for owner in (STUDY, TRAIN, PROBE))
    settings = {**form.settings}
    for method, changes in changes_by_owner.items():
        settings[method] = {**settings.get(method, {}), **changes}
    training = {**form.training, **train}
    measuring = {**form.probe, **probe}
    return replace(form, settings=settings, training=training, probe=measuring, grid={}, **study)
