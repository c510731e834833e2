"""Residual knowledge of a model that is here, against Re-trains that are here."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, SupportsIndex

import numpy as np
import torch
from torch import Tensor

from engine.errors import SpecError
from engine.notebook.answers import MODEL, Answers
from engine.notebook.given_models import (
    GivenModel,
    Model,
    Normalization,
    device_of,
    evaluated,
    logits_of,
    statistics_of,
)
from engine.notebook.given_samples import GivenSamples, given_samples
from engine.notebook.result import Measurement
from engine.notebook.torch_settings import restored_torch_settings
from engine.perturbations import named
from engine.pipeline.residual import answer_name
from engine.residual.copy_counts import blocks_of, copies
from engine.residual.predictions import copies_at_once, predict_copies
from engine.residual.summary import summarize
from engine.results import Residual
from engine.runtime.progress import Reporter
from engine.spec import FDR, OWN, PAPER_TAUS, SHARED, ProbeSpec, check_taus, validate
from engine.study.plan import groups

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

LABELS = {MODEL: "The model", "original": "Original"}


def residual_knowledge(
    model: Model,
    retrains: Sequence[Model],
    x: Tensor | ArrayLike,
    y: Tensor | ArrayLike,
    *,
    taus: Sequence[float] = PAPER_TAUS,
    perturbation: str = "gaussian",
    draws: int = 100,
    normalize: Normalization | None = None,
    seed: int = 0,
    original: Model | None = None,
    indices: Sequence[int] | None = None,
    steps: int = 10,
    step_size: float = 2 / 255,
    target: str = "other",
    fdr: float = FDR,
    report: Reporter | None = None,
) -> Measurement:
    """Residual knowledge of `model` on forgotten samples, with everything that follows from it.

    model: an nn.Module or function from pixels (n, C, H, W), or features (n, d), in [0, 1] to
    logits (n, K); retrains: models trained without the samples, which differ in their seeds; a
    null band takes at least two. x: the forgotten samples, uint8 from 0 to 255 or floats in [0, 1];
    y: (n,) integer labels. All models are asked on the device that they are on, in eval mode, and
    are left as they were. normalize: (mean, std) that they want their input normalized by. taus,
    perturbation, draws: norms, kind and number of the perturbed copies of each sample; the same
    seed draws the same copies. original: the model before unlearning, for comparison. indices: the
    samples' positions in the training set; with these and its `probe.seed`, the counts are those of
    a study on it. steps, step_size, target: of PGD and FGSM. fdr: false discovery rate of verdicts.
    report: is told of progress.

    Every prediction is that of a plain call of the model as it is; on CUDA, float32 is not rounded
    to TF32 meanwhile. Raises SpecError for input that cannot be measured, and whatever a model
    raises. Source: Hsu et al. 2025, see `engine.residual.ratio`.

    A model that still knows class 1 from 0.4 on, where Re-trains see it from 0.5 and 0.55 on:

    >>> import numpy as np, torch
    >>> def above(least):
    ...     return lambda x: torch.cat([least - x, x - least], 1)
    >>> x, y = np.full((5, 1), 0.45), np.ones(5, dtype=int)
    >>> rk = residual_knowledge(above(0.4), [above(0.5), above(0.55)], x, y, taus=(0, 0.1, 0.2))
    >>> rk.counts.tolist()[0], rk.retrain_counts[:, 0].tolist()
    ([100, 73, 61], [[0, 21, 32], [0, 12, 21]])
    >>> rk.curve.pooled.round(2)
    array([ nan, 2.84, 1.66])
    >>> rk.q_values.round(3).tolist()
    [0.091, 0.091, 0.091, 0.091, 0.091]
    """
    samples = given_samples(x, y)
    models = _named(model, retrains, original)
    device = device_of({_called(name): one for name, one in models.items()}, x)
    probe = _probe(taus, perturbation, draws, seed, steps, step_size, target)
    probe = validate(replace(probe, fdr=fdr))
    statistics = statistics_of(normalize, samples.x.shape[1:], device)
    given = {name: GivenModel(one, _called(name), statistics) for name, one in models.items()}
    rows = _rows(indices, len(samples))
    with restored_torch_settings(device), evaluated(list(models.values())):
        answers = _answers(given, samples, rows, probe, device, report or Reporter())
    return Measurement(_summary(answers), MODEL, LABELS, answers)


def _named(model: Model, retrains: Sequence[Model], original: Model | None) -> dict[str, Model]:
    """Name -> model, in the order in which they are asked; SpecError for unusable Re-trains."""
    if callable(retrains) and not isinstance(retrains, (list, tuple)):
        raise SpecError("retrains must be a list of models, even of one: retrains=[model].")
    given = list(retrains)
    if not given:
        raise SpecError(
            "retrains is empty: residual knowledge is measured against models that were trained "
            "without these samples. Give at least one, two or more for a null band."
        )
    if len({id(one) for one in given}) < len(given):
        raise SpecError("retrains has a model twice, but Re-trains must differ in their seeds.")
    first = {} if original is None else {"original": original}
    return {**first, **{f"retrain-{j}": one for j, one in enumerate(given)}, MODEL: model}


def _called(name: str) -> str:
    """What messages call a model: the argument that it was given as."""
    number = name.removeprefix("retrain-")
    return name if number == name else f"retrains[{number}]"


def _probe(
    taus: Sequence[float],
    perturbation: str,
    draws: int,
    seed: int,
    steps: int,
    step_size: float,
    target: str,
) -> ProbeSpec:
    """The probe of these settings; SpecError for an invalid one."""
    try:
        grid = check_taus(tuple(float(tau) for tau in taus))
    except (TypeError, ValueError):
        raise SpecError("taus must be numbers of at least 0, such as (0, 0.01, 0.03).") from None
    kind = named(perturbation)
    kind.check(grid)
    draws, seed, steps = (
        _whole(value, name) for name, value in (("draws", draws), ("seed", seed), ("steps", steps))
    )
    start = OWN if kind.starts else SHARED
    return validate(ProbeSpec(kind.name, grid, draws, seed, steps, step_size, target, start=start))


def _whole(value: SupportsIndex, name: str) -> int:
    """The number as Python's own, whatever library made it; SpecError if it is no integer."""
    try:
        return operator.index(value)
    except TypeError:
        raise SpecError(f"{name} must be an integer, but is {value!r}.") from None


