from __future__ import annotations

import numpy as np
import pytest

from engine.quadrature import legendre


@pytest.mark.parametrize("count", [1, 2, 3, 20, 160, 260, 700])
def test_nodes_and_weights_are_those_of_the_eigenvalue_method(count: int) -> None:
    nodes, weights = legendre(count)
    expected_nodes, expected_weights = np.polynomial.legendre.leggauss(count)
    assert np.allclose(nodes, expected_nodes, rtol=0, atol=1e-14)
    assert np.allclose(weights, expected_weights, rtol=1e-9, atol=0)
    assert weights.sum() == pytest.approx(2, rel=1e-13)


def test_polynomials_are_integrated_exactly() -> None:
    nodes, weights = legendre(12)
    for degree in range(24):
        exact = (1 - (-1) ** (degree + 1)) / (degree + 1)
        assert weights @ nodes**degree == pytest.approx(exact, abs=1e-14)
