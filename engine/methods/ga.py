"""GA: climb the loss of the forget set."""

from __future__ import annotations

from dataclasses import dataclass

from engine.methods.base import Problem
from engine.models.base import Classifier
from engine.registry import register
from engine.spec import SGDSpec, TrainSpec, setting, setting_of
from engine.train import Pass, cost_of_training, descend


@dataclass(frozen=True)
class GA(SGDSpec):
    """Gradient ascent on S_f; defaults of the residual-knowledge paper.

    At lr 1e-5 with clipping at 1 a step moves the weights by at most 1e-5 in L2: expect a model
    close to the Original.
    """

    epochs: int = setting_of(SGDSpec, "epochs", 1)
    lr: float = setting_of(SGDSpec, "lr", 1e-5)
    weight_decay: float = setting_of(SGDSpec, "weight_decay", 1e-4)
    schedule: str = setting_of(SGDSpec, "schedule", "constant")
    clip: float = setting_of(SGDSpec, "clip", 1.0)
    batch_norm: str = setting(
        "train",
        help="running statistics: updated from the batches (train) or frozen (eval)",
        choices=("train", "eval"),
    )


def cost(config: GA, n_retain: int, n_forget: int, train: TrainSpec) -> float:
    """Sample passes of the epochs over S_f."""
    return cost_of_training(config, n_forget)


@register(
    "method",
    "ga",
    label="GA",
    help="Ascend the loss of S_f. Cost: 1 forward + 1 backward x epochs x |S_f|.",
    config=GA,
    cost=cost,
    source="Hsu et al. 2025, baselines; gradient ascent",
)
def unlearn(problem: Problem, config: GA) -> Classifier:
    """The Original after `config.epochs` of ascent on the cross-entropy of S_f."""
    model = problem.start()
    sweep = Pass(lambda net, step: -problem.loss_on(net, step.batch), problem.forget)
    descend(
        model,
        lambda epoch: [sweep],
        config,
        seed=problem.seed,
        salt="ga",
        report=problem.report,
        resume=problem.resume,
        batch_norm=config.batch_norm,
    )
    return model
