"""The SGD loop: `descend` trains the Original, the Re-trains and every fine-tuning method."""

from __future__ import annotations

import contextlib
import copy
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from engine.errors import TrainingError
from engine.models.base import Classifier, Dropout, lay_out
from engine.runtime.batching import memory_guard
from engine.runtime.device_samples import Samples, as_pixels, random_shifts, shift_and_flip
from engine.runtime.progress import Reporter
from engine.runtime.seeds import generator
from engine.spec import BFLOAT16, SGD, SGDSpec, TrainSpec
from engine.training.costs import PASSES_PER_STEP
from engine.training.cuda_graph import Recorder, recordable
from engine.training.optimizers import learning_rate, optimizer_of

SMALLER_BATCH = (
    "Use a smaller batch, which makes it a different study: set batch (--set train.batch=..., or "
    "the method's own), or choose a smaller network or another device (--device)."
)
CHECK_EVERY = 16  # steps between checks of the loss on devices where a check synchronizes


@dataclass(frozen=True)
class Step:
    """Input of a loss: indices of the batch and of the batch beside it, and the step's number.

    `beside` is empty if the sweep has no second batch; the number, from 0, is used to derive seeds.
    """

    batch: Tensor
    beside: Tensor
    number: int


Loss = Callable[[nn.Module, Step], Tensor]


@dataclass(frozen=True)
class Pass:
    """One sweep over the samples `drive`, in a new random order unless `shuffle` is off.

    Each step's batch holds `batch` indices from `drive` (0: the batch size of the settings); the
    batch beside it holds `beside_batch` indices from `beside`, which is cycled (and reshuffled
    when exhausted). `beside_passes`: passes of the loss over the latter, for progress.
    `differentiated`: replaces `loss`, returning the same and setting the parameters' gradients.
    """

    loss: Loss
    drive: Tensor
    beside: Tensor | None = None
    beside_batch: int = 0
    batch: int = 0
    shuffle: bool = True
    beside_passes: float = 1.0
    differentiated: Loss | None = None

    def steps(self, batch: int) -> int:
        """Number of steps in this sweep; `batch` is the batch size of the settings."""
        return math.ceil(len(self.drive) / (self.batch or batch))


@dataclass
class History:
    """Mean loss of each finished epoch, run time and number of steps."""

    loss: list[float] = field(default_factory=list)
    seconds: float = 0.0
    steps: int = 0


class Resume:
    """Storage of a run's last finished epoch; this base class stores nothing."""

    def load(self) -> dict[str, Any] | None:
        """The last state, or None."""
        return None

    def keep(self, state: dict[str, Any]) -> None:
        """Store the state after an epoch; takes ownership of the dict and its tensors."""


