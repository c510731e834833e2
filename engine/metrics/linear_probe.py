"""Linear probe: how much of the forget set a new last layer recognizes from a model's features.

Methods that change the last layer hide what the layers before it still know. A logistic regression
is fitted to the penultimate features of retain samples and judged on forget samples: more correct
than with Re-train's features means that traces are left in them. Source: arXiv 2604.08271 and
2605.20282, linear-probe recovery against Re-train's own features.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engine.metrics.base import Case, Metric, measure
from engine.runtime.seeds import numpy_generator
from engine.spec import setting

METRIC = Metric(
    "linear_probe", "Linear probe", "%", "retrain",
    "forget samples that a logistic regression recognizes, fitted to the model's penultimate "
    "features of retain samples",
    "one pass over retain and forget samples, and a logistic regression",
    trains=True, further=True,
)  # fmt: skip
STEPS = 2000  # of the solver, at most


@dataclass(frozen=True)
class LinearProbe:
    """Training samples and penalty of the logistic regression."""

    most: int = setting(
        5000, help="maximum number of retain samples it is fitted to, drawn by the seed",
        unit="samples", low=2, high=1_000_000,
    )  # fmt: skip
    c: float = setting(
        1.0, help="inverse strength of the L2 penalty on standardized features",
        low=0.0, high=1e6, exclusive_low=True,
    )  # fmt: skip


@measure(METRIC, config=LinearProbe, kept=True)
def linear_probe(case: Case, config: LinearProbe) -> float:
    """Percent of the forget samples that the probe classifies correctly.

    Forget samples of classes that are not retained are left out: no probe could name them. NaN if
    none is left, as in class unlearning, if fewer than two classes are retained, or if the model's
    features are not finite.
    """
    fitted, judged = _rows(case, config)
    if not len(judged) or len(np.unique(case.train_y[fitted])) < 2:
        return math.nan
    features = case.features(np.concatenate([fitted, judged]))
    if not np.isfinite(features).all():
        return math.nan
    x, own = features[: len(fitted)], features[len(fitted) :]
    return recovered(x, case.train_y[fitted], own, case.train_y[judged], config.c)


def recovered(
    x: np.ndarray, y: np.ndarray, judged: np.ndarray, judged_y: np.ndarray, c: float = 1.0
) -> float:
    """Percent of `judged` (j, F) whose classes (j,) a probe fitted to x (n, F), y (n,) names.

    Features are standardized by the mean and deviation of x; constant ones are left out.
    """
    from sklearn.linear_model import LogisticRegression

    wide = x.astype(np.float64)
    center, width = wide.mean(0), wide.std(0)
    varying = width > 0
    if not varying.any():
        return 100 * float((judged_y == np.bincount(y).argmax()).mean())
    fitted = LogisticRegression(C=c, max_iter=STEPS).fit(
        ((wide - center) / np.where(varying, width, 1))[:, varying], y
    )
    scaled = ((judged - center) / np.where(varying, width, 1))[:, varying]
    return 100 * float((fitted.predict(scaled) == judged_y).mean())


def _rows(case: Case, config: LinearProbe) -> tuple[np.ndarray, np.ndarray]:
    """The retain samples that the probe is fitted to, and the forget samples it is judged on."""
    fitted = case.retain
    if len(fitted) > config.most:
        rng = numpy_generator(case.seed, "linear probe")
        fitted = np.sort(rng.choice(fitted, config.most, replace=False))
    known = np.isin(case.train_y[case.forget], np.unique(case.train_y[fitted]))
    return fitted, case.forget[known]
