"""The Gram matrices of a model's layers, from which its CKA with other models follows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from engine.comparison.activations import Call, Layer, capturing_features
from engine.comparison.cka import GramMatrices, centered
from engine.runtime.batching import batches_of
from engine.runtime.device_samples import Samples
from engine.runtime.progress import Reporter

BATCH = 64  # samples of a forward


@torch.inference_mode()
def gram_matrices(
    model: nn.Module, layers: Sequence[Layer], samples: Samples, rows: np.ndarray, report: Reporter
) -> GramMatrices:
    """(n, n) float32 U-centered Gram matrix of each layer of a model in eval mode.

    rows (n,): training samples. Raises Cancelled between batches.
    """
    calls = [layer.call for layer in layers]
    features_by_call: dict[Call, np.ndarray] = {}

    def store(call: Call, features: Tensor) -> None:
        if call in calls:
            features_by_call[call] = features.cpu().numpy()

    def features_of(part: slice) -> list[np.ndarray]:
        report.check()
        model(samples.pixels(torch.from_numpy(rows[part]).to(samples.device)))
        report.advance(part.stop - part.start)
        return [features_by_call[call] for call in calls]

    report.expect(len(rows))
    with capturing_features(model, store, {call.path for call in calls}):
        parts = list(batches_of(samples, BATCH).over(len(rows), features_of))
    return [centered(np.concatenate(one)) for one in zip(*parts, strict=True)]
