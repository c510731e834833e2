"""MIA accuracy: a membership inference attack that asks which forget samples look unseen.

An SVM learns to tell seen from unseen samples by one number, the model's probability of the true
class; the figure is the percent of S_f it calls unseen. Source: Hsu et al. 2025, measures; equally
many of both, as the attacks of Unlearn-Saliency and of Foster et al. 2024 have them: where four in
five are seen, calling everything seen is hard to beat, and the figure of good models is 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.metrics.base import Case, Metric, log_confidence, measure
from engine.runtime.seeds import numpy_generator
from engine.spec import setting

if TYPE_CHECKING:
    from sklearn.svm import SVC

C = 3.0  # of the paper, with gamma="auto" (1 for one feature) and the rbf kernel
METRIC = Metric(
    "mia_acc", "MIA", "%", "retrain",
    "forget samples that a membership attack on the probability of the true class calls unseen",
    "an SVM on at most some thousand probabilities: below a second or two",
)  # fmt: skip


@dataclass(frozen=True)
class MIA:
    """Which samples the attack learns from."""

    balanced: bool = setting(
        True, help="equally many seen and unseen samples, drawn by the seed; off: as there are"
    )
    most: int = setting(
        5000,
        help="samples to learn from; more are drawn from, because an SVM's time is quadratic",
        unit="samples",
        low=2,
        high=100_000,
    )


UNSTATED = MIA(balanced=False)  # what studies have that do not say how: older ones


@dataclass(frozen=True, eq=False)
class Split:
    """Probabilities of the true class, each (n,): to learn from as seen, as unseen, to judge."""

    seen: np.ndarray
    unseen: np.ndarray
    judged: np.ndarray


@measure(METRIC, config=MIA, kept=True)
def mia_acc(case: Case, config: MIA) -> float:
    """Percent of forget samples that are called unseen.

    Sample unlearning: S_r is seen, the test set unseen, S_f judged. Class unlearning: S_r is
    seen, a random half of S_f unseen, and the other half judged. If balanced, as many are drawn
    of the larger side as the other has, at most `config.most` in all.
    """
    split = _reduced(split_of(case), config, case.seed)
    return called_unseen(split)


def split_of(case: Case) -> Split:
    """Who is seen, unseen and judged; which half of a forgotten class is judged, the seed says."""
    train = np.exp(log_confidence(case.train_logits, case.train_y))
    test = np.exp(log_confidence(case.test_logits, case.test_y))
    if not _is_class_unlearning(case):
        return Split(train[case.retain], test, train[case.forget])
    order = numpy_generator(case.seed, "mia", "held out").permutation(np.sort(case.forget))
    half = len(order) // 2
    return Split(train[case.retain], train[order[:half]], train[order[half:]])


def called_unseen(split: Split) -> float:
    """Percent of `split.judged` that an SVM taught with the other two calls unseen."""
    attacker = taught(split.seen, split.unseen)
    return float(100 * np.mean(attacker.predict(split.judged[:, None]) == 0))


def taught(seen: np.ndarray, unseen: np.ndarray) -> SVC:
    """The paper's SVM, fitted to tell the probabilities `seen` (n,) from `unseen` (m,).

    It predicts 1 for seen; its decision_function of (k, 1) probabilities is positive there.
    """
    from sklearn.svm import SVC

    features = np.concatenate([seen, unseen])[:, None]
    member = np.repeat([1, 0], [len(seen), len(unseen)])
    return SVC(C=C, gamma="auto", kernel="rbf").fit(features, member)


def _is_class_unlearning(case: Case) -> bool:
    """Whether one whole class, of two samples or more, is all that is forgotten."""
    gone = np.unique(case.train_y[case.forget])
    kept = np.unique(case.train_y[case.retain])
    return len(gone) == 1 and gone[0] not in kept and len(case.forget) > 1


def _reduced(split: Split, config: MIA, seed: int) -> Split:
    """The split with no more samples to learn from than the settings allow."""
    sizes = np.array([len(split.seen), len(split.unseen)])
    if config.balanced:
        sizes = np.minimum(sizes, min(sizes.min(), config.most // 2))
    elif sizes.sum() > config.most:
        sizes = np.maximum(1, np.round(sizes * config.most / sizes.sum()).astype(int))
    return Split(
        _some(split.seen, int(sizes[0]), seed, "seen"),
        _some(split.unseen, int(sizes[1]), seed, "unseen"),
        split.judged,
    )


def _some(values: np.ndarray, count: int, seed: int, salt: str) -> np.ndarray:
    if count >= len(values):
        return values
    return numpy_generator(seed, "mia", salt).choice(values, count, replace=False)
