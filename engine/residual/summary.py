"""Summary of the residual knowledge of a forget set: counts, curves, null band and evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from engine.arrays import Floats, Mask
from engine.residual.allocation import rates
from engine.residual.certificate import certificate
from engine.residual.copy_counts import correct_counts, truncated
from engine.residual.discoveries import model_q_values
from engine.residual.e_process import absence_e_values, e_values
from engine.residual.posterior import posterior
from engine.residual.ratio import curve, null_band, resampling_weights
from engine.results import Residual, complete_norms, reference_counts, retrain_names
from engine.spec import ProbeSpec


def summarize(
    probe: ProbeSpec,
    draws: int,
    samples: np.ndarray,
    y: np.ndarray,
    predictions: Mapping[str, np.ndarray],
    judged: Sequence[str],
    retrains: Sequence[str],
    drawn: np.ndarray | None = None,
    settled: np.ndarray | None = None,
    *,
    anytime: bool = False,
) -> Residual:
    """All statistics of a forget set from predictions (n, T, >= draws).

    predictions: model -> its predictions on its own copies; 'retrain-0@gd' -> a Re-train's
    predictions on copies attacked against gd (only for attacks). judged: models that get a curve.
    drawn (n, T): number of draws that count in each cell, those beyond are ignored; settled (n, T):
    see `engine.results.Residual`. anytime: somebody may stop here although more draws are planned,
    so that bounds hold at any time.
    """
    restricted = {
        name: truncated(classes[:, :, :draws], drawn) for name, classes in predictions.items()
    }
    right = {name: classes == y[:, None, None] for name, classes in restricted.items()}
    counts = {name: correct_counts(classes, y, draws) for name, classes in restricted.items()}
    weights = resampling_weights(len(samples), probe.seed)
    shares = {} if drawn is None else {name: rates(one, drawn) for name, one in right.items()}

    def shared(name: str) -> tuple[np.ndarray, np.ndarray] | None:
        return (shares[name], reference_counts(shares, name)) if shares else None

    against = {name: reference_counts(counts, name) for name in judged}
    complete = complete_norms(drawn, settled, draws)
    low, high = null_band(counts, retrains, weights)
    result = Residual(
        perturbation=probe.perturbation,
        taus=np.array(probe.taus),
        draws=draws,
        samples=samples,
        counts=counts,
        curves={
            name: curve(
                counts[name],
                against[name],
                weights,
                shared(name),
                complete,
                draws if anytime and drawn is None else 0,
            )
            for name in judged
        },
        null_low=low,
        null_high=high,
        posterior={},
        predictions=restricted,
        drawn=drawn,
        rates=shares,
        settled=settled,
        fdr=probe.fdr,
    )
    return with_evidence(result, right, anytime=anytime or drawn is not None)


def with_evidence(residual: Residual, right: Mapping[str, Mask], *, anytime: bool) -> Residual:
    """The residual knowledge with posterior, e-values, q-values and certified radius of each model.

    right: model -> (n, T, c) which copies it recognizes, 'retrain-0@gd' as in the predictions; may
    lack models, whose e-values are then unknown. anytime: see `summarize`. Adaptive draws without
    `Residual.settled` are those of an earlier version, which nothing can be derived from.
    """
    judged = list(residual.curves)
    if residual.drawn is not None and residual.settled is None:
        unknown = {name: np.full(residual.counts[name].shape, np.nan) for name in judged}
        return replace(residual, posterior=unknown)
    evidence = {name: _e_values(residual, right, name) for name in judged}
    radii = {name: certificate(residual, name, anytime=anytime) for name in judged}
    counts = {name: (residual.counts[name], residual.reference(name)) for name in judged}
    return replace(
        residual,
        posterior={name: posterior(*pair, residual.per_cell) for name, pair in counts.items()},
        e_values={name: e for name, (e, _) in evidence.items()},
        absence={name: e for name, (_, e) in evidence.items()},
        q_values={name: model_q_values(residual, name, evidence[name][0]) for name in judged},
        certified_radius={name: one.radius for name, one in radii.items() if one is not None},
    )


def recognized(residual: Residual) -> dict[str, Mask]:
    """model -> (n, T, c) which copies it recognizes, for studies that do not store the classes.

    The true class of a sample is the one whose predictions agree with every count. Empty where
    predictions are not stored.
    """
    if not residual.predictions or residual.predictions.keys() != residual.counts.keys():
        return {}
    names = list(residual.counts)
    counts = np.stack([residual.counts[name] for name in names])
    largest = counts.reshape(len(names), len(residual.samples), -1).max((0, 2))
    truth = np.full(len(residual.samples), -1)
    for row in np.flatnonzero(largest):
        predictions = np.stack([residual.predictions[name][row] for name in names])
        cell = np.unravel_index(counts[:, row].argmax(), counts[:, row].shape)
        classes, numbers = np.unique(predictions[cell], return_counts=True)
        fits = [
            int(label)
            for label in classes[numbers == largest[row]]
            if np.array_equal((predictions == label).sum(2), counts[:, row])
        ]
        truth[row] = fits[0] if fits else -1
    return {name: residual.predictions[name] == truth[:, None, None] for name in names}


def _e_values(residual: Residual, right: Mapping[str, Mask], model: str) -> tuple[Floats, Floats]:
    """(e-values, e-values against an excess) (n, T); NaN where answers are not stored.

    The latter only at complete norms, where the missing draws of settled cells count as answered
    alike by all models.
    """
    names = retrain_names(residual.counts)
    names = [f"{name}@{model}" if f"{name}@{model}" in right else name for name in names]
    unknown = np.full(residual.counts[model].shape, np.nan)
    if any(name not in right for name in (model, *names)):
        return unknown, unknown
    own, others = right[model], [right[name] for name in names]
    drawn = residual.per_cell
    if residual.settled is not None:
        drawn = np.where(residual.settled, residual.draws, drawn)
    absence = absence_e_values(own, others, drawn)
    if residual.settled is not None:  # answers alike leave no excess, whatever they are
        alike = absence_e_values(*_nothing(residual), drawn)
        absence = np.where(residual.settled, alike, absence)
    return e_values(own, others), np.where(residual.complete, absence, np.nan)


def _nothing(residual: Residual) -> tuple[Mask, list[Mask]]:
    """Copies that no model recognizes."""
    nothing = np.zeros((*residual.per_cell.shape, residual.draws), bool)
    return nothing, [nothing]
