"""The stacked weights of several multilayer perceptrons, and the derivatives of their losses.

A step of a small network on a CPU costs mostly the calls of some fifty operations. Stacked, each
operation is called once for all networks: weights are (k, out, in), and products are batched
(`baddbmm`, `bmm`). Measured on one core, a step of 20 networks with one hidden layer of 100 units
on digits: 10.5 ms one by one, 4.6 ms with `torch.func.vmap`, 4.1 ms with batched products under
autograd, 1.8 ms with the derivatives written out, as here. The gain falls with the size: 4.4 times
for 10 networks on 8 x 8 pixels, 1.9 times on 28 x 28, 1.3 times on 3 x 32 x 32, none beyond.

Convolutions gain nothing on a CPU: for a step of the small CNN, each network of several took 5.0 ms
with grouped convolutions, 9.9 ms under `vmap` and 5.5 ms by itself on images of 8 x 8 pixels, and
16.5, 40 and 15.8 ms on 32 x 32.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, log_softmax, nll_loss

from engine.models.base import Classifier
from engine.runtime.device_samples import Samples, as_pixels

REGISTER = 16  # float32 values in the widest vector register of a CPU
KEPT = 16_000_000  # normalized values of all samples that are kept: 64 MB


class Stack:
    """k networks of the same shape, chains of linear layers with rectifiers between them."""

    def __init__(self, models: Sequence[Classifier], samples: Samples) -> None:
        """samples: those that the rows of a batch refer to, on the CPU."""
        self._models, self._samples = models, samples
        own = [[one.detach() for one in model.parameters()] for model in models]
        stacked = [torch.stack(same) for same in zip(*own, strict=True)]
        self._shapes = [one.shape for one in stacked]
        self.weights = nn.Parameter(self.join(stacked))
        self.weights.grad = torch.zeros_like(self.weights)
        self._parts, self._gradients = self.split(self.weights), self.split(self.weights.grad)
        self._columns = False
        self._spaces: dict[str, Tensor] = {}
        self._normalized = self._normalize(samples.x) if samples.x.numel() <= KEPT else None

    def join(self, values: Sequence[Tensor]) -> Tensor:
        """One flat tensor of a stacked tensor (k, *shape) for each parameter, for an optimizer."""
        return torch.cat([one.flatten() for one in values])

    def split(self, flat: Tensor) -> list[Tensor]:
        """The stacked tensors in a flat one, which share its memory."""
        parts = flat.detach().split([shape.numel() for shape in self._shapes])
        return [part.view(shape) for part, shape in zip(parts, self._shapes, strict=True)]

    def assign(self, flat: Tensor) -> None:
        """Set each network's weights to its part of a flat tensor like `weights`."""
        with torch.no_grad():
            for j, model in enumerate(self._models):
                for parameter, values in zip(model.parameters(), self.split(flat), strict=True):
                    parameter.copy_(values[j])

    @torch.no_grad()
    def differentiate(self, rows: Tensor) -> Tensor:
        """(k,) mean cross-entropy of each network on its rows (k, n); sets the gradient.

        Every operation is one of those that autograd uses for a single network, so that its
        results have the same bits; only products are batched (see `agrees`).
        """
        inputs, logits = self._forward(rows)
        y = self._samples.y[rows]
        losses, change = _by_columns(logits, y) if self._columns else _by_rows(logits, y)
        for layer in reversed(range(len(inputs))):
            weight, bias = self._gradients[2 * layer : 2 * layer + 2]
            torch.bmm(change.mT, inputs[layer], out=weight)
            torch.sum(change, 1, out=bias)
            if layer:
                before = self._space(f"change {layer}", *inputs[layer].shape)
                torch.bmm(change, self._parts[2 * layer], out=before)
                change = _rectified_change(before, inputs[layer])
        return losses

    def agrees(self, batches: Sequence[Tensor]) -> bool:
        """Whether losses and gradients on batches of rows (k, n) have the bits autograd gives.

        Compared for every network, as a product may depend on where its factors lie in memory.
        Softmax is then computed in the fastest way that has these bits.
        """
        for columns in (True, False):
            self._columns = columns
            if all(map(self._agrees, batches)):
                return True
        return False

    def _agrees(self, rows: Tensor) -> bool:
        losses = self.differentiate(rows)
        return all(
            self._is_equal(j, losses[j], self._alone(model, rows[j]))
            for j, model in enumerate(self._models)
        )

    def _forward(self, rows: Tensor) -> tuple[list[Tensor], Tensor]:
        """The (k, n, in) inputs of all linear layers, and the (k, n, K) logits."""
        x, inputs = self._inputs(rows), []
        for layer in range(0, len(self._parts), 2):
            weight, bias = self._parts[layer : layer + 2]
            inputs.append(x if layer == 0 else x.clamp_min_(0))
            x = self._space(f"output {layer}", *rows.shape, bias.shape[1])
            torch.baddbmm(bias[:, None], inputs[-1], weight.mT, out=x)
        return inputs, x

    def _inputs(self, rows: Tensor) -> Tensor:
        """(k, n, d) normalized pixels."""
        flat = rows.flatten()
        if self._normalized is None:
            return self._normalize(self._samples.x[flat]).view(*rows.shape, -1)
        x = self._space("input", len(flat), self._normalized.shape[1])
        torch.index_select(self._normalized, 0, flat, out=x)
        return x.view(*rows.shape, -1)

    def _space(self, name: str, *shape: int) -> Tensor:
        """Memory for a result: the same in every step, as that from the system is slow at first."""
        size = math.prod(shape)
        if name not in self._spaces or self._spaces[name].numel() < size:
            self._spaces[name] = torch.empty(size)
        return self._spaces[name][:size].view(shape)

    def _normalize(self, x: Tensor) -> Tensor:
        return ((as_pixels(x) - self._models[0].mean) / self._models[0].std).flatten(1)

    def _alone(self, model: Classifier, rows: Tensor) -> list[Tensor]:
        """The loss of one network on rows (n,), and the gradients of its parameters."""
        loss = cross_entropy(model(self._samples.pixels(rows)), self._samples.y[rows])
        return [loss.detach(), *torch.autograd.grad(loss, list(model.parameters()))]

    def _is_equal(self, j: int, loss: Tensor, alone: Sequence[Tensor]) -> bool:
        return all(map(torch.equal, [loss, *(one[j] for one in self._gradients)], alone))


