"""Keys of the results of a study: two results are the same exactly if their keys are equal.

Nothing here imports torch. `engine.study.plan` collects the keys of one complete study.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engine.metrics import UNSTATED
from engine.spec import (
    GIVEN,
    ForeignSpec,
    MeasureSpec,
    MethodSpec,
    ModelSpec,
    PretrainSpec,
    RunSpec,
    key,
)


def measures_of(spec: RunSpec) -> tuple[MeasureSpec, ...]:
    """The measures that a study states, and those it implies with the defaults of an older version.

    Cheap measures whose defaults never changed are not included unless they are stated.
    """
    stated = {one.name for one in spec.measures}
    older = [MeasureSpec(*one) for one in UNSTATED.items() if one[0] not in stated]
    return (*spec.measures, *older)


def foreign_model(spec: RunSpec, name: str) -> ForeignSpec | None:
    """The third-party weights of the model `name`; None if this program makes the model."""
    return next((one for one in spec.foreign if one.name == name), None)


def judged_models(spec: RunSpec) -> list[str]:
    """Names of the models compared with the Re-trains: Original, methods, imported ones.

    Without the Original in a study saved from Python that was given none.
    """
    absent = spec.model.name == GIVEN and foreign_model(spec, "original") is None
    return spec.unlearned if absent else ["original", *spec.unlearned]


def foreign_key(spec: RunSpec, one: ForeignSpec) -> str:
    """Key of a third-party model: data, network and the hash of its weights."""
    head = (one.head,) if one.head else ()
    return key("model", spec.data, spec.model, "foreign", one.digest, *head)


def original_key(spec: RunSpec) -> str:
    """Key of the Original: data, network, training and seed; or that of the given weights."""
    foreign = foreign_model(spec, "original")
    if foreign is not None:
        return foreign_key(spec, foreign)
    return key("model", spec.data, spec.model, spec.train, spec.seed, "original", *_past(spec))


def retrain_key(spec: RunSpec, number: int) -> str:
    """Key of Re-train `number`, which also depends on the forget set."""
    foreign = foreign_model(spec, f"retrain-{number}")
    if foreign is not None:
        return foreign_key(spec, foreign)
    return key(
        "model", spec.data, spec.model, spec.train, spec.seed, "retrain", number, spec.forget,
        *_past(spec),
    )  # fmt: skip


def pretrained_key(model: ModelSpec, pretrain: PretrainSpec) -> str:
    """Key of the network that Original and Re-trains start from."""
    return key("model", pretrain.data, model, pretrain.train, pretrain.seed, "pretrained")


def _past(spec: RunSpec) -> tuple[str, ...]:
    return (pretrained_key(spec.model, spec.pretrain),) if spec.pretrain else ()


def method_key(spec: RunSpec, method: MethodSpec) -> str:
    """Key of an unlearned model: Original, forget set, the method's settings and the seed."""
    return key("model", original_key(spec), spec.forget, method.name, method.config, spec.seed)


def model_keys(spec: RunSpec) -> dict[str, str]:
    """Model name -> key: original, retrain-0 ..., the methods, then other unlearned models.

    Without original in a study saved from Python that was given none.
    """
    keys = {"original": original_key(spec)} if "original" in judged_models(spec) else {}
    keys |= {f"retrain-{j}": retrain_key(spec, j) for j in range(spec.retrains)}
    keys |= {method.name: method_key(spec, method) for method in spec.methods}
    return keys | {one.name: foreign_key(spec, one) for one in spec.foreign}


def counts_key(
    spec: RunSpec, viewer: str, source: str = "", models: Mapping[str, str] | None = None
) -> str:
    """Key of one model's predictions on perturbed copies; source: the attacked model.

    Adaptive draws have keys of their own, whatever their budget. models: the keys of the study's
    models, if already computed.
    """
    keys = models or model_keys(spec)
    probe = replace(spec.probe, adaptive=1.0) if spec.probe.adaptive else spec.probe
    return key("counts", keys[viewer], keys.get(source, ""), probe, spec.forget)


def measure_key(
    spec: RunSpec, model: str, measure: str, config: Any, models: Mapping[str, str] | None = None
) -> str:
    """Key of a separately stored measure of one model with these settings.

    models: the keys of the study's models, if already computed.
    """
    keys = models or model_keys(spec)
    original = keys.get("original", "")
    return key("measure", measure, config, keys[model], original, spec.forget, spec.seed)


def study_key(spec: RunSpec) -> str:
    """Key of the complete study, including its number of draws."""
    return key("study", spec, spec.probe.draws)
