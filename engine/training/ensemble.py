"""Small networks trained side by side, each with exactly the result of training it alone.

Every network has its own initial weights and its own order of samples, from its own seed. It ends
with the weights and losses that `engine.training.sgd` gives it alone, bit for bit, whatever its
company: which of several networks are missing from a store, or how often a run was interrupted,
does not matter. This rests on batched products having the bits of single ones, which depends on the
processor and its libraries; it is tried before each training, with the batches of that training.
Where they differ, networks are trained one by one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from engine.models.base import Classifier
from engine.runtime.batching import memory_guard
from engine.runtime.device_samples import Samples
from engine.runtime.progress import Reporter
from engine.runtime.seeds import generator
from engine.spec import FLOAT32, TrainSpec
from engine.training import sgd
from engine.training.costs import PASSES_PER_STEP
from engine.training.optimizers import learning_rate, optimizer_of
from engine.training.sgd import History, Resume
from engine.training.stack import Stack

KEEP_EVERY = 5.0  # seconds between two times that finished epochs are handed to `Resume`


@dataclass(eq=False)
class Member:
    """A network called `name`, trained with `seed`; resume: where its finished epochs are kept."""

    name: str
    model: Classifier
    seed: int
    resume: Resume = field(default_factory=Resume)


def is_eligible(model: Classifier, samples: Samples, spec: TrainSpec) -> bool:
    """Whether networks like this can be trained side by side with these settings.

    They are chains of linear layers and rectifiers, on the CPU, in float32, without augmentation
    or clipping of gradients. A user's network never is.
    """
    plain = type(model) is Classifier and model.guest is None and model.steady
    settings = spec.precision == FLOAT32 and spec.augment == "none" and spec.clip == 0
    in_memory = samples.device.type == "cpu" and samples.mapped is None
    return plain and settings and in_memory and _is_chain(model.net)


def train_together(
    members: Sequence[Member], samples: Samples, indices: Tensor, spec: TrainSpec, report: Reporter
) -> list[History] | None:
    """Train eligible networks in place on the samples at `indices`, as `train_from_scratch` does.

    All continue after the same number of epochs. Returns their histories; None, with nothing
    changed, if this processor's arithmetic is another in company. The loss of each is reported
    after every epoch. Raises TrainingError, with its name, for one whose loss is not finite, and
    Cancelled between two steps; all `resume` then have the last finished epoch.
    """
    course = _Course(members, samples, indices, spec, report)
    return course.run() if course.agrees() else None


class _Run:
    """What one member's training has besides its weights: optimizer, generators, history."""

    def __init__(self, member: Member, spec: TrainSpec) -> None:
        self.member, self.history, self.epoch = member, History(), 0
        self.optimizer = optimizer_of(spec.optimizer, list(member.model.parameters()), spec)
        self.order = generator(member.seed, "train", "order")
        self.dropout = generator(member.seed, "train", "dropout")  # unused, but part of the state
        state = member.resume.load()
        if state is not None:
            self.epoch = sgd.restore(
                state, member.model, self.optimizer, self.order, self.dropout, self.dropout,
                self.history,
            )  # fmt: skip
        self.earlier = self.history.seconds
        self.moments = [self.optimizer.state[one] for one in member.model.parameters()]

    def state(self, order: Tensor) -> dict[str, Any]:
        """The state after the last epoch, when the generator of the order was at `order`."""
        now = self.order.get_state()
        self.order.set_state(order)
        try:
            return sgd.state_of(
                self.member.model, self.optimizer, self.order, self.dropout, self.dropout,
                self.history, self.epoch,
            )  # fmt: skip
        finally:
            self.order.set_state(now)


@dataclass(frozen=True, eq=False)
class _Snapshot:
    """Weights and optimizer state of a `Stack`, and the generators of orders, after an epoch."""

    weights: Tensor
    moments: dict[str, Any]
    orders: list[Tensor]


