"""One sample under the lens: its perturbed copies and what every model makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import torch
from torch import Tensor, nn

from engine.inference.evaluator import attackable
from engine.perturbations import BLOCK, named
from engine.residual.predictions import blocks_of
from engine.results import Neighborhood
from engine.runtime.batching import batches_of
from engine.runtime.device_samples import Sample
from engine.runtime.progress import Reporter
from engine.spec import ProbeSpec

FIRST = 10  # copies that answer at once, before all do
Arrays = dict[str, np.ndarray]
Verdicts = tuple[Arrays, Arrays]


def copies_of(
    sample: Sample,
    probe: ProbeSpec,
    tau: float,
    n_classes: int,
    source: nn.Module | None,
) -> Tensor:
    """(c, *shape) perturbed copies of a sample at `tau`; the ones residual knowledge is made of.

    Random draws are exactly those of the measurement; attacks are made against `source`. SpecError
    for a perturbation that is unknown, or has no such tau.
    """
    x, index = sample.x, sample.index
    kind = named(probe.perturbation)
    kind.check([tau])
    attacked = None if source is None else attackable(source, probe.arithmetic, x[None])
    label, parts = torch.tensor([sample.y], device=x.device), []
    for block in range(blocks_of(probe.draws)):
        if tau == 0:
            parts.append(x.expand(BLOCK, *x.shape))
            continue
        made = kind.copies(probe, tau, x[None], label, [index], block, n_classes, attacked)
        parts.append(made[0])
    return torch.cat(parts)[: probe.draws]


@torch.inference_mode()
def views_on(
    models: Mapping[str, nn.Module],
    copies: Tensor,
    y: int,
    batch: int = 100,
    report: Reporter | None = None,
) -> Verdicts:
    """(predictions, confidence): model -> (c,) class, and (c,) probability of the class y.

    Cancelled through `report`, between models and batches.
    """
    predictions, confidence = {}, {}
    batches = batches_of(copies, batch)
    for name, model in models.items():
        logits = torch.cat(list(batches.over(len(copies), _asking(model, copies, report))))
        predictions[name] = logits.argmax(1).cpu().numpy()
        confidence[name] = logits.softmax(1)[:, y].cpu().numpy()
    return predictions, confidence


def _asking(model: nn.Module, copies: Tensor, report: Reporter | None) -> Callable[[slice], Tensor]:
    """The logits of a part of the copies."""

    def ask(part: slice) -> Tensor:
        if report is not None:
            report.check()
        logits: Tensor = model(copies[part])
        return logits

    return ask


def first_then_all(
    models: Mapping[str, nn.Module], copies: Tensor, y: int, report: Reporter
) -> Iterator[Verdicts]:
    """What `views_on` gives for the first `FIRST` copies, then for all of them."""
    first = views_on(models, copies[:FIRST], y, report=report)
    yield first
    if len(copies) > FIRST:
        rest = views_on(models, copies[FIRST:], y, report=report)
        yield _joined(first[0], rest[0]), _joined(first[1], rest[1])


def neighborhood_of(
    sample: Sample, probe: ProbeSpec, copies: Tensor, verdicts: Verdicts
) -> Neighborhood:
    """A sample at the one tau of `probe`, with as many of its copies as there are verdicts on."""
    predictions, confidence = verdicts
    judged = min(len(found) for found in predictions.values())
    return Neighborhood(
        sample=sample.index,
        label=sample.y,
        perturbation=probe.perturbation,
        tau=probe.taus[0],
        copies=copies[:judged].cpu().numpy(),
        predictions=predictions,
        confidence=confidence,
        counts={name: int((said == sample.y).sum()) for name, said in predictions.items()},
    )


def _joined(one: Arrays, other: Arrays) -> Arrays:
    return {name: np.concatenate([found, other[name]]) for name, found in one.items()}
