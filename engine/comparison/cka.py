"""Similarity of two networks' representations of the same samples, layer by layer: linear CKA.

Source: Kornblith et al., "Similarity of Neural Network Representations Revisited", 2019, with the
unbiased HSIC estimator of Song et al., "Feature Selection via Dependence Maximization", 2012.
Unlike the biased one, it is not inflated for few samples with many features.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.runtime.seeds import numpy_generator

Floats = NDArray[np.float64]
MOST_SAMPLES = 256  # of each split
FEWEST = 4  # samples; the unbiased estimate divides by n - 3
GramMatrices = list[np.ndarray]  # Gram matrices of one model, one per layer


# -- the measure ----------------------------------------------------------------------------------
def cka(x: np.ndarray, y: np.ndarray) -> float:
    """Linear CKA of features x (n, p) and y (n, q) of the same n samples, at most 1.

        CKA = HSIC(X, Y) / sqrt(HSIC(X, X) HSIC(Y, Y))

    of the linear Gram matrices X X^T and Y Y^T, with the unbiased HSIC. 1: equal up to rotation,
    scaling and shift; about 0: unrelated. NaN for fewer than `FEWEST` samples, and if one of the
    two is constant. Source: Kornblith et al. 2019, linear CKA; Song et al. 2012, unbiased estimate
    of HSIC.

    It is invariant under rotation, scaling and shift:

    >>> x = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0], [3.0, 1.0], [1.0, 4.0]])
    >>> round(cka(x, 2 * x[:, ::-1] + 7), 6)
    1.0
    """
    return alignment(centered(x), centered(y))


def centered(features: np.ndarray) -> np.ndarray:
    """The U-centered linear Gram matrix (n, n) float32 of features (n, p); empty below `FEWEST`.

    The inner product of two of them is n (n - 3) times the unbiased estimate of HSIC.
    """
    n = len(features)
    if n < FEWEST:
        return np.zeros((0, 0), np.float32)
    wide = features.astype(np.float64)
    wide = wide - wide.mean(0)  # affects only rounding
    gram = wide @ wide.T
    np.fill_diagonal(gram, 0)
    sums = gram.sum(0)
    gram += sums.sum() / ((n - 1) * (n - 2)) - (sums[:, None] + sums) / (n - 2)
    np.fill_diagonal(gram, 0)
    result: np.ndarray = gram.astype(np.float32)
    return result


def alignment(one: np.ndarray, other: np.ndarray) -> float:
    """CKA of two U-centered Gram matrices (n, n): their cosine similarity."""
    a, b = one.ravel().astype(np.float64), other.ravel().astype(np.float64)
    norms = float(a @ a) * float(b @ b)
    return float(a @ b) / norms**0.5 if norms > 0 else float("nan")


def drawn_samples(pool: np.ndarray, seed: int, split: str) -> np.ndarray:
    """At most `MOST_SAMPLES` of the indices in `pool`, drawn with the seed, sorted."""
    if len(pool) <= MOST_SAMPLES:
        return np.sort(pool)
    drawn = numpy_generator(seed, "similarity", split).choice(pool, MOST_SAMPLES, replace=False)
    return np.sort(drawn)
