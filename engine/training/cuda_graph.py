"""Steps of training that a GPU was told once and plays again.

A step of a small network is hundreds of kernels that take less time to run than to name one by
one. After a few steps in the ordinary way, the forward and backward pass of a batch are recorded
as a CUDA graph; from then on its inputs are put where the recorded ones lay, and it is played. The
kernels are the same, and so is what they compute, bit for bit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from engine.models.base import Classifier, Dropout, by_libraries
from engine.runtime.batching import free_cache

PLAIN = 4  # steps of a shape in the ordinary way: libraries make what they need, short runs end
SHAPES = 4  # of batches that are recorded; each holds the memory of a step

DRAWING = (
    Dropout, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.RReLU,
)  # fmt: skip

Loss = Callable[..., Tensor]  # of a model and tensors

_recording = threading.Lock()  # a device records for one thread at a time


def recordable(model: nn.Module, device: torch.device) -> bool:
    """Whether steps of this model can be recorded: on CUDA, where every layer is known to do the
    same in every step. A stranger's may decide anew, and none may draw random numbers."""
    if device.type != "cuda" or (isinstance(model, Classifier) and not model.steady):
        return False
    return by_libraries(model) and not any(isinstance(one, DRAWING) for one in model.modules())


@dataclass(frozen=True)
class _Recording:
    """What is played: from the inputs to the loss and each parameter's gradient."""

    graph: torch.cuda.CUDAGraph
    inputs: Sequence[Tensor]
    loss: Tensor
    gradients: Sequence[Tensor | None]


class Recorder:
    """Differentiates a model's loss on batches, from a recording wherever there is one."""

    def __init__(self, model: nn.Module, loss: Loss) -> None:
        """model: in the mode (train or eval) that it will keep; loss of (model, *inputs)."""
        self._model, self._loss = model, loss
        self._parameters = list(model.parameters())
        self._seen: dict[tuple[torch.Size, ...], int] = {}
        self._made: dict[tuple[torch.Size, ...], _Recording] = {}
        self._vain = False

    def __call__(self, *inputs: Tensor) -> Tensor:
        """The loss of these inputs; the parameters, whose gradients are None, get them."""
        shapes = tuple(one.shape for one in inputs)
        if self._worth(shapes):
            self._record(shapes, inputs)
        recording = self._made.get(shapes)
        if recording is None:
            loss = self._loss(self._model, *inputs)
            loss.backward()
            return loss.detach()
        for place, one in zip(recording.inputs, inputs, strict=True):
            place.copy_(one)
        recording.graph.replay()
        for parameter, gradient in zip(self._parameters, recording.gradients, strict=True):
            parameter.grad = gradient
        return recording.loss.clone()

    def _worth(self, shapes: tuple[torch.Size, ...]) -> bool:
        if self._vain or shapes in self._made or len(self._made) == SHAPES:
            return False
        self._seen[shapes] = self._seen.get(shapes, 0) + 1
        return self._seen[shapes] > PLAIN

    def _record(self, shapes: tuple[torch.Size, ...], inputs: Sequence[Tensor]) -> None:
        """Keep a recording of these inputs, which runs nothing yet; or none from now on."""
        graph, places = torch.cuda.CUDAGraph(), [one.clone() for one in inputs]
        device = places[0].device
        with _recording, torch.cuda.device(device):
            ours = torch.cuda.current_stream()
            try:  # other threads use the device meanwhile, which only this one's calls may not do
                stream = torch.cuda.Stream()
                with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
                    loss = self._loss(self._model, *places)
                    loss.backward()
            except RuntimeError:  # too little memory for a second step, or a layer that waits
                self._vain = True
            finally:
                torch.cuda.set_stream(ours)  # where recording failed, it was left at its own
        if self._vain:
            self._model.zero_grad(set_to_none=True)
            free_cache(device)
            return
        gradients = [one.grad for one in self._parameters]
        self._made[shapes] = _Recording(graph, places, loss.detach(), gradients)
