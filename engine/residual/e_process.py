"""Evidence that keeps its level however often somebody looks: e-values and confidence sequences.

An e-value is a nonnegative statistic whose expectation under the null hypothesis is at most 1; an
e-process is one at every number of draws at once, so that the chance that it ever exceeds 20 is at
most 1/20 (Ville 1939). That holds for any rule of stopping: after a first glance, when a result
looks good, or when adaptive draws have had enough. Averages of e-values are e-values, whatever the
dependence between them. Sources: Ramdas, Grünwald, Vovk and Shafer 2023 ("Game-theoretic statistics
and safe anytime-valid inference"); Robbins 1970 for mixtures. Plain numpy and scipy's incomplete
beta function.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.arrays import Floats, Mask

MARGIN = 0.05  # excess of Pr[m = y] over Pr[a = y] that is considered negligible
STAKES = (0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0)  # bets against an excess, at most 1 / (1 - MARGIN)
MOST_LOG = 690.0  # natural logarithm of the largest e-value, which stays a finite number
HALVINGS = 50  # bisections of a bound of a confidence sequence
SEARCHED = 1e-12  # from 0 and 1, where a confidence sequence ends at the latest


def log_e_value(wins: np.ndarray, discordant: np.ndarray) -> Floats:
    """Natural logarithm of the e-value against 'the model recognizes no more copies', elementwise.

        E = 2^d B(k + 1/2, d - k + 1/2) Pr[Beta(k + 1/2, d - k + 1/2) > 1/2] / (B(1/2, 1/2) / 2)

    for k = `wins` of d = `discordant` copies that exactly one of the two recognizes, namely the
    model. Each is a fair coin at best under the null hypothesis; E is the likelihood ratio of a
    mixture of unfair coins, Jeffreys' prior restricted to (1/2, 1), and an e-process in d. Source:
    Robbins 1970, mixtures of likelihood ratios; McNemar 1947 for discordant pairs.

    Without a discordant copy E is 1, after one that is won 1 + 2 / pi, and after many, large:

    >>> np.exp(log_e_value(np.array([0, 1, 0, 20]), np.array([0, 1, 1, 20]))).round(3)
    array([1.00000000e+00, 1.63700000e+00, 3.63000000e-01, 2.62921358e+05])
    """
    from scipy.special import betainc, betaln

    lost = discordant - wins
    tail = np.maximum(betainc(lost + 0.5, wins + 0.5, 0.5), np.finfo(np.float64).tiny)
    log_e = discordant * np.log(2) + betaln(wins + 0.5, lost + 0.5) + np.log(tail)
    return np.asarray(log_e - np.log(np.pi / 2))


def e_values(recognized: Mask, retrains: Sequence[Mask]) -> Floats:
    """(n, T) e-values against 'Re-train recognizes as many copies', averaged over the Re-trains.

    recognized (n, T, c), each of `retrains` likewise: which copies the model and a Re-train
    recognize, False beyond the copies that were drawn. See `log_e_value`. 1 without Re-trains.
    """
    if not len(retrains):
        return np.ones(recognized.shape[:2])
    total = np.zeros(recognized.shape[:2])
    for other in retrains:
        wins = (recognized & ~other).sum(2)
        log_e = log_e_value(wins, wins + (other & ~recognized).sum(2))
        total += np.exp(np.minimum(log_e, MOST_LOG))
    return np.asarray(total / len(retrains))


def absence_e_values(
    recognized: Mask, retrains: Sequence[Mask], drawn: np.ndarray, margin: float = MARGIN
) -> Floats:
    """(n, T) e-values against 'recognized more often than by Re-trains on average, by `margin`'.

        E = mean over stakes s of the product over copies of 1 + s (margin - (m - mean of a))

    with m, a 0 or 1: the model's answer and the Re-trains'. A large E says that an excess of
    `margin` or more is ruled out. drawn (n, T): number of copies drawn. Source: Waudby-Smith and
    Ramdas 2024, betting on bounded means.

    A hundred copies that neither recognizes are enough, ten are not:

    >>> nothing = np.zeros((2, 1, 100), bool)
    >>> e = absence_e_values(nothing, [nothing], np.array([[10], [100]]))
    >>> (e > 20).ravel().tolist()
    [False, True]
    """
    votes = np.zeros(recognized.shape, np.int16)
    for other in retrains:
        votes += other
    most = max(1, len(retrains))
    stakes = np.array(STAKES)
    logs = np.zeros((*recognized.shape[:2], len(stakes)))
    seen = np.arange(recognized.shape[2]) < drawn[:, :, None]
    for own in (False, True):
        for vote in range(len(retrains) + 1):
            number = ((recognized == own) & (votes == vote) & seen).sum(2)
            excess = float(own) - vote / most
            logs += number[:, :, None] * np.log1p(stakes * (margin - excess))
    return np.asarray(np.exp(np.minimum(logs, MOST_LOG)).mean(2))


def confidence_sequence(
    count: np.ndarray, draws: np.ndarray | int, level: float = 0.95
) -> tuple[Floats, Floats]:
    """(low, high): bounds of a probability from `count` of `draws` successes, valid at any time.

        all p with  B(k + 1/2, c - k + 1/2) / B(1/2, 1/2)  <  p^k (1 - p)^(c - k) / (1 - level)

    The chance that the interval ever misses p, at any number c of draws, is at most 1 - level.
    Source: Robbins 1970, with Jeffreys' mixture. Wider than an interval for a fixed number:

    >>> [round(float(end), 3) for end in confidence_sequence(np.array(50), 100)]
    [0.338, 0.662]
    >>> [round(float(end), 3) for end in confidence_sequence(np.array(0), 100)]
    [0.0, 0.057]
    """
    from scipy.special import betaln, xlog1py, xlogy

    count, total = np.broadcast_arrays(np.asarray(count, np.float64), np.asarray(draws))
    lost = total - count
    bound = betaln(count + 0.5, lost + 0.5) - np.log(np.pi) + np.log(1 - level)

    def excluded(p: Floats) -> Mask:
        return np.asarray(xlogy(count, p) + xlog1py(lost, -p) < bound)

    share = count / np.maximum(total, 1)
    low_out, low_in = np.full(share.shape, SEARCHED), np.clip(share, SEARCHED, 1 - SEARCHED)
    high_in, high_out = low_in.copy(), np.full(share.shape, 1 - SEARCHED)
    for _ in range(HALVINGS):
        middle = (low_out + low_in) / 2
        out = excluded(middle)
        low_out, low_in = np.where(out, middle, low_out), np.where(out, low_in, middle)
        middle = (high_out + high_in) / 2
        out = excluded(middle)
        high_out, high_in = np.where(out, middle, high_out), np.where(out, high_in, middle)
    return np.where(count > 0, low_out, 0.0), np.where(lost > 0, high_out, 1.0)


def ratio_sequence(
    u: np.ndarray, a: np.ndarray, draws: np.ndarray | int, level: float = 0.95
) -> tuple[Floats, Floats]:
    """(low, high): bounds of r = mean over Re-trains of p_m / p_a, valid at any number of draws.

    u (...), a (k, ...): counts out of `draws`. From `confidence_sequence` of each probability, all
    k + 1 of which hold together with probability `level` (Bonferroni). high is inf where some lower
    bound is 0. NaN where no Re-train recognizes a copy; Re-trains that recognize none are left out,
    as in `engine.residual.sample_ratio.ratio_of`.

    >>> low, high = ratio_sequence(np.array(90), np.array([45, 45]), 100)
    >>> bool(1 < low < 2 < high)
    True
    """
    each = 1 - (1 - level) / (len(a) + 1)
    own_low, own_high = confidence_sequence(u, draws, each)
    low_a, high_a = confidence_sequence(a, draws, each)
    defined = a > 0
    number = defined.sum(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        low = np.where(defined, own_low / high_a, 0).sum(0) / number
        high = np.where(defined, own_high / low_a, 0).sum(0) / number
    return np.where(number > 0, low, np.nan), np.where(number > 0, high, np.nan)