def _by_rows(logits: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Losses (k,) of logits (k, n, K) and classes y (k, n), and their gradient (k, n, K)."""
    logs = log_softmax(logits, 2)
    change = torch.zeros_like(logs).scatter_(2, y[:, :, None], -1 / y.shape[1])
    change = torch.ops.aten._log_softmax_backward_data(change, logs, 2, logs.dtype)
    return _losses(logs.gather(2, y[:, :, None])), change


def _by_columns(logits: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The same with the logits of a class side by side, which is ten times faster for few classes.

    torch sums the exponentials of a sample one by one if they do not fill a vector register, as it
    does here; columns are filled up to whole registers, since it computes what remains otherwise.
    """
    k, n, classes = logits.shape
    columns = logits.new_zeros(k, classes, math.ceil(n / REGISTER) * REGISTER)
    columns[:, :, :n] = logits.mT
    logs = log_softmax(columns, 1)
    change = torch.zeros_like(logs)
    change[:, :, :n].scatter_(1, y[:, None], -1 / n)
    change = torch.ops.aten._log_softmax_backward_data(change, logs, 1, logs.dtype)
    picked = logs[:, :, :n].gather(1, y[:, None]).mT
    return _losses(picked), change[:, :, :n].mT.contiguous()


def _losses(logs: Tensor) -> Tensor:
    """(k,) means of negative log probabilities (k, n, 1), each summed as for one network."""
    only = torch.zeros(logs.shape[1], dtype=torch.int64)
    return torch.stack([nll_loss(one, only) for one in logs])


def _rectified_change(change: Tensor, output: Tensor) -> Tensor:
    """`change` with zeros where the rectifier's output is zero, in place."""
    torch.ops.aten.threshold_backward(change, output, 0, grad_input=change)
    return change
