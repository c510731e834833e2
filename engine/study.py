"""From what a person asks for to a complete RunSpec, and the keys of everything in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine import registry
from engine.datasets.base import Dataset
from engine.errors import SpecError, unknown
from engine.forget import check_forget, parse_forget
from engine.perturb import kind_of
from engine.spec import (
    MethodSpec,
    ModelSpec,
    ProbeSpec,
    RunSpec,
    amend,
    check_taus,
    key,
    parse_taus,
    to_plain,
    validate,
)

RESERVED = ("train", "probe")  # owners of settings that are no method


def compose(
    dataset: Dataset,
    *,
    model: str = "",
    forget: str | Sequence[int] = "",
    methods: Sequence[str] = ("rurk", "gd", "ga"),
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    training: Mapping[str, Any] | None = None,
    probe: Mapping[str, Any] | None = None,
    retrains: int = 3,
    seed: int = 131,
    perturbation: str = "gaussian",
    taus: str = "",
    draws: int = 100,
) -> RunSpec:
    """The study that these words describe; empty ones mean the dataset's recommendation.

    settings: method -> changes to its config ('train' and 'probe' change training and
    measurement). Raises SpecError, with the nearest name where one is unknown.
    """
    asked = {owner: dict(changes) for owner, changes in (settings or {}).items()}
    advice = dataset.recommended
    model = registry.get("model", model or advice.model).name
    changes = {**asked.pop("train", {}), **(training or {})}
    measuring = {**asked.pop("probe", {}), **(probe or {})}
    train = amend(advice.train_for(model), changes, "train.")
    chosen = [method_spec(dataset, name, asked.pop(name, {})) for name in _distinct(methods)]
    if asked:
        owner = next(iter(asked))
        registry.get("method", owner)
        raise SpecError(f"There are settings for '{owner}', but it is not among the methods.")
    grid = parse_taus(taus) if taus else advice.taus
    measured = ProbeSpec(kind_of(perturbation).name, check_taus(grid), draws, seed)
    measured = amend(measured, measuring, "probe.")
    if isinstance(forget, str):
        indices = parse_forget(forget or advice.forget, dataset.train_y, dataset.classes, seed)
    else:
        indices = check_forget(forget, dataset.train_y)
    spec = RunSpec(
        dataset.spec,
        ModelSpec(model),
        train,
        indices,
        tuple(chosen),
        retrains=retrains,
        seed=seed,
        probe=measured,
    )
    return validate(spec)


def method_spec(dataset: Dataset, name: str, changes: Mapping[str, Any]) -> MethodSpec:
    """A method with the dataset's recommended settings and these changes."""
    if name in RESERVED:
        raise unknown("method", name, registry.names("method"))
    entry = registry.get("method", name)
    advised = dataset.recommended.methods.get(entry.name, {})
    assert entry.config is not None
    return MethodSpec(entry.name, amend(entry.config(), {**advised, **changes}, f"{name}."))


def original_key(spec: RunSpec) -> str:
    """Key of the Original: data, network, training, seed."""
    return key("model", spec.data, spec.model, spec.train, spec.seed, "original")


def retrain_key(spec: RunSpec, number: int) -> str:
    """Key of Re-train `number`, which also depends on what is forgotten."""
    return key(
        "model", spec.data, spec.model, spec.train, spec.seed, "retrain", number, spec.forget
    )


def method_key(spec: RunSpec, method: MethodSpec) -> str:
    """Key of an unlearned model: Original, forget set, the method's settings and the seed."""
    return key("model", original_key(spec), spec.forget, method.name, method.config, spec.seed)


def model_keys(spec: RunSpec) -> dict[str, str]:
    """Model name -> key: original, retrain-0 ..., then the methods."""
    keys = {"original": original_key(spec)}
    keys |= {f"retrain-{j}": retrain_key(spec, j) for j in range(spec.retrains)}
    return keys | {method.name: method_key(spec, method) for method in spec.methods}


def study_key(spec: RunSpec) -> str:
    """Key of the whole study, its number of draws included."""
    return key("study", spec, spec.probe.draws)


def from_plain(plain: Mapping[str, Any]) -> RunSpec:
    """The RunSpec that `to_plain` wrote; SpecError where it does not fit this version."""
    from engine.spec import DataSpec, TrainSpec

    try:
        methods = tuple(
            MethodSpec(
                one["name"],
                amend(_config(one["name"]), one["config"], f"{one['name']}."),
            )
            for one in plain["methods"]
        )
        probe = {**plain["probe"], "taus": check_taus(tuple(plain["probe"]["taus"]))}
        return validate(
            RunSpec(
                validate(DataSpec(**plain["data"])),
                ModelSpec(**plain["model"]),
                validate(TrainSpec(**plain["train"])),
                tuple(int(i) for i in plain["forget"]),
                methods,
                plain["retrains"],
                plain["seed"],
                validate(ProbeSpec(**probe)),
            )
        )
    except (KeyError, TypeError, ValueError) as error:
        raise SpecError(f"This study's settings cannot be read by this version: {error}.") from None


def as_plain(spec: RunSpec) -> dict[str, Any]:
    """The spec as JSON data, for files and other programs."""
    plain: dict[str, Any] = to_plain(spec)
    return plain


def _config(name: str) -> Any:
    config = registry.get("method", name).config
    assert config is not None
    return config()


def _distinct(methods: Sequence[str]) -> list[str]:
    """The methods named, each once; Re-train is always there and needs no naming."""
    names = list(dict.fromkeys(name.strip() for name in methods if name.strip()))
    if not names:
        raise SpecError(f"Name at least one method of {', '.join(registry.names('method'))}.")
    return [name for name in names if name != "retrain"]
