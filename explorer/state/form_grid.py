"""From a form in which settings have several values to the forms of single studies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine.sweeps.grid import Point, combinations, count
from explorer.state.study_form import StudyForm

STUDY, TRAIN, PROBE = "study", "train", "probe"  # owners of settings that are no method
MANY = 50  # studies; more are queued only after asking
MOST = 1000  # studies in one grid; the command line has no such limit


def size_of(form: StudyForm) -> int:
    """How many studies the form describes."""
    return count(_options(form))


def studies_of(form: StudyForm) -> list[tuple[StudyForm, str]]:
    """(form of one study, the settings that tell it from the others) of every combination.

    SpecError if there are too many.
    """
    return [(_single(form, point), point.name) for point in combinations(_options(form))]


def with_values(
    grid: Mapping[str, Sequence[Any]], owner: str, several: Mapping[str, Sequence[Any]]
) -> dict[str, Sequence[Any]]:
    """The grid with these settings of `owner` in place of those that it has."""
    kept = {path: one for path, one in grid.items() if path.partition(".")[0] != owner}
    return kept | {f"{owner}.{name}": tuple(values) for name, values in several.items()}


def values_of(grid: Mapping[str, Sequence[Any]], owner: str) -> dict[str, tuple[Any, ...]]:
    """The settings of `owner` that have several values."""
    start = f"{owner}."
    return {
        path.removeprefix(start): tuple(values)
        for path, values in grid.items()
        if path.startswith(start)
    }


def _options(form: StudyForm) -> dict[str, Sequence[Any]]:
    """What counts of the grid: nothing of methods that are not chosen, nor what is no list."""
    owners = {STUDY, TRAIN, PROBE, *form.methods}
    return {
        path: values
        for path, values in form.grid.items()
        if path.partition(".")[0] in owners and isinstance(values, (tuple, list)) and values
    }


def _single(form: StudyForm, point: Point[Any]) -> StudyForm:
    found = dict(point.settings)
    study, train, probe = (found.pop(owner, {}) for owner in (STUDY, TRAIN, PROBE))
    settings = {**form.settings}
    for method, changes in found.items():
        settings[method] = {**settings.get(method, {}), **changes}
    training = {**form.training, **train}
    measuring = {**form.probe, **probe}
    return replace(form, settings=settings, training=training, probe=measuring, grid={}, **study)
