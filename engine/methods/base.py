"""What every unlearning method is given, and the few moves that several of them share."""

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

    original: the trained model, never changed by a method; samples: the training set S on the
    model's device; retain, forget: (n_r,), (n_f,) int64 indices of S_r and S_f; fresh(salt): a
    new model of the same architecture with other random weights; initial: the weights the
    Original started from; train: the settings it was trained with; beginning(salt): what training
    starts from where that is not fresh(salt), such as a pre-trained network with a fresh head.
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
        """Where model and samples lie."""
        return self.samples.device

    def start(self) -> Classifier:
        """A copy of the Original that a method may change."""
        return copy.deepcopy(self.original)

    def loss_on(self, model: nn.Module, batch: Tensor) -> Tensor:
        """Mean cross-entropy of the samples at `batch`."""
        return cross_entropy(model(self.samples.pixels(batch)), self.samples.y[batch])

    def lost_class(self) -> int | None:
        """The class that is forgotten as a whole (class unlearning), or None."""
        kept = set(self.samples.y[self.retain].unique().tolist())
        gone = set(self.samples.y[self.forget].unique().tolist())
        lost = gone - kept
        return lost.pop() if len(lost) == 1 and len(gone) == 1 else None
