"""Compose a complete RunSpec from user input."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine import registry
from engine.datasets.base import Dataset
from engine.errors import SpecError, unknown
from engine.external.hub_config import own_weights
from engine.external.network_spec import model_spec
from engine.forget_sets.forget_set import check_forget, forget_set
from engine.metrics import UNSTATED
from engine.perturbations import Noise, every, named
from engine.runtime.device import native_bfloat16
from engine.spec import (
    ASKED,
    AUTO,
    BFLOAT16,
    FLOAT32,
    FOLDED,
    GIVEN,
    INFERRED,
    OWN,
    SHARED,
    DataSpec,
    ForeignSpec,
    MeasureSpec,
    MethodSpec,
    ModelSpec,
    PretrainSpec,
    ProbeSpec,
    RunSpec,
    TrainSpec,
    amend,
    check_taus,
    parse_taus,
    restored,
    to_plain,
    validate,
)
from engine.study.keys import (
    counts_key,
    foreign_key,
    foreign_model,
    measures_of,
    method_key,
    model_keys,
    original_key,
    pretrained_key,
    retrain_key,
    study_key,
)

__all__ = [
    "NO_METHODS",
    "RESERVED",
    "as_plain",
    "completed",
    "compose",
    "counts_key",
    "foreign_key",
    "foreign_model",
    "from_plain",
    "measure_spec",
    "measures_of",
    "method_key",
    "method_spec",
    "model_keys",
    "original_key",
    "pretrained_key",
    "retrain_key",
    "settled",
    "settled_probe",
    "study_key",
    "usual_probe",
]  # fmt: skip

NO_METHODS = "none"  # selects no method, for studies of third-party models
RESERVED = ("train", "probe")  # owners of settings that are not methods
Kind = str | Callable[[], str]  # of device; a function imports torch only where it matters


def compose(
    dataset: Dataset,
    *,
    model: str = "",
    normalize: str = "",
    forget: str | Sequence[int] = "",
    methods: Sequence[str] | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    training: Mapping[str, Any] | None = None,
    probe: Mapping[str, Any] | None = None,
    retrains: int = 3,
    seed: int = 131,
    perturbation: str = "",
    taus: str = "",
    draws: int = 100,
    weights: Mapping[str, Path] | None = None,
    measures: Sequence[str] = (),
    device: Kind = "cpu",
) -> RunSpec:
    """Compose a study; empty arguments select the dataset's recommendation.

    methods: those it has, None for the dataset's own, () for none beside given models; settings:
    owner -> changes to its config, where the owner is a method, a measure, 'train' or 'probe'.
    weights: model name -> file, for models that are given instead of made (the Original of a
    hub folder is given by it). measures: in addition to
    the cheap ones, which every study has. device: the kind of device it is made for ('cpu', 'cuda',
    'mps'), or a function that tells it, which determines the number format of training. Raises
    SpecError, with the closest name for an unknown one, and CheckpointError for weights that do not
    fit.
    """
    changes_by_owner = {
        owner: dict(train_changes) for owner, train_changes in (settings or {}).items()
    }
    recommended = dataset.recommended
    network = model_spec(model or recommended.model, normalize)
    weights = own_weights(network) | dict(weights or {})
    train_changes = {**changes_by_owner.pop("train", {}), **(training or {})}
    probe_changes = {**changes_by_owner.pop("probe", {}), **(probe or {})}
    train = settled(
        amend(recommended.train_for(network.name), train_changes, "train."), network, device
    )
    methods = recommended.compared if methods is None else methods
    names = _distinct(methods, alone=not weights)
    method_specs = [method_spec(dataset, name, changes_by_owner.pop(name, {})) for name in names]
    measure_specs = _measures(measures, changes_by_owner)
    if changes_by_owner:
        owner = next(iter(changes_by_owner))
        registry.get("method", owner)
        raise SpecError(f"There are settings for '{owner}', but it is not one of the methods.")
    grid = parse_taus(taus) if taus else recommended.taus
    perturbation_name = named(perturbation or recommended.perturbation).name
    probe_spec = ProbeSpec(
        perturbation_name, check_taus(grid), draws, seed, arithmetic=AUTO, between=AUTO, start=AUTO
    )
    probe_spec = settled_probe(amend(probe_spec, _parsed(probe_changes), "probe."), network, device)
    _check_probe(probe_spec, dataset)
    if isinstance(forget, str):
        indices = forget_set(forget or recommended.forget, dataset, seed).indices
    else:
        indices = check_forget(forget, dataset.train_y, dataset.validation)
    spec = RunSpec(
        dataset.spec,
        network,
        train,
        indices,
        tuple(method_specs),
        retrains=retrains,
        seed=seed,
        probe=probe_spec,
        foreign=_foreign(_checked(weights, retrains), network, dataset),
        measures=measure_specs,
    )
    return validate(spec)


def _check_probe(probe: ProbeSpec, dataset: Dataset) -> None:
    """SpecError if the perturbation does not support these norms, draws or samples."""
    perturbation = named(probe.perturbation).on(dataset.messages)
    perturbation.check(probe.taus)
    if probe.adaptive and not isinstance(perturbation, Noise):
        *others, last = [one.name for one in every() if isinstance(one, Noise)]
        raise SpecError(
            "Adaptive draws (probe.adaptive) require a random perturbation: choose "
            f"{', '.join(others)} or {last}, or set probe.adaptive=0."
        )


def settled(train: TrainSpec, network: ModelSpec, device: Kind) -> TrainSpec:
    """The settings with the number format that 'auto' selects on this kind of device.

    A user's network computes in float32 unless set otherwise.
    """
    if train.precision != AUTO:
        return train
    convolves = _convolves(network)
    reduced = convolves and _multiplies_bfloat16(device)
    return replace(train, precision=BFLOAT16 if reduced else FLOAT32)


def settled_probe(probe: ProbeSpec, network: ModelSpec, device: Kind) -> ProbeSpec:
    """The probe with what 'auto' selects on this kind of device.

    A single FGSM step is too cheap to benefit from less than float32; random copies and networks
    without convolutions have no choice of arithmetic. Inference along rays applies neither to
    attacked copies nor to adaptive draws, and for a network without convolutions evaluating a copy
    is cheaper than deciding whether it can be inferred.
    """
    convolves = _convolves(network)
    perturbation = named(probe.perturbation)
    arithmetic, between = FLOAT32, ASKED
    if perturbation.attack and convolves:
        reduced = perturbation.iterates and _multiplies_bfloat16(device)
        arithmetic = _or_best(probe.arithmetic, BFLOAT16 if reduced else FOLDED)
    elif perturbation.straight and not probe.adaptive:
        between = _or_best(probe.between, INFERRED if convolves else ASKED)
    start = _or_best(probe.start, OWN) if perturbation.starts else SHARED
    return replace(probe, arithmetic=arithmetic, between=between, start=start)


def _multiplies_bfloat16(device: Kind) -> bool:
    return native_bfloat16(device if isinstance(device, str) else device())


def usual_probe(spec: RunSpec) -> ProbeSpec:
    """The default probe of this network, independent of the device.

    The arithmetic of attacks depends on the device: unless it is float32 on all devices, it stays
    'auto' here.
    """
    undecided = replace(spec.probe, arithmetic=AUTO, between=AUTO, start=AUTO)
    settled = settled_probe(undecided, spec.model, "")
    arithmetic = FLOAT32 if settled.arithmetic == FLOAT32 else AUTO
    return ProbeSpec(
        seed=spec.seed, arithmetic=arithmetic, between=settled.between, start=settled.start
    )


def _or_best(setting: str, best: str) -> str:
    return best if setting == AUTO else setting


def method_spec(dataset: Dataset, name: str, changes: Mapping[str, Any]) -> MethodSpec:
    """A method with the dataset's recommended settings and these changes."""
    if name in RESERVED:
        raise unknown("method", name, registry.names("method"))
    entry = registry.get("method", name)
    recommended = dataset.recommended.methods.get(entry.name, {})
    assert entry.config is not None
    return MethodSpec(entry.name, amend(entry.config(), {**recommended, **changes}, f"{name}."))


