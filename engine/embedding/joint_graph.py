"""What ties the features of several models together, so that one layout can hold all of them.

Features of models that were trained apart lie in different bases, so points are never compared
across models by distance. What can be compared is the company they keep: a point is tied to itself
in another model as strongly as both models agree on which anchors (retained samples) are nearest to
it. Where they agree, a layout puts the point at one place for both; where a model moved it to other
company, nothing holds it back.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from engine.arrays import Floats, Floats32, Integers

if TYPE_CHECKING:
    from scipy.sparse import coo_matrix, csr_matrix

SHARED = 30  # nearest anchors that two models are compared by
STRENGTH = 2.0  # of a full tie, in units of UMAP's closest neighbors; at 1 panes drift apart
LARGEST = 1e6  # of diverged features, in units of their typical size


def tame(features: np.ndarray) -> Floats32:
    """The features (n, d) at a typical size of 1, finite even where a model has diverged."""
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


def company(features: np.ndarray, anchors: np.ndarray) -> Integers:
    """(n, k) which anchors lie nearest to each point of features (n, d), itself left out.

    anchors: rows of the anchors; k is `SHARED`, less where there are few of them.
    """
    count = int(np.clip(len(anchors) // 10, 1, SHARED))
    found, _ = nearest(features, features[anchors], min(count + 1, len(anchors)))
    rows = anchors[found]
    itself = rows == np.arange(len(features))[:, None]
    order = np.argsort(itself, axis=1, kind="stable")[:, :count]
    return np.asarray(np.take_along_axis(rows, order, 1), np.int64)


def tie(one: np.ndarray, other: np.ndarray, anchors: np.ndarray) -> Floats:
    """(n,) in [0, 1]: how strongly points are tied, from their company (n, k) in two models.

    The share of their company that both models agree on, in units of what is typical of anchors.
    """
    agreed = (one[:, :, None] == other[:, None, :]).any(2).mean(1)
    typical = max(float(np.median(agreed[anchors])), 1 / one.shape[1])
    return np.asarray(np.minimum(agreed / typical, 1.0))


def ties(features: Sequence[np.ndarray], anchors: np.ndarray) -> dict[tuple[int, int], Floats]:
    """(first, second) model -> `tie` of all points, for every pair of models.

    features: (n, d) of each model, the same n points; anchors: rows of the anchors.
    """
    kept = [company(one, anchors) for one in features]
    pairs = combinations(range(len(kept)), 2)
    return {(a, b): tie(kept[a], kept[b], anchors) for a, b in pairs}


def joined(graphs: Sequence[csr_matrix], tied: dict[tuple[int, int], Floats]) -> coo_matrix:
    """One graph of all models' points: their own graphs (n, n), and the ties between them."""
    from scipy.sparse import block_diag, coo_matrix

    n = graphs[0].shape[0]
    rows = np.arange(n)
    whole = block_diag(graphs, format="csr")
    for (a, b), weights in tied.items():
        there = weights > 0
        ends = (a * n + rows[there], b * n + rows[there])
        strength = (STRENGTH * weights[there]).astype(np.float32)
        half = coo_matrix((strength, ends), shape=whole.shape).tocsr()
        whole = whole + half + half.T
    return whole.tocoo()
