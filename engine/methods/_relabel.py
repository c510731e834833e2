"""Fine-tuning with random labels for the forget samples (shared by random labels and SalUn)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from engine.methods._settings import RelabelTuning
from engine.methods._tuning import fit
from engine.methods.base import Problem
from engine.runtime.seeds import generator
from engine.training.sgd import Pass, Step


def relabel_plan(problem: Problem, config: RelabelTuning) -> Callable[[int], Sequence[Pass]]:
    """Each epoch: S_f with random labels, then S_r with the true ones."""

    def mislabeled_loss(model: nn.Module, step: Step) -> Tensor:
        labels = random_labels(problem, step, config.labels)
        return cross_entropy(model(problem.samples.pixels(step.batch)), labels)

    plan = [Pass(mislabeled_loss, problem.forget), Pass(fit(problem), problem.retain)]
    return lambda epoch: plan


def random_labels(problem: Problem, step: Step, labels: str) -> Tensor:
    """(n,) labels for the step's batch, uniform over all classes or all but the true one."""
    y, k = problem.samples.y[step.batch], problem.samples.n_classes
    rng = generator(problem.seed, "labels", step.number, device=y.device)
    if labels == "any":
        return torch.randint(0, k, y.shape, generator=rng, device=y.device)
    return (y + torch.randint(1, k, y.shape, generator=rng, device=y.device)) % k