def measure_spec(name: str, changes: Mapping[str, Any]) -> MeasureSpec:
    """A registered measure with these changes to its settings; '_' in the name counts as '-'."""
    entry = registry.get("metric", name.strip().replace("_", "-"))
    assert entry.config is not None
    return MeasureSpec(entry.name, amend(entry.config(), changes, f"{entry.name}."))


def from_plain(plain: Mapping[str, Any]) -> RunSpec:
    """The RunSpec that `to_plain` wrote; SpecError if this version cannot read it."""
    try:
        methods = tuple(
            MethodSpec(
                one["name"],
                restored(_settings("method", one["name"]), one["config"], one["name"] + "."),
            )
            for one in plain["methods"]
        )
        probe = {**plain["probe"], "taus": check_taus(tuple(plain["probe"]["taus"]))}
        return validate(
            RunSpec(
                restored(DataSpec, plain["data"]),
                restored(ModelSpec, plain["model"]),
                restored(TrainSpec, plain["train"]),
                tuple(int(i) for i in plain["forget"]),
                methods,
                plain["retrains"],
                plain["seed"],
                restored(ProbeSpec, probe),
                tuple(restored(ForeignSpec, one) for one in plain.get("foreign", ())),
                tuple(
                    MeasureSpec(
                        one["name"],
                        restored(
                            _settings("metric", one["name"]), one["config"], one["name"] + "."
                        ),
                    )
                    for one in plain.get("measures", ())
                ),
                _pretrain_of(plain.get("pretrain")),
            )
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise SpecError(f"This study's settings cannot be read by this version: {error}.") from None


def _pretrain_of(plain: Mapping[str, Any] | None) -> PretrainSpec | None:
    if plain is None:
        return None
    train = restored(TrainSpec, plain["train"])
    return validate(PretrainSpec(restored(DataSpec, plain["data"]), train, plain["seed"]))


def completed(plain: Mapping[str, Any]) -> Mapping[str, Any]:
    """A plain spec completed by settings that an older version did not write.

    Unchanged if this version cannot read it.
    """
    try:
        return as_plain(from_plain(plain))
    except SpecError:
        return plain


def as_plain(spec: RunSpec) -> dict[str, Any]:
    """The spec as JSON data, for files and other programs."""
    plain: dict[str, Any] = to_plain(spec)
    return plain


def _convolves(network: ModelSpec) -> bool:
    """Whether this is a registered network that accepts images alone, as convolutions do."""
    if network.source or network.name == GIVEN:
        return False
    return str(registry.get("model", network.name).facts.get("takes", "images")) == "images"


def _measures(
    names: Sequence[str], changes_by_owner: dict[str, dict[str, Any]]
) -> tuple[MeasureSpec, ...]:
    """The named measures and those with changed settings, removing these from `changes_by_owner`.

    A measure whose default has changed is always stated, unless it is unnamed and has the settings
    that a study without an explicit statement implies.
    """
    changes = {
        owner.replace("_", "-"): changes_by_owner.pop(owner)
        for owner in list(changes_by_owner)
        if owner.replace("_", "-") in registry.names("metric")
    }
    wanted = [name.strip().replace("_", "-") for name in names if name.strip()]
    names = sorted({*wanted, *changes, *UNSTATED})
    specs = [measure_spec(name, changes.get(name, {})) for name in names]
    return tuple(
        measure
        for measure in specs
        if measure.name in wanted or UNSTATED.get(measure.name) != measure.config
    )


def _parsed(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Changes to the probe with text parsed into values; SpecError for invalid text."""
    parsed = dict(changes)
    if "taus" in parsed:
        taus = parsed["taus"]
        parsed["taus"] = parse_taus(taus) if isinstance(taus, str) else check_taus(tuple(taus))
    if "perturbation" in parsed:
        named(parsed["perturbation"])
    return parsed


def _settings(kind: str, name: str) -> type[Any]:
    """The settings dataclass of a registered method or measure; SpecError for unknown names."""
    config = registry.get(kind, name).config
    assert config is not None
    return config


def _checked(files: Mapping[str, Path], retrains: int) -> Mapping[str, Path]:
    """The files; SpecError if they include more Re-trains than the study has."""
    count = sum(name.startswith("retrain-") for name in files)
    if count > retrains:
        raise SpecError(f"{count} Re-trains are given, but the study has {retrains}.")
    return files


def _foreign(
    files: Mapping[str, Path], network: ModelSpec, dataset: Dataset
) -> tuple[ForeignSpec, ...]:
    """The specs of given weights, which are examined with torch."""
    if not files:
        return ()
    from engine.external.weights import examine_files

    return examine_files(files, network, dataset)


def _distinct(methods: Sequence[str], alone: bool) -> list[str]:
    """The distinct methods without Re-train, which every study includes.

    alone: no models are given, so SpecError if there are no methods either.
    """
    names = list(dict.fromkeys(name.strip() for name in methods if name.strip()))
    available = ", ".join(registry.names("method"))
    if NO_METHODS in names and len(names) > 1:
        raise SpecError(
            f"'{NO_METHODS}' cannot be combined with methods: use it alone, or methods of "
            f"{available}."
        )
    if alone and names == [NO_METHODS]:
        raise SpecError(
            f"'{NO_METHODS}' requires given models (--unlearned NAME=FILE). Without them, name at "
            f"least one method of {available}."
        )
    if alone and not names:
        raise SpecError(f"Name at least one method of {available}.")
    names = [name for name in names if name != NO_METHODS]
    return [name for name in names if name != "retrain"]
