"""Findings of a verification, in sentences, and the comparison of two results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.runtime.seeds import numpy_generator
from engine.storage import store
from engine.storage.store import Record

FEW = 0.01  # share of numbers that other versions, devices or threads may change
CLOSE = 1e-6  # of a measure, in its own unit
OUTPUT = 1e-4  # of an output or probability, absolute and relative: batches round differently
DERIVED = 1e-9  # of values derived from counts in double precision
TRAINED = ("embeddings", "epochs", "measures")  # kinds that result from training or a layout
ELSEWHERE = " It was computed with another device, version or number of threads."
OTHER_KEY = "its settings have another key, which differs from its name."
Difference = tuple[str, float]  # a sentence, and the share of numbers that differ


@dataclass
class Findings:
    """Counts of checked files, what is wrong, and remarks on what could not be checked."""

    hashed: int = 0
    recomputed: int = 0
    lengthy: int = 0
    wrong: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


class Unchecked(Exception):
    """Why something cannot be recomputed here."""


class Lengthy(Unchecked):
    """Recomputing takes training, a layout, or too many passes for a file that was not sampled."""


def name_of(record: Record) -> str:
    """'counts/KEY.h5'."""
    return f"{record.kind}/{record.key}.h5"


def short(path: Path) -> str:
    """'folder/file' of a path."""
    return f"{path.parent.name}/{path.name}"


def answers(model: str, known: np.ndarray, now: np.ndarray) -> Iterator[Difference]:
    """Where the classes that a model predicts differ."""
    if known.shape != now.shape:
        yield f"{model} has predictions of shape {known.shape}, but now gives {now.shape}.", 1.0
        return
    count, share = int((now != known).sum()), float((now != known).mean()) if now.size else 0.0
    if count:
        yield (
            f"{count} of {known.size} predictions of {model} ({share:.2%}) differ on recomputing.",
            share,
        )


def numbers(name: str, known: Any, now: Any, close: float = 0.0) -> Iterator[Difference]:
    """Where an array or number differs by more than `close`, absolute and relative."""
    one, other = np.asarray(known), np.asarray(now)
    if one.shape != other.shape or one.dtype.kind not in "biuf" or other.dtype.kind not in "biuf":
        if not (one.shape == other.shape and np.array_equal(one, other)):
            yield f"its '{name}' has another shape or type than the recomputed one.", 1.0
        return
    wide = np.float64 if "f" in one.dtype.kind + other.dtype.kind else np.int64
    same = np.isclose(one.astype(wide), other.astype(wide), rtol=close, atol=close, equal_nan=True)
    if not same.all():
        count, share = int((~same).sum()), float((~same).mean())
        yield f"{count} of {one.size} numbers of its '{name}' differ on recomputing.", share


def arrays(
    known: Mapping[str, np.ndarray], now: Mapping[str, np.ndarray], close: float = 0.0
) -> Iterator[Difference]:
    """Where arrays of the same name differ, and which arrays only one of the two has."""
    for name in sorted(known.keys() | now.keys()):
        if name not in known or name not in now:
            yield f"its '{name}' is {'missing' if name in now else 'unexpected'}.", 1.0
        elif name.split("/")[0] == "predictions":
            yield from answers(name.partition("/")[2] or "the model", known[name], now[name])
        else:
            yield from numbers(name, known[name], now[name], close)


def follows(record: Record, expected: Mapping[str, Any]) -> Iterator[Difference]:
    """Where attributes of a record differ from what follows from the rest."""
    for name, value in expected.items():
        found = record.attributes.get(name)
        same = found == value
        if isinstance(value, float) and isinstance(found, (int, float)):
            same = bool(np.isclose(found, value, rtol=CLOSE, atol=CLOSE, equal_nan=True))
        if found is not None and not same:
            yield f"its '{name}' is {found}, but {value} follows from the rest.", 1.0


def excused(record: Record, device: str, different: list[Difference]) -> bool:
    """Whether another device, version or number of threads explains the differences.

    It changes few predictions, but every result of training or of a layout.
    """
    made = record.attributes
    if "versions" not in made:
        return False
    versions = record.plain("versions")
    facts = {name: made.get(name) for name in ("device", "threads")}
    if alike({**facts, "torch": versions.get("torch")}, device):
        other = versions.get("umap-learn") != store.versions().get("umap-learn")
        return record.kind == "embeddings" and other
    return record.kind in TRAINED or all(share <= FEW for _, share in different)


def alike(made: Mapping[str, Any], device: str) -> bool:
    """Whether a result was computed with this device, version of torch and number of threads."""
    same = made.get("device") == device and made.get("torch") == store.versions().get("torch")
    return bool(same and made.get("threads") == torch.get_num_threads())


def some(count: int, most: int, seed: int, salt: str = "rows") -> list[int]:
    """At most `most` of the numbers below `count`, drawn from the seed, in order."""
    chosen = numpy_generator(seed, "verify", salt).permutation(count)[:most]
    return sorted(int(row) for row in chosen)
