"""Data for the figures that compare two models, gathered through a pipeline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.comparison.pair import (
    FORGET,
    RETAIN,
    SPLITS,
    TEST,
    Comparison,
    Groups,
    compare,
    every_class,
    forgotten_and_rest,
)
from engine.drawing.labels import model_label
from engine.errors import SpecError, unknown
from engine.runtime.progress import Reporter

if TYPE_CHECKING:
    from engine.figures.pair import Names
    from engine.figures.request import FigureRequest


@dataclass(frozen=True)
class ModelPair:
    """Models a and b of the study that a figure is requested for."""

    request: FigureRequest
    a: str
    b: str

    @property
    def names(self) -> Names:
        """Both models with their labels."""
        from engine.figures.pair import Names

        labels = self.request.study.labels
        return Names(self.a, self.b, model_label(self.a, labels), model_label(self.b, labels))

    def on(self, split: str) -> Comparison:
        """Both models' predictions on a split; SpecError if there is no such split or model."""
        if split not in SPLITS:
            raise unknown("split", split, SPLITS)
        request, models = self.request, self.request.pipeline.models(self.request.spec)
        for name in (self.a, self.b):
            if name not in models:
                raise SpecError(f"This study has no model '{name}'. It has: {', '.join(models)}.")
        data = request.pipeline.dataset(request.spec.data, Reporter())
        first, second = models[self.a], models[self.b]
        labels, held = (data.train_y, data.test_y), data.validation
        return compare(first, second, split, *labels, request.spec.forget, held)

    def groups(self, grouped: bool) -> Groups:
        """Every class on its own, or only those of the forget set plus the rest."""
        request = self.request
        if not grouped:
            return every_class(request.classes)
        data = request.pipeline.dataset(request.spec.data, Reporter())
        forgotten = np.unique(data.train_y[list(request.spec.forget)])
        return forgotten_and_rest(data.classes, forgotten.tolist())


def draw(
    request: FigureRequest, a: str = "", b: str = "retrain-0", tab: str = "classes", **options: Any
) -> list[Path]:
    """Draw one tab of a comparison; returns the files. a: '' for the first unlearned model.

    SpecError for an unknown tab, split or model, and for comparing a model with itself.
    """

    if tab not in TABS:
        raise unknown("tab", tab, TABS)
    pair = ModelPair(request, a or request.spec.aim, b)
    if pair.a == pair.b:
        raise SpecError(f"'{a}' is compared with itself. Choose another model for --a or --b.")
    if tab != "confidence":
        options.pop("log", None)  # the other tabs have no axis for it
    return TABS[tab](pair, **options)


def _classes(
    pair: ModelPair, split: str = TEST, grouped: bool = False, order: str = "class", **options: Any
) -> list[Path]:
    from engine.figures.class_gaps import classes

    return classes(
        pair.on(split), pair.groups(grouped), pair.names, pair.request.out,
        by_gap=order == "gap", facts=pair.request.facts, **options,
    )  # fmt: skip


def _predictions(
    pair: ModelPair, split: str = TEST, grouped: bool = False, **options: Any
) -> list[Path]:
    from engine.figures.predictions import predictions

    return predictions(
        pair.on(split), pair.groups(grouped), pair.names, pair.request.out,
        facts=pair.request.facts, **options,
    )  # fmt: skip


def _similarity(pair: ModelPair, split: str = "", **options: Any) -> list[Path]:
    """Draw both forget and retain samples, regardless of the split."""
    from engine.figures.similarity import similarity

    request = pair.request
    result = request.pipeline.similarity(request.spec, pair.a, pair.b, Reporter())
    return similarity(result, pair.names, request.out, facts=request.facts, **options)


def _confidence(pair: ModelPair, split: str = TEST, **options: Any) -> list[Path]:
    from engine.figures.confidence import confidence

    beside = pair.on(RETAIN if split == FORGET else split)
    out, facts = pair.request.out, pair.request.facts
    return confidence(pair.on(FORGET), beside, pair.names, out, facts=facts, **options)


TABS: dict[str, Callable[..., list[Path]]] = {
    "classes": _classes,
    "predictions": _predictions,
    "similarity": _similarity,
    "confidence": _confidence,
}
