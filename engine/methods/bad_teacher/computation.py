"""How Bad Teacher unlearns; the package describes it without importing torch."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import softmax

from engine.methods._distill import kl_to
from engine.methods._sweep import logits_at
from engine.methods._tuning import tune
from engine.methods.bad_teacher import BadTeacher, retain_count
from engine.methods.base import Problem
from engine.models.base import Classifier
from engine.runtime.seeds import generator
from engine.training.sgd import Loss, Pass, Step


def unlearn(problem: Problem, config: BadTeacher) -> Classifier:
    """The Original after distillation from both teachers, mixed in random batches."""
    rng = generator(problem.seed, "bad-teacher", device=problem.device)
    order = torch.randperm(len(problem.retain), generator=rng, device=problem.device)
    retain = problem.retain[order[: retain_count(config, len(problem.retain))]]
    target = targets(problem, retain)
    sweep = Pass(objective(problem, target), torch.cat([problem.forget, retain]))
    return tune(problem, config, lambda epoch: [sweep], "bad-teacher", optimizer="adam")


def targets(problem: Problem, retain: Tensor) -> Tensor:
    """Target probabilities (n, K): a random network's on S_f, the Original's on `retain`."""
    random = problem.fresh("bad-teacher").eval()
    bad = softmax(logits_at(random, problem, problem.forget), dim=1)
    table = bad.new_zeros(len(problem.samples), bad.shape[1])
    table[problem.forget] = bad
    if len(retain):
        table[retain] = softmax(logits_at(problem.original.eval(), problem, retain), dim=1)
    return table


def objective(problem: Problem, target: Tensor) -> Loss:
    """KL(target || student) of the step's batch, averaged over samples and classes."""

    def loss(model: nn.Module, step: Step) -> Tensor:
        return kl_to(model(problem.samples.pixels(step.batch)), target[step.batch])

    return loss
