"""Re-learn time: how fast a model learns the forget set again; a short time betrays traces.

Source: Hsu et al. 2025, measures: epochs until loss(m, S_f) <= 1.05 loss(Original, S_f), '>30'
past thirty. Which data the epochs run over is not said there; here it is a setting.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.metrics.base import Case, Metric, log_confidence, measure
from engine.spec import SGDSpec, setting, setting_of

MOST = 30
SLACK = 1.05
METRIC = Metric(
    "relearn_epochs", "Re-learn", "epochs", "retrain",
    "epochs of fine-tuning until the loss on S_f is within 5 % of the Original's",
    "1 forward + 1 backward x at most 30 epochs x |S| (or |S_f|)", trains=True, most=MOST,
)  # fmt: skip


@dataclass(frozen=True)
class RelearnEpochs:
    """How the model is fine-tuned, by SGD at a constant rate, running statistics frozen."""

    data: str = setting(
        "all",
        help="samples of an epoch: the whole training set S, or S_f alone",
        choices=("all", "forget"),
    )
    lr: float = setting_of(SGDSpec, "lr", 0.01)
    momentum: float = setting_of(SGDSpec, "momentum", 0.9)
    weight_decay: float = setting_of(SGDSpec, "weight_decay", 0.0)
    batch: int = setting_of(SGDSpec, "batch", 128)


@measure(METRIC, config=RelearnEpochs, kept=True)
def relearn_epochs(case: Case, config: RelearnEpochs) -> float:
    """Epochs needed; 0 where nothing was forgotten, 31 (shown as >30) where they do not suffice."""
    rows, y = case.original_logits[case.forget], case.train_y[case.forget]
    goal = SLACK * float(-log_confidence(rows, y).mean())
    for epochs, loss in enumerate(case.relearn(config)):
        if loss <= goal:
            return float(epochs)
    return float(MOST + 1)
