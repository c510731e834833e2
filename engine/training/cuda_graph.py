"""Training steps recorded once as CUDA graphs and replayed.

A step of a small network consists of hundreds of kernels that take longer to launch than to run.
After a few eager steps, the forward and backward pass of a batch are recorded as a CUDA graph; from
then on its inputs are copied into the recorded buffers and the graph is replayed. The kernels are
the same, and so are their results, bit for bit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from engine.models.base import Classifier, Dropout, by_libraries
from engine.runtime.batching import free_cache

EAGER_STEPS = 4  # eager steps per shape: libraries initialize, and short runs end before recording
MAX_SHAPES = 4  # batch shapes that are recorded; each occupies the memory of a step

DRAWING = (
    Dropout, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.RReLU,
)  # fmt: skip

Loss = Callable[..., Tensor]  # of (model, *tensors)

_recording = threading.Lock()  # a device records for one thread at a time


def recordable(model: nn.Module, device: torch.device) -> bool:
    """Whether steps of this model can be recorded: on CUDA, if all steps run the same kernels.

    A user's layer may branch at every step, and no layer may draw random numbers.
    """
    if device.type != "cuda" or (isinstance(model, Classifier) and not model.steady):
        return False
    return by_libraries(model) and not any(isinstance(one, DRAWING) for one in model.modules())


@dataclass(frozen=True)
class _Recording:
    """A recorded graph with its input, loss and gradient buffers."""

    graph: torch.cuda.CUDAGraph
    inputs: Sequence[Tensor]
    loss: Tensor
    gradients: Sequence[Tensor | None]


class Recorder:
    """Differentiates a model's loss on batches, by replaying a recording where there is one."""

    def __init__(self, model: nn.Module, loss: Loss) -> None:
        """model: already in its final mode (train or eval); loss: function of (model, *inputs)."""
        self._model, self._loss = model, loss
        self._parameters = list(model.parameters())
        self._step_counts: dict[tuple[torch.Size, ...], int] = {}
        self._recordings: dict[tuple[torch.Size, ...], _Recording] = {}
        self._failed = False

    def __call__(self, *inputs: Tensor) -> Tensor:
        """The loss of these inputs; sets the parameters' gradients, which must be None before."""
        shapes = tuple(one.shape for one in inputs)
        if self._should_record(shapes):
            self._record(shapes, inputs)
        recording = self._recordings.get(shapes)
        if recording is None:
            loss = self._loss(self._model, *inputs)
            loss.backward()
            return loss.detach()
        for buffer, one in zip(recording.inputs, inputs, strict=True):
            buffer.copy_(one)
        recording.graph.replay()
        for parameter, gradient in zip(self._parameters, recording.gradients, strict=True):
            parameter.grad = gradient
        return recording.loss.clone()

    def _should_record(self, shapes: tuple[torch.Size, ...]) -> bool:
        if self._failed or shapes in self._recordings or len(self._recordings) == MAX_SHAPES:
            return False
        self._step_counts[shapes] = self._step_counts.get(shapes, 0) + 1
        return self._step_counts[shapes] > EAGER_STEPS

    def _record(self, shapes: tuple[torch.Size, ...], inputs: Sequence[Tensor]) -> None:
        """Record the graph for these inputs, without running it; if that fails, stop recording."""
        graph, buffers = torch.cuda.CUDAGraph(), [one.clone() for one in inputs]
        device = buffers[0].device
        with _recording, torch.cuda.device(device):
            stream_before = torch.cuda.current_stream()
            try:  # thread_local: other threads use the device meanwhile
                stream = torch.cuda.Stream()
                with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
                    loss = self._loss(self._model, *buffers)
                    loss.backward()
            except (
                RuntimeError
            ):  # not enough memory for a second step, or a layer that synchronizes
                self._failed = True
            finally:
                torch.cuda.set_stream(stream_before)  # a failed recording leaves its own stream set
        if self._failed:
            self._model.zero_grad(set_to_none=True)
            free_cache(device)
            return
        gradients = [one.grad for one in self._parameters]
        self._recordings[shapes] = _Recording(graph, buffers, loss.detach(), gradients)
