"""Adversarial disagreement with Re-train, and unlearn accuracy on perturbed samples.

Plain numpy on a `Residual`, so that tables, figures and the explorer can use it without torch.
Source: Hsu et al. 2025 (arXiv:2601.22359), adversarial disagreement, its bounds by r_tau, and
unlearn accuracy on perturbed samples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.arrays import Floats
from engine.residual.allocation import fair_draws
from engine.results import Residual, retrain_names


@dataclass(frozen=True, eq=False)
class Disagreement:
    """How often the predictions of a model and Re-train differ; arrays (T,) in [0, 1].

    mean: E[m(x') != a(x')] over forget samples, draws and Re-trains; low, high: its bounds given
    r_tau alone. NaN where the predictions are not in the store.
    """

    mean: Floats
    low: Floats
    high: Floats


def disagreement(residual: Residual, model: str) -> Disagreement:
    """The adversarial disagreement of `model` with the Re-trains, and its bounds by r.

        E[m(x') != a(x')]   between   Pr[a = y] |r - 1|   and   min(1, 2 - Pr[a = y] (1 + r))

    each averaged over forget samples and Re-trains. Source: Hsu et al. 2025, adversarial
    disagreement. KeyError for an unknown model.

    Of four copies of class 1 the model recognizes three, Re-train one, and they differ on two:

    >>> predictions = {"gd": np.array([[[1, 1, 1, 0]]]), "retrain-0": np.array([[[1, 0, 0, 0]]])}
    >>> counts = {name: (one == 1).sum(2) for name, one in predictions.items()}
    >>> tau, none = np.array([0.1]), np.array([np.nan])
    >>> one = Residual("gaussian", tau, 4, np.array([0]), counts, {}, none, none, {}, predictions)
    >>> disagreement(one, "gd")
    Disagreement(mean=array([0.5]), low=array([0.5]), high=array([1.]))
    """
    low, high = disagreement_bounds(residual, model)
    mean = disagreement_per_sample(residual, model).mean((0, 1))
    return Disagreement(mean, low.mean((0, 1)), high.mean((0, 1)))


def disagreement_per_sample(residual: Residual, model: str) -> Floats:
    """(k, n_f, T) share of copies on which the predictions of `model` and each Re-train differ.

    Both predict the same copies: those attacked against `model` if the perturbation is an attack.
    NaN where the predictions are not in the store.
    """
    reference_counts = residual.reference(model)
    predictions, names = residual.predictions, retrain_names(residual.counts)
    references = [predictions.get(f"{name}@{model}", predictions.get(name)) for name in names]
    own = predictions.get(model)
    if own is None or any(reference is None for reference in references):
        return np.full(reference_counts.shape, np.nan)
    draws = fair_draws(residual.per_cell, residual.draws)
    fair = np.arange(own.shape[2]) < draws[:, :, None]
    share: Floats = (
        np.stack([((own != reference) & fair).sum(2) for reference in references]) / draws
    )
    return share


def disagreement_bounds(residual: Residual, model: str) -> tuple[Floats, Floats]:
    """(low, high), each (k, n_f, T): Pr[a = y] |r - 1| and min(1, 2 - Pr[a = y] (1 + r)).

    Since Pr[a = y] r = Pr[m = y], they equal |Pr[m = y] - Pr[a = y]| and min(1, 2 - Pr[m = y] -
    Pr[a = y]), which are defined even where Re-train never recognizes a sample. Source: Hsu et al.
    2025, bounds of the adversarial disagreement.

    Eight and seven of ten copies are recognized: they differ on at least one, at most five.

    >>> counts = {"gd": np.array([[8]]), "retrain-0": np.array([[7]])}
    >>> tau, none = np.array([0.1]), np.array([np.nan])
    >>> one = Residual("gaussian", tau, 10, np.array([0]), counts, {}, none, none, {})
    >>> [round(bound.item(), 6) for bound in disagreement_bounds(one, "gd")]
    [0.1, 0.5]
    """
    a, m = residual.reference_share(model), residual.share(model)[None]
    return np.abs(m - a), np.minimum(1.0, 2.0 - (a + m))


def perturbed_unlearn_accuracy(residual: Residual, model: str) -> Floats:
    """(T,) percent of perturbed copies of S_f that `model` does not recognize.

        100 (1 - Pr[m(x') = y])

    averaged over forget samples. Source: Hsu et al. 2025, unlearn accuracy on perturbed samples.

    Of ten copies each, eight of one sample and two of the other are recognized:

    >>> tau, none = np.array([0.1]), np.array([np.nan])
    >>> counts = {"gd": np.array([[8], [2]])}
    >>> one = Residual("gaussian", tau, 10, np.arange(2), counts, {}, none, none, {})
    >>> perturbed_unlearn_accuracy(one, "gd")
    array([50.])
    """
    recognized = residual.share(model).mean(0)
    missed: Floats = 100 * (1 - recognized)
    return missed
