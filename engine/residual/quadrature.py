"""Gauss-Legendre quadrature on the calling thread alone."""

from __future__ import annotations

import functools

from engine.arrays import Floats


@functools.cache
def legendre(count: int) -> tuple[Floats, Floats]:
    """Nodes and weights (count,) on [-1, 1], ascending, exact for polynomials to 2 count - 1.

    SciPy's, which asks LAPACK for the eigenvalues of a tridiagonal matrix. NumPy's `leggauss` takes
    them of a dense one, whose threads take every core, and those could be held back for the whole
    process alone, in which other lanes run. Source: Golub and Welsch 1969.
    """
    from scipy.special import roots_legendre

    nodes, weights = roots_legendre(count)
    for array in (nodes, weights):
        array.flags.writeable = False  # shared by all who ask
    return nodes, weights