class _Course:
    """The training of all members."""

    def __init__(
        self,
        members: Sequence[Member],
        samples: Samples,
        indices: Tensor,
        spec: TrainSpec,
        report: Reporter,
    ) -> None:
        self._indices, self._spec, self._report = indices, spec, report
        self._runs = [_Run(one, spec) for one in members]
        self._first = self._runs[0].epoch
        assert all(one.epoch == self._first for one in self._runs)
        self._stack = Stack([one.model for one in members], samples)
        self._optimizer = optimizer_of(spec.optimizer, [self._stack.weights], spec)
        self._optimizer.state[self._stack.weights] = self._gathered()
        per_epoch = len(sgd.sizes_of_batches(len(indices), spec.batch))
        self._total, self._step_number = spec.epochs * per_epoch, self._first * per_epoch
        self._snapshot: _Snapshot | None = None

    def agrees(self) -> bool:
        """Whether the arithmetic on a batch of each size is that of every network alone."""
        sizes = set(sgd.sizes_of_batches(len(self._indices), self._spec.batch))
        rolled = [self._indices.roll(j) for j in range(len(self._runs))]
        return self._stack.agrees([torch.stack([one[:n] for one in rolled]) for n in sizes])

    def run(self) -> list[History]:
        """Train to the end."""
        passes = PASSES_PER_STEP * self._first * len(self._indices)
        self._report.forgo(passes * len(self._runs))
        started = kept = time.monotonic()
        try:
            for epoch in range(self._first, self._spec.epochs):
                self._sweep(epoch)
                self._note_epoch(epoch + 1, time.monotonic() - started)
                if time.monotonic() - kept > KEEP_EVERY:
                    self._keep()
                    kept = time.monotonic()
        except BaseException:  # cancelled, failed or interrupted: keep what was learned
            self._keep()
            raise
        self._stack.assign(self._stack.weights)
        return [one.history for one in self._runs]

    def _sweep(self, epoch: int) -> None:
        """Train for one epoch."""
        losses = []
        for parts in zip(*self._orders(), strict=True):
            losses.append(self._step(torch.stack(parts)))
            self._check(losses[-1], epoch)
            self._report.advance(PASSES_PER_STEP * len(parts) * len(parts[0]))
        for one, values in zip(self._runs, torch.stack(losses, 1).tolist(), strict=True):
            one.history.loss.append(sum(values) / len(values))

    def _orders(self) -> Iterator[list[Tensor]]:
        """The batches of the next epoch for each member."""
        for one in self._runs:
            yield sgd.order_in_batches(self._indices, self._spec.batch, True, one.order)

    def _step(self, rows: Tensor) -> Tensor:
        """(k,) losses of one step on rows (k, n)."""
        rate = learning_rate(self._spec, self._step_number, self._total, self._spec.warmup)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        what = f"A batch of {rows.shape[1]} samples for each of {rows.shape[0]} networks"
        with memory_guard(what, rows.device, sgd.SMALLER_BATCH):
            losses = self._stack.differentiate(rows)
            self._optimizer.step()
        self._step_number += 1
        return losses

    def _check(self, losses: Tensor, epoch: int) -> None:
        """TrainingError for the first member whose loss is not finite."""
        if math.isfinite(float(losses.sum())):
            return
        worst = int((~losses.isfinite()).nonzero()[0, 0])
        name, value = self._runs[worst].member.name, float(losses[worst])
        raise sgd.divergence(name, value, epoch, self._step_number, self._spec)

    def _note_epoch(self, epoch: int, spent: float) -> None:
        """Record and report a finished epoch; each member took its share of the seconds `spent`."""
        for one in self._runs:
            one.history.seconds = one.earlier + spent / len(self._runs)
            one.history.steps, one.epoch = self._step_number, epoch
        moments = self._optimizer.state[self._stack.weights]
        self._snapshot = _Snapshot(
            self._stack.weights.detach().clone(),
            {name: _copied(one) for name, one in moments.items()},
            [one.order.get_state() for one in self._runs],
        )
        for one in self._runs:
            self._report.point("loss", (one.member.name, epoch, one.history.loss[-1]))

    def _keep(self) -> None:
        """Hand the last finished epoch of this run to `resume` of every member."""
        if self._snapshot is None:
            return
        self._stack.assign(self._snapshot.weights)
        for name, value in self._snapshot.moments.items():
            self._hand_out(name, value)
        for one, order in zip(self._runs, self._snapshot.orders, strict=True):
            one.member.resume.keep(one.state(order))

    def _hand_out(self, name: str, value: Any) -> None:
        """Set this entry of every member's optimizer state to its part of the stack's."""
        stacked = self._stack.split(value) if _is_stacked(value) else None
        for j, one in enumerate(self._runs):
            for number, moments in enumerate(one.moments):
                moments[name] = _copied(value if stacked is None else stacked[number][j])

    def _gathered(self) -> dict[str, Any]:
        """The stack's optimizer state, from the members' where these continue an earlier run."""
        states = list(zip(*(one.moments for one in self._runs), strict=True))
        return {
            name: self._stack.join([torch.stack([one[name] for one in same]) for same in states])
            if _is_stacked(value)
            else _copied(value)
            for name, value in states[0][0].items()
        }


def _is_stacked(value: object) -> bool:
    """Whether an entry of an optimizer's state has values for each weight, unlike step counts."""
    return isinstance(value, Tensor) and value.dim() > 0


def _copied(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else value


def _is_chain(net: nn.Module) -> bool:
    """Whether the network is Flatten, then linear layers with rectifiers between them."""
    parts = list(net.modules())[1:]
    if type(net) is not nn.Sequential or any(_is_hooked(part) for part in (net, *parts)):
        return False
    kinds: list[type[nn.Module]] = [nn.Flatten, *[nn.Linear, nn.ReLU] * (len(parts) // 2)]
    return len(parts) > 1 and [type(one) for one in parts] == kinds[:-1] and _is_trained(net)


def _is_hooked(part: nn.Module) -> bool:
    return "forward" in vars(part) or any(
        (part._forward_hooks, part._forward_pre_hooks, part._backward_hooks)
    )


def _is_trained(net: nn.Module) -> bool:
    """Whether every linear layer has a weight and a bias in float32, and all are trained."""
    linear = [one for one in net.modules() if isinstance(one, nn.Linear)]
    own = list(net.parameters())
    whole = len(own) == 2 * len(linear) and all(one.bias is not None for one in linear)
    return whole and all(one.requires_grad and one.dtype == torch.float32 for one in own)
