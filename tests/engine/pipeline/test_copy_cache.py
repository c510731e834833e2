"""Perturbed copies are kept beside the store, checked when they are read, and few."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from engine.pipeline import copy_cache
from engine.pipeline.copy_cache import CopyCache
from engine.pipeline.pipeline import Pipeline
from engine.runtime.progress import Reporter
from engine.spec import DataSpec
from engine.storage.store import Store

COPIES = np.linspace(0, 1, 24, dtype=np.float32).reshape(4, 2, 3)


@pytest.fixture
def cache(tmp_path: Path) -> CopyCache:
    return CopyCache(Store(tmp_path))


def test_what_was_put_is_read_again(cache: CopyCache) -> None:
    assert cache.get("one", COPIES.shape) is None
    cache.put("one", COPIES)
    kept = cache.get("one", COPIES.shape)
    assert kept is not None and kept.dtype == np.float32 and (kept == COPIES).all()
    kept[0] = 0  # nobody else has it


def test_other_shapes_and_damaged_files_count_as_missing(cache: CopyCache) -> None:
    cache.put("one", COPIES)
    assert cache.get("one", (5, 2, 3)) is None
    content = bytearray(cache.path("one").read_bytes())
    content[7] ^= 1
    cache.path("one").write_bytes(bytes(content))
    assert cache.get("one", COPIES.shape) is None
    cache.path("one").write_bytes(b"")
    assert cache.get("one", COPIES.shape) is None


def test_only_the_last_are_kept_and_no_large_ones(
    cache: CopyCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copy_cache, "MOST_FILES", 3)
    for number in range(5):
        cache.put(str(number), COPIES)
        os.utime(cache.path(str(number)), (number, number))
    cache.put("5", COPIES)
    assert {path.stem for path in cache.path("").parent.iterdir()} == {"3", "4", "5"}
    monkeypatch.setattr(copy_cache, "LARGEST", COPIES.nbytes)
    cache.put("6", COPIES)
    assert not cache.path("6").exists()


def test_a_neighborhood_read_from_the_cache_is_the_one_that_was_drawn(pipeline: Pipeline) -> None:
    data = pipeline.dataset(DataSpec("iris"), Reporter())
    few = {"training": {"epochs": 1}, "settings": {"gd": {"epochs": 1}}, "draws": 10, "taus": "0.1"}
    spec = pipeline.compose(data, model="mlp", methods=("gd",), retrains=1, **few)
    pipeline.run(spec, Reporter())
    drawn = pipeline.neighborhood(spec, spec.forget[0], "", -1.0, Reporter())
    (kept,) = (pipeline.store.root / copy_cache.FOLDER).iterdir()
    read = pipeline.neighborhood(spec, spec.forget[0], "", -1.0, Reporter())
    kept.unlink()
    again = pipeline.neighborhood(spec, spec.forget[0], "", -1.0, Reporter())
    for other in (read, again):
        assert (other.copies == drawn.copies).all() and other.counts == drawn.counts
        assert (other.sample, other.label, other.tau) == (drawn.sample, drawn.label, drawn.tau)
