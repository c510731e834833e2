"""Whether the parts of a stored result fit together: it may have come from a stranger.

Every record that is read passes here, so whoever uses one can rely on names, types and shapes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from engine.errors import StoreError
from engine.results import DIRECTIONS, FORGET, PERTURBED, RETAIN, TEST

Arrays = Mapping[str, np.ndarray]
Shape = tuple[int | None, ...]  # None: any length
WHOLE, REAL, ANY = "iu", "f", "biuf"  # kinds of numbers, as numpy calls them
LONGEST_NAME = 255  # characters of what somebody called a model, a dataset or a class
JOINERS = "\u200c\u200d"  # invisible, and part of the spelling of some languages
POINTS = (RETAIN, FORGET, PERTURBED, TEST)  # kinds of points of an embedding
MOST_WHOLE = 2**63 - 1  # as a whole number of 64 bits
MOST_MODELS = 1000
MOST_DRAWS = 10**9
CURVE = ("mean", "low", "high", "pooled", "undefined", "prevalence")


def check(kind: str, attributes: Mapping[str, Any], arrays: Arrays | None) -> None:
    """StoreError unless a record of this kind is one; arrays: None where they were not read."""
    try:
        _check_facts(attributes)
        if kind == "studies":
            _check_study(attributes)
        if arrays is not None and kind in KINDS:
            KINDS[kind](_Parts(arrays), attributes)
    except (
        KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError
    ) as error:  # fmt: skip
        raise StoreError(f"its parts do not fit together: {error!r}") from error


def require(arrays: Arrays, needs: Mapping[str, Shape]) -> None:
    """StoreError unless the arrays `needs` names are there, of these shapes."""
    parts = _Parts(arrays)
    for name, shape in needs.items():
        parts.take(name, ANY, *shape)


def is_name(value: object, longest: int = LONGEST_NAME) -> bool:
    """Whether this may be the name of a model, a class or a dataset: one line that can be shown."""
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        return False
    return all(one.isprintable() or one in JOINERS for one in value)


class _Parts:
    """The arrays of a record, taken with the type and shape that they must have."""

    def __init__(self, arrays: Arrays) -> None:
        self._arrays = arrays

    def take(self, name: str, kinds: str, *shape: int | None) -> np.ndarray:
        """An array; StoreError where it is missing, or has another type or shape."""
        found = self._arrays.get(name)
        if found is None:
            raise StoreError(f"it lacks '{name[:80]}'")
        fits = len(found.shape) == len(shape) and all(
            side in (None, own) for side, own in zip(shape, found.shape, strict=True)
        )
        if not fits or found.dtype.kind not in kinds:
            raise StoreError(
                f"its '{name[:80]}' is {found.dtype} of the shape {found.shape}, not {shape}"
            )
        return found

    def has(self, name: str) -> bool:
        """Whether there is such an array."""
        return name in self._arrays

    def numbers(self, name: str, *shape: int | None) -> np.ndarray:
        """An array of real numbers, all of them finite."""
        found = self.take(name, REAL, *shape)
        if not np.isfinite(found).all():
            raise StoreError(f"its '{name[:80]}' holds what is no number")
        return found

    def group(self, name: str, kinds: str, *shape: int | None) -> dict[str, np.ndarray]:
        """All arrays of a group, which have the same type and shape."""
        start = f"{name}/"
        names = [one for one in self._arrays if one.startswith(start)]
        return {one.removeprefix(start): self.take(one, kinds, *shape) for one in names}


def _check_facts(facts: Mapping[str, Any]) -> None:
    """What every record says of itself."""
    for name in ("spec", "versions"):
        if name in facts and not isinstance(json.loads(facts[name]), dict):
            raise StoreError(f"its '{name}' holds no fields")
    for name in ("created", "device"):
        if not isinstance(facts.get(name, ""), str):
            raise StoreError(f"its '{name}' is no text")


def _check_study(facts: Mapping[str, Any]) -> None:
    """The attributes of a study: enough to list it."""
    _check_plain(json.loads(facts["spec"]))
    labels, metrics = json.loads(facts["labels"]), json.loads(facts["metrics"])
    if not all(map(is_name, [*labels, *labels.values()])):
        raise StoreError("its models have names that cannot be shown")
    for name, row in metrics.items():
        if not is_name(name) or not all(map(_is_number, row.values())):
            raise StoreError("its metrics are no numbers")
    if not isinstance(facts["perturbation"], str) or not 1 <= int(facts["draws"]) <= MOST_DRAWS:
        raise StoreError("it was measured in no known way")
    float(facts["seconds"]), int(facts["seed"])
    for name in ("created", "device", "versions"):
        if name not in facts:
            raise StoreError(f"it lacks its '{name}'")


def _check_plain(spec: Mapping[str, Any]) -> None:
    """The spec of a study as plain data: what is read of it without this version's classes."""
    names = [spec["data"]["name"], spec["model"]["name"], spec["probe"]["perturbation"]]
    names += [one["name"] for one in [*spec["methods"], *spec.get("foreign", ())]]
    if not all(map(is_name, names)) or len(names) > MOST_MODELS:
        raise StoreError("its spec names what cannot be shown")
    if not all(map(_is_index, [spec["seed"], spec["retrains"], *spec["forget"]])):
        raise StoreError("its spec has a number that is none")
    parts = [spec[name] for name in ("data", "model", "train", "probe")]
    parts += [one["config"] for one in spec["methods"]]
    if not all(isinstance(part, dict) for part in parts):
        raise StoreError("its spec has settings without fields")
    if not spec["forget"] or not 1 <= spec["retrains"] <= MOST_MODELS:
        raise StoreError("its spec forgets nothing, or has no Re-train")


