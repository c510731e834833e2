"""The request for a figure: a study, an output file, and access to further data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import DataError, SpecError
from engine.forget_sets.sample_names import shortened_name
from engine.paper.published import Published, has_published_network, published_for
from engine.results import ModelResult, Study
from engine.runtime.progress import Reporter
from engine.spec import RunSpec

if TYPE_CHECKING:
    from engine.datasets.base import Dataset
    from engine.pipeline.pipeline import Pipeline


@dataclass(frozen=True)
class FigureRequest:
    """Request to draw one figure of a study into a file; facts: metadata for the file."""

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
        """The dataset of the study."""
        return self.pipeline.dataset(self.spec.data, Reporter())

    def names(self, samples: Iterable[int]) -> dict[int, str]:
        """Display names of those samples that exist; {} if the data are missing."""
        try:
            dataset = self.dataset
        except (DataError, SpecError):
            return {}
        existing = {int(one) for one in samples if 0 <= one < len(dataset)}
        return {one: shortened_name(dataset.name_of(one)) for one in existing}

    def models(self) -> list[ModelResult]:
        """The study's models that are in the store."""
        return [*self.pipeline.models(self.spec).values()]

    def others(self, keys: Sequence[str]) -> list[Study]:
        """The stored studies under these keys; StoreError if one does not exist."""
        return [self.pipeline.study(key) for key in keys]

    def published(self) -> Published | None:
        """The paper's figures for the study's setting; None if there are none or no data here."""
        if not has_published_network(self.study.spec):
            return None
        try:
            dataset = self.pipeline.dataset(self.spec.data, Reporter())
        except (DataError, SpecError):
            return None
        return published_for(self.study.spec, dataset)
