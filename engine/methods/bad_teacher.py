"""Bad Teacher: distill a random network on the forget set and the Original on the retain set."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import softmax

from engine.methods._distill import kl_to
from engine.methods._sweep import logits_at
from engine.methods._tuning import Tuning, tune
from engine.methods.base import Problem
from engine.models.base import Classifier
from engine.registry import register
from engine.runtime.seeds import generator
from engine.spec import TrainSpec, setting, setting_of
from engine.training.sgd import PASSES_PER_STEP, Loss, Pass, Step


@dataclass(frozen=True)
class BadTeacher(Tuning):
    """Settings of Bad Teacher; defaults of the code of Selective Synaptic Dampening.

    The optimizer is Adam; `momentum` is the decay rate of its first moment.
    """

    share: float = setting(
        0.3,
        label="Share of the retain set",
        help="share of the retain set used for distillation, drawn at random",
        low=0.0,
        high=1.0,
    )
    epochs: int = setting_of(Tuning, "epochs", 1)
    lr: float = setting_of(Tuning, "lr", 1e-4)
    weight_decay: float = setting_of(Tuning, "weight_decay", 0.0)
    batch: int = setting_of(Tuning, "batch", 256)


def cost(config: BadTeacher, n_retain: int, n_forget: int, train: TrainSpec) -> float:
    """Sample passes: the teachers once, the student in every epoch."""
    n = n_forget + retain_count(config, n_retain)
    return float(n + PASSES_PER_STEP * config.epochs * n)


@register(
    "method",
    "bad-teacher",
    label="Bad Teacher",
    help="Distill: minimize KL(teacher || student) to a random network on S_f and to the Original "
    "on a share of S_r. Cost: 1 forward of both by the teachers, then 1 forward + 1 backward x "
    "epochs.",
    config=BadTeacher,
    cost=cost,
    source="Chundawat et al. 2023, Bad Teacher",
)
def unlearn(problem: Problem, config: BadTeacher) -> Classifier:
    """The Original after distillation from both teachers, mixed in random batches."""
    rng = generator(problem.seed, "bad-teacher", device=problem.device)
    order = torch.randperm(len(problem.retain), generator=rng, device=problem.device)
    retain = problem.retain[order[: retain_count(config, len(problem.retain))]]
    target = targets(problem, retain)
    sweep = Pass(objective(problem, target), torch.cat([problem.forget, retain]))
    return tune(problem, config, lambda epoch: [sweep], "bad-teacher", optimizer="adam")


def retain_count(config: BadTeacher, n_retain: int) -> int:
    """Number of retain samples used for distillation."""
    return int(config.share * n_retain)


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
