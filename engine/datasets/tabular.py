"""A table with a label column: CSV, TSV or JSON lines, plain or gzipped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.datasets import breast_cancer
from engine.datasets._classes import class_numbers
from engine.datasets._features import Features
from engine.datasets._roles import (
    LABEL,
    TEXT,
    USUAL,
    column_of,
    groups_of,
    in_order,
    labels_of,
    parts_of,
    roles_of,
    split_of,
)
from engine.datasets._tables import TextTable, column_names, read_table
from engine.datasets.base import Dataset, Origin
from engine.errors import DataError
from engine.registry import register
from engine.runtime.progress import Reporter
from engine.spec import DataSpec
from engine.storage.paths import typed_path

MOST_CLASSES = 200

RECOMMENDED = replace(breast_cancer.RECOMMENDED, forget="class:0:0.5")  # tried there


@register(
    "dataset",
    "tabular",
    label="Table",
    help="one CSV, TSV or JSONL file as root, plain or gzipped, with a label column "
    "(--columns label=NAME); numbers are scaled to [0, 1], categories one-hot",
    root="file",
    columns=True,
    roles=("label", "split", "group"),
)
def load(spec: DataSpec, report: Reporter) -> Dataset:
    """The rows of the file `spec.root` as features in [0, 1].

    Numbers are scaled by the range of the training rows, categories become one feature each;
    missing values are counted in the notes. `spec.columns` names the label, groups (no features)
    and a split column, without which `spec.test_share` of each class is held out for testing.
    Samples are named by the line that they begin in. Raises DataError and SpecError.
    """
    if not spec.root:
        raise DataError("The dataset 'tabular' needs a file. Give a CSV file as its root.")
    roles, path = roles_of(spec.columns), typed_path(spec.root)
    report.stage("reading a table")
    table = read_table(path)
    label, split = column_of(table, LABEL, roles.label), split_of(table, roles.split)
    groups = groups_of(table, roles.groups)
    texts = labels_of(table, label)
    numbers, classes = class_numbers(f"'{label}' in {path}", texts, MOST_CLASSES)
    parts = parts_of(table, texts, split, spec)
    order, n = parts.order, parts.train
    features = _features(table, {label, split, *groups}, order[:n])
    x = np.stack(features.columns, 1)[order]
    y, lines = numbers[order], np.array(table.lines, np.int64)[order]
    return Dataset(
        spec,
        path.name,
        classes,
        x[:n],
        y[:n],
        x[n:],
        y[n:],
        RECOMMENDED,
        features=tuple(features.names),
        origin=Origin(path.name, lines),
        notes=(*filter(None, [parts.note]), *features.notes()),
        validation=parts.validation,
        groups=in_order(groups, order),
    )


def columns_of(path: Path) -> tuple[str, ...]:
    """The names of a table's columns; () for label, tab, message. DataError if it is none."""
    return column_names(path, (LABEL, TEXT), {*USUAL[LABEL], *USUAL[TEXT]})


def _features(table: TextTable, without: set[str], train: np.ndarray) -> Features:
    """The features of all columns but these; DataError if there are none."""
    features = Features()
    for place, name in enumerate(table.columns):
        if name not in without:
            features.add(table.source, name, [row[place] for row in table.rows], train)
    if not features.columns:
        raise DataError(
            f"{table.source} has no column with features. Its columns are {table.listing}."
        )
    return features
