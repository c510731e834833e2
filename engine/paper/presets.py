"""Presets for the tables of the residual knowledge paper, and its published values."""

from __future__ import annotations

import functools
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from engine.errors import SpecError, unknown
from engine.metrics import UNSTATED
from engine.spec import PAPER_TAUS
from engine.storage.paths import typed_path

METHODS = (
    "cr", "fisher", "ntk", "gd", "ngd", "ga", "neggrad-plus", "eu-k", "cf-k", "scrub", "ssd",
    "rurk", "random-labels", "salun", "l1-sparse", "bad-teacher",
)  # fmt: skip
SEEDS = (131, 42, 7)  # the paper's
SUFFIX = ".toml"
MEASURES = ("relearn-epochs",)  # in addition to those that every study has
ACCURACIES = ("retain_acc", "unlearn_acc", "test_acc", "mia_acc")  # of which avg_gap is the mean
UNLEARN = "unlearn_accuracy_on_gaussian_perturbed_forget_samples"
DISAGREEMENT = "disagreement_with_retrain_on_gaussian_perturbed_forget_samples"
PREVALENCE = "percent_of_forget_samples_with_residual_knowledge_above_1"


@dataclass(frozen=True)
class Figure:
    """One published value.

    mean, std: in the measure's unit; None if only `text` was printed (such as '>30'), or no
    deviation; printed: the paper's value if `mean` was recomputed, because the printed average gap
    does not follow from the printed accuracies.
    """

    mean: float | None
    std: float | None = None
    text: str = ""
    printed: float | None = None


@dataclass(frozen=True)
class Variant:
    """One row of an ablation: its name, and the changed settings of the method."""

    value: str
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Ablation:
    """The rows of an ablation of one method, and the name of its published values."""

    method: str
    published: str
    variants: tuple[Variant, ...]


@dataclass(frozen=True)
class Preset:
    """One table of the paper as data: what `rk-engine reproduce` runs.

    forget: as on the command line; settings: owner ('train', a method or a measure) -> changes to
    its defaults; measures: in addition to those that every study has; pretrain: 'dataset', changes
    to its training ('train') and 'differences', empty if models start from random weights; side,
    validation: of the data, as in DataSpec (pre-training holds nothing out); published, curves:
    names of the published values ('' if there are none); differences: sentences on deviations from
    the paper.
    """

    name: str
    title: str
    dataset: str
    model: str
    forget: str
    methods: tuple[str, ...] = METHODS
    measures: tuple[str, ...] = MEASURES
    seeds: tuple[int, ...] = SEEDS
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    pretrain: Mapping[str, Any] = field(default_factory=dict)
    side: int = 0
    validation: float = 0.0
    retrains: int = 3
    perturbation: str = "gaussian"
    taus: str = ""
    draws: int = 100
    published: str = ""
    curves: str = ""
    ablation: Ablation | None = None
    differences: tuple[str, ...] = ()
    quick: bool = False


@functools.cache
def names() -> tuple[str, ...]:
    """The presets' names, sorted."""
    presets = (files("assets") / "paper" / "presets").iterdir()
    file_names = (file.name for file in presets if file.name.endswith(SUFFIX))
    return tuple(sorted(name.removesuffix(SUFFIX) for name in file_names))


@functools.cache  # a view requests all of them whenever it shows a study
def preset(name: str, quick: bool = False) -> Preset:
    """The preset of that name, reduced if `quick`; SpecError with the closest name if unknown."""
    return parsed(_text(name), name, quick)


def named(place: str, quick: bool = False) -> Preset:
    """The preset of that name, or of a file whose name ends in .toml, reduced if `quick`.

    SpecError if there is none, or the file cannot be read.
    """
    if not place.endswith(SUFFIX):
        return preset(place, quick)
    path = typed_path(place)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise SpecError(f"The preset {path} cannot be read ({error}).") from None
    return parsed(text, path.stem, quick)


def parsed(text: str, name: str, quick: bool = False) -> Preset:
    """Parse a preset from TOML, reduced if `quick`; SpecError if it is invalid."""
    try:
        return _preset(_facts(text), name, quick)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise SpecError(f"The preset '{name}' cannot be read: {error}.") from error


def _preset(facts: dict[str, Any], name: str, quick: bool) -> Preset:
    reductions = facts.pop("quick", {})
    differences = list(facts.get("differences", ()))
    if quick:
        facts = _merged(facts, reductions)
        differences += reductions.get("differences", ())
    pretrain = facts.get("pretrain") or {}
    differences += pretrain.get("differences", ())
    methods = tuple(facts.get("methods", METHODS))
    measures = tuple(facts.get("measures", MEASURES))
    wanted = {"train", "probe", *methods, *measures, *UNSTATED}
    settings = facts.get("settings", {})
    return Preset(
        **{
            **facts,
            "name": name,
            "methods": methods,
            "measures": measures,
            "pretrain": pretrain,
            "seeds": tuple(facts.get("seeds", SEEDS)),
            "settings": {owner: settings[owner] for owner in settings if owner in wanted},
            "differences": tuple(differences),
            "ablation": _ablation(facts.get("ablation")),
            "quick": quick,
        }
    )


