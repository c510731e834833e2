"""Jensen-Shannon divergence between a model's outputs on the forget set and Re-train's.

Unlike accuracies it sees the whole predicted distribution, sample by sample. Between two Re-trains
it is not 0 either: their value is the floor below which no difference can be found.
"""

from __future__ import annotations

import math

import numpy as np

from engine.arrays import Floats
from engine.metrics.base import Case, Metric, Nothing, log_probabilities, measure

METRIC = Metric(
    "js_divergence", "JSD", "bits", "down",
    "Jensen-Shannon divergence of the outputs on the forget set from Re-train's, in bits (0 to 1): "
    "mean over samples and Re-trains",
    "none: stored outputs", digits=3, further=True,
)  # fmt: skip


@measure(METRIC)
def js_divergence(case: Case, config: Nothing) -> float:
    """Mean over S_f and over the Re-trains, in bits; a Re-train is compared with the others.

    The Re-trains' value is the mean over all pairs of them. NaN without another Re-train.
    """
    own = case.train_logits[case.forget]
    means = [divergence(own, logits[case.forget]).mean() for logits in case.retrains]
    return float(np.mean(means)) if means else math.nan


def divergence(a: np.ndarray, b: np.ndarray) -> Floats:
    """(n,) divergence in bits of the distributions under logits a, b (n, K): 0 equal, 1 disjoint.

        JSD = (KL(p || m) + KL(q || m)) / 2,   m = (p + q) / 2

    Source: Lin 1991.

    >>> first, second = np.array([[9.0, 9.0], [99.0, 0.0]]), np.array([[0.0, 0.0], [0.0, 99.0]])
    >>> divergence(first, second).round(6)
    array([0., 1.])
    """
    log_p, log_q = log_probabilities(a), log_probabilities(b)
    log_m = np.logaddexp(log_p, log_q) - math.log(2)
    nats = (_kl(log_p, log_m) + _kl(log_q, log_m)) / 2
    return np.asarray(np.maximum(0.0, nats / math.log(2)))  # rounding may leave it below 0


def _kl(log_p: np.ndarray, log_m: np.ndarray) -> Floats:
    """(n,) KL divergence in nats of log-probabilities (n, K); a class of probability 0 adds 0."""
    with np.errstate(invalid="ignore"):  # of -inf - -inf
        logs = np.where(np.isneginf(log_p), 0.0, log_p - log_m)
    return np.asarray((np.exp(log_p) * logs).sum(1))
