"""Consistency checks of stored results, which may come from untrusted files.

Every record that is read is checked here, so its users can rely on names, types and shapes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from engine.errors import StoreError
from engine.results import DIRECTIONS, FORGET, PERTURBED, RETAIN, TEST

Arrays = Mapping[str, np.ndarray]
Shape = tuple[int | None, ...]  # None: any length
INTEGER, REAL, ANY = "iu", "f", "biuf"  # dtype kinds of numpy
LONGEST_NAME = 255  # characters of the name of a model, a dataset or a class
JOINERS = "\u200c\u200d"  # invisible, but used in the spelling of some languages
POINTS = (RETAIN, FORGET, PERTURBED, TEST)  # kinds of points of an embedding
MOST_INTEGER = 2**63 - 1  # the largest 64-bit integer
MOST_MODELS = 1000
MOST_DRAWS = 10**9
CURVE = ("mean", "low", "high", "pooled", "undefined", "prevalence")
INTERVAL = ("pooled_low", "pooled_high")  # of a curve; studies of earlier versions lack it
EVIDENCE = ("q_values", "e_values", "absence", "certified_radius")  # likewise


def check(kind: str, attributes: Mapping[str, Any], arrays: Arrays | None) -> None:
    """StoreError unless a record is a valid one of its kind; arrays: None if not read."""
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
    """StoreError unless the arrays named in `needs` exist with these shapes."""
    parts = _Parts(arrays)
    for name, shape in needs.items():
        parts.take(name, ANY, *shape)


def is_name(value: object, longest: int = LONGEST_NAME) -> bool:
    """Whether this is a valid name of a model, class or dataset: one printable line."""
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        return False
    return value.isprintable() or all(
        character.isprintable() or character in JOINERS for character in value
    )


class _Parts:
    """The arrays of a record, each checked for its required type and shape."""

    def __init__(self, arrays: Arrays) -> None:
        self._arrays = arrays

    def take(self, name: str, kinds: str, *shape: int | None) -> np.ndarray:
        """The array; StoreError if it is missing, or has another type or shape."""
        array = self._arrays.get(name)
        if array is None:
            raise StoreError(f"it lacks '{name[:80]}'")
        fits = len(array.shape) == len(shape) and all(
            side in (None, own) for side, own in zip(shape, array.shape, strict=True)
        )
        if not fits or array.dtype.kind not in kinds:
            raise StoreError(
                f"its '{name[:80]}' is {array.dtype} of shape {array.shape}, not {shape}"
            )
        return array

    def has(self, name: str) -> bool:
        """Whether the record has this array."""
        return name in self._arrays

    def numbers(self, name: str, *shape: int | None) -> np.ndarray:
        """An array of finite real numbers; StoreError otherwise."""
        array = self.take(name, REAL, *shape)
        if not np.isfinite(array).all():
            raise StoreError(f"its '{name[:80]}' holds values that are not finite")
        return array

    def group(self, name: str, kinds: str, *shape: int | None) -> dict[str, np.ndarray]:
        """All arrays of a group, checked for the same type and shape."""
        start = f"{name}/"
        names = [path for path in self._arrays if path.startswith(start)]
        return {path.removeprefix(start): self.take(path, kinds, *shape) for path in names}


def _check_facts(facts: Mapping[str, Any]) -> None:
    """Check the attributes that every record has."""
    for name in ("spec", "versions"):
        if name in facts and not isinstance(json.loads(facts[name]), dict):
            raise StoreError(f"its '{name}' is not a JSON object")
    for name in ("created", "device"):
        if not isinstance(facts.get(name, ""), str):
            raise StoreError(f"its '{name}' is not a text")


def _check_study(facts: Mapping[str, Any]) -> None:
    """Check the attributes of a study that its listing needs."""
    _check_plain(json.loads(facts["spec"]))
    labels, metrics = json.loads(facts["labels"]), json.loads(facts["metrics"])
    if not all(map(is_name, [*labels, *labels.values()])):
        raise StoreError("its models have invalid names")
    for name, row in metrics.items():
        if not is_name(name) or not all(map(_is_number, row.values())):
            raise StoreError("its metrics are not numbers")
    if not isinstance(facts["perturbation"], str) or not 1 <= int(facts["draws"]) <= MOST_DRAWS:
        raise StoreError("its perturbation or number of draws is invalid")
    float(facts["seconds"]), int(facts["seed"])
    for name in ("created", "device", "versions"):
        if name not in facts:
            raise StoreError(f"it lacks '{name}'")


def _check_plain(spec: Mapping[str, Any]) -> None:
    """Check the spec of a study as plain data, independent of this version's classes."""
    names = [spec["data"]["name"], spec["model"]["name"], spec["probe"]["perturbation"]]
    names += [one["name"] for one in [*spec["methods"], *spec.get("foreign", ())]]
    if not all(map(is_name, names)) or len(names) > MOST_MODELS:
        raise StoreError("its spec has invalid names, or too many")
    if not all(map(_is_index, [spec["seed"], spec["retrains"], *spec["forget"]])):
        raise StoreError("its spec has an invalid number")
    parts = [spec[name] for name in ("data", "model", "train", "probe")]
    parts += [one["config"] for one in spec["methods"]]
    if not all(isinstance(part, dict) for part in parts):
        raise StoreError("its spec has settings that are not JSON objects")
    if not spec["forget"] or not 1 <= spec["retrains"] <= MOST_MODELS:
        raise StoreError("its spec has an empty forget set, or an invalid number of Re-trains")


