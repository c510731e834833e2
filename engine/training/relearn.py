"""Teaching an unlearned model its forget set again, one epoch at a time."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from engine.errors import TrainingError
from engine.metrics.relearn_epochs import MOST, RelearnEpochs
from engine.models.base import Classifier
from engine.runtime.batching import batches_of
from engine.runtime.device_samples import Samples
from engine.runtime.progress import Reporter
from engine.spec import SGDSpec
from engine.training.sgd import Pass, Resume, Step, cost_of_training, descend

EVALUATED_AT_ONCE = 500  # samples in a forward pass when the loss on S_f is taken


def losses(
    model: Classifier,
    samples: Samples,
    forget: Tensor,
    config: RelearnEpochs,
    seed: int,
    report: Reporter,
    pool: Tensor | None = None,
) -> Iterator[float]:
    """The mean loss on S_f before fine-tuning, then after each epoch of it, thirty at most.

    forget: (n_f,) int64 indices into `samples`; pool: those of S, all if None; `model` is not
    changed. Each epoch is trained when its loss is asked for, so that a short re-learn time is
    cheap. Ends early, with a word, where the training diverges; raises Cancelled within one batch.
    """
    student = copy.deepcopy(model)
    for parameter in student.parameters():
        parameter.requires_grad_(True)
    everything = torch.arange(len(samples), device=samples.device) if pool is None else pool
    sweep = Pass(_fit(samples), forget if config.data == "forget" else everything)
    memory, part = _Memory(), _Part(report)
    left = cost(config, len(everything), len(forget))
    try:
        yield loss_on(student, samples, forget)
        for epochs in range(1, MOST + 1):
            descend(
                student,
                lambda epoch: [sweep],
                _settings(config, epochs),
                seed=seed,
                salt="relearn",
                report=part,
                resume=memory,
                batch_norm="eval",
            )
            left -= cost_of_training(_settings(config, 1), len(sweep.drive))
            yield loss_on(student, samples, forget)
    except TrainingError as error:
        report.log(f"Re-learning stopped: {error}")
    finally:
        report.forgo(left)  # of what `cost` announced


@torch.inference_mode()
def loss_on(model: nn.Module, samples: Samples, rows: Tensor) -> float:
    """Mean cross-entropy of the samples at `rows`, summed in float64."""

    def loss(part: slice) -> float:
        chosen = rows[part]
        logits = model(samples.pixels(chosen)).cpu().double()  # some devices know no float64
        return float(cross_entropy(logits, samples.y[chosen].cpu(), reduction="sum"))

    return sum(batches_of(samples.x, EVALUATED_AT_ONCE).over(len(rows), loss)) / len(rows)


def cost(config: RelearnEpochs, n: int, n_forget: int) -> float:
    """Sample passes of re-learning that takes as long as it may."""
    return cost_of_training(_settings(config, MOST), n if config.data == "all" else n_forget)


def _settings(config: RelearnEpochs, epochs: int) -> SGDSpec:
    return SGDSpec(
        epochs, config.lr, config.momentum, config.weight_decay, config.batch, "constant"
    )


def _fit(samples: Samples) -> Any:
    def loss(net: nn.Module, step: Step) -> Tensor:
        return cross_entropy(net(samples.pixels(step.batch)), samples.y[step.batch])

    return loss


class _Memory(Resume):
    """Lets a run go on where the last one ended, optimizer and random order included."""

    def __init__(self) -> None:
        self._state: dict[str, Any] | None = None

    def load(self) -> dict[str, Any] | None:
        return self._state

    def keep(self, state: dict[str, Any]) -> None:
        self._state = state


class _Part(Reporter):
    """Passes on progress and the wish to stop, but not the losses: they are no training curve."""

    def __init__(self, whole: Reporter) -> None:
        super().__init__()
        self._whole = whole
        self._stage = whole.current_stage

    def advance(self, units: float) -> None:
        self._whole.advance(units)

    def forgo(self, units: float) -> None:
        """What continues an earlier epoch was never announced again."""

    def check(self) -> None:
        self._whole.check()
