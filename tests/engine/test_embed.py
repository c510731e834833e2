from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from needs import needs

from engine.embed import Embedder
from engine.errors import Cancelled, EngineError
from engine.report import Reporter


@pytest.fixture(scope="module")
def embedder() -> Iterator[Embedder]:
    made = Embedder()
    yield made
    made.close()


def clusters(n: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(m, 0.2, (n, 6)) for m in (0, 5)]).astype(np.float32)


@needs("umap")
def test_clusters_stay_apart_and_the_seed_decides(embedder: Embedder) -> None:
    features = clusters(60)
    xy = embedder.fit(features, 3, Reporter())
    assert xy.shape == (120, 2)
    assert xy.dtype == np.float32
    spread = max(xy[:60].std(), xy[60:].std())
    assert np.linalg.norm(xy[:60].mean(0) - xy[60:].mean(0)) > 2 * spread
    assert (embedder.fit(features, 3, Reporter()) == xy).all()
    assert (embedder.fit(features, 4, Reporter()) != xy).any()


FEW = [1, 2, 3, *(pytest.param(n, marks=needs("umap")) for n in (5, 12))]


@pytest.mark.parametrize("n", FEW)
def test_few_or_equal_points_have_positions_too(embedder: Embedder, n: int) -> None:
    for features in (clusters(n)[:n], np.ones((n, 4), np.float32)):
        xy = embedder.fit(features, 1, Reporter())
        assert xy.shape == (n, 2)
        assert np.isfinite(xy).all()


@needs("umap")
def test_a_cancelled_embedding_ends_at_once(embedder: Embedder) -> None:
    report = Reporter()
    threading.Timer(0.3, report.cancel).start()
    started = time.monotonic()
    with pytest.raises(Cancelled):
        embedder.fit(np.random.default_rng(1).normal(size=(4000, 60)), 1, report)
    assert time.monotonic() - started < 5
    assert embedder.fit(clusters(20), 1, Reporter()).shape == (40, 2)


def test_a_helper_process_that_dies_is_said(embedder: Embedder) -> None:
    embedder.warm_up()
    process = embedder._process
    assert process is not None
    process.kill()
    process.wait()
    embedder._process = process
    process.poll = lambda: None  # type: ignore[method-assign]  # as if it died between two looks
    with pytest.raises(EngineError, match="ended without an answer"):
        embedder.fit(clusters(20), 1, Reporter())
