"""Forget sets by group: all training samples of a patient, a user, or of some drawn at random."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from engine.errors import SpecError, shown, unknown

Groups = Mapping[str, Sequence[str]]  # column -> the values of all samples
Choose = Callable[[np.ndarray, str], np.ndarray]  # chooses a share or a number of these
SHOWN = 3  # values in a sentence


def of_group(rest: str, groups: Groups, pool: np.ndarray, choose: Choose) -> np.ndarray:
    """(k,) bool over all samples: those of the groups in 'patient=17', 'patient:5', 'patient:10%'.

    pool: indices that can be forgotten; choose: draws of the values that these have. SpecError for
    an unknown column or value.
    """
    column, equals, value = rest.partition("=")
    amount = ""
    if not equals:
        column, _, amount = rest.rpartition(":")
    values = np.array(_column(column.strip(), groups))
    if equals:
        return np.asarray(values == _known(column.strip(), value.strip(), values[pool]))
    return np.isin(values, choose(np.setdiff1d(values[pool], [""]), amount.strip()))


def _column(name: str, groups: Groups) -> Sequence[str]:
    if not groups:
        raise SpecError(
            "The dataset was read without groups. Name the column that holds them: --columns "
            f"group={shown(name) or 'NAME'} (tables, messages, and image folders with a table)."
        )
    if name not in groups:
        raise unknown("group", name, groups)
    return groups[name]


def _known(column: str, value: str, values: np.ndarray) -> str:
    """The value; SpecError with the nearest one if no training sample has it."""
    if value in values:
        return value
    names = np.unique(values).tolist()
    near = difflib.get_close_matches(value, names, n=1)
    hint = f" Did you mean '{shown(near[0])}'?" if near else ""
    listed = ", ".join(f"'{shown(name)}'" for name in names[:SHOWN])
    raise SpecError(
        f"No training sample has '{shown(value)}' in '{shown(column)}'.{hint} It has "
        f"{len(names):,} values there: {listed}{' ...' if len(names) > SHOWN else ''}."
    )
