"""Re-learning: fine-tuning an unlearned model on its forget set, one epoch at a time."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from engine.errors import TrainingError
from engine.metrics.relearn_epochs import MOST, RelearnEpochs
from engine.metrics.relearn_few import RelearnFew
from engine.models.base import Classifier
from engine.runtime.batching import batches_of
from engine.runtime.device_samples import Samples
from engine.runtime.progress import Reporter
from engine.spec import SGDSpec
from engine.training.costs import cost_of_training
from engine.training.sgd import Pass, Resume, Step, descend

EVALUATED_AT_ONCE = 500  # samples per forward pass when the loss on S_f is evaluated


def losses(
    model: Classifier,
    samples: Samples,
    forget: Tensor,
    config: RelearnEpochs,
    seed: int,
    report: Reporter,
    pool: Tensor | None = None,
    epoch: tuple[Samples, Tensor] | None = None,
) -> Iterator[float]:
    """Mean loss on S_f before fine-tuning, then after each of at most thirty epochs.

    forget: (n_f,) int64 indices into `samples` whose loss is measured; pool: indices of S, all
    samples if None; epoch: the samples of an epoch and their indices, S or S_f as `config` says if
    None; `model` is not changed. Each epoch is trained only when its loss is consumed, so that a
    short re-learn time is cheap. Ends early, with a log message, if training diverges; raises
    Cancelled within a batch.
    """
    student = copy.deepcopy(model)
    for parameter in student.parameters():
        parameter.requires_grad_(True)
    everything = torch.arange(len(samples), device=samples.device) if pool is None else pool
    shown, rows = epoch or (samples, forget if config.data == "forget" else everything)
    sweep = Pass(_fit(shown), rows)
    memory, part = _InMemory(), _ProgressOnly(report)
    left = cost_of_training(_settings(config, MOST), len(rows))
    try:
        yield loss_on(student, samples, forget)
        for epochs in range(1, MOST + 1):
            descend(
                student,
                lambda number: [sweep],
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
        report.forgo(left)  # the rest of what `cost` announced


@torch.inference_mode()
def loss_on(model: nn.Module, samples: Samples, rows: Tensor) -> float:
    """Mean cross-entropy of the samples at `rows`, summed in float64."""

    def loss(part: slice) -> float:
        chosen = rows[part]
        logits = model(samples.pixels(chosen)).cpu().double()  # some devices have no float64
        return float(cross_entropy(logits, samples.y[chosen].cpu(), reduction="sum"))

    return sum(batches_of(samples, EVALUATED_AT_ONCE).over(len(rows), loss)) / len(rows)


def cost(config: RelearnEpochs, n: int, n_forget: int, n_test: int = 0) -> float:
    """Sample passes of re-learning for the maximum number of epochs.

    n: samples of S; n_forget, n_test: of S_f and of the test set.
    """
    sizes = {"all": n, "forget": n_forget, "retain": n - n_forget, "test": n_test}
    if isinstance(config, RelearnFew):  # none without others to judge by
        sizes["few"] = config.samples if config.samples < n_forget else 0
    return cost_of_training(_settings(config, MOST), sizes[config.data])


def _settings(config: RelearnEpochs, epochs: int) -> SGDSpec:
    return SGDSpec(
        epochs, config.lr, config.momentum, config.weight_decay, config.batch, "constant"
    )


def _fit(samples: Samples) -> Any:
    def loss(net: nn.Module, step: Step) -> Tensor:
        return cross_entropy(net(samples.pixels(step.batch)), samples.y[step.batch])

    return loss


class _InMemory(Resume):
    """Lets a run continue where the last one ended, including optimizer and random order."""

    def __init__(self) -> None:
        self._state: dict[str, Any] | None = None

    def load(self) -> dict[str, Any] | None:
        return self._state

    def keep(self, state: dict[str, Any]) -> None:
        self._state = state


class _ProgressOnly(Reporter):
    """Forwards progress and cancellation, but not losses, which are no training curve."""

    def __init__(self, whole: Reporter) -> None:
        super().__init__()
        self._whole = whole
        self._stage = whole.current_stage

    def advance(self, units: float) -> None:
        self._whole.advance(units)

    def forgo(self, units: float) -> None:
        """Do nothing: epochs skipped on resuming were not announced again."""

    def check(self) -> None:
        self._whole.check()
