"""The settings that a contest chose, as a preset that `rk-engine reproduce` runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine import registry
from engine.datasets.base import Dataset
from engine.paper import presets
from engine.paper.presets import Preset
from engine.serialization import to_plain
from engine.spec import TrainSpec, amend
from engine.tuning.contest import TRAIN, Conditions, Result
from engine.tuning.objective import objective

FACTS = (
    "title", "dataset", "model", "forget", "methods", "measures", "seeds", "retrains",
    "perturbation", "taus", "differences",
)  # fmt: skip
QUICK = {"draws": 20, "retrains": 2}


def best_settings(
    name: str, conditions: Conditions, data: Dataset, found: Sequence[Result]
) -> Preset:
    """The preset with the best settings of every method that has any, for the tables' seeds."""
    settings = {one.method: one.best.settings for one in found if one.best}
    label = objective(conditions.objective).label
    title = f"{data.label}: the best of {conditions.trials} settings of every method, by {label}"
    return _preset(name, title, conditions, data, settings, [*_differences(conditions, found)])


def default_settings(
    name: str, conditions: Conditions, data: Dataset, found: Sequence[Result]
) -> Preset:
    """The preset with the settings of each method's source, instead of the dataset's."""
    settings = {one.method: one.default.settings for one in found}
    title = f"{data.label}: every method with the settings of its source"
    return _preset(name, title, conditions, data, settings, [])


def toml(preset: Preset) -> str:
    """The preset as a file that `engine.paper.presets.named` reads."""
    lines = [f"{name} = {_value(getattr(preset, name))}" for name in FACTS]
    for owner, settings in preset.settings.items():
        if settings:
            lines += ["", f"[settings.{owner}]"]
            lines += [f"{name} = {_value(value)}" for name, value in settings.items()]
    lines += ["", "[quick]", *(f"{name} = {value}" for name, value in QUICK.items())]
    return "\n".join(lines) + "\n"


def _preset(
    name: str,
    title: str,
    conditions: Conditions,
    data: Dataset,
    settings: Mapping[str, Mapping[str, Any]],
    differences: Sequence[str],
) -> Preset:
    train = _typed(conditions.constants.get(TRAIN, {}))
    return Preset(
        name, title, conditions.dataset,
        conditions.model or data.recommended.model,
        conditions.forget or data.recommended.forget,
        methods=tuple(settings), measures=(), seeds=presets.SEEDS,
        settings={
            **({TRAIN: train} if train else {}),
            **{method: changes(data, method, own) for method, own in settings.items()},
        },
        retrains=conditions.retrains,
        perturbation=conditions.perturbation or data.recommended.perturbation,
        taus=conditions.taus, differences=tuple(differences),
    )  # fmt: skip


def changes(data: Dataset, method: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that a preset must state: those that composing a study would not choose.

    They differ from the method's default, or the dataset recommends others.
    """
    config: Any = registry.get("method", method).config
    default, recommended = to_plain(config()), data.recommended.methods.get(method, {})
    return {
        name: value
        for name, value in settings.items()
        if value != default[name] or name in recommended
    }


def _differences(conditions: Conditions, found: Sequence[Result]) -> Iterator[str]:
    seeds = ", ".join(map(str, conditions.seeds))
    yield (
        "Not the paper's settings: every method has the best of "
        f"{conditions.trials} settings, the first of them that of its source, the others suggested "
        f"by Optuna within the method's space. Smallest {objective(conditions.objective).help}; "
        f"mean over the seeds {seeds}, which no table reports. Every method had the same number of "
        "trials, not the same computing time."
    )
    constants = [
        f"{owner}.{name} = {value}"
        for owner, own in conditions.constants.items()
        for name, value in own.items()
    ]
    if constants:
        yield f"The same in all trials, and not searched: {', '.join(constants)}."
    failed = [one.method for one in found if not one.best]
    if failed:
        yield f"All trials of {', '.join(failed)} failed, so that they are missing."


def _typed(train: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of training, which may be typed text, as numbers."""
    typed = amend(TrainSpec(), train, f"{TRAIN}.")
    return {name: getattr(typed, name) for name in train}


def _value(value: Any) -> str:
    """A value of TOML; a list of sentences has one a line."""
    if isinstance(value, (tuple, list)):
        items = [_value(item) for item in value]
        if any(len(item) > 80 for item in items):
            return "[\n" + "".join(f"  {item},\n" for item in items) + "]"
        return f"[{', '.join(items)}]"
    return json.dumps(value, ensure_ascii=False)
