"""Re-learning of a model of a study: which samples an epoch has, and whose loss is measured."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from engine.arrays import Integers
from engine.datasets.base import Dataset
from engine.metrics.relearn_epochs import RelearnEpochs
from engine.metrics.relearn_few import RelearnFew, shared_out
from engine.pipeline.models import StudyModels
from engine.runtime.device_samples import Samples
from engine.runtime.progress import Reporter
from engine.runtime.seeds import derive
from engine.spec import RunSpec
from engine.study.plan import Plan
from engine.training import relearn


def losses(
    work: StudyModels, plan: Plan, name: str, config: RelearnEpochs, report: Reporter
) -> Iterator[float]:
    """The losses on the judged forget samples, as `engine.training.relearn.losses` yields them."""
    spec = plan.spec
    dataset: Dataset = work.datasets.load(spec.data, report)
    samples, test = work.datasets.on_device(dataset)
    pool = torch.from_numpy(dataset.pool).to(work.device)
    judged = torch.tensor(spec.forget, device=work.device)
    if isinstance(config, RelearnFew):
        judged = torch.from_numpy(_shared_out(spec, config)[1]).to(work.device)
    return relearn.losses(
        work.loaded(plan, name, report),
        samples,
        judged,
        config,
        derive(spec.seed, "relearn", name),
        report,
        pool,
        _epoch(spec, config, samples, test, pool),
    )


def _epoch(
    spec: RunSpec, config: RelearnEpochs, samples: Samples, test: Samples, pool: Tensor
) -> tuple[Samples, Tensor] | None:
    """The samples of an epoch and their indices; None for S and S_f, which `relearn` chooses."""
    if config.data == "test":
        return test, torch.arange(len(test), device=test.device)
    if config.data == "retain":
        forget = torch.tensor(spec.forget, device=pool.device)
        return samples, pool[~torch.isin(pool, forget)]
    if isinstance(config, RelearnFew):
        return samples, torch.from_numpy(_shared_out(spec, config)[0]).to(pool.device)
    return None


def _shared_out(spec: RunSpec, config: RelearnFew) -> tuple[Integers, Integers]:
    return shared_out(np.array(spec.forget), config.samples, spec.seed)
