"""Re-learn time from a few forget samples: do k of them bring back the others?

Source: arXiv 2505.22310, held-out forget samples. The loss is that of the forget samples which
are not trained on: memorizing the k again is no evidence, recalling the others is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.arrays import Integers
from engine.metrics.base import Case, Metric, measure
from engine.metrics.relearn_epochs import MOST, RelearnEpochs, epochs_to
from engine.runtime.seeds import numpy_generator
from engine.spec import setting

METRIC = Metric(
    "relearn_few", "Re-learn (few)", "epochs", "retrain",
    "epochs of fine-tuning on k samples of S_f until CE(the others) <= 1.05 x the Original's",
    "1 forward + 1 backward x up to 30 epochs x k samples",
    trains=True, most=MOST, digits=1, further=True,
)  # fmt: skip


@dataclass(frozen=True)
class RelearnFew(RelearnEpochs):
    """Settings of re-learning on a few forget samples."""

    data: str = setting("few", help="samples of an epoch: some of S_f", choices=("few",))
    samples: int = setting(
        10, help="k, the number of forget samples trained on; the others are judged",
        unit="samples", low=1, high=1_000_000,
    )  # fmt: skip


@measure(METRIC, config=RelearnFew, kept=True)
def relearn_few(case: Case, config: RelearnFew) -> float:
    """Epochs needed; 31 (shown as >30) if thirty do not suffice.

    NaN if S_f has no more than k samples, so that no other is left to judge by.
    """
    _, others = shared_out(case.forget, config.samples, case.seed)
    return epochs_to(case, config, others) if len(others) else float("nan")


def shared_out(forget: np.ndarray, samples: int, seed: int) -> tuple[Integers, Integers]:
    """The forget samples trained on (k,) and judged (n_f - k,), ascending; drawn by the seed.

    The draw is the study's, the same for all of its models.
    """
    order = numpy_generator(seed, "relearn", "few").permutation(np.unique(forget))
    return np.sort(order[:samples]), np.sort(order[samples:])
