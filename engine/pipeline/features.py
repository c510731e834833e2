"""Penultimate activations of a model of a study on its training samples."""

from __future__ import annotations

import numpy as np
import torch

from engine.datasets.base import Dataset
from engine.pipeline.models import StudyModels
from engine.runtime.batching import batches_of
from engine.runtime.progress import Reporter
from engine.study.plan import Plan

AT_ONCE = 500  # samples per forward pass


def features_of(
    work: StudyModels, plan: Plan, name: str, rows: np.ndarray, report: Reporter
) -> np.ndarray:
    """(r, F) float32 activations before the last layer, of the training samples `rows` (r,).

    SpecError for a model that is known by its answers alone; raises Cancelled.
    """
    dataset: Dataset = work.datasets.load(plan.spec.data, report)
    samples, _ = work.datasets.on_device(dataset)
    model = work.loaded(plan, name, report)
    chosen = torch.from_numpy(rows).to(samples.device)

    @torch.inference_mode()
    def features(part: slice) -> np.ndarray:
        report.check()
        inner = model.features(samples.pixels(chosen[part]))
        return inner.flatten(1).float().cpu().numpy()

    return np.concatenate(list(batches_of(samples, AT_ONCE).over(len(rows), features)))
