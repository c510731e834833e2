"""The outputs of models for the points of an embedding."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from engine.embedding.points import PointOutputs, PointSet
from engine.models.base import Classifier
from engine.perturbations import Messages
from engine.residual.neighborhood import copies_of
from engine.results import PERTURBED
from engine.runtime.batching import batches_of
from engine.runtime.device_samples import Samples
from engine.runtime.progress import Reporter
from engine.spec import ProbeSpec

BATCH = 200


def pixels(
    points: PointSet,
    samples: tuple[Samples, Samples],
    probe: ProbeSpec,
    source: Classifier | None,
    report: Reporter,
    messages: Messages | None = None,
) -> Tensor:
    """(m, *shape) float32 in [0, 1]: the points as model inputs.

    samples: (training, test). A trail follows the first draw of the measurement along the norms, or
    attacks against `source`; messages: those that samples encode.
    """
    train, test = samples
    unperturbed = points.sample[points.kind != PERTURBED]
    indices = torch.from_numpy(unperturbed).to(train.device)
    learned = indices < len(train)
    parts = [train.pixels(indices[learned]), test.pixels(indices[~learned] - len(train))]
    one_draw = replace(probe, draws=1)
    for row in np.flatnonzero(points.kind == PERTURBED):
        report.check()
        sample, tau = train.one(int(points.sample[row])), float(points.tau[row])
        parts.append(copies_of(sample, one_draw, tau, train.n_classes, source, messages))
    return torch.cat(parts)


@torch.inference_mode()
def point_outputs(
    model: Classifier, x: Tensor, labels: np.ndarray, report: Reporter
) -> PointOutputs:
    """Evaluate a model on x (m, *shape); the loss is with respect to the classes `labels` (m,)."""
    y = torch.from_numpy(labels).to(x.device)

    def evaluate(part: slice) -> tuple[Tensor, Tensor, Tensor]:
        inner, logits = model.features_and_logits(x[part])
        loss = cross_entropy(logits.float(), y[part], reduction="none")
        return inner.float().cpu(), logits.argmax(1).cpu(), loss.cpu()

    parts = []
    for outputs in batches_of(x, BATCH).over(len(x), evaluate):
        parts.append(outputs)
        report.advance(len(outputs[0]))
    return PointOutputs(*(torch.cat(arrays).numpy() for arrays in zip(*parts, strict=True)))
