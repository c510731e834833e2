"""A decision slice as arrays and attributes of a record. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from engine.results import Slice

PER_MODEL = ("predictions", "confidence")


def packed(one: Slice) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """(arrays, attributes) of a slice, as stored."""
    facts = dict(vars(one))
    arrays = {name: facts.pop(name) for name in ("steps", "ball")}
    for kind in PER_MODEL:
        arrays |= {f"{kind}/{model}": value for model, value in facts.pop(kind).items()}
    return arrays, facts


def unpacked(
    arrays: Mapping[str, np.ndarray], attributes: Mapping[str, Any], models: Sequence[str]
) -> Slice:
    """The inverse of `packed`, with the models in this order."""
    parts: dict[str, Any] = {name: arrays[name] for name in ("steps", "ball")}
    for kind in PER_MODEL:
        parts[kind] = {model: arrays[f"{kind}/{model}"] for model in models}
    facts = {item.name: attributes[item.name] for item in fields(Slice) if item.name not in parts}
    return Slice(**facts, **parts)
