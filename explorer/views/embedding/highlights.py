"""The highlights of an embedding: points forgotten, still recognized or wrongly lost."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engine.analysis.highlights import highlights
from engine.analysis.sample_table import SampleTable
from engine.datasets.base import Dataset
from engine.results import Embedding, ModelResult


class Highlights:
    """The highlights of each model on the points of one embedding, computed on demand."""

    def __init__(self, shown: Embedding, dataset: Dataset) -> None:
        self._shown = shown
        self._evidence = SampleTable(dataset.labels, len(dataset.train_y))
        self._masks: dict[str, dict[str, np.ndarray]] = {}

    def learn(self, models: Mapping[str, ModelResult]) -> None:
        """Update the models whose predictions define the highlights."""
        self._evidence.learn_models(models)
        self._masks = {}

    def of(self, model: str) -> dict[str, np.ndarray]:
        """Highlight -> (m,) bool; empty before Original and a Re-train exist."""
        if model not in self._masks:
            right = {
                name: answers.right
                for name in self._evidence.models
                if (answers := self._evidence.answers(name)) is not None
            }
            retrains = [one for name, one in right.items() if name.startswith("retrain")]
            if "original" not in right or not retrains:
                return {}
            share = np.mean(retrains, axis=0)
            self._masks[model] = highlights(self._shown, model, right["original"], share)
        return self._masks[model]
