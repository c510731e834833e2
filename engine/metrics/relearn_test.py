"""Re-learn time on test data: do fresh samples of the same kind bring the forget set back?

Source: arXiv 2505.22310, on data that neither the Original nor the method has seen.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.metrics.base import Case, Metric, measure
from engine.metrics.relearn_epochs import MOST, RelearnEpochs, epochs_to
from engine.spec import setting

METRIC = Metric(
    "relearn_test", "Re-learn (test)", "epochs", "retrain",
    "epochs of fine-tuning on the test set until CE(S_f) <= 1.05 x the Original's CE(S_f)",
    "1 forward + 1 backward x up to 30 epochs x test samples",
    trains=True, most=MOST, digits=1, further=True,
)  # fmt: skip


@dataclass(frozen=True)
class RelearnTest(RelearnEpochs):
    """Settings of re-learning on the test set."""

    data: str = setting("test", help="samples of an epoch: the test set", choices=("test",))


@measure(METRIC, config=RelearnTest, kept=True)
def relearn_test(case: Case, config: RelearnTest) -> float:
    """Epochs needed; 31 (shown as >30) if thirty do not suffice, NaN without test samples."""
    return epochs_to(case, config, case.forget) if len(case.test_y) else float("nan")
