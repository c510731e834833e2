"""Connect the neighbor graphs of several models, for one joint layout.

Features of separately trained models have different bases, so points are never compared across
models by distance. Neighborhoods can be compared: a point is tied to itself in another model as
strongly as both models agree on its nearest anchors (retain samples). Where they agree, the layout
places the point at the same position for both; where a model moved it to other neighbors, it is
free to move.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from engine.arrays import Floats, Floats32, Integers

if TYPE_CHECKING:
    from scipy.sparse import coo_matrix, csr_matrix

SHARED = 30  # nearest anchors used to compare two models
STRENGTH = 2.0  # weight of a full tie relative to UMAP's closest neighbors; at 1 panes drift apart
LARGEST = 1e6  # bound on diverged features, relative to their typical magnitude


def rescaled_features(features: np.ndarray) -> Floats32:
    """The features (n, d) scaled to a typical magnitude of 1, finite even for diverged models."""
    finite = np.nan_to_num(features.astype(np.float64), posinf=np.inf, neginf=-np.inf)
    size = np.median(np.abs(finite), axis=0).max(initial=0)
    size = size if 0 < size < np.inf else 1.0
    return np.clip(finite / size, -LARGEST, LARGEST).astype(np.float32)


def nearest(features: np.ndarray, among: np.ndarray, count: int) -> tuple[Integers, Floats32]:
    """(indices, distances), each (n, count): the rows of `among` nearest to each of the n."""
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(among)
    distances, indices = search.kneighbors(features)
    return indices.astype(np.int64), distances.astype(np.float32)


def nearest_anchor_rows(features: np.ndarray, anchors: np.ndarray) -> Integers:
    """(n, k) the anchors nearest to each point of features (n, d), excluding the point itself.

    anchors: rows of the anchors; k is `SHARED`, or less if there are few anchors.
    """
    count = int(np.clip(len(anchors) // 10, 1, SHARED))
    nearest_anchors, _ = nearest(features, features[anchors], min(count + 1, len(anchors)))
    rows = anchors[nearest_anchors]
    is_self = rows == np.arange(len(features))[:, None]
    order = np.argsort(is_self, axis=1, kind="stable")[:, :count]
    return np.asarray(np.take_along_axis(rows, order, 1), np.int64)


def tie_strength(one: np.ndarray, other: np.ndarray, anchors: np.ndarray) -> Floats:
    """(n,) in [0, 1]: strength of ties between points of two models, from their nearest anchors.

    one, other: (n, k) `nearest_anchor_rows`.

    It is the share of common nearest anchors, relative to the median share among anchors.
    """
    agreed = (one[:, :, None] == other[:, None, :]).any(2).mean(1)
    typical = max(float(np.median(agreed[anchors])), 1 / one.shape[1])
    return np.asarray(np.minimum(agreed / typical, 1.0))


def tie_strengths(
    features: Sequence[np.ndarray], anchors: np.ndarray
) -> dict[tuple[int, int], Floats]:
    """(first, second) model -> `tie_strength` of all points, for every pair of models.

    features: (n, d) of each model, the same n points; anchors: rows of the anchors.
    """
    companies = [nearest_anchor_rows(model_features, anchors) for model_features in features]
    pairs = combinations(range(len(companies)), 2)
    return {(a, b): tie_strength(companies[a], companies[b], anchors) for a, b in pairs}


def joined_graph(graphs: Sequence[csr_matrix], tied: dict[tuple[int, int], Floats]) -> coo_matrix:
    """One graph of all models' points: their own graphs (n, n) and the ties between them."""
    from scipy.sparse import block_diag, coo_matrix

    n = graphs[0].shape[0]
    rows = np.arange(n)
    graph = block_diag(graphs, format="csr")
    for (a, b), weights in tied.items():
        tied_rows = weights > 0
        ends = (a * n + rows[tied_rows], b * n + rows[tied_rows])
        strength = (STRENGTH * weights[tied_rows]).astype(np.float32)
        one_direction = coo_matrix((strength, ends), shape=graph.shape).tocsr()
        graph = graph + one_direction + one_direction.T
    return graph.tocoo()