def descend(
    model: nn.Module,
    plan: Callable[[int], Sequence[Pass]],
    spec: SGDSpec,
    *,
    seed: int,
    salt: str,
    report: Reporter,
    resume: Resume | None = None,
    optimizer: str = SGD,
    batch_norm: str = "train",
    parameters: Sequence[nn.Parameter] | None = None,
    max_steps: int | None = None,
    warmup: float = 0.0,
    lr_of_epoch: Callable[[int], float] | None = None,
    before_step: Callable[[nn.Module], None] | None = None,
    after_step: Callable[[nn.Module], None] | None = None,
    after_epoch: Callable[[int], None] | None = None,
) -> History:
    """Train `model` in place by SGD (or `optimizer` 'adam', 'adamw') and return its history.

    plan(epoch) returns the sweeps of an epoch (from 0); spec configures the optimizer. Randomness
    comes from (seed, salt) alone. batch_norm 'eval' freezes running statistics (and dropout).
    `before_step` is called before gradients are clipped. `warmup`: share of all steps in which the
    learning rate first rises; `lr_of_epoch` replaces warm-up and schedule.
    Progress is reported, and cancellation checked, after every batch; an interrupted run continues
    from its last finished epoch if `resume` stored it. Raises TrainingError if the loss is not
    finite, and Cancelled. The model ends in eval mode. Convolutions are channels last meanwhile.
    """
    resume = resume or Resume()
    device = next(model.parameters()).device
    lay_out(model, torch.channels_last)
    trainable = list(parameters) if parameters is not None else list(model.parameters())
    stepper = optimizer_of(optimizer, trainable, spec)
    rng = generator(seed, salt, "order")  # the same order of samples on every device
    dropout_rng = generator(seed, salt, "dropout", device=device)
    host_rng = generator(seed, salt, "host") if device.type != "cpu" else dropout_rng
    _set_generators(model, dropout_rng, host_rng)
    total = sum(sweep.steps(spec.batch) for epoch in range(spec.epochs) for sweep in plan(epoch))
    total = min(total, max_steps) if max_steps else total
    history, first_epoch = History(), 0
    state = resume.load()
    if state is not None:
        first_epoch = restore(state, model, stepper, rng, dropout_rng, host_rng, history)
        _forgo_finished(plan, spec.batch, history.steps, report)
    seconds_before = history.seconds
    started = time.monotonic()
    try:
        for epoch in range(first_epoch, spec.epochs):
            if history.steps >= total:
                break
            model.train(batch_norm == "train")
            losses: list[Tensor] = []
            for sweep in plan(epoch):
                for batch, beside in _batches(sweep, spec.batch, rng):
                    if history.steps >= total:
                        break
                    rate = (
                        lr_of_epoch(epoch)
                        if lr_of_epoch
                        else learning_rate(spec, history.steps, total, warmup)
                    )
                    step = Step(batch, beside, history.steps)
                    with memory_guard(_batch_of(batch, report), device, SMALLER_BATCH):
                        loss = _step(model, sweep, step, stepper, rate, spec.clip, before_step)
                    if after_step:
                        after_step(model)
                    losses.append(loss)
                    history.steps += 1
                    _check_loss(losses, history.steps, epoch, spec, report, total)
                    passes = len(batch) + sweep.beside_passes * len(beside)
                    report.advance(PASSES_PER_STEP * passes)
            values = torch.stack(losses).tolist() if losses else []
            _check_finite(values, history.steps - len(values), epoch, spec, report)
            history.loss.append(sum(values) / max(1, len(values)))
            history.seconds = seconds_before + time.monotonic() - started
            report.point("loss", (report.current_stage, epoch + 1, history.loss[-1]))
            resume.keep(state_of(model, stepper, rng, dropout_rng, host_rng, history, epoch + 1))
            if after_epoch:
                model.eval()
                after_epoch(epoch)
    finally:
        lay_out(model, torch.contiguous_format)
        model.eval()
        _set_generators(model)
    history.seconds = seconds_before + time.monotonic() - started
    return history


def train_from_scratch(
    model: nn.Module,
    samples: Samples,
    indices: Tensor,
    spec: TrainSpec,
    *,
    seed: int,
    report: Reporter,
    resume: Resume | None = None,
) -> History:
    """Fit a newly initialized model to the samples at `indices` by cross-entropy, in place.

    If `spec.precision` is bfloat16, matrix products and convolutions use it; weights, gradients,
    optimizer and loss stay float32 (mixed precision, Micikevicius et al. 2018; the range of
    bfloat16 makes loss scaling unnecessary).
    """

    def augmentation(step: Step) -> Sequence[Tensor]:
        if spec.augment != "crop-flip":
            return ()
        offsets = random_shifts(len(step.batch), generator(seed, "augment", step.number))
        return [torch.stack(offsets).to(samples.device, non_blocking=True)]

    def loss_of(net: nn.Module, batch: Tensor, offsets: Tensor | None = None) -> Tensor:
        x = samples.values(batch)
        if offsets is not None:
            x = shift_and_flip(x, *offsets)  # bytes, a quarter of what pixels take
        with _in_precision(spec.precision, x.device):
            logits = net(as_pixels(x))
        return cross_entropy(logits.float(), samples.y[batch])

    def loss(net: nn.Module, step: Step) -> Tensor:
        return loss_of(net, step.batch, *augmentation(step))

    def replayed(net: nn.Module, step: Step) -> Tensor:
        return recorder(step.batch, *augmentation(step))

    recorder = Recorder(model, loss_of)
    replayable = samples.resident and recordable(model, samples.device)
    sweep = Pass(loss, indices, differentiated=replayed if replayable else None)
    return descend(
        model,
        lambda epoch: [sweep],
        spec,
        seed=seed,
        salt="train",
        report=report,
        resume=resume,
        optimizer=spec.optimizer,
        warmup=spec.warmup,
    )


