"""Gauss-Legendre quadrature without linear algebra, whose threads would take every core."""

from __future__ import annotations

import functools

import numpy as np

from engine.arrays import Floats

STEPS = 6  # of Newton's method; the digits double with each, from the three of the first guess


@functools.cache
def legendre(count: int) -> tuple[Floats, Floats]:
    """Nodes and weights (count,) on [-1, 1], ascending, exact for polynomials to 2 count - 1.

    As `numpy.polynomial.legendre.leggauss`, which asks for all eigenvalues of a dense matrix.
    Source: Press et al. 2007, Numerical Recipes, 4.6: Newton's method from Tricomi's guess.
    """
    nodes = -np.cos(np.pi * (np.arange(count) + 0.75) / (count + 0.5))
    for _ in range(STEPS):
        value, slope = _polynomial(count, nodes)
        nodes = nodes - value / slope
    _, slope = _polynomial(count, nodes)
    weights: Floats = 2 / ((1 - nodes**2) * slope**2)
    for array in (nodes, weights):
        array.flags.writeable = False  # shared by all who ask
    return nodes, weights


def _polynomial(degree: int, x: Floats) -> tuple[Floats, Floats]:
    """The Legendre polynomial of this degree and its derivative at x (n,) inside of (-1, 1)."""
    before, value = np.zeros_like(x), np.ones_like(x)
    for k in range(degree):
        before, value = value, ((2 * k + 1) * x * value - k * before) / (k + 1)
    slope: Floats = degree * (x * value - before) / (x**2 - 1)
    return value, slope
