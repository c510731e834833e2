"""A small study of Iris that several tests run."""

from __future__ import annotations

from typing import Any

from engine.pipeline.pipeline import Pipeline
from engine.runtime.progress import Reporter
from engine.spec import DataSpec, RunSpec


def compose(pipeline: Pipeline, **words: Any) -> RunSpec:
    iris = pipeline.dataset(DataSpec("iris"), Reporter())
    words = {
        "methods": ("rurk", "gd"),
        "training": {"epochs": 6},
        "draws": 30,
        "retrains": 2,
    } | words
    return pipeline.compose(iris, **words)
