"""Re-learn time on retain data alone: does training that never shows S_f bring it back?

Source: arXiv 2505.22310. A forget set that was only suppressed returns within a few epochs, one
that was never learned does not: Re-train stays at '>30'.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.metrics.base import Case, Metric, measure
from engine.metrics.relearn_epochs import MOST, RelearnEpochs, epochs_to
from engine.spec import setting

METRIC = Metric(
    "relearn_retain", "Re-learn (retain)", "epochs", "retrain",
    "epochs of fine-tuning on S_r alone until CE(S_f) <= 1.05 x the Original's CE(S_f)",
    "1 forward + 1 backward x up to 30 epochs x |S_r|",
    trains=True, most=MOST, digits=1, further=True,
)  # fmt: skip


@dataclass(frozen=True)
class RelearnRetain(RelearnEpochs):
    """Settings of re-learning on the retain set."""

    data: str = setting(
        "retain", help="samples of an epoch: the retain set S_r", choices=("retain",)
    )


@measure(METRIC, config=RelearnRetain, kept=True)
def relearn_retain(case: Case, config: RelearnRetain) -> float:
    """Epochs needed; 31 (shown as >30) if thirty do not suffice, NaN if nothing is retained."""
    return epochs_to(case, config, case.forget) if len(case.retain) else float("nan")
