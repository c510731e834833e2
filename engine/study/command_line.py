"""Write the `rk-engine run` command that makes a study, the inverse of `engine.cli.parser`."""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from engine import registry
from engine.datasets.base import Dataset
from engine.errors import SpecError
from engine.external.hub_config import PREFIX, is_hub
from engine.external.network_spec import ANSWERS_ALONE
from engine.forget_sets.forget_set import LISTS, forget_set
from engine.metrics import UNSTATED
from engine.spec import (
    FOLLOW,
    GIVEN,
    DataSpec,
    ForeignSpec,
    MeasureSpec,
    ModelSpec,
    ProbeSpec,
    RunSpec,
    key,
)
from engine.storage.paths import typed_path
from engine.storage.store import Store
from engine.study.compose import measures_of, method_spec, usual_probe

FILES = LISTS[0]  # prefix of a forget set given as a file of indices
OWN_WORDS = ("perturbation", "taus", "draws")  # probe settings with options of their own


def command_line(spec: RunSpec, dataset: Dataset, forget: str, store: Path | None = None) -> str:
    """A shell command that reproduces the study `spec`, listing only its changed settings.

    dataset: the dataset of `spec`; forget: a description of its forget set, such as 'class:8:0.5'
    or 'indices:FILE'; store: folder of results, the default one if None. Raises SpecError for a
    study that no command can describe.
    """
    return shlex.join(["rk-engine", "run", *_words(spec, dataset, forget, store)])


def forget_text(spec: RunSpec, dataset: Dataset, texts: Iterable[str]) -> str:
    """The first of `texts`, or a class, that describes the forget set of `spec`; '' if none does.

    Files are not considered, because their contents may change before the command is used.
    """
    classes = (f"class:{number}" for number in range(len(dataset.classes)))
    return next((text for text in [*texts, *classes] if _describes(text, spec, dataset)), "")


def index_file(spec: RunSpec, store: Store) -> Path:
    """The file in `store` that lists the forget set of `spec`, one index per line; written once.

    Raises StoreError if it cannot be written.
    """
    path = store.root / "forget" / f"{key('forget', spec.data, spec.forget)}.csv"
    if not path.exists():
        with store.replacing(path) as aside:
            aside.write_text("\n".join(["index", *map(str, spec.forget)]) + "\n", encoding="utf-8")
    return path


def _words(spec: RunSpec, dataset: Dataset, forget: str, store: Path | None) -> Iterator[str]:
    _check(spec)
    yield from ("--dataset", spec.data.name)
    if spec.data.root:
        yield from ("--root", _absolute(spec.data.root))
    if spec.data.side:
        yield from ("--side", str(spec.data.side))
    if spec.data.channels != DataSpec.channels:
        yield from ("--channels", spec.data.channels)
    if spec.data.validation:
        yield from ("--validation", repr(spec.data.validation))
    if spec.data.columns:
        yield from ("--columns", spec.data.columns)
    if spec.data.test_share != DataSpec.test_share:
        yield from ("--test-share", repr(spec.data.test_share))
    if spec.data.encoder:
        yield from ("--encoder", spec.data.encoder)
    if dataset.linked:
        yield from ("--links", FOLLOW)
    yield from _network(spec.model)
    yield from ("--forget", forget)
    yield from ("--methods", ",".join(method.name for method in spec.methods))
    for path, value in changes(spec, dataset).items():
        yield from ("--set", f"{path}={_text(value)}")
    if named := [one.name for one in spec.measures if _must_be_named(one)]:
        yield from ("--measures", ",".join(named))
    yield from ("--retrains", str(spec.retrains))
    yield from _weights(spec.foreign)
    yield from ("--seed", str(spec.seed))
    yield from _measurement(spec.probe, dataset)
    if store is not None:
        yield from ("--store", str(store.absolute()))


def _check(spec: RunSpec) -> None:
    """SpecError for studies that only `rk-engine reproduce` or the Python API can make."""
    if spec.model.name == GIVEN:
        raise SpecError(ANSWERS_ALONE)
    if spec.pretrain is not None:
        raise SpecError(
            "This study's models are pre-trained on other data, for which 'rk-engine run' has no "
            "option. Use 'rk-engine reproduce' with its preset."
        )
    if spec.data.seed != spec.seed:
        raise SpecError(
            f"This study draws its data with seed {spec.data.seed} and everything else with seed "
            f"{spec.seed}, but 'rk-engine run' takes a single seed."
        )


def _network(model: ModelSpec) -> tuple[str, ...]:
    name = model.name
    if is_hub(name):
        return ("--model", f"{PREFIX}{model.path}", "--normalize", model.normalize or "dataset")
    if model.source:  # the name of a user's network does not include the path of its file
        name = f"{model.path}:{name.rpartition(':')[2]}"
    return ("--model", name, *(("--normalize", model.normalize) if model.normalize else ()))


def _weights(weights: Iterable[ForeignSpec]) -> Iterator[str]:
    for model in weights:
        if model.name == "original":
            yield from ("--original", model.path)
        elif re.fullmatch(r"retrain-\d+", model.name):
            yield from ("--retrain", model.path)
        else:
            yield from ("--unlearned", f"{model.name}={model.path}")


def _measurement(probe: ProbeSpec, dataset: Dataset) -> Iterator[str]:
    yield from ("--perturbation", probe.perturbation)
    if probe.taus != dataset.recommended.taus:
        yield from ("--taus", ",".join(map(repr, probe.taus)))
    yield from ("--draws", str(probe.draws))


def changes(spec: RunSpec, dataset: Dataset) -> dict[str, Any]:
    """Every setting that differs from the command's default: 'rurk.tau' -> value.

    Perturbation, tau and draws are not among them, nor are seed and number of Re-trains.
    """
    recommended = dataset.recommended.train_for(spec.model.name)
    differing = _differing("train", spec.train, recommended)
    differing |= _differing("probe", spec.probe, usual_probe(spec), OWN_WORDS)
    for method in spec.methods:
        usual = method_spec(dataset, method.name, {}).config
        differing |= _differing(method.name, method.config, usual)
    for measure in measures_of(spec):
        differing |= _differing(measure.name, measure.config, _default(measure))
    return differing


def _must_be_named(measure: MeasureSpec) -> bool:
    """Whether the command must name this measure for the study to have it with these settings."""
    return bool(UNSTATED.get(measure.name, measure.config) == measure.config)


def _default(measure: MeasureSpec) -> Any:
    config = registry.get("metric", measure.name).config
    assert config is not None
    return config()


def _differing(
    owner: str, config: Any, usual: Any, without: tuple[str, ...] = ()
) -> dict[str, Any]:
    values = {item.name: getattr(config, item.name) for item in dataclasses.fields(config)}
    return {
        f"{owner}.{name}": value
        for name, value in values.items()
        if name not in without and value != getattr(usual, name)
    }


def _text(value: Any) -> str:
    """A setting as text: numbers with all their digits."""
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, float) else str(value)


def _absolute(path: str) -> str:
    return str(typed_path(path).absolute())


def _describes(text: str, spec: RunSpec, dataset: Dataset) -> bool:
    if text.strip().startswith(LISTS):
        return False
    try:
        indices = forget_set(text, dataset, spec.seed).indices
    except SpecError:
        return False
    return indices == spec.forget
