"""Which of the paper's settings a study corresponds to, so that published figures stand beside it.

A study corresponds to a preset where dataset, network and the classes and numbers of the forgotten
samples agree; what is otherwise set is said with it. Nothing is guessed beyond that.
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

MEASURED = "accuracies, gaps and re-learn time"  # what the paper tabulates of each method ...
CURVE_TABLES = {  # ... and over tau, by the names of `paper.curves_of`
    "unlearn-accuracy": "unlearn accuracy on perturbed forget samples",
    "disagreement": "disagreement with Re-train on perturbed forget samples",
    "prevalence": "percent of forget samples with residual knowledge above 1",
}


@dataclass(frozen=True)
class Published:
    """What was published on the setting of a study.

    preset: its name; title: the setting; rows: model -> measure -> figure; curves: curve -> model
    -> tau -> figure, as `paper.curves_of`; otherwise: what this study does not share with it.
    """

    preset: str
    title: str
    source: str
    rows: Mapping[str, Mapping[str, Figure]]
    curves: Mapping[str, Mapping[str, Mapping[float, Figure]]]
    otherwise: tuple[str, ...]

    @property
    def words(self) -> str:
        """Where the rows of measures come from, and how far they compare, as sentences."""
        return self._said(MEASURED)

    def words_on(self, curve: str) -> str:
        """Where the points of a curve come from, and how far they compare, as sentences."""
        return self._said(CURVE_TABLES.get(curve, MEASURED))

    def table_of(self, curve: str = "") -> str:
        """The paper's table in a few words, such as a figure has room for."""
        return f"Published: table of {CURVE_TABLES.get(curve, MEASURED)} ({self.title})"

    def _said(self, shown: str) -> str:
        table = f"table of {shown} on the setting of preset '{self.preset}' ({self.title})"
        said = f"Published: {self.source}; {table}."
        return f"{said} Otherwise here: {'; '.join(self.otherwise)}." if self.otherwise else said


def published_for(
    spec: Mapping[str, Any], dataset: Dataset, presets: tuple[Preset, ...] = ()
) -> Published | None:
    """What was published on this study's setting, None where nothing was.

    spec: the study's plain RunSpec; dataset: the one it is about; presets: () means all.
    """
    for one in presets or tuple(map(paper.preset, paper.names())):
        if _told_of(one) and _same_setting(one, spec, dataset):
            return Published(
                one.name,
                one.title,
                paper.source(),
                paper.table_of(one),
                _curves(one, spec),
                tuple(_otherwise(one, spec)),
            )
    return None


def may_be_published(spec: Mapping[str, Any]) -> bool:
    """Whether anything was published on this dataset and network, before the data are looked at."""
    presets = map(paper.preset, paper.names())
    return any(_told_of(one) and _same_network(one, spec) for one in presets)


def _told_of(one: Preset) -> bool:
    return one.ablation is None and bool(one.published or one.curves)


def _same_setting(one: Preset, spec: Mapping[str, Any], dataset: Dataset) -> bool:
    return _same_network(one, spec) and _same_forget(one, spec, dataset)


def _same_network(one: Preset, spec: Mapping[str, Any]) -> bool:
    data, model = spec["data"], spec["model"]["name"]
    ours = (data["name"], model, data.get("side", 0))
    return ours == (one.dataset, one.model, one.side) and not spec.get("foreign")


def _same_forget(one: Preset, spec: Mapping[str, Any], dataset: Dataset) -> bool:
    """Whether as many samples of the same classes are forgotten."""
    y = dataset.train_y
    try:
        seed, held = int(spec.get("seed", 0)), dataset.validation
        wanted = parse_forget(one.forget, y, dataset.classes, seed, held)
    except SpecError:  # other data under the same name: too few samples, or no such class
        return False
    classes = len(dataset.classes)
    ours = np.asarray(spec["forget"], np.intp)
    if len(ours) and ours.max() >= len(y):
        return False
    theirs, found = (np.bincount(y[list(rows)], minlength=classes) for rows in (wanted, ours))
    return bool(np.array_equal(theirs, found))


def _curves(
    one: Preset, spec: Mapping[str, Any]
) -> Mapping[str, Mapping[str, Mapping[float, Figure]]]:
    same = spec["probe"]["perturbation"] == one.perturbation
    return paper.curves_of(one) if same else {}


def _otherwise(one: Preset, spec: Mapping[str, Any]) -> Iterator[str]:
    """Settings that the preset names and this study has otherwise."""
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
