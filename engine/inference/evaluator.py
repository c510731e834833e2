"""Models made ready for very many forward passes whose answers stay those of float32.

Batch norm is folded into convolutions, pictures lie in channels-last order, and where the
processor multiplies numbers of 16 bits natively the network runs in them. Such a logit is off by a
little; answers whose two best logits are closer than the largest error seen, or beyond what the
format holds, are asked again in float32.
"""

from __future__ import annotations

import copy
import functools
import sys
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from engine.errors import NetworkError
from engine.inference.folding import folded, joined
from engine.models.base import takes_channels_last
from engine.runtime.batching import Batches, batches_of
from engine.spec import FLOAT32, FOLDED

SAFETY = 2.0  # times the largest error seen so far
TOO_MANY = 0.5  # share of answers asked again beyond which 16 bits cost more than they save
FEW = 64  # answers that a network gives before it is worth its while to fold and copy it
ENOUGH = 1280  # answers after which it is known whether 16 bits pay
CALIBRATION = 16  # answers that are asked in both precisions to begin with


@functools.cache
def native_bfloat16(kind: str) -> bool:
    """Whether devices of this kind ('cpu', 'cuda', 'mps') multiply bfloat16 faster than float32."""
    if kind == "cuda":
        return bool(torch.cuda.get_device_capability()[0] >= 8)
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(kind == "cpu" and supported is not None and supported())


def reduced_type(kind: str) -> torch.dtype | None:
    """The numbers of 16 bits that devices of this kind multiply faster than float32, if any.

    A GPU multiplies float16 as fast as bfloat16, and it is eight times as exact.
    """
    if not native_bfloat16(kind):
        return None
    return torch.float16 if kind == "cuda" else torch.bfloat16


