"""Keys of everything in a study: what makes two results the same, whoever asks.

Nothing here imports torch. `engine.study.plan` holds the keys of one whole study.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engine.metrics import UNSTATED
from engine.spec import ForeignSpec, MeasureSpec, MethodSpec, ModelSpec, PretrainSpec, RunSpec, key


def measures_of(spec: RunSpec) -> tuple[MeasureSpec, ...]:
    """The measures that a study states, and those it has in the settings of an older version.

    Cheap measures whose defaults never changed are not among them, unless they were asked for.
    """
    stated = {one.name for one in spec.measures}
    older = [MeasureSpec(*one) for one in UNSTATED.items() if one[0] not in stated]
    return (*spec.measures, *older)


def given(spec: RunSpec, name: str) -> ForeignSpec | None:
    """Whose weights the model called `name` has; None if this program makes it."""
    return next((one for one in spec.foreign if one.name == name), None)


def foreign_key(spec: RunSpec, one: ForeignSpec) -> str:
    """Key of a model that is given: data, network and the hash of its weights."""
    head = (one.head,) if one.head else ()
    return key("model", spec.data, spec.model, "foreign", one.digest, *head)


def original_key(spec: RunSpec) -> str:
    """Key of the Original: data, network, training, seed; or of the one that is given."""
    theirs = given(spec, "original")
    if theirs is not None:
        return foreign_key(spec, theirs)
    return key("model", spec.data, spec.model, spec.train, spec.seed, "original", *_past(spec))


def retrain_key(spec: RunSpec, number: int) -> str:
    """Key of Re-train `number`, which also depends on what is forgotten."""
    theirs = given(spec, f"retrain-{number}")
    if theirs is not None:
        return foreign_key(spec, theirs)
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
    """Model name -> key: original, retrain-0 ..., the methods, then other unlearned models."""
    keys = {"original": original_key(spec)}
    keys |= {f"retrain-{j}": retrain_key(spec, j) for j in range(spec.retrains)}
    keys |= {method.name: method_key(spec, method) for method in spec.methods}
    return keys | {one.name: foreign_key(spec, one) for one in spec.foreign}


def counts_key(
    spec: RunSpec, viewer: str, source: str = "", models: Mapping[str, str] | None = None
) -> str:
    """Key of one model's answers to perturbed copies; source: the model they were made against.

    Answers to chosen copies are kept apart from those to all, whatever they were chosen for.
    models: the keys of the study's models, where they are known.
    """
    keys = models or model_keys(spec)
    probe = replace(spec.probe, adaptive=1.0) if spec.probe.adaptive else spec.probe
    return key("counts", keys[viewer], keys.get(source, ""), probe, spec.forget)


def measure_key(
    spec: RunSpec, model: str, measure: str, config: Any, models: Mapping[str, str] | None = None
) -> str:
    """Key of a measure that is stored by itself, taken of one model with these settings.

    models: the keys of the study's models, where they are known.
    """
    keys = models or model_keys(spec)
    return key("measure", measure, config, keys[model], keys["original"], spec.forget, spec.seed)


def study_key(spec: RunSpec) -> str:
    """Key of the whole study, its number of draws included."""
    return key("study", spec, spec.probe.draws)
