"""U-LiRA and RMIA: scores that compare each sample with itself under reference models.

The false positive rate is counted on real non-members that are scored in the same way. So a high
rate of true positives is evidence with any number of OUT models, while a low one may be due to few:
with k of them the noise of their mean widens the distribution of the statistic by sqrt(1 + 1/k).
This project's rule: fewer than `CLAIM` OUT models (6 % wider) are no evidence of absence. The rates
need non-members as well: 100 for 1 % false positives, 1,000 for 0.1 %.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from engine.arrays import Floats, Integers
from engine.errors import SpecError
from engine.membership.references import Pairs, References
from engine.membership.scores import Score
from engine.metrics.base import log_odds
from engine.results import ModelResult

FEWEST_OUT = {"u-lira": 2, "rmia": 1}  # a variance needs two models, a mean one
PER_SAMPLE = 64  # OUT models from which a sample has a variance of its own; Carlini et al. 2022
CLAIM = 8  # OUT models from which a low rate of true positives counts as evidence
CERTAIN = 2.0  # standard errors from 0, beyond which a shift is used
LEAST = 1e-12  # variance, in case all OUT models are equal
GAMMA = 1.0  # of RMIA: any value ranks samples alike but for ties, and 1 leaves the fewest
OFFLINE = 0.3  # RMIA's a, which estimates the mean over IN models from that over OUT models


class ReferenceScores:
    """Scores of the samples of one attack by U-LiRA or RMIA.

    member, other: the reported (p,) and the held-out (h,) pairs, as places among the forget samples
    in ascending order and among the test samples; train_y (n_f,), test_y (m,): their true classes.
    """

    def __init__(
        self,
        score: Score,
        references: References,
        forget: Integers,
        reported: tuple[Integers, Integers],
        held_out: tuple[Integers, Integers],
        classes: tuple[np.ndarray, np.ndarray],
        attacked: Collection[str],
    ) -> None:
        """forget (n_f,): the members; attacked: keys of the attacked models, which are no
        references; classes: of all training and test samples. SpecError with too few references.
        """
        self._score, self._forget, self._classes = score, forget, classes
        self._references = references.without(attacked)
        self._parts = (reported, held_out)
        counts = np.array([one.counts for one in self._references.out]).reshape(-1, len(forget))
        self._out = int(counts.sum(0).min()) if counts.size else 0
        _require_enough(score, self._out)

    def of(self, model: ModelResult) -> tuple[Floats, Floats]:
        """Scores of the reported (2p,) and the held-out samples (2h,), members first."""
        train_y, test_y = self._classes
        inside = log_odds(model.train_logits[self._forget], train_y[self._forget])
        outside = log_odds(model.test_logits, test_y)
        reported, held_out = (
            Pairs.of(np.concatenate([inside[m], outside[o]]), m, o, self._references, model.name)
            for m, o in self._parts
        )
        if self._score.name == "u-lira":
            return u_lira(reported, held_out)
        z = self._population(len(test_y))
        if not len(z):
            raise SpecError(
                "RMIA compares with test samples that are not attacked themselves, but there is "
                "only one test sample. Choose another score."
            )
        return rmia(
            reported, held_out, outside[z], np.array([one.test[z] for one in self._references.out])
        )

    def note(self, model: str, null: Sequence[float]) -> str:
        """What the references of an attack on the model of that name are, in sentences.

        null: AUC of each Re-train judged by the others.
        """
        unlearned = bool(self._references.unlearned.get(model))
        inside = len(self._references.inside(model))
        note = reference_note(self._score.name, self._out, inside, unlearned)
        if not null:
            return note
        return f"{note} A Re-train judged by the others: AUC {min(null):.2f} to {max(null):.2f}."

    def _population(self, n: int) -> Integers:
        """The test samples that are not reported, the held-out ones first."""
        (_, reported), (_, held_out) = self._parts
        rest = np.setdiff1d(np.arange(n), np.concatenate([reported, held_out]))
        return np.concatenate([held_out, rest])


def u_lira(reported: Pairs, held_out: Pairs) -> tuple[Floats, Floats]:
    """Log-likelihood ratios in nats of the reported (2p,) and the held-out samples (2h,).

        log N(x; mu + d, v) / N(x; mu, v) = d / v * (x - mu - d / 2),   v = s^2 (1 + 1/k)

    with x the log-odds under the attacked model, mu their mean over a sample's k OUT models, s^2
    the variance over OUT models: pooled over all samples with fewer than 64 models, per sample
    otherwise; d the mean shift from OUT to IN models over held-out members, negative if models that
    unlearned a sample are less certain of it than those that never saw it. Where d cannot be told
    from 0, or without IN models, the score is the standardized (x - mu) / sqrt(v), one-sided. IN
    and OUT share their variance, as few models cannot tell two apart. Source: Hayes et al. 2024,
    U-LiRA; Carlini et al. 2022, logit scaling and pooled variance; 1 + 1/k, this project's, is the
    variance of predicting from a mean over k models.
    """
    shift = _shift(held_out)
    pooled = _pooled([reported, held_out])
    return _ratio(reported, shift, pooled), _ratio(held_out, shift, pooled)


def _ratio(pairs: Pairs, shift: float, pooled: float) -> Floats:
    variance = np.full(len(pairs.own), pooled)
    if len(pairs.own) and pairs.models.min() >= PER_SAMPLE:
        variance = _squares(pairs).sum(0) / (pairs.models - 1)
    v = np.maximum(variance, LEAST) * (1 + 1 / pairs.models)
    gap = pairs.own - pairs.mean()
    if not np.isfinite(shift):
        return np.asarray(gap / np.sqrt(v))
    return np.asarray(shift / v * (gap - shift / 2))


def _shift(held_out: Pairs) -> float:
    """Mean difference of log-odds, IN minus OUT models, over held-out members that have both.

    NaN if it is within two standard errors of 0: its sign, which says in which direction a sample
    is suspicious, would be random.
    """
    p = held_out.inside.shape[1]
    numbers = held_out.inside_counts.sum(0)
    known = numbers > 0
    if known.sum() < 2:
        return float("nan")
    sums = np.where(held_out.inside_counts, held_out.inside, 0.0).sum(0)
    gaps = sums[known] / numbers[known] - held_out.mean()[:p][known]
    error = gaps.std(ddof=1) / np.sqrt(len(gaps))
    return float(gaps.mean()) if abs(gaps.mean()) > CERTAIN * error else float("nan")


def _pooled(parts: Sequence[Pairs]) -> float:
    """Variance over OUT models around the mean of each sample, over all samples."""
    squares = sum(float(_squares(one).sum()) for one in parts)
    freedom = sum(int((one.models - 1).sum()) for one in parts if len(one.own))
    return squares / freedom if freedom else float("nan")


def _squares(pairs: Pairs) -> Floats:
    return np.asarray(np.where(pairs.counts, pairs.out - pairs.mean(), 0.0) ** 2)


def rmia(
    reported: Pairs, held_out: Pairs, population: Floats, population_out: Floats
) -> tuple[Floats, Floats]:
    """RMIA scores, 0 to 1, of the reported (2p,) and the held-out samples (2h,).

        share of z with (p(x|m) / p(x)) / (p(z|m) / p(z)) >= gamma,   p(x) = ((1 + a) q + 1 - a) / 2

    with p(x|m) the probability of the true class under the attacked model, q its mean over OUT
    models, a = 0.3 and gamma = 1. The population z are the test samples that are not reported:
    population (z,), their log-odds under the attacked model, those of the held-out non-members
    first, and population_out (k, z), under the OUT models, z > 0. A held-out non-member is not
    compared with itself. Source: Zarifzadeh et al. 2024, RMIA, offline: IN models cannot be had for
    test samples, and members must be scored alike.
    """
    known = _relative(population, _probability(population_out).mean(0))
    ratios = [
        _relative(one.own, np.where(one.counts, _probability(one.out), 0).sum(0) / one.models)
        for one in (reported, held_out)
    ]
    fewer = [np.searchsorted(np.sort(known), one / GAMMA, side="right") for one in ratios]
    h = len(held_out.own) // 2
    itself = np.append(np.zeros(h, bool), known[:h] <= ratios[1][h:] / GAMMA)
    others = np.maximum(1, len(known) - np.repeat([0, 1], h))  # 0 / 1 where it is the only one
    return fewer[0] / len(known), (fewer[1] - itself.astype(np.int64)) / others


def _relative(own: Floats, q: Floats) -> Floats:
    """p(x|m) / p(x) of each sample; q: the mean probability of its class over OUT models."""
    return np.asarray(_probability(own) / (((1 + OFFLINE) * q + 1 - OFFLINE) / 2))


def _probability(odds: Floats) -> Floats:
    return np.asarray(np.exp(-np.logaddexp(0.0, -odds)))


def reference_note(score: str, out: int, inside: int, unlearned: bool) -> str:
    """What the references are, and what can be claimed with so many, in sentences.

    out: OUT models of each sample; inside: IN models; unlearned: whether these are unlearned models
    of other seeds, instead of trained ones.

    >>> reference_note("rmia", 1, 0, False)
    'Reference: 1 model that never saw the sample; to conclude that nothing is left takes 8.'
    """
    words = f"Reference: {out} model{'s' * (out != 1)} that never saw the sample"
    if score == "u-lira" and out < PER_SAMPLE:
        words += ", with one variance for all samples"
    if score == "u-lira" and inside:
        kind = "forgot it by the same method" if unlearned else "learned it"
        words += f", and {inside} that {kind}"
    if out < CLAIM:
        words += f"; to conclude that nothing is left takes {CLAIM}"
    return f"{words}."


def _require_enough(score: Score, models: int) -> None:
    """SpecError if a sample has fewer OUT models than the score needs."""
    fewest = FEWEST_OUT[score.name]
    if models < fewest:
        raise SpecError(
            f"{score.label} needs {fewest} or more models that never saw the forget set, beside "
            f"those that are attacked; this study has {models}. Add Re-trains (on the command "
            f"line: --retrains {fewest + 1}), or run it with other seeds as well."
        )
