"""Models prepared for very many forward passes, with the predicted classes of float32.

Batch norm is folded into convolutions, images are in channels-last order, and where the hardware
supports 16-bit arithmetic the network runs in it. Its logits have small errors: predictions whose
two best logits are closer than the largest error observed, or outside the range of the format, are
recomputed in float32.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from engine.errors import NetworkError
from engine.inference.folding import folded, fused
from engine.models.base import takes_channels_last
from engine.runtime.batching import Batches, batches_of
from engine.runtime.device import native_bfloat16
from engine.spec import FLOAT32, FOLDED

SAFETY = 2.0  # times the largest error observed so far
TOO_MANY = 0.5  # share of recomputed predictions beyond which 16 bits cost more than they save
FEW = 64  # predictions after which folding and copying a network pays off
ENOUGH = 1280  # predictions after which it is decided whether 16 bits pay off
CALIBRATION = 16  # predictions made in both precisions initially


def reduced_type(kind: str) -> torch.dtype | None:
    """The 16-bit format that devices of this kind multiply faster than float32, if any.

    A GPU multiplies float16 as fast as bfloat16, with eight times its precision.
    """
    if not native_bfloat16(kind):
        return None
    return torch.float16 if kind == "cuda" else torch.bfloat16


class Evaluator:
    """A classifier for inference only, whose `classes` are those of its float32 forward pass.

    The first `FEW` predictions use the model itself: preparation costs as much as some of them.
    """

    def __init__(self, model: nn.Module) -> None:
        """model: in eval mode; it is copied, not changed."""
        self._model = model  # in float32
        self._ordered = takes_channels_last(model)
        self._reduced: nn.Module | None = None
        self._type: torch.dtype | None = None  # its 16-bit format
        self._needs_preparation = any(isinstance(part, nn.Conv2d) for part in model.modules())
        self._predicted = self._recomputed = 0
        self._error = 0.0  # largest observed difference between the errors of two logits
        self._batches: Batches | None = None

    @torch.inference_mode()
    def classes(self, x: Tensor) -> Tensor:
        """(n,) predicted classes of x (n, *shape) float32 in [0, 1]."""
        return torch.cat([classes for classes, _ in self._in_batches(x)])

    @torch.inference_mode()
    def classes_and_logits(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(classes (n,), logits (n, K) float32) of x.

        Classes are those of float32; logits are in the precision in which the network runs.
        """
        batches = list(self._in_batches(x))
        classes, logits = zip(*batches, strict=True)
        return torch.cat(classes), torch.cat(logits)

    @property
    def doubt(self) -> float:
        """Error bound of the difference of two logits, relative to float32."""
        return 0.0 if self._reduced is None else SAFETY * self._error

    @torch.inference_mode()
    def classes_and_margins(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """(classes, margins), each (n,): the logit of y (n,) minus the best other logit.

        Margins are in the precision in which the network runs.
        """
        classes, logits = self.classes_and_logits(x)
        own = logits.gather(1, y[:, None])[:, 0]
        others = logits.scatter(1, y[:, None], -torch.inf)
        return classes, own - others.max(1).values

    def _in_batches(self, x: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """(classes, logits) of x, in batches that fit into memory."""
        if self._batches is None:
            self._batches = batches_of(x, sys.maxsize)  # all at once, until that fails
        return self._batches.over(len(x), lambda part: self._predict(x[part]))

    def _predict(self, x: Tensor) -> tuple[Tensor, Tensor]:
        self._predicted += len(x)
        if self._needs_preparation and self._predicted > FEW:
            self._prepare(x)
            self._needs_preparation = False
        if self._reduced is None:
            exact_logits = self._exact(x)
            return exact_logits.argmax(1), exact_logits
        logits = self._reduced_logits(x)
        best = logits.topk(2, dim=1)
        lead = best.values[:, 0] - best.values[:, 1]
        doubtful = (~((lead > self.doubt) & lead.isfinite())).nonzero()[:, 0]
        classes = best.indices[:, 0]
        if len(doubtful):
            exact = self._exact(x[doubtful])
            self._update_error(logits[doubtful], exact)
            classes[doubtful] = exact.argmax(1)
        self._drop_reduced_if_costly(len(doubtful))
        return classes, logits

    def _prepare(self, x: Tensor) -> None:
        """Fold the network, and calibrate the error of 16-bit logits on samples x."""
        self._model = folded(self._model, x)
        self._type = reduced_type(x.device.type)
        if self._type is None:
            return
        sample = x[:CALIBRATION]
        reduced = _reduced(self._model, self._type, sample, self._ordered)
        if reduced is not None and x.is_cuda:
            self._reduced = fused(copy.deepcopy(reduced))
            try:
                self._reduced_logits(sample)
            except (RuntimeError, NetworkError):  # a convolution that cuDNN cannot fuse
                self._reduced = reduced
        self._reduced = self._reduced or reduced
        if self._reduced is not None:
            self._update_error(self._reduced_logits(sample), self._exact(sample))

    def _exact(self, x: Tensor) -> Tensor:
        logits: Tensor = self._model(_in_order(x, self._ordered))
        return logits

    def _reduced_logits(self, x: Tensor) -> Tensor:
        assert self._reduced is not None
        logits: Tensor = self._reduced(_in_order(x, self._ordered).to(self._type)).float()
        return logits

    def _update_error(self, reduced: Tensor, exact: Tensor) -> None:
        errors = reduced - exact
        spread = errors.max(1).values - errors.min(1).values
        self._error = max(self._error, float(spread.nan_to_num(0, 0, 0).max()))

    def _drop_reduced_if_costly(self, recomputed: int) -> None:
        self._recomputed += recomputed
        if self._predicted > ENOUGH and self._recomputed > TOO_MANY * self._predicted:
            self._reduced = None


def evaluators_of(models: Mapping[str, nn.Module]) -> dict[str, Evaluator]:
    """Each model wrapped in `Evaluator`."""
    return {name: Evaluator(model) for name, model in models.items()}


def attack_model(model: nn.Module, arithmetic: str, x: Tensor) -> nn.Module:
    """The model used to compute attacks against `model`, according to ProbeSpec.arithmetic.

    `model` itself for float32 or without convolutions; else a differentiable copy. x: (n, *shape)
    example inputs. Measured on small CNNs and ResNet-18 with 10 PGD steps: unlearn accuracy under
    attack equals float32's with a folded copy and is within 1 percentage point in bfloat16.
    """
    if arithmetic == FLOAT32 or not any(isinstance(part, nn.Conv2d) for part in model.modules()):
        return model
    with torch.inference_mode(False):
        copied = folded(model, x)
        if arithmetic == FOLDED:
            return copied
        ordered = takes_channels_last(model)
        reduced = _reduced(copied, torch.bfloat16, x[:CALIBRATION], ordered)
        return copied if reduced is None else _Reduced(reduced, ordered)


class _Reduced(nn.Module):
    """A network in bfloat16 with float32 inputs and outputs."""

    def __init__(self, net: nn.Module, ordered: bool) -> None:
        super().__init__()
        self.net, self._ordered = net, ordered

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.net(_in_order(x, self._ordered).bfloat16())
        return logits.float()


def _reduced(model: nn.Module, kind: torch.dtype, x: Tensor, ordered: bool) -> nn.Module | None:
    """A copy in a 16-bit format, or None if it fails on samples x.

    A user's network may create float32 tensors itself, which do not mix with 16 bits.
    """
    copied = copy.deepcopy(model).to(kind)
    try:
        with torch.no_grad():
            copied(_in_order(x, ordered).to(kind))
    except (RuntimeError, TypeError, NetworkError):
        return None
    return copied


def _in_order(x: Tensor, ordered: bool) -> Tensor:
    """x in channels-last order if `ordered` and if it has channels."""
    return x.contiguous(memory_format=torch.channels_last) if ordered and x.ndim == 4 else x
