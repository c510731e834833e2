from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from needs import needs
from patience import PATIENCE

from engine.embedding.joint_graph import (
    STRENGTH,
    joined_graph,
    nearest_anchor_rows,
    rescaled_features,
    tie_strength,
)
from engine.embedding.joint_umap import Embedder
from engine.errors import Cancelled, EngineError
from engine.runtime.progress import Reporter

ROOT = Path(__file__).parents[3]
GROUPS = 4
EACH = 60


def clusters(n: int, seed: int = 1) -> np.ndarray:
    """Two clusters of n points."""
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(m, 0.2, (n, 6)) for m in (0, 5)]).astype(np.float32)


def classes(seed: int) -> np.ndarray:
    """GROUPS clusters of EACH points in a random basis: what an independent training might give."""
    rng = np.random.default_rng(7)
    centers = rng.normal(0, 3, (GROUPS, 10))
    points = np.repeat(centers, EACH, 0) + rng.normal(0, 0.4, (GROUPS * EACH, 10))
    basis, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(10, 10)))
    noise = np.random.default_rng(seed + 1).normal(0, 0.1, points.shape)
    return ((points + noise) @ basis * (1 + seed)).astype(np.float32)


def fit_one(embedder: Embedder, features: np.ndarray, seed: int) -> np.ndarray:
    (xy,) = embedder.fit([features], np.ones(len(features), bool), seed, Reporter())
    return xy


def test_company_is_kept_by_the_nearest_anchors_and_never_by_oneself() -> None:
    line = np.arange(40.0)[:, None].astype(np.float32)
    anchors = np.arange(0, 40, 2)
    found = nearest_anchor_rows(line, anchors)
    assert found.shape == (40, 2)
    assert set(found[10].tolist()) == {8, 12}
    assert set(found[11].tolist()) == {10, 12}


def test_points_are_tied_as_strongly_as_models_agree_on_their_company() -> None:
    one = np.arange(60).reshape(20, 3)
    other = one.copy()
    other[0] += 100  # keeps other company altogether
    other[1, 2] += 100  # a third of it
    strength = tie_strength(one, other, np.arange(2, 20))
    assert strength[0] == 0
    assert strength[1] == pytest.approx(2 / 3)
    assert (strength[2:] == 1).all()


def test_the_graph_of_all_models_holds_their_own_graphs_and_the_ties() -> None:
    from scipy.sparse import csr_matrix

    own = [csr_matrix(np.array([[0, w], [w, 0]])) for w in (0.5, 0.8)]
    whole = joined_graph(own, {(0, 1): np.array([0.0, 0.3])}).toarray()
    tied = 0.3 * STRENGTH
    expected = [[0, 0.5, 0, 0], [0.5, 0, 0, tied], [0, 0, 0, 0.8], [0, tied, 0.8, 0]]
    assert whole == pytest.approx(np.array(expected))


def test_features_of_a_diverged_model_become_finite() -> None:
    wild = np.array([[1e30, np.nan], [-np.inf, 2.0], [3e30, 1.0]])
    assert np.isfinite(rescaled_features(wild)).all()
    calm = np.array([[1.0, -2.0], [3.0, 4.0]])
    assert np.ptp(rescaled_features(calm) / calm) == pytest.approx(0, abs=1e-6)


@needs("umap")
def test_clusters_stay_apart_and_the_seed_decides(embedder: Embedder) -> None:
    features = clusters(60)
    xy = fit_one(embedder, features, 3)
    assert xy.shape == (120, 2)
    assert xy.dtype == np.float32
    spread = max(xy[:60].std(), xy[60:].std())
    assert np.linalg.norm(xy[:60].mean(0) - xy[60:].mean(0)) > 2 * spread
    assert (fit_one(embedder, features, 3) == xy).all()
    assert (fit_one(embedder, features, 4) != xy).any()
    other = Embedder()  # nothing that a process remembers enters a result
    assert (fit_one(other, features, 3) == xy).all()
    other.close()


