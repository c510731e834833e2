"""Datasets from bundles, and samples saved from Python, stored under their fingerprint.

File names, messages and groups are stored as arrays: UTF-8, one per line. A dataset's notes about
its folder are not part of a bundle.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from engine.datasets._encoders import MessageEncoder
from engine.datasets.base import Dataset, Origin, Recommended, check, held_out
from engine.errors import DataError, SpecError
from engine.spec import DataSpec, TrainSpec, amend, restored, to_plain
from engine.storage.record import SCHEMA, Record

KIND = "datasets"
ARRAYS = ("train_x", "train_y", "test_x", "test_y")
FILES, NUMBERS = "files", "origin/numbers"  # optional arrays
TEXTS, GROUPS, HELD = "texts", "groups", "validation"


def record_of(dataset: Dataset) -> Record:
    """The record of a dataset, read by `dataset_of`; its key is the dataset's fingerprint."""
    facts = {
        "schema": SCHEMA,
        "kind": KIND,
        "key": dataset.spec.fingerprint,
        "complete": True,
        "spec": json.dumps(to_plain(dataset.spec)),
        "label": dataset.label,
        "classes": json.dumps(dataset.classes),
        "features": json.dumps(dataset.features),
        "recommended": json.dumps(to_plain(dataset.recommended)),
    }
    arrays = {name: getattr(dataset, name) for name in ARRAYS}
    arrays |= {name: _lines(values) for name, values in _texts_of(dataset).items()}
    if dataset.groups:
        facts[GROUPS] = json.dumps(list(dataset.groups))
    if len(dataset.validation) and not dataset.spec.validation:  # otherwise it is drawn again
        arrays[HELD] = dataset.validation
    if dataset.origin is not None:
        facts["origin"] = dataset.origin.name
        arrays[NUMBERS] = dataset.origin.numbers
    if dataset.linked:
        facts["linked"] = dataset.linked
    return Record(KIND, dataset.spec.fingerprint, facts, arrays)


def dataset_of(record: Record) -> Dataset:
    """The dataset in a record; DataError if its content does not match its key."""
    try:
        dataset = Dataset(
            spec=restored(DataSpec, {**record.plain("spec"), "root": ""}),
            label=str(record.attributes["label"]),
            classes=tuple(map(str, record.plain("classes"))),
            features=tuple(map(str, record.plain("features"))),
            recommended=_recommended(record.plain("recommended")),
            train_x=record.arrays["train_x"],
            train_y=record.arrays["train_y"],
            test_x=record.arrays["test_x"],
            test_y=record.arrays["test_y"],
            files=_texts(record, FILES),
            validation=record.arrays.get(HELD, np.empty(0, np.int64)),
            groups=_groups(record),
            origin=_origin(record),
            linked=int(record.attributes.get("linked", 0)),
        )
        dataset = replace(dataset, notes=tuple(_linked_note(dataset)))
        dataset = _with_texts(dataset, _texts(record, TEXTS))
        dataset = replace(dataset, spec=replace(dataset.spec, fingerprint=""))
        dataset = check(held_out(dataset))
    except (KeyError, TypeError, ValueError, AttributeError, SpecError) as error:
        raise DataError(f"The stored dataset {record.key} is damaged: {error}.") from error
    if dataset.spec.fingerprint != record.key:
        raise DataError(f"The samples of the stored dataset {record.key} do not match its key.")
    return dataset


def _linked_note(dataset: Dataset) -> Iterator[str]:
    """Note that samples were read through links; ValueError for an impossible number."""
    if not 0 <= dataset.linked <= len(dataset):
        raise ValueError("it does not have that many linked samples")
    if dataset.linked:
        were = "was" if dataset.linked == 1 else "were"
        yield (
            f"{dataset.linked:,} of these {len(dataset):,} samples {were} read through links that "
            "led out of their folder."
        )


def _with_texts(dataset: Dataset, texts: tuple[str, ...]) -> Dataset:
    """The dataset with its messages, if it has any, and their encoder."""
    if not texts:
        return dataset
    encode = MessageEncoder(dataset.spec.encoder, texts[: len(dataset.train_y)])
    return replace(dataset, texts=texts, encode=encode)


def _texts_of(dataset: Dataset) -> dict[str, tuple[str, ...]]:
    """array -> one text for each sample, for those that the dataset has."""
    numbered = enumerate(dataset.groups.values())
    groups = {f"{GROUPS}/{number}": values for number, values in numbered}
    own = {FILES: dataset.files, TEXTS: dataset.texts, **groups}
    return {name: values for name, values in own.items() if values}


def _lines(texts: tuple[str, ...]) -> np.ndarray:
    return np.frombuffer("\n".join(texts).encode(), np.uint8)


def _texts(record: Record, name: str) -> tuple[str, ...]:
    """The texts of an array, one per line; () if it is missing. ValueError if it is not text."""
    lines = record.arrays.get(name)
    if lines is None:
        return ()
    if lines.dtype != np.uint8 or lines.ndim != 1:
        raise ValueError(f"its {name} are not text")
    return tuple(lines.tobytes().decode().split("\n"))


def _groups(record: Record) -> dict[str, tuple[str, ...]]:
    names = record.plain(GROUPS) if GROUPS in record.attributes else []
    return {str(name): _texts(record, f"{GROUPS}/{place}") for place, name in enumerate(names)}


def _origin(record: Record) -> Origin | None:
    numbers = record.arrays.get(NUMBERS)
    return None if numbers is None else Origin(str(record.attributes["origin"]), numbers)


def _recommended(plain: dict[str, Any]) -> Recommended:
    training = {
        str(model): amend(TrainSpec(), changes, "train.")
        for model, changes in plain["training"].items()
    }
    return Recommended(
        model=str(plain["model"]),
        train=amend(TrainSpec(), plain["train"], "train."),
        forget=str(plain["forget"]),
        taus=tuple(map(float, plain["taus"])),
        methods=plain["methods"],
        training=training,
        compared=tuple(map(str, plain.get("compared", Recommended.compared))),
        perturbation=str(plain.get("perturbation", Recommended.perturbation)),
    )