def _study(parts: _Parts, facts: Mapping[str, Any]) -> None:
    spec = json.loads(facts["spec"])
    n, taus = len(spec["forget"]), parts.take("taus", REAL, None)
    if len(taus) == 0 or not np.all(np.isfinite(taus)):
        raise StoreError("its taus are no numbers")
    at = len(taus)
    if not np.array_equal(parts.take("samples", WHOLE, n), spec["forget"]):
        raise StoreError("it measures other samples than it forgot")
    parts.take("forget", WHOLE, n)
    for end in ("null/low", "null/high"):
        parts.take(end, REAL, at)
    counts, draws = parts.group("counts", WHOLE, n, at), int(facts["draws"])
    if not all(np.all((one >= 0) & (one <= draws)) for one in counts.values()):
        raise StoreError("it counts more answers than copies")
    _check_draws(parts, draws, n, at)
    labels = json.loads(facts["labels"])
    parts.group("predictions", WHOLE, n, at, draws)
    curves = parts.group("curves", ANY, at)
    judged = [name for name in labels if f"{name}/mean" in curves]
    needed = [f"retrain-{number}" for number in range(spec["retrains"])]
    if not judged or not set(needed) | set(judged) <= set(counts):
        raise StoreError("it lacks the counts of a model")
    for name in judged:
        parts.take(f"posterior/{name}", REAL, n, at)
        for part in CURVE:
            parts.take(f"curves/{name}/{part}", ANY, at)


def _check_draws(parts: _Parts, draws: int, n: int, at: int) -> None:
    """Where cells differ in draws, each has between one and all of them."""
    if parts.group("rates", REAL, n, at) or parts.has("drawn"):
        _drawn(parts, 1, draws, n, at)


def _drawn(parts: _Parts, low: int, draws: int, n: int, at: int) -> None:
    drawn = parts.take("drawn", WHOLE, n, at)
    if drawn.size and (drawn.min() < low or drawn.max() > draws):
        raise StoreError("its numbers of draws cannot be")


def _model(parts: _Parts, facts: Mapping[str, Any]) -> None:
    parts.take("history/loss", REAL, None)
    classes = parts.take("outputs/train", REAL, None, None).shape[1]
    parts.take("outputs/test", REAL, None, classes)
    float(facts["seconds"])


