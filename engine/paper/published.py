"""Find the paper's setting that a study corresponds to, to compare it with published values.

A study corresponds to a preset if the dataset, the network, and the classes and numbers of forget
samples agree; other differences are listed. Nothing beyond that is inferred.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.datasets.base import Dataset
from engine.drawing.labels import perturbation_label
from engine.errors import SpecError
from engine.forget_sets.forget_set import parse_forget
from engine.paper import presets as paper
from engine.paper.presets import Figure, Preset

MEASURED = "accuracies, gaps and re-learn time"  # tabulated in the paper for each method ...
CURVE_TABLES = {  # ... and over tau, by the names of `paper.curves_of`
    "unlearn-accuracy": "unlearn accuracy on perturbed forget samples",
    "disagreement": "disagreement with Re-train on perturbed forget samples",
    "prevalence": "percent of forget samples with residual knowledge above 1",
}


@dataclass(frozen=True)
class Published:
    """Published values for the setting of a study.

    preset: its name; title: the setting; rows: model -> measure -> value; curves: curve -> model ->
    tau -> value, as `paper.curves_of`; otherwise: differences of this study from the preset.
    """

    preset: str
    title: str
    source: str
    rows: Mapping[str, Mapping[str, Figure]]
    curves: Mapping[str, Mapping[str, Mapping[float, Figure]]]
    otherwise: tuple[str, ...]

    @property
    def words(self) -> str:
        """The source of the measures and the differences from it, as sentences."""
        return self._source_note(MEASURED)

    def words_on(self, curve: str) -> str:
        """The source of a curve's values and the differences from it, as sentences."""
        return self._source_note(CURVE_TABLES.get(curve, MEASURED))

    def table_of(self, curve: str = "") -> str:
        """A short description of the paper's table, for figures."""
        return f"Published: table of {CURVE_TABLES.get(curve, MEASURED)} ({self.title})"

    def _source_note(self, shown: str) -> str:
        table = f"table of {shown} on the setting of preset '{self.preset}' ({self.title})"
        sentence = f"Published: {self.source}; {table}."
        return (
            f"{sentence} Differences here: {'; '.join(self.otherwise)}."
            if self.otherwise
            else sentence
        )


def published_for(
    spec: Mapping[str, Any], dataset: Dataset, presets: tuple[Preset, ...] = ()
) -> Published | None:
    """The published values for this study's setting; None if there are none.

    spec: the study's plain RunSpec; dataset: its dataset; presets: () means all.
    """
    for one in presets or tuple(map(paper.preset, paper.names())):
        if _has_values(one) and _same_setting(one, spec, dataset):
            return Published(
                one.name,
                one.title,
                paper.source(),
                paper.table_of(one),
                _curves(one, spec),
                tuple(_differences(one, spec)),
            )
    return None


def has_published_network(spec: Mapping[str, Any]) -> bool:
    """Whether values may have been published for this dataset and network, without its data."""
    presets = map(paper.preset, paper.names())
    return any(_has_values(one) and _same_network(one, spec) for one in presets)


def _has_values(one: Preset) -> bool:
    return one.ablation is None and bool(one.published or one.curves)


def _same_setting(one: Preset, spec: Mapping[str, Any], dataset: Dataset) -> bool:
    return _same_network(one, spec) and _same_forget(one, spec, dataset)


def _same_network(one: Preset, spec: Mapping[str, Any]) -> bool:
    data, model = spec["data"], spec["model"]["name"]
    ours = (data["name"], model, data.get("side", 0))
    return ours == (one.dataset, one.model, one.side) and not spec.get("foreign")


def _same_forget(one: Preset, spec: Mapping[str, Any], dataset: Dataset) -> bool:
    """Whether the forget set has the same number of samples of each class."""
    y = dataset.train_y
    try:
        seed, held = int(spec.get("seed", 0)), dataset.validation
        wanted = parse_forget(one.forget, y, dataset.classes, seed, held)
    except SpecError:  # different data under the same name: too few samples, or a missing class
        return False
    classes = len(dataset.classes)
    forget = np.asarray(spec["forget"], np.intp)
    if len(forget) and forget.max() >= len(y):
        return False
    expected, own = (np.bincount(y[list(rows)], minlength=classes) for rows in (wanted, forget))
    return bool(np.array_equal(expected, own))


def _curves(
    one: Preset, spec: Mapping[str, Any]
) -> Mapping[str, Mapping[str, Mapping[float, Figure]]]:
    same = spec["probe"]["perturbation"] == one.perturbation
    return paper.curves_of(one) if same else {}


def _differences(one: Preset, spec: Mapping[str, Any]) -> Iterator[str]:
    """Settings of the preset that differ in this study."""
    held = spec["data"].get("validation", 0.0)
    if held != one.validation:
        yield f"{_share(held)} held out for validation instead of {_share(one.validation)}"
    if one.pretrain and not spec.get("pretrain"):
        yield "no pre-training"
    configs = {method["name"]: method["config"] for method in spec["methods"]}
    configs["train"] = spec["train"]
    for owner, changes in one.settings.items():
        for name, wanted in changes.items():
            ours = configs.get(owner, {}).get(name, wanted)
            if ours != wanted:
                yield f"{owner}.{name} {_text(ours)} instead of {_text(wanted)}"
    ours = spec["probe"]["perturbation"]
    if ours != one.perturbation:
        yield f"{perturbation_label(ours)} instead of {perturbation_label(one.perturbation)}"


def _share(value: float) -> str:
    return f"{100 * value:g} %" if value else "nothing"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
