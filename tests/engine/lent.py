"""A helper process for UMAP that outlives the pipelines which use it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.embedding.joint_umap import Embedder
    from engine.pipeline.pipeline import Pipeline


@contextlib.contextmanager
def lent(pipeline: Pipeline, embedder: Embedder) -> Iterator[None]:
    """While this lasts, the pipeline embeds by this one; its own it gets back at the end."""
    own, pipeline.embedder = pipeline.embedder, embedder
    yield
    pipeline.embedder = own
