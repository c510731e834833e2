"""Every setting of a study beside its recommended value."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine import registry
from engine.datasets.base import Dataset
from engine.spec import RunSpec, TrainSpec
from engine.study.compose import measures_of, method_spec, usual_probe


@dataclass(frozen=True)
class Setting:
    """One setting: owner, name, value, recommended value, unit and help."""

    owner: str
    name: str
    value: Any
    usual: Any
    unit: str
    help: str

    @property
    def changed(self) -> bool:
        """Whether it differs from the recommended value."""
        return bool(self.value != self.usual)


def settings_of(spec: RunSpec, dataset: Dataset | None) -> list[Setting]:
    """The settings of training, measuring, methods and measures, as `dataset` recommends them.

    Without a dataset, the recommendations are the program's defaults.
    """
    advised = dataset.recommended.train_for(spec.model.name) if dataset else TrainSpec()
    found = [*_each("training", spec.train, advised)]
    probe = usual_probe(spec)
    if dataset is not None:
        probe = dataclasses.replace(probe, taus=dataset.recommended.taus)
    found += _each("measuring", spec.probe, probe)
    for method in spec.methods:
        found += _each(method.name, method.config, _usual(dataset, method.name, method.config))
    for measure in measures_of(spec):
        found += _each(measure.name, measure.config, type(measure.config)())
    return found


def shown(value: Any) -> str:
    """A setting's value as text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, (tuple, list)):
        return ", ".join(map(shown, value))
    return str(value) or "–"


def _usual(dataset: Dataset | None, name: str, config: Any) -> Any:
    if dataset is not None:
        return method_spec(dataset, name, {}).config
    return (registry.get("method", name).config or type(config))()


def _each(owner: str, config: Any, usual: Any) -> Iterator[Setting]:
    for item in dataclasses.fields(config):
        facts = item.metadata
        yield Setting(
            owner, item.name, getattr(config, item.name), getattr(usual, item.name),
            str(facts.get("unit", "")), str(facts.get("help", "")),
        )  # fmt: skip