def _study(parts: _Parts, facts: Mapping[str, Any]) -> None:
    spec = json.loads(facts["spec"])
    n, taus = len(spec["forget"]), parts.take("taus", REAL, None)
    if len(taus) == 0 or not np.all(np.isfinite(taus)):
        raise StoreError("its taus are not finite numbers")
    n_taus = len(taus)
    if not np.array_equal(parts.take("samples", INTEGER, n), spec["forget"]):
        raise StoreError("its measured samples are not its forget set")
    parts.take("forget", INTEGER, n)
    for end in ("null/low", "null/high"):
        parts.take(end, REAL, n_taus)
    counts, draws = parts.group("counts", INTEGER, n, n_taus), int(facts["draws"])
    if not all(np.all((array >= 0) & (array <= draws)) for array in counts.values()):
        raise StoreError("it counts more predictions than perturbed copies")
    _check_draws(parts, draws, n, n_taus)
    labels = json.loads(facts["labels"])
    for audit in json.loads(facts.get("audits", "{}")).values():
        _check_audit(audit)
    parts.group("predictions", INTEGER, n, n_taus, draws)
    curves = parts.group("curves", ANY, n_taus)
    judged = [name for name in labels if f"{name}/mean" in curves]
    needed = [f"retrain-{number}" for number in range(spec["retrains"])]
    if not judged or not set(needed) | set(judged) <= set(counts):
        raise StoreError("it lacks the counts of a model")
    for name in judged:
        parts.take(f"posterior/{name}", REAL, n, n_taus)
        for part in CURVE:
            parts.take(f"curves/{name}/{part}", ANY, n_taus)
    _check_evidence(parts, judged, n, n_taus)


def _check_evidence(parts: _Parts, judged: Sequence[str], n: int, n_taus: int) -> None:
    """Evidence on samples is given of every judged model or of none, and so is the radius."""
    sizes = {"q_values": (n,), "e_values": (n, n_taus), "absence": (n, n_taus)}
    given = {part: parts.group(part, REAL, *shape) for part, shape in sizes.items()}
    radii = parts.group("certified_radius", REAL, n)
    if any(one.keys() != given["q_values"].keys() for one in given.values()):
        raise StoreError("it lacks some of its evidence on samples")
    for one in (given["q_values"], radii):
        if one and one.keys() != set(judged):
            raise StoreError("it lacks the evidence on a model")


def _check_draws(parts: _Parts, draws: int, n: int, n_taus: int) -> None:
    """If cells differ in draws, each has between one and `draws` of them."""
    if parts.group("rates", REAL, n, n_taus) or parts.has("drawn"):
        _drawn(parts, 1, draws, n, n_taus)


def _drawn(parts: _Parts, low: int, draws: int, n: int, n_taus: int) -> None:
    drawn = parts.take("drawn", INTEGER, n, n_taus)
    if drawn.size and (drawn.min() < low or drawn.max() > draws):
        raise StoreError("its numbers of draws are out of range")
    if parts.has("settled"):
        parts.take("settled", INTEGER, n, n_taus)


def _model(parts: _Parts, facts: Mapping[str, Any]) -> None:
    parts.take("history/loss", REAL, None)
    classes = parts.take("outputs/train", REAL, None, None).shape[1]
    parts.take("outputs/test", REAL, None, classes)
    float(facts["seconds"])