class Ready:
    """A classifier for inference alone: `classes` are those that its float32 forward gives.

    The first `FEW` answers are the model's own: getting ready costs as much as some of them do.
    """

    def __init__(self, model: nn.Module) -> None:
        """model: in eval mode; it is copied, not changed."""
        self._exactly = model  # in float32
        self._ordered = takes_channels_last(model)
        self._reduced: nn.Module | None = None
        self._type: torch.dtype | None = None  # of its numbers
        self._unprepared = any(isinstance(part, nn.Conv2d) for part in model.modules())
        self._asked = self._again = 0
        self._error = 0.0  # largest difference of two logits' errors, seen so far
        self._batches: Batches | None = None

    @torch.inference_mode()
    def classes(self, x: Tensor) -> Tensor:
        """(n,) predicted classes of x (n, *shape) float32 in [0, 1]."""
        return torch.cat([classes for classes, _ in self._in_batches(x)])

    @torch.inference_mode()
    def said(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(classes (n,), logits (n, K) float32) of x.

        Classes are float32's; logits are those of whatever precision the network runs in.
        """
        found = list(self._in_batches(x))
        return torch.cat([one for one, _ in found]), torch.cat([one for _, one in found])

    @property
    def doubt(self) -> float:
        """By how much the difference of two logits may be off what it is in float32."""
        return 0.0 if self._reduced is None else SAFETY * self._error

    @torch.inference_mode()
    def judged(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """(classes, margins), each (n,): by how much the logit of y (n,) exceeds the best other.

        Margins are those of whatever precision the network runs in.
        """
        classes, logits = self.said(x)
        own = logits.gather(1, y[:, None])[:, 0]
        others = logits.scatter(1, y[:, None], -torch.inf)
        return classes, own - others.max(1).values

    def _in_batches(self, x: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """(classes, logits) of x, in parts that fit into memory."""
        if self._batches is None:
            self._batches = batches_of(x, sys.maxsize)  # all at once, until that fails
        return self._batches.over(len(x), lambda part: self._answers(x[part]))

    def _answers(self, x: Tensor) -> tuple[Tensor, Tensor]:
        self._asked += len(x)
        if self._unprepared and self._asked > FEW:
            self._prepare(x)
            self._unprepared = False
        if self._reduced is None:
            plain = self._exact(x)
            return plain.argmax(1), plain
        logits = self._in_16_bits(x)
        best = logits.topk(2, dim=1)
        lead = best.values[:, 0] - best.values[:, 1]
        doubtful = (~((lead > self.doubt) & lead.isfinite())).nonzero()[:, 0]
        answers = best.indices[:, 0]
        if len(doubtful):
            exact = self._exact(x[doubtful])
            self._learn(logits[doubtful], exact)
            answers[doubtful] = exact.argmax(1)
        self._give_up_where_vain(len(doubtful))
        return answers, logits

    def _prepare(self, x: Tensor) -> None:
        """Fold the network, and find out on samples like x how far 16 bits lead astray."""
        self._exactly = folded(self._exactly, x)
        self._type = reduced_type(x.device.type)
        if self._type is None:
            return
        few = x[:CALIBRATION]
        plain = _reduced(self._exactly, self._type, few, self._ordered)
        if plain is not None and x.is_cuda:
            self._reduced = joined(copy.deepcopy(plain))
            try:
                self._in_16_bits(few)
            except (RuntimeError, NetworkError):  # a convolution that cuDNN joins with nothing
                self._reduced = plain
        self._reduced = self._reduced or plain
        if self._reduced is not None:
            self._learn(self._in_16_bits(few), self._exact(few))

    def _exact(self, x: Tensor) -> Tensor:
        logits: Tensor = self._exactly(_in_order(x, self._ordered))
        return logits

    def _in_16_bits(self, x: Tensor) -> Tensor:
        assert self._reduced is not None
        logits: Tensor = self._reduced(_in_order(x, self._ordered).to(self._type)).float()
        return logits

    def _learn(self, reduced: Tensor, exact: Tensor) -> None:
        errors = reduced - exact
        spread = errors.max(1).values - errors.min(1).values
        self._error = max(self._error, float(spread.nan_to_num(0, 0, 0).max()))

    def _give_up_where_vain(self, again: int) -> None:
        self._again += again
        if self._asked > ENOUGH and self._again > TOO_MANY * self._asked:
            self._reduced = None


def ready(models: Mapping[str, nn.Module]) -> dict[str, Ready]:
    """Each model made ready."""
    return {name: Ready(model) for name, model in models.items()}


def attackable(model: nn.Module, arithmetic: str, x: Tensor) -> nn.Module:
    """The model that attacks against `model` are computed with, as ProbeSpec.arithmetic says.

    Itself in float32 and without convolutions; else a copy, which is differentiable wherever it is
    asked for. x: (n, *shape) samples of its kind. Measured on small CNNs and ResNet-18, PGD of 10
    steps: unlearn accuracy under attack of a folded copy is float32's, that of bfloat16 within 1 %
    point.
    """
    if arithmetic == FLOAT32 or not any(isinstance(one, nn.Conv2d) for one in model.modules()):
        return model
    with torch.inference_mode(False):
        made = folded(model, x)
        if arithmetic == FOLDED:
            return made
        ordered = takes_channels_last(model)
        reduced = _reduced(made, torch.bfloat16, x[:CALIBRATION], ordered)
        return made if reduced is None else _Reduced(reduced, ordered)


class _Reduced(nn.Module):
    """A network in bfloat16 that takes and gives float32."""

    def __init__(self, net: nn.Module, ordered: bool) -> None:
        super().__init__()
        self.net, self._ordered = net, ordered

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.net(_in_order(x, self._ordered).bfloat16())
        return logits.float()


def _reduced(model: nn.Module, kind: torch.dtype, x: Tensor, ordered: bool) -> nn.Module | None:
    """A copy in numbers of 16 bits; None where it fails on samples x, as a network of somebody's
    own may that makes tensors of float32 itself."""
    made = copy.deepcopy(model).to(kind)
    try:
        with torch.no_grad():
            made(_in_order(x, ordered).to(kind))
    except (RuntimeError, TypeError, NetworkError):
        return None
    return made


def _in_order(x: Tensor, ordered: bool) -> Tensor:
    """x in channels-last order, where it is to be in order and has channels."""
    return x.contiguous(memory_format=torch.channels_last) if ordered and x.ndim == 4 else x
