"""The `rk-engine run` line that makes a study: what `engine.cli.parser` reads, written."""

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
from engine.forget_sets.forget_set import LISTS, forget_set
from engine.metrics import UNSTATED
from engine.spec import (
    FOLLOW,
    DataSpec,
    ForeignSpec,
    MeasureSpec,
    ModelSpec,
    ProbeSpec,
    RunSpec,
    key,
)
from engine.storage.paths import place
from engine.storage.store import Store
from engine.study.compose import measures_of, method_spec, usual_probe

FILES = LISTS[0]  # how a forget set that lies in a file of indices begins
OWN_WORDS = ("perturbation", "taus", "draws")  # of the measurement, which have options of their own


def command_line(spec: RunSpec, dataset: Dataset, forget: str, store: Path | None = None) -> str:
    """One line for a shell that makes the study `spec` again, with its settings that were changed.

    dataset: the one that `spec` is about; forget: what describes its forget set, such as
    'class:8:0.5' or 'indices:FILE'; store: folder of results, the default one if None. Raises
    SpecError for a study that no such line can describe.
    """
    return shlex.join(["rk-engine", "run", *_words(spec, dataset, forget, store)])


def forget_text(spec: RunSpec, dataset: Dataset, texts: Iterable[str]) -> str:
    """The first of `texts` that describes the forget set of `spec`, or a whole class; '' if none.

    Files are not looked into: they may say something else by the time the line is used.
    """
    classes = (f"class:{number}" for number in range(len(dataset.classes)))
    return next((text for text in [*texts, *classes] if _describes(text, spec, dataset)), "")


def index_file(spec: RunSpec, store: Store) -> Path:
    """The file in `store` that lists the forget set of `spec`, one index a line; written once.

    Raises StoreError where it cannot be written.
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
        yield from ("--root", _place(spec.data.root))
    if spec.data.side:
        yield from ("--side", str(spec.data.side))
    if spec.data.channels != DataSpec.channels:
        yield from ("--channels", spec.data.channels)
    if spec.data.validation:
        yield from ("--validation", repr(spec.data.validation))
    if dataset.linked:
        yield from ("--links", FOLLOW)
    yield from _network(spec.model)
    yield from ("--forget", forget)
    yield from ("--methods", ",".join(method.name for method in spec.methods))
    for path, value in _changes(spec, dataset).items():
        yield from ("--set", f"{path}={_text(value)}")
    if named := [one.name for one in spec.measures if _is_named(one)]:
        yield from ("--measures", ",".join(named))
    yield from ("--retrains", str(spec.retrains))
    yield from _weights(spec.foreign)
    yield from ("--seed", str(spec.seed))
    yield from _measurement(spec.probe, dataset)
    if store is not None:
        yield from ("--store", str(store.absolute()))


def _check(spec: RunSpec) -> None:
    """SpecError for what only `rk-engine reproduce` and programs can make."""
    if spec.pretrain is not None:
        raise SpecError(
            "This study's models were trained on other data first, for which 'rk-engine run' has "
            "no words. 'rk-engine reproduce' makes it, with its preset."
        )
    if spec.data.seed != spec.seed:
        raise SpecError(
            f"This study draws its data with seed {spec.data.seed} and all else with seed "
            f"{spec.seed}, but 'rk-engine run' knows one seed for both."
        )


def _network(model: ModelSpec) -> tuple[str, ...]:
    name = model.name
    if model.source:  # of somebody's own: the name alone does not say where the file lies
        name = f"{model.path}:{name.rpartition(':')[2]}"
    return ("--model", name, *(("--normalize", model.normalize) if model.normalize else ()))


def _weights(given: Iterable[ForeignSpec]) -> Iterator[str]:
    for one in given:
        if one.name == "original":
            yield from ("--original", one.path)
        elif re.fullmatch(r"retrain-\d+", one.name):
            yield from ("--retrain", one.path)
        else:
            yield from ("--unlearned", f"{one.name}={one.path}")


def _measurement(probe: ProbeSpec, dataset: Dataset) -> Iterator[str]:
    yield from ("--perturbation", probe.perturbation)
    if probe.taus != dataset.recommended.taus:
        yield from ("--taus", ",".join(map(repr, probe.taus)))
    yield from ("--draws", str(probe.draws))


def _changes(spec: RunSpec, dataset: Dataset) -> dict[str, Any]:
    """Every setting that differs from what the line would mean without it: 'rurk.tau' -> value."""
    advised = dataset.recommended.train_for(spec.model.name)
    found = _differing("train", spec.train, advised)
    found |= _differing("probe", spec.probe, usual_probe(spec), OWN_WORDS)
    for method in spec.methods:
        found |= _differing(
            method.name, method.config, method_spec(dataset, method.name, {}).config
        )
    for measure in measures_of(spec):
        found |= _differing(measure.name, measure.config, _default(measure))
    return found


def _is_named(measure: MeasureSpec) -> bool:
    """Whether a study has this measure, as it is set here, only where its name is given."""
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
    """A setting as it is written: numbers with all their digits."""
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, float) else str(value)


def _place(path: str) -> str:
    return str(place(path).absolute())


def _describes(text: str, spec: RunSpec, dataset: Dataset) -> bool:
    if text.strip().startswith(LISTS):
        return False
    try:
        found = forget_set(text, dataset, spec.seed).indices
    except SpecError:
        return False
    return found == spec.forget
