"""Trials of one method in a readable file of the store, written after each of them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import StoreError
from engine.serialization import key
from engine.storage.atomic_files import atomic_write

FOLDER = "trials"  # in the store
FORMAT = 1
COMPLETE, PRUNED, FAILED = "complete", "pruned", "failed"
STATES = (COMPLETE, PRUNED, FAILED)


@dataclass(frozen=True)
class Trial:
    """Settings that were tried.

    settings: all of the method's; values: seed -> objective, of a pruned trial the seeds up to
    that; seconds: that it took, little where models were in the store; state: complete, pruned
    (it could no longer become the best, see `contest`) or failed; reason: why it failed.
    """

    settings: Mapping[str, Any]
    values: Mapping[int, float]
    seconds: float
    state: str
    reason: str = ""

    @property
    def value(self) -> float:
        """The mean objective over the seeds; NaN without any."""
        return float(np.mean(list(self.values.values()))) if self.values else math.nan

    @property
    def running_means(self) -> list[float]:
        """The mean objective over the first, the first two ... seeds."""
        values = np.array(list(self.values.values()))
        means: list[float] = (np.cumsum(values) / np.arange(1, len(values) + 1)).tolist()
        return means


def best(trials: Sequence[Trial]) -> Trial | None:
    """The complete trial with the smallest value, the first of equal ones; None without any."""
    complete = [one for one in trials if one.state == COMPLETE]
    return min(complete, key=lambda one: one.value, default=None)


class TrialFile:
    """The trials of one method under the same conditions.

    conditions: JSON data of all that the objective depends on; the file is named after them, so
    that trials under other conditions are never mixed in. The number of trials is not among them:
    a search can be continued.
    """

    def __init__(self, store: Path, start: str, conditions: Mapping[str, Any]) -> None:
        self.path = store / FOLDER / f"{start}-{key('tuning', dict(conditions))[:8]}.json"
        self._conditions = dict(conditions)
        self._trials = _read(self.path)

    @property
    def trials(self) -> Sequence[Trial]:
        """The trials so far, in order."""
        return tuple(self._trials)

    def append(self, trial: Trial) -> None:
        """Add a finished trial and write the file; StoreError if it cannot be written."""
        self._trials.append(trial)
        plain = {
            "format": FORMAT,
            "conditions": self._conditions,
            "trials": [
                {"number": number, "value": _finite(one.value), **asdict(one)}
                for number, one in enumerate(self._trials, 1)
            ],
        }
        text = json.dumps(plain, indent=1, allow_nan=False) + "\n"
        with atomic_write(self.path) as temporary:
            temporary.write_text(text, encoding="utf-8")


def _read(path: Path) -> list[Trial]:
    """The trials in the file, none if it does not exist; StoreError if it is damaged."""
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        if plain["format"] != FORMAT:
            raise ValueError(f"its format is {plain['format']}")
        return [_trial(one) for one in plain["trials"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(
            f"{path} cannot be read as trials of a tuning ({error}). Move it away to begin anew."
        ) from None


def _trial(plain: Mapping[str, Any]) -> Trial:
    if plain["state"] not in STATES:
        raise ValueError(f"a trial has the state {plain['state']!r}")
    values = {int(seed): float(value) for seed, value in plain["values"].items()}
    return Trial(
        dict(plain["settings"]), values, float(plain["seconds"]), plain["state"], plain["reason"]
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
