"""The roles of a table's columns: label, text, groups, and the part a row belongs to."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engine.datasets._tables import TextTable, is_missing
from engine.datasets._validation import own_part
from engine.datasets.base import stratified_split
from engine.errors import DataError, SpecError, shown, unknown
from engine.runtime.seeds import numpy_generator
from engine.spec import DataSpec

LABEL, TEXT, GROUP, SPLIT = "label", "text", "group", "split"
ROLES = (LABEL, TEXT, GROUP, SPLIT)
USUAL = {  # names of columns that are used where none is given, the likeliest first
    LABEL: ("label", "class", "target", "category", "y", "diagnosis", "sentiment"),
    TEXT: ("text", "message", "sentence", "content", "review", "body"),
    SPLIT: ("split",),
}
TRAIN, TEST, VALIDATION = ("train", "training"), ("test", "testing"), ("val", "valid", "validation")


@dataclass(frozen=True)
class Roles:
    """Names of columns; '' and () where there are none."""

    label: str = ""
    text: str = ""
    split: str = ""
    groups: tuple[str, ...] = ()


def roles_of(text: str) -> Roles:
    """The roles in 'label=diagnosis,group=patient,group=ward'; SpecError if it cannot be read.

    >>> roles_of("label=diagnosis, group=patient")
    Roles(label='diagnosis', text='', split='', groups=('patient',))
    """
    if not text.strip():
        return Roles()
    names: dict[str, list[str]] = {role: [] for role in ROLES}
    for part in next(csv.reader([text], skipinitialspace=True)):
        role, equals, column = (piece.strip() for piece in part.partition("="))
        if not equals or not column:
            raise SpecError(
                f"'{shown(text)}' does not name columns. Write label=diagnosis,group=patient "
                f"(roles: {', '.join(ROLES)})."
            )
        if role not in names:
            raise unknown("role of a column", role, ROLES)
        names[role].append(column)
    twice = next((role for role in (LABEL, TEXT, SPLIT) if len(names[role]) > 1), None)
    if twice is not None:
        raise SpecError(f"'{shown(text)}' names two columns as {twice}. Name one.")
    label, text, split = ("".join(names[role]) for role in (LABEL, TEXT, SPLIT))
    return Roles(label, text, split, tuple(dict.fromkeys(names[GROUP])))


def column_of(table: TextTable, role: str, given: str, needed: bool = True) -> str:
    """The column with a role: the given one or one of the usual names; DataError lists them."""
    if given:
        return table.columns[table.place(given)]
    by_name = {name.lower(): name for name in reversed(table.columns)}
    usual = next((by_name[name] for name in USUAL[role] if name in by_name), "")
    if not usual and needed:
        raise DataError(
            f"{table.source} has no {role} column that can be told by its name. Its columns are "
            f"{table.listing}. Name it: --columns {role}=NAME."
        )
    return usual


def split_of(table: TextTable, given: str) -> str:
    """The column of parts: the given one, or one named 'split' that has nothing but parts."""
    split = column_of(table, SPLIT, given, needed=False)
    words = {word.lower() for word in table.values(split)} if split else set()
    return split if given or words <= {*TRAIN, *TEST, *VALIDATION} else ""


def labels_of(table: TextTable, column: str) -> np.ndarray:
    """(n,) texts; DataError names the line of a missing one."""
    labels = table.values(column)
    for line, label in zip(table.lines, labels, strict=True):
        if is_missing(label):
            raise DataError(
                f"{table.source}, line {line:,} has no label in '{shown(column)}'. Remove the line "
                "or fill it in."
            )
    return np.array(labels)


def groups_of(table: TextTable, columns: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    """column -> the values of all rows."""
    return {column: tuple(table.values(column)) for column in columns}


def in_order(
    groups: Mapping[str, tuple[str, ...]], order: np.ndarray
) -> dict[str, tuple[str, ...]]:
    """The groups of the samples, from those of the rows."""
    return {name: tuple(values[row] for row in order.tolist()) for name, values in groups.items()}


@dataclass(frozen=True, eq=False)
class Parts:
    """order: (n + m,) rows, training rows first; train: their number; validation: of the former."""

    order: np.ndarray
    train: int
    validation: np.ndarray
    note: str = ""


def parts_of(table: TextTable, labels: np.ndarray, split: str, spec: DataSpec) -> Parts:
    """Training and test rows: by the split column, or drawn with `spec.seed` of each class."""
    if split:
        return _stated(table, split, spec)
    counts = np.unique(labels, return_counts=True)[1]
    if counts.max() < 2:
        raise DataError(
            f"{table.source} has one row of each class, so none can be held out for testing. Is "
            "the right column the label?"
        )
    rng = numpy_generator(spec.seed, "table")
    train, test = stratified_split(labels, spec.test_share, rng)
    note = (
        f"{len(test):,} of {len(labels):,} rows ({100 * spec.test_share:.4g} % of each class, seed "
        f"{spec.seed}) are held out for testing. Each sample is named by its line in the file."
    )
    return Parts(np.concatenate([train, test]), len(train), np.empty(0, np.int64), note)


def _stated(table: TextTable, split: str, spec: DataSpec) -> Parts:
    words = [word.lower() for word in table.values(split)]
    for line, word in zip(table.lines, words, strict=True):
        if word not in (*TRAIN, *TEST, *VALIDATION):
            raise DataError(
                f"{table.source}, line {line:,}: '{shown(word)}' in '{shown(split)}' is no part. "
                "Write train, test or validation."
            )
    parts = [np.flatnonzero(np.isin(words, names)) for names in (TRAIN, VALIDATION, TEST)]
    if not len(parts[0]) or not len(parts[2]):
        raise DataError(f"'{shown(split)}' in {table.source} must have rows of train and of test.")
    n = len(parts[0])
    held = own_part(spec, n, n + len(parts[1]))
    note = (
        f"{len(held):,} rows marked for validation are held out: neither trained on, forgotten "
        "nor tested on."
    )
    return Parts(np.concatenate(parts), n + len(held), held, note if len(held) else "")