def _counts(parts: _Parts, facts: Mapping[str, Any]) -> None:
    n, at = len(parts.take("samples", WHOLE, None)), len(parts.take("taus", REAL, None))
    draws = parts.take("predictions", WHOLE, n, at, None).shape[2]
    parts.take("counts", WHOLE, n, at)
    if parts.has("drawn"):
        _drawn(parts, 0, draws, n, at)
        parts.take("margins", REAL, n, at, draws)


def _neighborhood(parts: _Parts, facts: Mapping[str, Any]) -> None:
    said = parts.group("predictions", WHOLE, None)
    draws = {len(one) for one in said.values()}
    if len(draws) != 1:
        raise StoreError("its models saw different numbers of copies")
    for name in said:
        parts.take(f"confidence/{name}", REAL, *draws)


def _slice(parts: _Parts, facts: Mapping[str, Any]) -> None:
    side = len(parts.numbers("steps", None))
    parts.numbers("ball", None, 2)
    for name in parts.group("predictions", WHOLE, side, side):
        parts.take(f"confidence/{name}", REAL, side, side)
    for name in ("directions", "against", "perturbation"):
        if not isinstance(facts[name], str):
            raise StoreError(f"its '{name}' is no text")
    if facts["directions"] not in DIRECTIONS:
        raise StoreError("its plane lies along no known directions")
    for name in ("tau", "distance", "seconds"):
        if not _is_number(facts[name]) or not math.isfinite(facts[name]):
            raise StoreError(f"its '{name}' is no number")


def _embedding(parts: _Parts, facts: Mapping[str, Any]) -> None:
    points = len(parts.take("sample", WHOLE, None))
    kind, sample = parts.take("kind", WHOLE, points), parts.take("sample", WHOLE, points)
    parts.take("label", WHOLE, points)
    parts.numbers("tau", points)
    if not np.isin(kind, POINTS).all():
        raise StoreError("it holds points of no known kind")
    if not np.isin(sample[kind == PERTURBED], sample[kind == FORGET]).all():
        raise StoreError("it holds perturbed copies of samples that it lacks")
    for name in parts.group("xy", REAL, points, 2):
        parts.take(f"predicted/{name}", WHOLE, points)
        parts.take(f"loss/{name}", REAL, points)


def _epochs(parts: _Parts, facts: Mapping[str, Any]) -> None:
    seen = len(parts.take("epochs", ANY, None))
    n, at = len(parts.take("samples", WHOLE, None)), len(parts.take("taus", REAL, None))
    parts.take("predictions", WHOLE, seen, n, at, None)
    parts.take("accuracy", REAL, seen, None)
    if not isinstance(facts["model"], str) or not _is_index(facts["planned"]):
        raise StoreError("it says of no method what was seen")
    float(facts["seconds"]), float(facts["training"]), bool(facts["exact"])


def _measure(parts: _Parts, facts: Mapping[str, Any]) -> None:
    parts.take("value", ANY)


def _recognition(parts: _Parts, facts: Mapping[str, Any]) -> None:
    parts.take("taus", REAL, len(parts.take("samples", WHOLE, None)))


def _similarity(parts: _Parts, facts: Mapping[str, Any]) -> None:
    layers = json.loads(facts["layers"])
    if not all(map(is_name, layers)):
        raise StoreError("its layers have names that cannot be shown")
    parts.take("cka", REAL, len(layers))
    parts.take("samples", WHOLE, None)


def _is_number(value: object) -> bool:
    """Also NaN, for what is undefined; no whole number that no float can be."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return isinstance(value, float) or abs(value) <= MOST_WHOLE


def _is_index(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_WHOLE


KINDS: Mapping[str, Callable[[_Parts, Mapping[str, Any]], None]] = {
    "studies": _study,
    "models": _model,
    "counts": _counts,
    "neighborhoods": _neighborhood,
    "slices": _slice,
    "embeddings": _embedding,
    "epochs": _epochs,
    "measures": _measure,
    "recognitions": _recognition,
    "similarities": _similarity,
}
