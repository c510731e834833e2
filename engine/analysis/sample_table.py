"""What is known of every sample: class, each model's answers, and what is left of it.

One array a question, over all samples counted through (training samples, then test samples), so
that grids and tables can sort, filter and caption by any of them. Plain numpy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from engine.analysis import ranking
from engine.arrays import Floats, Mask
from engine.metrics.base import cross_entropy
from engine.results import ModelResult, Recognition, Residual

ANY = "any"  # instead of a model: the worst of the methods


@dataclass(frozen=True, eq=False)
class Answers:
    """What one model says of the samples: logits (n, K) and the samples' classes (n,)."""

    logits: np.ndarray
    labels: np.ndarray

    @cached_property
    def predicted(self) -> NDArray[np.intp]:
        """(n,) the class with the largest logit."""
        return np.asarray(self.logits.argmax(1), np.intp)

    @cached_property
    def right(self) -> Mask:
        """(n,) whether that is the true class."""
        return np.asarray(self.predicted == self.labels)

    @cached_property
    def loss(self) -> Floats:
        """(n,) cross-entropy in nats."""
        return cross_entropy(self.logits, self.labels)

    @cached_property
    def confidence(self) -> Floats:
        """(n,) probability of the true class, in [0, 1]."""
        found: Floats = np.exp(-self.loss)
        return found

    def certainty(self, sample: int) -> float:
        """Probability of the class that is predicted for one sample, in [0, 1]."""
        own = self.logits[sample].astype(np.float64)
        return float(1 / np.exp(own - own.max()).sum())


class Evidence:
    """Every array is computed once, when it is first asked for, and kept while it is true."""

    def __init__(self, labels: np.ndarray, trained: int) -> None:
        """labels: (n + m,) classes of n = `trained` training samples, then of m test samples."""
        self.labels, self.trained = labels, trained
        self.models: Mapping[str, ModelResult] = {}
        self.residual: Residual | None = None
        self._answers: dict[str, tuple[ModelResult, Answers]] = {}
        self._recognized: dict[str, tuple[ModelResult | None, Recognition]] = {}
        self._kept: dict[tuple[str, str], Floats] = {}

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.labels)

    # -- what comes to be known -----------------------------------------------------------
    def learn_models(self, models: Mapping[str, ModelResult]) -> None:
        """The models there are now; answers of those that stayed are kept."""
        self.models = models
        self._answers = {
            name: kept for name, kept in self._answers.items() if models.get(name) is kept[0]
        }
        self._recognized = {
            name: kept for name, kept in self._recognized.items() if models.get(name) is kept[0]
        }

    def learn_residual(self, residual: Residual | None) -> None:
        """Residual knowledge as far as it is measured."""
        if residual is not self.residual:
            self.residual = residual
            self._kept.clear()
            self._recognized.clear()  # of another forget set, as far as anybody knows

    def learn_recognition(self, found: Recognition) -> None:
        """The smallest tau of one model."""
        self._recognized[found.model] = (self.models.get(found.model), found)

    # -- what is known --------------------------------------------------------------------
    def answers(self, model: str) -> Answers | None:
        """What a model says of every sample; None while it does not exist for these samples."""
        result = self.models.get(model)
        if result is None:
            return None
        if model not in self._answers:
            logits = np.concatenate([result.train_logits, result.test_logits])
            if len(result.train_logits) != self.trained or len(logits) != len(self):
                return None
            self._answers[model] = (result, Answers(logits, self.labels))
        return self._answers[model][1]

    def recognition(self, model: str) -> Recognition | None:
        """The search for the smallest tau of a model; None until somebody asked for it."""
        kept = self._recognized.get(model)
        return kept[1] if kept else None

    def measured(self) -> tuple[str, ...]:
        """The models whose residual knowledge is known: Original and the methods."""
        return tuple(self.residual.curves) if self.residual is not None else ()

    def ratio(self, model: str) -> Floats | None:
        """(n + m,) the largest r over tau, of ANY method or of one model; NaN where undefined."""
        return self._spread("ratio", model)

    def verdict(self, model: str) -> Floats | None:
        """(n + m,) engine.residual.verdict's verdict over all tau, NaN for what was not measured.

        None too where draws were adaptive: no verdict is given then.
        """
        if self.residual is not None and self.residual.withheld:
            return None
        return self._spread("verdict", model)

    def smallest_tau(self, model: str) -> Floats | None:
        """(n + m,) the smallest tau at which the model recognizes a sample again.

        inf where it does not up to the limit of the search, NaN for what was not searched.
        """
        found = self.recognition(model)
        if found is None:
            return None
        taus = np.where(np.isnan(found.taus), np.inf, found.taus)
        return ranking.placed(taus, found.samples, len(self))

    def is_measured(self, sample: int) -> bool:
        """Whether r was measured around a sample, even if it is undefined there."""
        return self.residual is not None and bool((self.residual.samples == sample).any())

    def _spread(self, what: str, model: str) -> Floats | None:
        residual = self.residual
        if residual is None or (model != ANY and model not in residual.curves):
            return None
        if (what, model) not in self._kept:
            names = ranking.judged(residual) if model == ANY else (model,)
            measure = ranking.worst_ratio if what == "ratio" else ranking.worst_verdict
            own = measure(residual, names)
            self._kept[what, model] = ranking.placed(own, residual.samples, len(self))
        return self._kept[what, model]