def source() -> str:
    """The citation of the paper."""
    return str(_published()["source"])


def table_of(one: Preset) -> dict[str, dict[str, Figure]]:
    """Row -> measure -> published value of the preset's table; empty if none was published.

    Rows are model names ('neggrad-plus'), or the ablation's values.
    """
    if one.ablation:
        rows = _published()["ablation_small_cifar5_rurk"].get(one.ablation.published, [])
        return {_value(row["value"]): _figures(row) for row in rows}
    rows = _published()["sample_unlearning"].get(one.published, {})
    return {name.replace("_", "-"): _figures(row) for name, row in rows.items()}


def curves_of(one: Preset) -> dict[str, dict[str, dict[float, Figure]]]:
    """Curve -> model -> tau -> published value; empty if none was published.

    'disagreement' is a share in [0, 1], 'unlearn-accuracy' and 'prevalence' are percent.
    """
    return {
        "unlearn-accuracy": _curves(UNLEARN, one.curves, 100),
        "disagreement": _curves(DISAGREEMENT, one.curves, 1),
        "prevalence": _prevalence(one.curves),
    }


def recomputed_gap(row: Mapping[str, Figure], retrain: Mapping[str, Figure]) -> float | None:
    """The mean absolute gap to Re-train over the four accuracies; None if one is missing."""
    gaps = []
    for name in ACCURACIES:
        mean = row[name].mean if name in row else None
        retrain_mean = retrain[name].mean if name in retrain else None
        if mean is None or retrain_mean is None:
            return None
        gaps.append(abs(mean - retrain_mean))
    return sum(gaps) / len(gaps)


def _text(name: str) -> str:
    """The text of a preset's file."""
    if name not in names():
        raise unknown("preset", name, names())
    return (files("assets") / "paper" / "presets" / f"{name}{SUFFIX}").read_text(encoding="utf-8")


def _facts(text: str) -> dict[str, Any]:
    """The contents of a preset's file, merged into those of its base."""
    facts = tomllib.loads(text)
    base = facts.pop("base", "")
    return _merged(_facts(_text(base)), facts) if base else facts


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Merge two nested tables; entries of `above` take precedence."""
    merged = {**below, **above}
    for name, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(name), dict):
            merged[name] = _merged(below[name], value)
    return merged


def _ablation(facts: Mapping[str, Any] | None) -> Ablation | None:
    if facts is None:
        return None
    rows = [dict(row) for row in facts["rows"]]
    variants = tuple(Variant(_value(row.pop("value")), row) for row in rows)
    return Ablation(facts["method"], facts.get("published", ""), variants)


@functools.cache
def _published() -> dict[str, Any]:
    text = (files("assets") / "paper" / "published.json").read_text(encoding="utf-8")
    values: dict[str, Any] = json.loads(text)
    return values


def _figures(row: Mapping[str, Any]) -> dict[str, Figure]:
    figures = {
        name: _figure(value)
        for name, value in row.items()
        if value is not None and name not in ("value", "avg_gap_recomputed")
    }
    if "avg_gap_recomputed" in row:
        figures["avg_gap"] = Figure(row["avg_gap_recomputed"], printed=row["avg_gap"])
    return figures


def _curves(key: str, setting: str, scale: float) -> dict[str, dict[float, Figure]]:
    block = _published()[key]
    return {
        model: {tau: Figure(scale * value) for tau, value in zip(block["tau"], values, strict=True)}
        for model, values in block.get(setting, {}).items()
    }


def _prevalence(setting: str) -> dict[str, dict[float, Figure]]:
    """The paper rounds tau to three digits here; the exact grid is that of its other curves."""
    block, grid = _published()[PREVALENCE], PAPER_TAUS
    return {
        path.partition("/")[2]: dict(zip(grid, map(Figure, values), strict=True))
        for path, values in block.items()
        if setting and path.startswith(f"{setting}/")
    }


def _figure(value: Any) -> Figure:
    if isinstance(value, str):
        return Figure(None, text=value)
    if isinstance(value, dict):
        return Figure(float(value["mean"]), float(value["std"]))
    return Figure(float(value))


def _value(value: Any) -> str:
    """The row name of a swept value: 0.03, 1, fgsm."""
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)
