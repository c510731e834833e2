"""Ranks of methods by a measure over seeds, where what cannot be told apart shares a rank."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.residual.ratio import LEVEL


@dataclass(frozen=True)
class Interval:
    """A mean over seeds with Student's interval; infinite for a single seed."""

    mean: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half of its width."""
        return (self.high - self.low) / 2


@dataclass(frozen=True)
class Rank:
    """A place among all methods.

    rank: 1 for the best; behind: by how much a method is worse than the very best, seed by seed.
    """

    rank: int
    behind: Interval


def interval(values: Sequence[float]) -> Interval:
    """The mean of n values and Student's 95 % interval.

        mean -/+ t s / sqrt(n)

    with s the standard deviation (divisor n - 1) and t the 97.5 % quantile of Student's t with
    n - 1 degrees of freedom, 4.30 for three seeds.

    >>> one = interval([1.0, 2.0, 3.0])
    >>> one.mean, round(one.half_width, 2)
    (2.0, 2.48)
    """
    from scipy.special import stdtrit

    array = np.asarray(values, np.float64)
    mean = float(array.mean())
    if len(array) < 2:
        return Interval(mean, -math.inf, math.inf)
    width = stdtrit(len(array) - 1, (1 + LEVEL) / 2) * array.std(ddof=1) / math.sqrt(len(array))
    return Interval(mean, mean - float(width), mean + float(width))


def ranks(values: Mapping[str, Sequence[float]]) -> dict[str, Rank]:
    """Method -> rank, the best first; values: method -> one per seed, the smaller the better.

    The method with the smallest mean is first. A method whose differences to it, seed by seed, have
    an interval that includes 0 shares its rank, since these seeds cannot tell the two apart; so
    does every method between them. Among the others the best is first in turn; its rank is one
    more than the number of methods before it. Differences are paired because a seed's Original,
    Re-trains and forget set are the same for all methods. That methods in between share the rank,
    even if told apart from the first, keeps ranks in the order of the means: a method that varies
    much is hard to tell from any other, and must not be placed before a better, steadier one.

    >>> found = ranks({"a": [1.0, 2.0, 3.0], "b": [1.1, 2.0, 3.1], "c": [4.0, 5.1, 6.0]})
    >>> [(name, one.rank) for name, one in found.items()]
    [('a', 1), ('b', 1), ('c', 3)]
    """
    order = sorted(values, key=lambda name: float(np.mean(values[name])))
    found: dict[str, Rank] = {}
    while left := [name for name in order if name not in found]:
        alike = [_difference(values[name], values[left[0]]).low <= 0 for name in left]
        tied = left[: len(left) - alike[::-1].index(True)]  # up to the last that is alike
        rank = len(found) + 1
        found |= {name: Rank(rank, _difference(values[name], values[order[0]])) for name in tied}
    return found


def _difference(a: Sequence[float], b: Sequence[float]) -> Interval:
    return interval(np.subtract(a, b).tolist())
