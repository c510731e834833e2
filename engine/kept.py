"""Datasets that came in a bundle, kept in the store by their fingerprint."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from engine.datasets.base import Dataset, Recommended, check
from engine.errors import DataError
from engine.spec import DataSpec, TrainSpec, amend, to_plain
from engine.store import SCHEMA, Record

KIND = "datasets"
ARRAYS = ("train_x", "train_y", "test_x", "test_y")


def record_of(dataset: Dataset) -> Record:
    """The record that `dataset_of` takes apart; its key is the dataset's fingerprint."""
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
    return Record(KIND, dataset.spec.fingerprint, facts, arrays)


def dataset_of(record: Record) -> Dataset:
    """The dataset that a record holds; DataError where it is not what its key says."""
    try:
        made = Dataset(
            spec=DataSpec(**{**record.plain("spec"), "root": ""}),
            label=str(record.attributes["label"]),
            classes=tuple(map(str, record.plain("classes"))),
            features=tuple(map(str, record.plain("features"))),
            recommended=_recommended(record.plain("recommended")),
            train_x=record.arrays["train_x"],
            train_y=record.arrays["train_y"],
            test_x=record.arrays["test_x"],
            test_y=record.arrays["test_y"],
        )
        made = check(replace(made, spec=replace(made.spec, fingerprint="")))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"The kept dataset {record.key} is damaged: {error}.") from error
    if made.spec.fingerprint != record.key:
        raise DataError(f"The kept dataset {record.key} holds other samples than its name says.")
    return made


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
    )
