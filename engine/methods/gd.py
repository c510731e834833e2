"""GD: go on training on the retain set alone (fine-tuning), hoping that the rest fades."""

from __future__ import annotations

from dataclasses import dataclass

from engine.methods.base import Problem
from engine.models.base import Classifier
from engine.registry import register
from engine.spec import SGDSpec, TrainSpec, setting, setting_of
from engine.train import Pass, cost_of_training, descend


@dataclass(frozen=True)
class GD(SGDSpec):
    """Gradient descent on S_r; defaults of the residual-knowledge paper."""

    epochs: int = setting_of(SGDSpec, "epochs", 10)
    lr: float = setting_of(SGDSpec, "lr", 0.01)
    weight_decay: float = setting_of(SGDSpec, "weight_decay", 1e-4)
    schedule: str = setting_of(SGDSpec, "schedule", "constant")
    batch_norm: str = setting(
        "train",
        help="running statistics: updated from the batches (train) or frozen (eval)",
        choices=("train", "eval"),
    )


def cost(config: GD, n_retain: int, n_forget: int, train: TrainSpec) -> float:
    """Sample passes of the epochs over S_r."""
    return cost_of_training(config, n_retain)


@register(
    "method",
    "gd",
    label="GD",
    help="Fine-tune on S_r. Cost: 1 forward + 1 backward x epochs x |S_r|.",
    config=GD,
    cost=cost,
    source="Hsu et al. 2025, baselines; fine-tuning",
)
def unlearn(problem: Problem, config: GD) -> Classifier:
    """The Original after `config.epochs` of descent on the cross-entropy of S_r."""
    model = problem.start()
    sweep = Pass(lambda net, step: problem.loss_on(net, step.batch), problem.retain)
    descend(
        model,
        lambda epoch: [sweep],
        config,
        seed=problem.seed,
        salt="gd",
        report=problem.report,
        resume=problem.resume,
        batch_norm=config.batch_norm,
    )
    return model
