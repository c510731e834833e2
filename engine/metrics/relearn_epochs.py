"""Re-learn time: epochs until a model has learned the forget set again; few betray traces of it.

Source: Hsu et al. 2025, measures: epochs until loss(m, S_f) <= 1.05 loss(Original, S_f), '>30'
past thirty. The paper does not specify the data of an epoch; here it is a setting.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.metrics.base import Case, Metric, log_confidence, measure
from engine.spec import SGDSpec, setting, setting_of

MOST = 30
SLACK = 1.05
METRIC = Metric(
    "relearn_epochs", "Re-learn", "epochs", "retrain",
    "epochs of fine-tuning until CE(S_f) <= 1.05 x the Original's CE(S_f)",
    "1 forward + 1 backward x up to 30 epochs x |S| (or |S_f|)", trains=True, most=MOST,
)  # fmt: skip


@dataclass(frozen=True)
class RelearnEpochs:
    """Settings of re-learning: SGD at a constant rate with frozen running statistics."""

    data: str = setting(
        "all",
        help="samples of an epoch. all: the training set S; forget: S_f alone",
        choices=("all", "forget"),
    )
    lr: float = setting_of(SGDSpec, "lr", 0.01)
    momentum: float = setting_of(SGDSpec, "momentum", 0.9)
    weight_decay: float = setting_of(SGDSpec, "weight_decay", 0.0)
    batch: int = setting_of(SGDSpec, "batch", 128)


@measure(METRIC, config=RelearnEpochs, kept=True)
def relearn_epochs(case: Case, config: RelearnEpochs) -> float:
    """Epochs needed; 0 if nothing was forgotten, 31 (shown as >30) if thirty do not suffice."""
    return epochs_to(case, config, case.forget)


def epochs_to(case: Case, config: RelearnEpochs, judged: np.ndarray) -> float:
    """Epochs until the loss on the training samples `judged` (j,) is within 5 % of the Original's.

    case.relearn yields the losses on these samples; 31 if thirty epochs do not suffice.
    """
    rows, y = case.original_logits[judged], case.train_y[judged]
    goal = SLACK * float(-log_confidence(rows, y).mean())
    for epochs, loss in enumerate(case.relearn(config)):
        if loss <= goal:
            return float(epochs)
    return float(MOST + 1)
