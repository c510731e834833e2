"""How SCRUB unlearns; the package describes it without importing torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from engine.methods._distill import kl
from engine.methods._sweep import logits_at
from engine.methods._tuning import tune
from engine.methods.base import Problem
from engine.methods.scrub import SCRUB, milestones
from engine.models.base import Classifier
from engine.training.sgd import Loss, Pass, Step


def unlearn(problem: Problem, config: SCRUB) -> Classifier:
    """The Original after alternating ascent on KL over S_f and descent over S_r.

    With batch norm in eval mode (batch_norm = eval) the first ascent has no gradient, since student
    and teacher still agree. Raises SpecError if `milestones` is not a list of epochs.
    """
    after = milestones(config.milestones)
    teacher = teacher_logits(problem)
    return tune(
        problem,
        config,
        plan(problem, config, teacher),
        "scrub",
        lr_of_epoch=lambda epoch: rate(config.lr, after, epoch),
    )


def teacher_logits(problem: Problem) -> Tensor:
    """The Original's logits (n, K) on all of S; 0 for samples in neither S_r nor S_f."""
    chosen = torch.cat([problem.retain, problem.forget])
    logits = logits_at(problem.original.eval(), problem, chosen)
    table = logits.new_zeros(len(problem.samples), logits.shape[1])
    table[chosen] = logits
    return table


def plan(problem: Problem, config: SCRUB, teacher: Tensor) -> Callable[[int], Sequence[Pass]]:
    """The sweeps of each epoch (from 0): away from the teacher on S_f, then back on S_r."""
    ascent = Pass(leave(problem, config, teacher), problem.forget, batch=config.forget_batch)
    descent = Pass(stay(problem, config, teacher), problem.retain)
    return lambda epoch: [ascent, descent] if epoch < config.max_epochs else [descent]


def leave(problem: Problem, config: SCRUB, teacher: Tensor) -> Loss:
    """-KL(teacher || student) of the step's batch."""

    def loss(model: nn.Module, step: Step) -> Tensor:
        logits = model(problem.samples.pixels(step.batch))
        return -kl(logits, teacher[step.batch], config.temperature)

    return loss


def stay(problem: Problem, config: SCRUB, teacher: Tensor) -> Loss:
    """gamma CE + alpha KL(teacher || student) of the step's batch."""

    def loss(model: nn.Module, step: Step) -> Tensor:
        logits = model(problem.samples.pixels(step.batch))
        ce = cross_entropy(logits, problem.samples.y[step.batch])
        return config.gamma * ce + config.alpha * kl(
            logits, teacher[step.batch], config.temperature
        )

    return loss


def rate(lr: float, after: Sequence[int], epoch: int) -> float:
    """Learning rate of an epoch (from 0): divided by 10 at every milestone before it."""
    return lr * 0.1 ** sum(milestone < epoch + 1 for milestone in after)
