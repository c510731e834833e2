"""Which forget samples have residual knowledge, at a stated rate of false discoveries.

The null hypothesis of a sample is that the model answers like one more Re-train would. Re-trains
differ from one another in their seed alone, so each of them, judged by the others, shows what
chance does. Every model gets one score per sample (`excess_scores`); p-values compare the model's
scores with all those of Re-trains (conformal p-values: Vovk et al. 2005; Bates et al. 2023), and
the procedure of Benjamini and Hochberg (1995) turns them into q-values. The stated rate assumes
that what one Re-train happens to recognize on one sample says little about other samples: a
Re-train that is better than others on all samples at once is no evidence against that rate only
where there are enough of them. This project's addition, which the paper lacks. Plain numpy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from engine.arrays import Floats
from engine.results import Residual, retrain_names

FEWEST = 2  # Re-trains without which nothing tells how Re-trains differ
FUDGE = 0.1  # added to a deviation in radians: about what 25 copies leave uncertain in a share


def excess_scores(shares: np.ndarray) -> Floats:
    """(J, n) how much more each of J models recognizes a sample than the J - 1 others.

        score = max over tau of (x - mean of the others' x) / (deviation of the others' x + 0.1)

    with x = arcsin(sqrt(share of recognized copies)), which has the same sampling error at every
    share. shares (J, n, T). Symmetric: every model is judged by the same rule. The constant keeps
    Re-trains that happen to agree from making a trifle significant (as in Tusher, Tibshirani and
    Chu 2001).

    A sample that one model alone recognizes, and one that all of them do:

    >>> excess_scores(np.array([[[1.0], [1.0]], [[0.0], [1.0]], [[0.0], [1.0]]]))[:, 0].round(2)
    array([15.71, -0.65, -0.65])
    """
    angle = np.arcsin(np.sqrt(np.clip(shares, 0, 1)))
    others = len(angle) - 1
    mean = (angle.sum(0) - angle) / others
    squares = (angle**2).sum(0) - angle**2 - others * mean**2
    deviation = np.sqrt(np.maximum(squares, 0) / max(1, others - 1))
    scores: Floats = ((angle - mean) / (deviation + FUDGE)).max(2)
    return scores


def conformal_p_values(model: Floats, retrains: Floats) -> Floats:
    """(n,) p-values of the model's scores (n,) or (k, n) among all scores of Re-trains (k, n).

        p = (1 + number of scores of Re-trains that are at least as large) / (1 + k n)

    model (k, n): scores against all but the i-th Re-train, which are compared with that one's.
    Small only where hardly any Re-train has such an excess on any sample.

    >>> conformal_p_values(np.array([3.0, 0.0]), np.array([[1.0, 0.5], [0.2, -1.0]]))
    array([0.2, 0.8])
    """
    rows = np.broadcast_to(model, retrains.shape)
    ranks = [
        len(null) - np.searchsorted(np.sort(null), own, side="left")
        for own, null in (
            [(model, retrains.ravel())] if model.ndim == 1 else zip(rows, retrains, strict=True)
        )
    ]
    return np.asarray((1 + np.sum(ranks, 0)) / (1 + retrains.size))


def q_values(p: np.ndarray) -> Floats:
    """(n,) smallest false discovery rate at which each sample is still among the discoveries.

        q = min over ranks j >= its rank of n p_(j) / j

    Source: Benjamini and Hochberg 1995; Storey 2002 for the word. NaN where p is NaN.

    >>> q_values(np.array([0.01, 0.5, 0.02]))
    array([0.03, 0.5 , 0.03])
    """
    order = np.argsort(p, kind="stable")
    scaled = p[order] * len(p) / np.arange(1, len(p) + 1)
    smallest = np.minimum.accumulate(scaled[::-1])[::-1]
    result = np.empty(len(p))
    result[order] = np.minimum(smallest, 1)
    return result


def sample_q_values(
    share: np.ndarray,
    references: np.ndarray,
    between: Sequence[np.ndarray] | None,
    e_values: np.ndarray,
) -> Floats:
    """(n,) q-values of one model, NaN everywhere for fewer than two Re-trains.

    share (n, T), references (k, n, T): of copies that the model and the Re-trains recognize;
    between: for copies made against each model, k arrays (k, n, T), the Re-trains' shares on the
    copies of each of them, None where all models see the same copies. e_values (n, T): from
    `engine.residual.e_process`, NaN where unknown.

    A sample counts only if it exceeds what Re-trains show among themselves and the copies drawn so
    far prove it however often somebody looked: its p-value is the larger one of the conformal
    p-value and 1 / e, with e the mean of e-values over tau (Vovk and Wang 2021).
    """
    if len(references) < FEWEST:
        return np.full(len(share), np.nan)
    if between is None:
        scores = excess_scores(np.concatenate([share[None], references]))
        p = conformal_p_values(scores[0], scores[1:])
    else:
        p = _apart(share, references, between)
    evidence = e_values.mean(1)
    sure = np.where(np.isnan(evidence), 0, np.minimum(1, 1 / np.maximum(evidence, 1)))
    return q_values(np.maximum(p, sure))


def _apart(share: np.ndarray, references: np.ndarray, between: Sequence[np.ndarray]) -> Floats:
    """(n,) p-values where each model has its own copies, which the judged one never sees.

    Every Re-train is judged on its own copies by the others; the model, on its own, by all but that
    Re-train, so that both are judged by as many.
    """
    own, null = [], []
    for i, answers in enumerate(between):
        others = np.arange(len(references)) != i
        own.append(excess_scores(np.concatenate([share[None], references[others]]))[0])
        null.append(excess_scores(np.concatenate([answers[i][None], answers[others]]))[0])
    return conformal_p_values(np.stack(own), np.stack(null))


def model_q_values(residual: Residual, model: str, e_values: np.ndarray | None = None) -> Floats:
    """(n_f,) `sample_q_values` of a model of a study, also of a Re-train, judged by the others.

    At the norms that are complete (`Residual.complete`); NaN without one.
    e_values (n_f, T): None leaves out what the copies drawn so far prove.
    """
    retrains = [name for name in retrain_names(residual.counts) if name != model]
    if len(retrains) < FEWEST or not residual.complete.any():
        return np.full(len(residual.samples), np.nan)
    norms = residual.complete
    draws = residual.per_cell[:, norms]
    shares = {name: one[:, norms] / draws for name, one in residual.counts.items()}
    apart = any("@" in name for name in shares)
    between = [_answers(shares, retrains, against) for against in retrains] if apart else None
    unknown = np.full(residual.counts[model].shape, np.nan)
    return sample_q_values(
        shares[model],
        _answers(shares, retrains, model),
        between,
        (unknown if e_values is None else e_values)[:, norms],
    )


def _answers(shares: Mapping[str, np.ndarray], retrains: Sequence[str], model: str) -> Floats:
    """(k, n, T) shares of copies made against `model` that each Re-train recognizes."""
    return np.stack([shares.get(f"{name}@{model}", shares[name]) for name in retrains])


def retrains_for_a_sample(fdr: float) -> int:
    """How many Re-trains it takes until a single sample can be a discovery at this rate.

    The smallest p-value is 1 / (1 + k n), and a single discovery among n needs fdr / n. With fewer,
    several samples must exceed all Re-trains together.

    >>> retrains_for_a_sample(0.05)
    20
    """
    return int(np.ceil(1 / fdr - 1e-9))


def samples_for_a_discovery(fdr: float, retrains: int, samples: int) -> int:
    """How many of `samples` must exceed all that Re-trains show before any is a discovery.

    >>> samples_for_a_discovery(0.05, 3, 70), samples_for_a_discovery(0.05, 20, 70)
    (7, 1)
    """
    return int(np.ceil(samples / (fdr * (1 + retrains * samples)) - 1e-9))
