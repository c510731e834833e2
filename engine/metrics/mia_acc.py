"""MIA accuracy: share of forget samples that a membership inference attack calls non-members.

An SVM learns to separate members (training samples) from non-members by one feature, the model's
probability of the true class; the measure is the percentage of S_f that it calls non-members.
Source: Hsu et al. 2025, measures. Classes are balanced, as in the attacks of Unlearn-Saliency and
of Foster et al. 2024: if four in five samples were members, calling everything a member would be
hard to beat, and good models would score 0.
"""

from __future__ import annotations

import math
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
    "forget samples that a membership inference attack on the probability of the true class calls "
    "non-members",
    "an SVM on at most a few thousand probabilities: up to one or two seconds",
)  # fmt: skip


@dataclass(frozen=True)
class MIA:
    """The training samples of the attack."""

    balanced: bool = setting(
        True,
        help="train the attack on equally many members and non-members, drawn by the seed; "
        "off: all of them",
    )
    most: int = setting(
        5000,
        help="maximum number of training samples of the attack, drawn at random if there are more; "
        "an SVM takes quadratic time",
        unit="samples",
        low=2,
        high=100_000,
    )


UNSTATED = MIA(balanced=False)  # settings of older studies, which specify none


@dataclass(frozen=True, eq=False)
class Split:
    """Probabilities of the true class, each (n,): of members, of non-members, and to be judged."""

    members: np.ndarray
    nonmembers: np.ndarray
    judged: np.ndarray


@measure(METRIC, config=MIA, kept=True)
def mia_acc(case: Case, config: MIA) -> float:
    """Percent of forget samples that are called non-members.

    Sample unlearning: S_r are members, the test set non-members, S_f is judged. Class unlearning:
    S_r are members, a random half of S_f non-members, and the other half is judged. If balanced,
    the larger group is subsampled to the size of the smaller, at most `config.most` in total. NaN
    where there are no samples of one kind.
    """
    split = split_of(case)
    if not all(map(len, (split.members, split.nonmembers, split.judged))):
        return math.nan
    split = _subsampled(split, config, case.seed)
    return called_nonmembers(split)


def split_of(case: Case) -> Split:
    """Members, non-members and judged samples; the seed splits a forgotten class in halves."""
    train = np.exp(log_confidence(case.train_logits, case.train_y))
    test = np.exp(log_confidence(case.test_logits, case.test_y))
    if not _is_class_unlearning(case):
        return Split(train[case.retain], test, train[case.forget])
    order = numpy_generator(case.seed, "mia", "held out").permutation(np.sort(case.forget))
    half = len(order) // 2
    return Split(train[case.retain], train[order[:half]], train[order[half:]])


def called_nonmembers(split: Split) -> float:
    """Percent of `split.judged` that an SVM fitted to the other two calls non-members."""
    attack = fitted_svm(split.members, split.nonmembers)
    return float(100 * np.mean(attack.predict(split.judged[:, None]) == 0))


def fitted_svm(members: np.ndarray, nonmembers: np.ndarray) -> SVC:
    """The paper's SVM, fitted to separate probabilities of members (n,) from non-members' (m,).

    It predicts 1 for members; its decision_function of (k, 1) probabilities is positive there.
    """
    from sklearn.svm import SVC

    features = np.concatenate([members, nonmembers])[:, None]
    labels = np.repeat([1, 0], [len(members), len(nonmembers)])
    return SVC(C=C, gamma="auto", kernel="rbf").fit(features, labels)


def _is_class_unlearning(case: Case) -> bool:
    """Whether the forget set is exactly one class, of at least two samples."""
    forgotten = np.unique(case.train_y[case.forget])
    retained = np.unique(case.train_y[case.retain])
    return len(forgotten) == 1 and forgotten[0] not in retained and len(case.forget) > 1


def _subsampled(split: Split, config: MIA, seed: int) -> Split:
    """The split, subsampled to the training samples that the settings allow."""
    sizes = np.array([len(split.members), len(split.nonmembers)])
    if config.balanced:
        sizes = np.minimum(sizes, min(sizes.min(), config.most // 2))
    elif sizes.sum() > config.most:
        sizes = np.maximum(1, np.round(sizes * config.most / sizes.sum()).astype(int))
    return Split(
        _subsample(split.members, int(sizes[0]), seed, "seen"),
        _subsample(split.nonmembers, int(sizes[1]), seed, "unseen"),
        split.judged,
    )


def _subsample(values: np.ndarray, count: int, seed: int, salt: str) -> np.ndarray:
    if count >= len(values):
        return values
    return numpy_generator(seed, "mia", salt).choice(values, count, replace=False)
