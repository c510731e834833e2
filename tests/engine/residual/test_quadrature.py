"""Quadrature nodes and weights against other methods and closed forms, on one thread."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest

from engine.residual.posterior import legendre

CPU = """
import os, numpy as np
from engine.residual.posterior import legendre

def ticks():
    found = {}
    for thread in os.listdir("/proc/self/task"):
        words = open(f"/proc/self/task/{thread}/stat").read().rpartition(")")[2].split()
        found[int(thread)] = int(words[11]) + int(words[12])
    return found

legendre(240)
before = ticks()
for _ in range(100):
    legendre.cache_clear()
    legendre(240)
after = ticks()
print(sum(n - before.get(one, 0) for one, n in after.items() if one != os.getpid()))
"""


@pytest.mark.parametrize("count", [1, 2, 3, 20, 160, 260, 700])
def test_nodes_and_weights_are_those_of_the_dense_eigenvalue_method(count: int) -> None:
    nodes, weights = legendre(count)
    expected_nodes, expected_weights = np.polynomial.legendre.leggauss(count)
    assert np.allclose(nodes, expected_nodes, rtol=0, atol=1e-14)
    assert np.allclose(weights, expected_weights, rtol=1e-9, atol=0)
    assert weights.sum() == pytest.approx(2, rel=1e-13)
    assert (np.diff(nodes) > 0).all()


def test_few_nodes_are_those_of_the_closed_forms() -> None:
    nodes, weights = legendre(2)
    assert nodes == pytest.approx([-1 / math.sqrt(3), 1 / math.sqrt(3)], abs=1e-15)
    assert weights == pytest.approx([1, 1], abs=1e-15)
    nodes, weights = legendre(3)
    assert nodes == pytest.approx([-math.sqrt(3 / 5), 0, math.sqrt(3 / 5)], abs=1e-15)
    assert weights == pytest.approx([5 / 9, 8 / 9, 5 / 9], abs=1e-15)


def test_polynomials_are_integrated_exactly() -> None:
    nodes, weights = legendre(12)
    for degree in range(24):
        exact = (1 - (-1) ** (degree + 1)) / (degree + 1)
        assert weights @ nodes**degree == pytest.approx(exact, abs=1e-14)


def test_what_all_share_cannot_be_written_to() -> None:
    for array in legendre(5):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc tells of threads")
def test_no_other_thread_is_put_to_work() -> None:
    done = subprocess.run([sys.executable, "-c", CPU], capture_output=True, text=True, check=True)
    assert int(done.stdout) == 0  # hundredths of a second
