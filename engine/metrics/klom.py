"""KLoM: do many unlearned models answer each forget sample as many Re-trains do?

KL divergence of margins: per forget sample, the distribution of the margin over unlearned models of
several seeds from that over as many Re-trains. Accuracies compare one model with the mean of
Re-trains; this compares distributions, which is what unlearning promises.
Source: Georgiev et al. 2024, KLoM.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engine.arrays import Floats
from engine.metrics.base import Case, Metric, measure
from engine.spec import setting

CLIP = 100.0  # margins beyond are counted at the end
BINS = 20
LEAST = 1e-5  # probability of a bin that no Re-train's margin falls into
METRIC = Metric(
    "klom", "KLoM", "nats", "down",
    "KL divergence of margins on the forget set over several seeds from those of Re-trains: mean "
    "over samples",
    "none: stored outputs of the studies of other seeds with the same forget set",
    trains=True, digits=2, further=True, over_seeds=True,
)  # fmt: skip


@dataclass(frozen=True)
class KLoM:
    """How many models make a distribution."""

    models: int = setting(
        5, help="the fewest unlearned models, and the fewest Re-trains, to compare; the paper has "
        "100 of each",
        unit="models", low=2, high=10_000,
    )  # fmt: skip


@measure(METRIC, config=KLoM)
def klom(case: Case, config: KLoM) -> float:
    """Mean over S_f, in nats; NaN with too few unlearned models or Re-trains at hand.

    Unlearned models are those of this method in the stored studies of other seeds with the same
    data, network, training, forget set and settings of the method; so run these studies first, and
    request the measure after that. The divergence of histograms shrinks with the number of models,
    so both sides have equally many, the first of each, and the row of Re-train, every second
    Re-train against the others, has as many again if there are two Re-trains per study.
    """
    unlearned, retrains = case.over_seeds(case.forget)
    models = min(len(unlearned), len(retrains))
    if models < config.models:
        return math.nan
    return float(divergence_of_margins(unlearned[:models], retrains[:models]).mean())


def divergence_of_margins(a: np.ndarray, b: np.ndarray) -> Floats:
    """(n,) KL(a || b) in nats of the histograms of margins (m, n) of each sample over m models.

        KL = sum over bins of p log(p / max(q, 1e-5))

    with 20 bins of equal width over the joint range of both, after clipping to [-100, 100]. 0 where
    all margins are equal; NaN for a sample with a margin that is not a number. Source: Georgiev et
    al. 2024, KLoM; constants as in their code.

    >>> divergence_of_margins(np.array([[0.0], [1.0]]), np.array([[1.0], [0.0]]))
    array([0.])
    """
    pairs = zip(np.clip(a, -CLIP, CLIP).T, np.clip(b, -CLIP, CLIP).T, strict=True)
    return np.array([_divergence(p, q) for p, q in pairs])


def _divergence(a: np.ndarray, b: np.ndarray) -> float:
    low, high = min(a.min(), b.min()), max(a.max(), b.max())
    if not low < high:
        return 0.0 if low == high else math.nan
    p, q = (np.histogram(one, BINS, (low, high))[0] / len(one) for one in (a, b))
    occupied = p > 0
    return float((p[occupied] * np.log(p[occupied] / np.maximum(q[occupied], LEAST))).sum())
