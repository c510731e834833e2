"""From what a person asks for to a complete RunSpec, and the keys of everything in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine import registry
from engine.datasets.base import Dataset
from engine.errors import SpecError, unknown
from engine.external import weights as foreign
from engine.external.network import model_spec
from engine.forget_sets.forget_set import check_forget, forget_set
from engine.inference.evaluator import native_bfloat16
from engine.metrics import UNSTATED
from engine.perturbations import every, named
from engine.spec import (
    ASKED,
    AUTO,
    BFLOAT16,
    FLOAT32,
    FOLDED,
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
    given,
    measures_of,
    method_key,
    model_keys,
    original_key,
    pretrained_key,
    retrain_key,
    study_key,
)

__all__ = [
    "NO_METHODS", "RESERVED", "as_plain", "completed", "compose", "counts_key", "foreign_key",
    "from_plain", "given", "measure_spec", "measures_of", "method_key", "method_spec",
    "model_keys", "original_key", "pretrained_key", "retrain_key", "settled", "settled_probe",
    "study_key", "usual_probe",
]  # fmt: skip

NO_METHODS = "none"  # stands for no method, where models are given
RESERVED = ("train", "probe")  # owners of settings that are no method


def compose(
    dataset: Dataset,
    *,
    model: str = "",
    normalize: str = "",
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
    weights: Mapping[str, Path] | None = None,
    measures: Sequence[str] = (),
    device: str = "cpu",
) -> RunSpec:
    """The study that these words describe; empty ones mean the dataset's recommendation.

    settings: method -> changes to its config ('train' and 'probe' change training and
    measurement, the name of a measure its own). weights: model name -> file, for models that are
    given and not to be made. measures: beside the cheap ones, which every study has. device: the
    kind it is made for ('cpu', 'cuda', 'mps'), which settles the number format of training.
    Raises SpecError, with the nearest name where one is unknown, and CheckpointError for weights
    that do not fit.
    """
    asked = {owner: dict(changes) for owner, changes in (settings or {}).items()}
    advice = dataset.recommended
    net = model_spec(model or advice.model, normalize)
    weights = weights or {}
    changes = {**asked.pop("train", {}), **(training or {})}
    measuring = {**asked.pop("probe", {}), **(probe or {})}
    train = settled(amend(advice.train_for(net.name), changes, "train."), net, device)
    names = _distinct(methods, alone=not weights)
    chosen = [method_spec(dataset, name, asked.pop(name, {})) for name in names]
    taken = _measures(measures, asked)
    if asked:
        owner = next(iter(asked))
        registry.get("method", owner)
        raise SpecError(f"There are settings for '{owner}', but it is not among the methods.")
    grid = parse_taus(taus) if taus else advice.taus
    kind = named(perturbation).name
    measured = ProbeSpec(
        kind, check_taus(grid), draws, seed, arithmetic=AUTO, between=AUTO, start=AUTO
    )
    measured = settled_probe(amend(measured, _parsed(measuring), "probe."), net, device)
    _check_probe(measured)
    if isinstance(forget, str):
        indices = forget_set(forget or advice.forget, dataset, seed).indices
    else:
        indices = check_forget(forget, dataset.train_y, dataset.validation)
    spec = RunSpec(
        dataset.spec,
        net,
        train,
        indices,
        tuple(chosen),
        retrains=retrains,
        seed=seed,
        probe=measured,
        foreign=foreign.examine(_checked(weights, retrains), net, dataset),
        measures=taken,
    )
    return validate(spec)


def _check_probe(probe: ProbeSpec) -> None:
    """SpecError where the perturbation does not go with these norms or draws."""
    kind = named(probe.perturbation)
    kind.check(probe.taus)
    if probe.adaptive and kind.attack:
        *others, last = [one.name for one in every() if not one.attack]
        raise SpecError(
            "Adaptive draws (probe.adaptive) are for random perturbations: choose "
            f"{', '.join(others)} or {last}, or set probe.adaptive=0."
        )


def settled(train: TrainSpec, network: ModelSpec, device: str) -> TrainSpec:
    """The settings with the number format that 'auto' stands for on such a device.

    Somebody's own network computes in float32 unless they say otherwise.
    """
    if train.precision != AUTO:
        return train
    convolves = not network.source and _takes(network) == "images"
    reduced = convolves and native_bfloat16(device)
    return replace(train, precision=BFLOAT16 if reduced else FLOAT32)


def settled_probe(probe: ProbeSpec, network: ModelSpec, device: str) -> ProbeSpec:
    """The probe with what 'auto' stands for on such a device.

    One step of FGSM costs too little to be computed in less than float32; random copies take no
    arithmetic that could be chosen, nor do networks without convolutions. Attacked copies lie on no
    rays, adaptive draws are chosen one by one, and a network without convolutions is asked about a
    copy faster than it is found out whether that is needed.
    """
    convolves = not network.source and _takes(network) == "images"
    kind = named(probe.perturbation)
    arithmetic, between = FLOAT32, ASKED
    if kind.attack and convolves:
        reduced = kind.iterates and native_bfloat16(device)
        arithmetic = _chosen(probe.arithmetic, BFLOAT16 if reduced else FOLDED)
    elif kind.straight and not probe.adaptive:
        between = _chosen(probe.between, INFERRED if convolves else ASKED)
    start = _chosen(probe.start, OWN) if kind.starts else SHARED
    return replace(probe, arithmetic=arithmetic, between=between, start=start)


def usual_probe(spec: RunSpec) -> ProbeSpec:
    """What this network is measured with where nothing is set, whatever the device.

    What attacks are computed in is settled by the device: where it is not float32 on all of them,
    it is left at 'auto' here.
    """
    left = replace(spec.probe, arithmetic=AUTO, between=AUTO, start=AUTO)
    settled = settled_probe(left, spec.model, "")
    arithmetic = FLOAT32 if settled.arithmetic == FLOAT32 else AUTO
    return ProbeSpec(
        seed=spec.seed, arithmetic=arithmetic, between=settled.between, start=settled.start
    )


def _chosen(setting: str, best: str) -> str:
    return best if setting == AUTO else setting


def method_spec(dataset: Dataset, name: str, changes: Mapping[str, Any]) -> MethodSpec:
    """A method with the dataset's recommended settings and these changes."""
    if name in RESERVED:
        raise unknown("method", name, registry.names("method"))
    entry = registry.get("method", name)
    advised = dataset.recommended.methods.get(entry.name, {})
    assert entry.config is not None
    return MethodSpec(entry.name, amend(entry.config(), {**advised, **changes}, f"{name}."))


