"""Datasets from bundles, and samples saved from Python, stored under their fingerprint.

File names are stored as an array: UTF-8, one per line. A dataset's notes about its folder are not
part of a bundle.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from engine.datasets.base import Dataset, Origin, Recommended, check, held_out
from engine.errors import DataError, SpecError
from engine.spec import DataSpec, TrainSpec, amend, restored, to_plain
from engine.storage.record import SCHEMA, Record

KIND = "datasets"
ARRAYS = ("train_x", "train_y", "test_x", "test_y")
FILES, NUMBERS = "files", "origin/numbers"  # optional arrays


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
    if dataset.files:
        text = "\n".join(dataset.files).encode()
        arrays[FILES] = np.frombuffer(text, np.uint8)
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
            files=_files(record),
            origin=_origin(record),
            linked=int(record.attributes.get("linked", 0)),
        )
        dataset = replace(dataset, notes=tuple(_linked_note(dataset)))
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


def _files(record: Record) -> tuple[str, ...]:
    """File names of the samples; () if they have none. ValueError if the array is not text."""
    lines = record.arrays.get(FILES)
    if lines is None:
        return ()
    if lines.dtype != np.uint8 or lines.ndim != 1:
        raise ValueError("its file names are not text")
    return tuple(lines.tobytes().decode().split("\n"))


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
    )
