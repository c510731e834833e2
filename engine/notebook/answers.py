"""What models said of samples and of their copies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.spec import ProbeSpec

if TYPE_CHECKING:
    from engine.notebook.given_samples import GivenSamples

MODEL = "model"  # name of the measured model, until it is saved under another


@dataclass(frozen=True, eq=False)
class Answers:
    """What all models said: enough to store a result without the models.

    rows: numbers that the samples' copies were drawn by; device: where they were asked; logits:
    model -> (n, K) float32 of the unperturbed samples; predictions: model -> (n, T, c) classes of
    the copies, 'retrain-0@model' for copies attacked against the model.
    """

    samples: GivenSamples
    rows: tuple[int, ...]
    probe: ProbeSpec
    device: str
    logits: Mapping[str, np.ndarray]
    predictions: Mapping[str, np.ndarray]