def measure_spec(name: str, changes: Mapping[str, Any]) -> MeasureSpec:
    """A registered measure with these changes to its settings; '_' in a name counts as '-'."""
    entry = registry.get("metric", name.strip().replace("_", "-"))
    assert entry.config is not None
    return MeasureSpec(entry.name, amend(entry.config(), changes, f"{entry.name}."))


def from_plain(plain: Mapping[str, Any]) -> RunSpec:
    """The RunSpec that `to_plain` wrote; SpecError where it does not fit this version."""
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
    """A plain spec with the settings that an older version did not write; as it is where this
    version cannot read it."""
    try:
        return as_plain(from_plain(plain))
    except SpecError:
        return plain


def as_plain(spec: RunSpec) -> dict[str, Any]:
    """The spec as JSON data, for files and other programs."""
    plain: dict[str, Any] = to_plain(spec)
    return plain


def _takes(network: ModelSpec) -> str:
    """'images' for networks of convolutions, 'any' for those that take features as well."""
    return str(registry.get("model", network.name).facts.get("takes", "images"))


def _measures(names: Sequence[str], asked: dict[str, dict[str, Any]]) -> tuple[MeasureSpec, ...]:
    """The measures named and those with settings of their own, which are taken out of `asked`.

    A measure whose default has changed is always stated, but for settings that a study without a
    word means, unless it was named.
    """
    changes = {
        owner.replace("_", "-"): asked.pop(owner)
        for owner in list(asked)
        if owner.replace("_", "-") in registry.names("metric")
    }
    wanted = [name.strip().replace("_", "-") for name in names if name.strip()]
    names = sorted({*wanted, *changes, *UNSTATED})
    found = [measure_spec(name, changes.get(name, {})) for name in names]
    return tuple(one for one in found if one.name in wanted or UNSTATED.get(one.name) != one.config)


def _parsed(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Changes to the measurement with text made of what it stands for; SpecError if it is none."""
    found = dict(changes)
    if "taus" in found:
        taus = found["taus"]
        found["taus"] = parse_taus(taus) if isinstance(taus, str) else check_taus(tuple(taus))
    if "perturbation" in found:
        named(found["perturbation"])
    return found


def _settings(kind: str, name: str) -> type[Any]:
    """The settings dataclass of a registered method or measure; SpecError if there is no such."""
    config = registry.get(kind, name).config
    assert config is not None
    return config


def _checked(files: Mapping[str, Path], retrains: int) -> Mapping[str, Path]:
    """The files; SpecError if they hold more Re-trains than the study has."""
    known = sum(name.startswith("retrain-") for name in files)
    if known > retrains:
        raise SpecError(f"{known} Re-trains are given, but the study has {retrains}.")
    return files


def _distinct(methods: Sequence[str], alone: bool) -> list[str]:
    """The methods named, each once; Re-train is always there and needs no naming.

    SpecError for none where they are `alone`: there would be nothing to examine.
    """
    names = list(dict.fromkeys(name.strip() for name in methods if name.strip()))
    known = ", ".join(registry.names("method"))
    if NO_METHODS in names and len(names) > 1:
        raise SpecError(f"'{NO_METHODS}' stands alone: name it, or methods of {known}.")
    if alone and names == [NO_METHODS]:
        raise SpecError(
            f"'{NO_METHODS}' is for models that are given (--unlearned NAME=FILE). Without them "
            f"name at least one method of {known}."
        )
    if alone and not names:
        raise SpecError(f"Name at least one method of {known}.")
    names = [name for name in names if name != NO_METHODS]
    return [name for name in names if name != "retrain"]