@needs("umap")
def test_retained_samples_lie_at_the_same_place_for_models_in_different_bases(
    embedder: Embedder,
) -> None:
    features = [classes(0), classes(1), np.pad(classes(2), ((0, 0), (0, 3)))]
    anchors = np.ones(GROUPS * EACH, bool)
    clouds = embedder.fit(features, anchors, 5, Reporter())
    spread = np.linalg.norm(clouds[0] - clouds[0].mean(0), axis=1).mean()
    for other in clouds[1:]:
        moved = np.linalg.norm(clouds[0] - other, axis=1)
        assert moved.mean() < 0.05 * spread
        assert moved.mean() > 0
    means = clouds[0].reshape(GROUPS, EACH, 2).mean(1)
    apart = np.linalg.norm(means[:, None] - means[None], axis=2) + 1e9 * np.eye(GROUPS)
    within = clouds[0].reshape(GROUPS, EACH, 2).std(1).max()
    assert apart.min() > 2 * within


@needs("umap")
def test_what_a_model_moved_to_other_company_moves_and_the_rest_stays(embedder: Embedder) -> None:
    before, after = classes(0), classes(0)
    moved = np.arange(20)  # a third of the first class, forgotten: they look like the second
    after[moved] += after[EACH : 2 * EACH].mean(0) - after[:EACH].mean(0)
    anchors = np.arange(len(before)) >= 20
    one, other = embedder.fit([before, after], anchors, 5, Reporter())
    way = np.linalg.norm(one - other, axis=1)
    assert way[moved].mean() > 20 * way[anchors].mean()
    centers = other[anchors].mean(0), other[EACH : 2 * EACH].mean(0), other[20:EACH].mean(0)
    to_new = np.linalg.norm(other[moved] - centers[1], axis=1)
    to_old = np.linalg.norm(other[moved] - centers[2], axis=1)
    assert (to_new < to_old).all()


FEW = [1, 2, 3, *(pytest.param(n, marks=needs("umap")) for n in (5, 12))]


@pytest.mark.parametrize("n", FEW)
def test_few_or_equal_points_have_positions_too(embedder: Embedder, n: int) -> None:
    anchors = np.arange(n) < max(1, n // 2)
    few, equal = clusters(n)[:n], np.ones((n, 4), np.float32)
    for features in ([few], [equal], [few, few], [few, equal]):
        clouds = embedder.fit(features, anchors, 1, Reporter())
        assert [xy.shape for xy in clouds] == [(n, 2)] * len(features)
        assert all(np.isfinite(xy).all() for xy in clouds)


@needs("umap")
def test_a_cancelled_embedding_ends_at_once(embedder: Embedder) -> None:
    report = Reporter()
    threading.Timer(0.3, report.cancel).start()
    embedder.warm_up()
    process = embedder._process
    assert process is not None
    many = np.random.default_rng(1).normal(size=(6000, 60))
    with pytest.raises(Cancelled):
        embedder.fit([many, many], np.ones(6000, bool), 1, report)
    assert process.returncode == -signal.SIGKILL  # it was not waited for until it had an answer
    assert fit_one(embedder, clusters(20), 1).shape == (40, 2)


@needs("umap")
def test_a_helper_process_without_requests_ends_and_the_next_request_starts_another(
    embedder: Embedder,
) -> None:
    code = (
        "from engine.embedding import joint_umap; joint_umap.IDLE_S = 0.2; "
        "joint_umap._fit = lambda *words: None; joint_umap.serve()"
    )
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, cwd=ROOT)
    assert process.wait(PATIENCE) == 0
    embedder.close()
    embedder._process = process
    process.poll = lambda: None  # type: ignore[method-assign]  # as if it ended between two looks
    assert fit_one(embedder, clusters(20), 1).shape == (40, 2)
    assert embedder._process is not process
    assert process.stdin is not None and process.stdin.closed


@needs("umap")
def test_a_helper_process_that_ended_is_replaced_and_its_pipes_are_closed(
    embedder: Embedder,
) -> None:
    embedder.warm_up()
    process = embedder._process
    assert process is not None and process.stdin is not None and process.stdout is not None
    process.kill()
    process.wait()
    embedder.warm_up()
    assert embedder._process is not process
    assert process.stdin.closed and process.stdout.closed


def test_a_helper_process_that_dies_is_said(embedder: Embedder) -> None:
    embedder.warm_up()
    process = embedder._process
    assert process is not None
    process.kill()
    process.wait()
    embedder._process = process
    process.poll = lambda: None  # type: ignore[method-assign]  # as if it died between two looks
    with pytest.raises(EngineError, match="ended without a response"):
        fit_one(embedder, clusters(20), 1)