def _rows(indices: Sequence[int] | None, n: int) -> tuple[int, ...]:
    """The numbers that the samples' copies are drawn by."""
    if indices is None:
        return tuple(range(n))
    rows = np.asarray(indices)
    if rows.shape != (n,) or rows.dtype.kind not in "iu" or len(np.unique(rows)) < n:
        raise SpecError(f"indices must be {n} different integers, one for each sample.")
    if rows.min() < 0:
        raise SpecError(f"indices has {rows.min()}, but positions in the training set start at 0.")
    return tuple(rows.tolist())


def _answers(
    models: Mapping[str, GivenModel],
    samples: GivenSamples,
    rows: Sequence[int],
    probe: ProbeSpec,
    device: torch.device,
    report: Reporter,
) -> Answers:
    """What every model says of the samples and of their copies."""
    x, y = samples.pixels(device), torch.from_numpy(samples.y).to(device)
    batch = copies_at_once(x)
    logits = {name: logits_of(one, x, batch).cpu().numpy() for name, one in models.items()}
    n_classes = _classes(models, samples)
    _refuse_equal(logits)
    sources = groups(probe.perturbation, list(models))
    each = copies(probe, len(samples))
    report.expect(each * sum(map(len, sources.values())))
    predictions: dict[str, np.ndarray] = {}
    for source, viewers in sources.items():
        report.stage(f"copies against {source}" if source else "copies")
        classes = predict_copies(
            {name: models[name] for name in viewers}, x, y, rows, probe,
            range(blocks_of(probe.draws)), n_classes, report, models[source] if source else None,
        )  # fmt: skip
        predictions |= {answer_name(name, source): one for name, one in classes.items()}
    return Answers(samples, tuple(rows), probe, str(device), logits, predictions)


def _classes(models: Mapping[str, GivenModel], samples: GivenSamples) -> int:
    """The number of classes of all models; SpecError if they differ, or a label is none of them."""
    reference = models["retrain-0"]
    for one in models.values():
        if one.n_classes != reference.n_classes:
            raise SpecError(
                f"{one.name} gives {one.n_classes} logits and {reference.name} "
                f"{reference.n_classes}: all models must know the same classes."
            )
    samples.require_classes(reference.n_classes, models[MODEL].name)
    return reference.n_classes


def _refuse_equal(logits: Mapping[str, np.ndarray]) -> None:
    """SpecError if two Re-trains are one: the null band between them would have no width."""
    seen: dict[bytes, str] = {}
    for name in (name for name in logits if name.startswith("retrain-")):
        other = seen.setdefault(logits[name].tobytes(), name)
        if other != name:
            raise SpecError(
                f"{_called(other)} and {_called(name)} give the same logits for every sample: "
                "they are one model. Re-trains must differ in their seeds."
            )


def _summary(answers: Answers) -> Residual:
    """All statistics, as of a study."""
    retrains = [name for name in answers.logits if name.startswith("retrain-")]
    judged = [name for name in answers.logits if name not in retrains]
    return summarize(
        answers.probe,
        answers.probe.draws,
        np.array(answers.rows),
        answers.samples.y,
        answers.predictions,
        judged,
        retrains,
    )
