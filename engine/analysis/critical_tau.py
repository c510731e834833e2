"""How the smallest tau of re-recognition is distributed over the forget samples, per model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.arrays import Floats
from engine.results import Recognition, retrain_names


@dataclass(frozen=True, eq=False)
class Distribution:
    """The cumulative distribution of one model's smallest taus, which may be censored.

    taus (n_r,): those of the samples that are recognized again within `limit`, ascending; total:
    number of forget samples.
    """

    model: str
    taus: Floats
    total: int
    limit: float

    @property
    def missing(self) -> int:
        """How many samples are not recognized again within the limit."""
        return self.total - len(self.taus)

    def count(self, tau: float) -> int:
        """How many samples are recognized again at this norm or a smaller one."""
        return int(np.searchsorted(self.taus, tau, side="right"))

    def percent(self, tau: float) -> float:
        """The same as a share of the forget samples, in percent."""
        return 100 * self.count(tau) / self.total if self.total else float("nan")

    def steps(self) -> tuple[Floats, Floats]:
        """(x, y) of the step function from 0 to the limit: y percent of the samples.

        >>> one = Distribution("gd", np.array([0.0, 0.1, 0.1]), 4, 0.2)
        >>> [part.tolist() for part in one.steps()]
        [[0.0, 0.1, 0.1, 0.2], [25.0, 25.0, 75.0, 75.0]]
        """
        places = np.unique(np.append(self.taus, 0.0))
        shares = np.searchsorted(self.taus, places, side="right") / max(self.total, 1)
        return np.append(np.repeat(places, 2)[1:], self.limit), np.repeat(100 * shares, 2)


def distribution_of(search: Recognition) -> Distribution:
    """The distribution of one model's smallest taus."""
    taus = np.asarray(search.taus, np.float64)
    return Distribution(
        search.model, np.sort(taus[np.isfinite(taus)]), len(search.samples), search.limit
    )


def retrain_band(searches: Mapping[str, Recognition]) -> tuple[Floats, Floats, Floats] | None:
    """(x, low, high): between the lowest and the highest distribution of the Re-trains.

    None for fewer than two Re-trains.
    """
    names = retrain_names(searches)
    if len(names) < 2:
        return None
    every = [distribution_of(searches[name]) for name in names]
    places = np.unique(np.concatenate([[0.0], *(one.taus for one in every)]))
    shares = np.array([[one.percent(place) for place in places] for one in every])
    x = np.append(np.repeat(places, 2)[1:], every[0].limit)
    return x, np.repeat(shares.min(0), 2), np.repeat(shares.max(0), 2)


def samples_within(search: Recognition, low: float, high: float) -> list[int]:
    """The samples whose smallest tau lies in [low, high], smallest first."""
    taus = np.asarray(search.taus, np.float64)
    inside = np.flatnonzero((taus >= low) & (taus <= high))
    order = inside[np.argsort(taus[inside], kind="stable")]
    return [int(search.samples[row]) for row in order]


def samples_beyond(search: Recognition) -> list[int]:
    """The samples that are not recognized again within the limit of the search."""
    return [int(one) for one in search.samples[np.isnan(search.taus)]]


def tau_of(search: Recognition, sample: int) -> float | None:
    """The smallest tau of a sample: inf beyond the limit, None if it was not searched."""
    rows = np.flatnonzero(np.asarray(search.samples) == sample)
    if not len(rows):
        return None
    tau = float(search.taus[rows[0]])
    return tau if np.isfinite(tau) else float("inf")


def missing_words(distributions: Sequence[Distribution], limit: float) -> str:
    """A sentence on what is censored; '' if nothing is."""
    least = min((one.missing for one in distributions), default=0)
    most = max((one.missing for one in distributions), default=0)
    if not most:
        return ""
    counts = f"{most:,}" if least == most else f"{least:,} to {most:,}"
    return (
        f"{counts} samples of a model are not recognized again up to τ {limit:g}: their curve ends "
        "below 100 %."
    )