def _counts(parts: _Parts, facts: Mapping[str, Any]) -> None:
    n, taus = len(parts.take("samples", INTEGER, None)), len(parts.take("taus", REAL, None))
    draws = parts.take("predictions", INTEGER, n, taus, None).shape[2]
    parts.take("counts", INTEGER, n, taus)
    if "audit" in facts:  # missing in records of earlier versions
        _check_audit(json.loads(facts["audit"]))
    if parts.has("drawn"):
        _drawn(parts, 0, draws, n, taus)
        parts.take("margins", REAL, n, taus, draws)


def _check_audit(audit: Mapping[str, Any]) -> None:
    """StoreError unless this is the audit of inferred answers (`engine.provenance.Audit`)."""
    asked, differed = audit["asked"], audit["differed"]
    whole = _is_index(asked) and _is_index(differed) and isinstance(audit["repeated"], bool)
    if len(audit) != 3 or not whole or differed > asked:
        raise StoreError("its audit of inferred answers is invalid")


def _neighborhood(parts: _Parts, facts: Mapping[str, Any]) -> None:
    predictions = parts.group("predictions", INTEGER, None)
    draws = {len(labels) for labels in predictions.values()}
    if len(draws) != 1:
        raise StoreError("its models have different numbers of perturbed copies")
    for name in predictions:
        parts.take(f"confidence/{name}", REAL, *draws)


def _slice(parts: _Parts, facts: Mapping[str, Any]) -> None:
    side = len(parts.numbers("steps", None))
    parts.numbers("ball", None, 2)
    for name in parts.group("predictions", INTEGER, side, side):
        parts.take(f"confidence/{name}", REAL, side, side)
    for name in ("directions", "against", "perturbation"):
        if not isinstance(facts[name], str):
            raise StoreError(f"its '{name}' is not a text")
    if facts["directions"] not in DIRECTIONS:
        raise StoreError("its slice has unknown directions")
    for name in ("tau", "distance", "seconds"):
        if not _is_number(facts[name]) or not math.isfinite(facts[name]):
            raise StoreError(f"its '{name}' is not a number")


def _embedding(parts: _Parts, facts: Mapping[str, Any]) -> None:
    points = len(parts.take("sample", INTEGER, None))
    kind, sample = parts.take("kind", INTEGER, points), parts.take("sample", INTEGER, points)
    parts.take("label", INTEGER, points)
    parts.numbers("tau", points)
    if not np.isin(kind, POINTS).all():
        raise StoreError("it holds points of an unknown kind")
    if not np.isin(sample[kind == PERTURBED], sample[kind == FORGET]).all():
        raise StoreError("it holds perturbed copies of samples that it lacks")
    for name in parts.group("xy", REAL, points, 2):
        parts.take(f"predicted/{name}", INTEGER, points)
        parts.take(f"loss/{name}", REAL, points)


def _epochs(parts: _Parts, facts: Mapping[str, Any]) -> None:
    epochs = len(parts.take("epochs", ANY, None))
    n, taus = len(parts.take("samples", INTEGER, None)), len(parts.take("taus", REAL, None))
    parts.take("predictions", INTEGER, epochs, n, taus, None)
    parts.take("accuracy", REAL, epochs, None)
    if not isinstance(facts["model"], str) or not _is_index(facts["planned"]):
        raise StoreError("its model or planned epochs are invalid")
    float(facts["seconds"]), float(facts["training"]), bool(facts["exact"])


def _measure(parts: _Parts, facts: Mapping[str, Any]) -> None:
    parts.take("value", ANY)


def _recognition(parts: _Parts, facts: Mapping[str, Any]) -> None:
    parts.take("taus", REAL, len(parts.take("samples", INTEGER, None)))


def _similarity(parts: _Parts, facts: Mapping[str, Any]) -> None:
    layers = json.loads(facts["layers"])
    if not all(map(is_name, layers)):
        raise StoreError("its layers have invalid names")
    parts.take("cka", REAL, len(layers))
    parts.take("samples", INTEGER, None)


def _is_number(value: object) -> bool:
    """Whether this is a float (NaN: undefined) or an integer of at most 64 bits."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return isinstance(value, float) or abs(value) <= MOST_INTEGER


def _is_index(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_INTEGER


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
