"""What several tests of the engine start from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from engine.pipeline import Pipeline


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    """A pipeline on a store of its own."""
    from engine.pipeline import Pipeline
    from engine.store import Store

    made = Pipeline(Store(tmp_path / "store"))
    yield made
    made.close()
