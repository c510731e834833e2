"""What a dataset recommends, and which settings of the form differ from that. Plain data, no Qt.

A path names a setting as a grid does: 'study.seed', 'train.lr', 'probe.steps', 'rurk.tau'; beyond
those of grids there are 'study.model' and 'study.methods'. The forget set is no setting: the study
bar states it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.datasets.base import Recommended
from engine.errors import SpecError
from engine.spec import AUTO, ProbeSpec, parse_taus
from explorer.state.catalog import Catalog
from explorer.state.form_grid import PROBE, STUDY, TRAIN
from explorer.state.study_form import StudyForm

OWN = ("retrains", "seed", "draws")  # of the study, with one usual value each


@dataclass(frozen=True)
class Change:
    """A setting whose value is not the recommended one; a tuple of values describes a grid."""

    recommended: Any
    chosen: Any


def suggested(form: StudyForm, advice: Recommended) -> StudyForm:
    """The form with the dataset's own methods and perturbation if it names no methods.

    A form with weights to study instead of methods stays as it is.
    """
    if form.methods or form.weights:
        return form
    return replace(form, methods=advice.compared, perturbation=advice.perturbation)


def differs(form: StudyForm, advice: Recommended, catalog: Catalog) -> dict[str, Change]:
    """Path -> the recommended and the chosen value, for every setting that differs.

    Only the settings of chosen methods count.
    """
    chosen = _chosen(form)
    changes: dict[str, Change] = {}
    for path, value in chosen.items():
        usual = recommended_value(path, form, advice, catalog)
        if _text(value) != _text(usual):
            changes[path] = Change(usual, value)
    return changes


def recommended_value(path: str, form: StudyForm, advice: Recommended, catalog: Catalog) -> Any:
    """The recommended value of a setting; None if there is no such setting."""
    owner, _, name = path.partition(".")
    if owner == STUDY:
        return _recommended_study(advice).get(name)
    if owner == TRAIN:
        return getattr(advice.train_for(form.model or advice.model), name, None)
    if owner == PROBE:
        usual = ProbeSpec(arithmetic=AUTO, between=AUTO, start=AUTO)
        return getattr(usual, name, None)
    fields = {field.name: field.default for field in catalog.method(owner).fields}
    return {**fields, **advice.methods.get(owner, {})}.get(name)


def put_back(form: StudyForm, path: str, advice: Recommended) -> StudyForm:
    """The form with one setting as recommended."""
    owner, _, name = path.partition(".")
    form = replace(form, grid=_without(form.grid, path))
    if owner == TRAIN:
        return replace(form, training=_without(form.training, name))
    if owner == PROBE:
        return replace(form, probe=_without(form.probe, name))
    if owner == STUDY:
        usual = {"model": "", "taus": "", **_of_study(StudyForm(), OWN)}
        value = usual[name] if name in usual else _recommended_study(advice)[name]
        return replace(form, **{name: value})
    rest = _without(form.settings.get(owner, {}), name)
    settings = _without(form.settings, owner)
    return replace(form, settings={**settings, owner: rest} if rest else settings)


def _chosen(form: StudyForm) -> dict[str, Any]:
    """Path -> value of every setting that the form states."""
    study = {**_of_study(form, (*OWN, "perturbation")), "methods": form.methods}
    if form.model:
        study["model"] = form.model
    if form.taus:
        study["taus"] = _norms(form.taus)
    owners: dict[str, Mapping[str, Any]] = {STUDY: study, TRAIN: form.training, PROBE: form.probe}
    owners |= {name: form.settings.get(name, {}) for name in form.methods}
    stated = {
        f"{owner}.{name}": value
        for owner, values in owners.items()
        for name, value in values.items()
    }
    return stated | {
        path: tuple(values)
        for path, values in form.grid.items()
        if path.partition(".")[0] in owners and len(values) > 1
    }


def _recommended_study(advice: Recommended) -> dict[str, Any]:
    return {
        **_of_study(StudyForm(), OWN),
        "model": advice.model,
        "methods": advice.compared,
        "taus": advice.taus,
        "perturbation": advice.perturbation,
    }


def _norms(text: str) -> Any:
    """The grid of tau in a text; the text itself if it is none."""
    with contextlib.suppress(SpecError):
        return parse_taus(text)
    return text


def _of_study(form: StudyForm, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(form, name) for name in names}


def _without(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {other: value for other, value in values.items() if other != name}


def _text(value: Any) -> str:
    """A value as text that is equal for equal settings, however they are written."""
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, (tuple, list)):
        return ",".join(map(_text, value))
    return str(value)
