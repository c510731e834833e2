"""Per-sample data: class, the predictions of each model, residual knowledge and verdict.

One array per quantity, over all samples (training samples, then test samples), so that grids and
tables can sort, filter and caption by any of them. Plain numpy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from engine.analysis import ranking
from engine.arrays import Floats, Mask
from engine.metrics.base import cross_entropy
from engine.residual.verdict import verdicts_given
from engine.results import ModelResult, Recognition, Residual

_OVER_MODELS: Mapping[str, Callable[[Residual, tuple[str, ...]], np.ndarray]] = {
    "ratio": ranking.worst_ratio,
    "verdict": ranking.worst_verdict,
    "q": ranking.least_q_value,
    "radius": ranking.largest_radius,
}
ANY = "any"  # in place of a model: the worst over the methods


@dataclass(frozen=True, eq=False)
class ModelPredictions:
    """Predictions of one model: logits (n, K), and the true classes (n,) of the samples."""

    logits: np.ndarray
    labels: np.ndarray

    @cached_property
    def predicted(self) -> NDArray[np.intp]:
        """(n,) the class with the largest logit."""
        return np.asarray(self.logits.argmax(1), np.intp)

    @cached_property
    def right(self) -> Mask:
        """(n,) whether the prediction is the true class."""
        return np.asarray(self.predicted == self.labels)

    @cached_property
    def loss(self) -> Floats:
        """(n,) cross-entropy in nats."""
        return cross_entropy(self.logits, self.labels)

    @cached_property
    def confidence(self) -> Floats:
        """(n,) probability of the true class, in [0, 1]."""
        probability: Floats = np.exp(-self.loss)
        return probability

    def certainty(self, sample: int) -> float:
        """Probability of the predicted class of one sample, in [0, 1]."""
        own = self.logits[sample].astype(np.float64)
        return float(1 / np.exp(own - own.max()).sum())


class SampleTable:
    """Per-sample arrays of a study, computed on first use and cached while they are valid."""

    def __init__(self, labels: np.ndarray, trained: int) -> None:
        """labels: (n + m,) classes of n = `trained` training samples, then of m test samples."""
        self.labels, self.trained = labels, trained
        self.models: Mapping[str, ModelResult] = {}
        self.residual: Residual | None = None
        self._answers: dict[str, tuple[ModelResult, ModelPredictions]] = {}
        self._recognized: dict[str, tuple[ModelResult | None, Recognition]] = {}
        self._kept: dict[tuple[str, str], Floats] = {}

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.labels)

    # -- updates --------------------------------------------------------------------------
    def learn_models(self, models: Mapping[str, ModelResult]) -> None:
        """Set the current models; predictions of unchanged ones stay cached."""
        self.models = models
        self._answers = {
            name: cached for name, cached in self._answers.items() if models.get(name) is cached[0]
        }
        self._recognized = {
            name: cached
            for name, cached in self._recognized.items()
            if models.get(name) is cached[0]
        }

    def learn_residual(self, residual: Residual | None) -> None:
        """Set the residual knowledge measured so far."""
        if residual is not self.residual:
            self.residual = residual
            self._kept.clear()
            self._recognized.clear()  # may belong to another forget set

    def learn_recognition(self, search: Recognition) -> None:
        """Add the smallest-tau search of one model."""
        self._recognized[search.model] = (self.models.get(search.model), search)

    # -- queries --------------------------------------------------------------------------
    def answers(self, model: str) -> ModelPredictions | None:
        """Predictions of a model on every sample; None if it has none for these samples."""
        result = self.models.get(model)
        if result is None:
            return None
        if model not in self._answers:
            logits = np.concatenate([result.train_logits, result.test_logits])
            if len(result.train_logits) != self.trained or len(logits) != len(self):
                return None
            self._answers[model] = (result, ModelPredictions(logits, self.labels))
        return self._answers[model][1]

    def recognition(self, model: str) -> Recognition | None:
        """The smallest-tau search of a model; None until it has been run."""
        cached = self._recognized.get(model)
        return cached[1] if cached else None

    def measured(self) -> tuple[str, ...]:
        """The models with measured residual knowledge: Original and the methods."""
        return tuple(self.residual.curves) if self.residual is not None else ()

    def ratio(self, model: str) -> Floats | None:
        """(n + m,) largest r over tau, of ANY method or of one model; NaN where undefined."""
        return self._spread("ratio", model)

    def ratio_at(self, model: str, column: int) -> Floats | None:
        """(n + m,) r at the norm number `column`, the largest of ANY method or of one model."""
        residual = self.residual
        if residual is None or (model != ANY and model not in residual.curves):
            return None
        names = ranking.measured_methods(residual) if model == ANY else (model,)
        ratios = np.stack([residual.ratio(name)[:, column] for name in names])
        largest = np.where(np.isfinite(ratios), ratios, -np.inf).max(0)
        values = np.where(np.isfinite(largest), largest, np.nan)
        return ranking.values_by_sample(values, residual.samples, len(self))

    def verdict(self, model: str) -> Floats | None:
        """(n + m,) verdict over all tau (see engine.residual.verdict), NaN where not measured.

        Also None where no verdicts are given.
        """
        if self.residual is not None and not verdicts_given(self.residual):
            return None
        return self._spread("verdict", model)

    def q_value(self, model: str) -> Floats | None:
        """(n + m,) q-value, the smallest of ANY method or of one model; NaN where there is none."""
        return self._spread("q", model)

    def certified_radius(self, model: str) -> Floats | None:
        """(n + m,) certified radius, the largest of ANY method or of one model; NaN without one."""
        return self._spread("radius", model)

    def smallest_tau(self, model: str) -> Floats | None:
        """(n + m,) smallest tau at which the model recognizes a sample again.

        inf where it does not do so within the limit of the search, NaN where not searched.
        """
        search = self.recognition(model)
        if search is None:
            return None
        taus = np.where(np.isnan(search.taus), np.inf, search.taus)
        return ranking.values_by_sample(taus, search.samples, len(self))

    def is_measured(self, sample: int) -> bool:
        """Whether r was measured for a sample, even if it is undefined."""
        return self.residual is not None and bool((self.residual.samples == sample).any())

    def _spread(self, quantity: str, model: str) -> Floats | None:
        residual = self.residual
        if residual is None or (model != ANY and model not in residual.curves):
            return None
        if (quantity, model) not in self._kept:
            names = ranking.measured_methods(residual) if model == ANY else (model,)
            values = _OVER_MODELS[quantity](residual, names)
            self._kept[quantity, model] = ranking.values_by_sample(
                values, residual.samples, len(self)
            )
        return self._kept[quantity, model]
