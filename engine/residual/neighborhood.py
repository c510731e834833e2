"""The neighborhood of one sample: its perturbed copies and every model's predictions on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import torch
from torch import Tensor, nn

from engine.inference.evaluator import attack_model
from engine.perturbations import BLOCK, Messages, named
from engine.residual.copy_counts import blocks_of
from engine.runtime.batching import batches_of
from engine.runtime.device_samples import Sample
from engine.runtime.progress import Reporter
from engine.spec import ProbeSpec

PREVIEW = 10  # copies that are predicted first, for an immediate answer
Arrays = dict[str, np.ndarray]
Verdicts = tuple[Arrays, Arrays]


def copies_of(
    sample: Sample,
    probe: ProbeSpec,
    tau: float,
    n_classes: int,
    source: nn.Module | None,
    messages: Messages | None = None,
) -> Tensor:
    """(c, *shape) perturbed copies of a sample at `tau`, as used for residual knowledge.

    Random draws are exactly those of the measurement; attacks are made against `source`; messages:
    those that samples encode. SpecError if the perturbation is unknown, needs messages and there
    are none, or if tau is out of range.
    """
    x, index = sample.x, sample.index
    kind = named(probe.perturbation).on(messages)
    kind.check([tau])
    attacked = None if source is None else attack_model(source, probe.arithmetic, x[None])
    label, parts = torch.tensor([sample.y], device=x.device), []
    for block in range(blocks_of(probe.draws)):
        if tau == 0:
            parts.append(x.expand(BLOCK, *x.shape))
            continue
        copies = kind.copies(probe, tau, x[None], label, [index], block, n_classes, attacked)
        parts.append(copies[0])
    return torch.cat(parts)[: probe.draws]


@torch.inference_mode()
def predict_with_confidence(
    models: Mapping[str, nn.Module],
    copies: Tensor,
    y: int,
    batch: int = 100,
    report: Reporter | None = None,
) -> Verdicts:
    """(predictions, confidence): model -> (c,) class, and (c,) probability of the class y.

    Raises Cancelled through `report` between models and batches.
    """
    predictions, confidence = {}, {}
    batches = batches_of(copies, batch)
    for name, model in models.items():
        logits = torch.cat(list(batches.over(len(copies), _batch_logits(model, copies, report))))
        predictions[name] = logits.argmax(1).cpu().numpy()
        confidence[name] = logits.softmax(1)[:, y].cpu().numpy()
    return predictions, confidence


def _batch_logits(
    model: nn.Module, copies: Tensor, report: Reporter | None
) -> Callable[[slice], Tensor]:
    """A function from a slice of the copies to their logits."""

    def logits_of(part: slice) -> Tensor:
        if report is not None:
            report.check()
        logits: Tensor = model(copies[part])
        return logits

    return logits_of


def predict_in_stages(
    models: Mapping[str, nn.Module], copies: Tensor, y: int, report: Reporter
) -> Iterator[Verdicts]:
    """`predict_with_confidence` for the first `PREVIEW` copies, then for all of them."""
    first = predict_with_confidence(models, copies[:PREVIEW], y, report=report)
    yield first
    if len(copies) > PREVIEW:
        rest = predict_with_confidence(models, copies[PREVIEW:], y, report=report)
        yield _joined(first[0], rest[0]), _joined(first[1], rest[1])


def _joined(first: Arrays, second: Arrays) -> Arrays:
    return {name: np.concatenate([values, second[name]]) for name, values in first.items()}
