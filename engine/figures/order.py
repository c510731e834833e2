"""What a figure is drawn of: a study, and what else of it a pipeline has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import DataError, SpecError
from engine.forget_sets.sample_names import short
from engine.paper.published import Published, may_be_published, published_for
from engine.results import ModelResult, Study
from engine.runtime.progress import Reporter
from engine.spec import RunSpec

if TYPE_CHECKING:
    from engine.datasets.base import Dataset
    from engine.pipeline.pipeline import Pipeline


@dataclass(frozen=True)
class Order:
    """One figure that somebody wants: of a study, into a file; facts: metadata for the file."""

    pipeline: Pipeline
    study: Study
    spec: RunSpec
    out: Path
    facts: Mapping[str, str]

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the dataset's classes."""
        return self.dataset.classes

    @property
    def dataset(self) -> Dataset:
        """The data the study is about."""
        return self.pipeline.dataset(self.spec.data, Reporter())

    def names(self, samples: Iterable[int]) -> dict[int, str]:
        """What these samples are called, where there are such; {} where the data are not here."""
        try:
            dataset = self.dataset
        except (DataError, SpecError):
            return {}
        there = {int(one) for one in samples if 0 <= one < len(dataset)}
        return {one: short(dataset.name_of(one)) for one in there}

    def models(self) -> list[ModelResult]:
        """The study's models that are in the store."""
        return [*self.pipeline.models(self.spec).values()]

    def others(self, keys: Sequence[str]) -> list[Study]:
        """The stored studies under these keys; StoreError if there is none."""
        return [self.pipeline.study(key) for key in keys]

    def published(self) -> Published | None:
        """What the paper has on the study's setting; None too where the data are not here."""
        if not may_be_published(self.study.spec):
            return None
        try:
            dataset = self.pipeline.dataset(self.spec.data, Reporter())
        except (DataError, SpecError):
            return None
        return published_for(self.study.spec, dataset)
