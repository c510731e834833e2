"""Posterior probability that a model recognizes copies of a sample more often than Re-train.

Recognizing a copy is a Bernoulli trial of unknown probability, p_m for the model and p_a for
Re-train, each with Jeffreys' prior Beta(1/2, 1/2); after u of c copies the posterior is
Beta(u + 1/2, c - u + 1/2) (Gelman et al. 2013, Bayesian Data Analysis, 2.4 and 2.8). This project's
addition, which the paper lacks. Plain numpy, and scipy's incomplete beta function.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from engine.arrays import Floats

TABLED = 200  # draws up to which the table of all pairs of counts is cached


def posterior(u: np.ndarray, a: np.ndarray, draws: int | np.ndarray) -> Floats:
    """(n, T) posterior probability that p_m > p_a: `exceedance` without a margin.

    Equal counts, here 7 of 10, give 1/2; 1 of 1 against 0 of 1 gives 1/2 + 4 / pi^2:

    >>> posterior(np.array([[7, 1]]), np.array([[[7, 0]]]), np.array([[10, 1]])).round(4)
    array([[0.5   , 0.9053]])
    """
    return exceedance(u, a, draws)


def exceedance(
    u: np.ndarray, a: np.ndarray, draws: int | np.ndarray, margin: float = 0.0
) -> Floats:
    """(n, T) posterior probability that p_m > p_a + margin, averaged over the k Re-trains.

        Pr[p_m > p_a + margin] = integral from margin to 1 of f(p; u) F(p - margin; a) dp

    with f the density of Beta(u + 1/2, c - u + 1/2) and F the distribution function of
    Beta(a + 1/2, c - a + 1/2). u (n, T), a (k, n, T): integer counts out of `draws`, the number c
    of all cells, or of each (n, T). Adaptive draws are allowed, since the likelihood does not
    depend on the stopping rule. margin: below 1. IndexError where a count exceeds its draws, if
    these are at most `TABLED`.

    For 50 of 100 against 50 of 100, p_m - p_a is nearly normal around 0 with standard deviation
    sqrt(2 * 0.25 / 101) = 0.07, of which a margin of 0.05 is 0.71:

    >>> u, a = np.array([[50]]), np.array([[[50]]])
    >>> [round(exceedance(u, a, 100, margin).item(), 2) for margin in (0.0, 0.05)]
    [0.5, 0.24]
    """
    chances = np.empty(u.shape)
    per_cell = np.broadcast_to(draws, u.shape)
    for count in np.unique(per_cell):
        cells = per_cell == count
        chances[cells] = _exceeding(u[cells], a[:, cells], int(count), margin)
    return chances


def _exceeding(u: np.ndarray, a: np.ndarray, draws: int, margin: float) -> Floats:
    """(m,) `exceedance` of u (m,), a (k, m), all with the same number of draws."""
    if draws <= TABLED:
        tabled: Floats = _table(draws, margin)[u[None], a].mean(0)
        return tabled
    every_u, at_u = np.unique(u, return_inverse=True)
    every_a, at_a = np.unique(a, return_inverse=True)
    table = _exceedance(every_u, every_a, draws, margin)
    chances: Floats = table[at_u.reshape(u.shape), at_a.reshape(a.shape)].mean(0)
    return chances


@functools.cache
def _table(draws: int, margin: float) -> Floats:
    """(draws + 1, draws + 1) `_exceedance` of all possible counts."""
    counts = np.arange(draws + 1)
    return _exceedance(counts, counts, draws, margin)


def _exceedance(u: np.ndarray, a: np.ndarray, draws: int, margin: float) -> Floats:
    """(i, j) Pr[p > q + margin], p ~ Beta(u + 1/2, draws - u + 1/2) for u (i,), q for a (j,).

    Gauss-Legendre quadrature over the angle t of p = margin + (1 - margin) sin^2(t), which removes
    the singularities of the density at its ends: without a margin the integrand is a trigonometric
    polynomial, which 2 draws + 40 nodes integrate up to rounding. Its peak has a width of
    1 / sqrt(draws), which determines the number of nodes for many draws.
    """
    from scipy.special import betainc, betaln

    nodes, mass = legendre(2 * draws + 40 if draws <= TABLED else 60 + 20 * math.isqrt(draws))
    angle = (nodes + 1) * np.pi / 4
    width = 1 - margin
    sine, root_of_rest = np.sin(angle), math.sqrt(width) * np.cos(angle)
    root = np.hypot(
        math.sqrt(margin), math.sqrt(width) * sine
    )  # of p; root_of_rest is that of 1 - p
    u, a = u[:, None], a[:, None]
    log_density = (
        np.log(2)
        + 2 * u * np.log(root)
        + 2 * (draws - u) * np.log(root_of_rest)
        - betaln(u + 0.5, draws - u + 0.5)
    )
    slope = math.sqrt(width) * sine / root  # remaining factor of dp / dt
    below = betainc(a + 0.5, draws - a + 0.5, width * sine**2)
    chances: Floats = (np.exp(log_density) * (mass * np.pi / 4 * slope)) @ below.T
    return np.clip(chances, 0.0, 1.0)


@functools.cache
def legendre(count: int) -> tuple[Floats, Floats]:
    """Nodes and weights (count,) of Gauss-Legendre quadrature on [-1, 1], ascending.

    Exact for polynomials up to degree 2 count - 1. From SciPy, which solves a tridiagonal
    eigenvalue problem in the calling thread. NumPy's `leggauss` solves a dense one, whose threads
    occupy every core and could be limited only for the whole process. Source: Golub and Welsch
    1969.
    """
    from scipy.special import roots_legendre

    nodes, weights = roots_legendre(count)
    for array in (nodes, weights):
        array.flags.writeable = False  # shared by all callers
    return nodes, weights
