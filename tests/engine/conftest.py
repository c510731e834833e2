"""What several tests of the engine start from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from lent import lent

if TYPE_CHECKING:
    from engine.embedding.joint_umap import Embedder
    from engine.pipeline.pipeline import Pipeline


@pytest.fixture(scope="session")
def embedder() -> Iterator[Embedder]:
    """One helper process for all tests: each would take seconds to import and compile UMAP."""
    from engine.embedding.joint_umap import Embedder

    made = Embedder()
    yield made
    made.close()


@pytest.fixture
def pipeline(tmp_path: Path, embedder: Embedder) -> Iterator[Pipeline]:
    """A pipeline on a store of its own."""
    from engine.pipeline.pipeline import Pipeline
    from engine.storage.store import Store

    made = Pipeline(Store(tmp_path / "store"))
    with lent(made, embedder):
        yield made
    made.close()


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Torch on one core: tensors of small tests are slower on several, far slower on busy ones."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
