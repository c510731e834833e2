"""A finished study, its models, and its line in a listing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.provenance import Origin
from engine.results.residual_knowledge import Residual


@dataclass(frozen=True, eq=False)
class ModelResult:
    """One trained or unlearned model.

    loss: mean training loss of each epoch; seconds: run time; train_logits (n, K) and
    test_logits (m, K) float32: its outputs on the whole dataset.
    """

    name: str
    label: str
    key: str
    seconds: float
    loss: tuple[float, ...]
    train_logits: np.ndarray
    test_logits: np.ndarray


@dataclass(frozen=True, eq=False)
class Study:
    """A finished run: its spec as plain JSON data, metrics and residual knowledge.

    metrics: model -> {retain_acc, unlearn_acc, test_acc (percent), seconds}; `retrain` is the
    mean over the Re-trains. labels: model -> what people call it. origins: the way it took where
    it was not made in this store, the last step last. name: that somebody gave it, '' for none.
    """

    key: str
    spec: Mapping[str, Any]
    forget: np.ndarray
    metrics: Mapping[str, Mapping[str, float]]
    labels: Mapping[str, str]
    residual: Residual
    created: str = ""
    origins: tuple[Origin, ...] = ()
    name: str = ""


@dataclass(frozen=True)
class StudySummary:
    """One line of a store's listing; family: equal where studies differ in their seed alone.

    origins: as `Study` has them; fingerprint: of its data; settings: see
    `engine.study.siblings.sibling_settings`; name, tags, notes: what somebody wrote beside the
    study (`engine.storage.annotations`).
    """

    key: str
    dataset: str
    model: str
    forget: int
    methods: tuple[str, ...]
    perturbation: str
    draws: int
    seed: int
    created: str
    seconds: float
    family: str = ""
    origins: tuple[Origin, ...] = ()
    fingerprint: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    tags: tuple[str, ...] = ()
    notes: str = ""
