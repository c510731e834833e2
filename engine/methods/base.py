"""The unlearning problem that every method receives, with operations that several share."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from engine.models.base import Classifier
from engine.runtime.device_samples import Samples
from engine.runtime.progress import Reporter
from engine.spec import TrainSpec
from engine.training.sgd import Resume


@dataclass(frozen=True, eq=False)
class Problem:
    """One unlearning task.

    original: the trained model, which a method must not change; samples: the training set S on the
    model's device; retain, forget: (n_r,), (n_f,) int64 indices of S_r and S_f; fresh(salt): a
    new model of the same architecture with other random weights; initial: the
    weights the Original started from; train: the settings it was trained with; beginning(salt):
    the model that training starts from where that is not fresh(salt), such as a pre-trained network
    with a fresh head.
    """

    original: Classifier
    samples: Samples
    retain: Tensor
    forget: Tensor
    seed: int
    train: TrainSpec
    fresh: Callable[[str], Classifier]
    initial: Callable[[], Classifier]
    beginning: Callable[[str], Classifier] | None = None
    report: Reporter = field(default_factory=Reporter)
    resume: Resume = field(default_factory=Resume)

    @property
    def device(self) -> torch.device:
        """The device of model and samples."""
        return self.samples.device

    def start(self) -> Classifier:
        """A copy of the Original that a method may change."""
        return copy.deepcopy(self.original)

    def loss_on(self, model: nn.Module, batch: Tensor) -> Tensor:
        """Mean cross-entropy of the samples at the indices `batch`."""
        return cross_entropy(model(self.samples.pixels(batch)), self.samples.y[batch])

    def lost_class(self) -> int | None:
        """The class that is forgotten entirely (class unlearning), or None."""
        retained = set(self.samples.y[self.retain].unique().tolist())
        forgotten = set(self.samples.y[self.forget].unique().tolist())
        lost = forgotten - retained
        return lost.pop() if len(lost) == 1 and len(forgotten) == 1 else None