def _in_precision(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """The context of a forward pass: bfloat16 autocast if the precision requires it."""
    if precision == BFLOAT16:
        return torch.autocast(device.type, torch.bfloat16)
    return contextlib.nullcontext()


def _set_generators(model: nn.Module, *generators: torch.Generator) -> None:
    """Set the generators of the model's random layers; the first one is on its device."""
    for part in model.modules():
        if isinstance(part, Dropout):
            part.generator = generators[0] if generators else None
        elif isinstance(part, Classifier):
            part.generators = generators


def _batch_of(batch: Tensor, report: Reporter) -> str:
    return f"A batch of {len(batch)} samples, as processed by {report.current_stage},"


def _step(
    model: nn.Module,
    sweep: Pass,
    step: Step,
    optimizer: torch.optim.Optimizer,
    rate: float,
    clip: float,
    before_step: Callable[[nn.Module], None] | None,
) -> Tensor:
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.zero_grad(set_to_none=True)
    if sweep.differentiated:
        loss = sweep.differentiated(model, step)
    else:
        loss = sweep.loss(model, step)
        loss.backward()
    if before_step:
        before_step(model)
    if clip > 0:
        nn.utils.clip_grad_norm_(optimizer.param_groups[0]["params"], clip)
    optimizer.step()
    return loss.detach()


def _batches(sweep: Pass, size: int, rng: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    size = sweep.batch or size
    width = sweep.beside_batch or size
    queue: list[Tensor] = []
    for batch in order_in_batches(sweep.drive, size, sweep.shuffle, rng):
        if sweep.beside is not None and not queue:
            queue = order_in_batches(sweep.beside, width, sweep.shuffle, rng)
        yield batch, queue.pop(0) if queue else batch[:0]


def order_in_batches(
    indices: Tensor, size: int, shuffle: bool, rng: torch.Generator
) -> list[Tensor]:
    """The indices in batches of at most `size`, in a random order unless `shuffle` is off.

    Shuffled batches have nearly equal sizes: 900 samples make eight of 112 or 113, not seven of 128
    and one of 4, whose batch norm statistics and gradient would disturb training.
    """
    if not shuffle:
        return list(indices.split(size))
    order = indices[torch.randperm(len(indices), generator=rng).to(indices.device)]
    return list(order.split(sizes_of_batches(len(order), size)))


def sizes_of_batches(n: int, size: int) -> list[int]:
    """The sizes of shuffled batches of n samples, in order.

    >>> sizes_of_batches(900, 128)
    [113, 113, 113, 113, 112, 112, 112, 112]
    """
    least, more = divmod(n, count := math.ceil(n / size))
    return [least + (k < more) for k in range(count)]


def _check_loss(
    losses: list[Tensor], step: int, epoch: int, spec: SGDSpec, report: Reporter, total: int
) -> None:
    """Stop at a non-finite loss: immediately on the CPU, every few steps on a GPU."""
    if losses[-1].device.type == "cpu" or step % CHECK_EVERY == 0:
        _check_finite([losses[-1].item()], step - 1, epoch, spec, report)


def _check_finite(
    values: Sequence[float], steps_before: int, epoch: int, spec: SGDSpec, report: Reporter
) -> None:
    for offset, value in enumerate(values):
        if not math.isfinite(value):
            name = report.current_stage or "this run"
            raise divergence(name, value, epoch, steps_before + offset + 1, spec)


def divergence(name: str, loss: float, epoch: int, step: int, spec: SGDSpec) -> TrainingError:
    """The error of a run whose loss is not finite; epoch from 0, step from 1."""
    return TrainingError(
        f"The loss of {name} became {loss} in epoch {epoch + 1}, step {step}. Lower its learning "
        f"rate (now {spec.lr:g}) or clip the gradient (clip, now {spec.clip:g})."
    )


def state_of(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    rng: torch.Generator,
    dropout_rng: torch.Generator,
    host_rng: torch.Generator,
    history: History,
    epoch: int,
) -> dict[str, Any]:
    """What `restore` needs to continue after this epoch (from 1), copied."""
    return copy.deepcopy(
        {
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "order": rng.get_state(),
            "dropout": dropout_rng.get_state(),
            "host": host_rng.get_state(),
            "loss": history.loss,
            "seconds": history.seconds,
            "steps": history.steps,
            "epoch": epoch,
        }
    )


def restore(
    state: dict[str, Any],
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    rng: torch.Generator,
    dropout_rng: torch.Generator,
    host_rng: torch.Generator,
    history: History,
) -> int:
    """Set everything to a state of `state_of`; returns how many epochs are finished."""
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(
        copy.deepcopy(state["optimizer"])
    )  # it would keep references to the tensors
    rng.set_state(state["order"].cpu())
    if "host" in state:  # missing in states of earlier versions, which had one generator
        host_rng.set_state(state["host"].cpu())
    dropout_rng.set_state(state["dropout"].cpu())
    history.loss = list(state["loss"])
    history.seconds = float(state["seconds"])
    history.steps = int(state["steps"])
    return int(state["epoch"])


def _forgo_finished(
    plan: Callable[[int], Sequence[Pass]], batch: int, steps: int, report: Reporter
) -> None:
    sizes = [len(sweep.drive) / max(1, sweep.steps(batch)) for sweep in plan(0)]
    report.forgo(PASSES_PER_STEP * steps * sum(sizes) / max(1, len(sizes)))
