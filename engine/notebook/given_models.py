"""Models as a notebook has them: any module or callable, asked without being changed."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from engine.errors import SpecError

COMPARED = 4  # samples that every model is asked again, alone
APART = 1e-3  # tolerance for rounding, relative to the largest logit

Model = Callable[[Tensor], Any]
Normalization = tuple[Any, Any]  # mean and standard deviation, numbers or one for each channel


class GivenModel(nn.Module):
    """A model as the engine asks it: pixels in [0, 1] in, checked float32 logits out.

    Its layers are hidden from the engine, which would otherwise copy and rewrite them: each
    prediction is that of a plain call.
    """

    def __init__(self, model: Model, name: str, statistics: tuple[Tensor, Tensor] | None) -> None:
        """name: what messages call it; statistics: of `statistics_of`, None for raw pixels."""
        super().__init__()
        if not callable(model):
            raise SpecError(
                f"{name} is a {type(model).__name__}, but must be an nn.Module or a function from "
                "pixels in [0, 1] to logits."
            )
        self._asked, self.name, self._statistics = (model,), name, statistics
        self._type = _type_of(model)
        self.n_classes = 0  # known after the first call

    @property
    def model(self) -> Model:
        """The model that was given."""
        return self._asked[0]

    def forward(self, x: Tensor) -> Tensor:
        """(n, K) logits of x (n, *shape) in [0, 1]; SpecError if the model returns others."""
        if not torch.is_inference_mode_enabled():
            return self._logits(x)
        with torch.inference_mode(False), torch.no_grad():  # what it caches must serve training
            return self._logits(x.clone())

    def _logits(self, x: Tensor) -> Tensor:
        if self._statistics is not None:
            mean, std = self._statistics
            x = (x - mean) / std
        return self._checked(self.model(x.to(self._type)), x)

    def _checked(self, output: Any, x: Tensor) -> Tensor:
        if not isinstance(output, Tensor):
            part = ".logits" if hasattr(output, "logits") else "[0]"
            self._refuse(
                f"returns a {type(output).__name__}, not a tensor of logits. Wrap it: "
                f"lambda x: model(x){part}."
            )
        if output.ndim != 2 or len(output) != len(x) or output.shape[1] < 2:
            shape = "x".join(map(str, output.shape)) or "a single number"
            self._refuse(f"returns {shape} for {len(x)} samples, not a row of logits for each.")
        if not output.is_floating_point():
            self._refuse(f"returns {output.dtype}: predicted classes are not enough, give logits.")
        if output.device != x.device:
            self._refuse(f"returns logits on {output.device} for samples on {x.device}.")
        if not output.isfinite().all():
            rows = int((~output.isfinite().all(1)).sum())
            self._refuse(f"returns NaN or infinite logits for {rows} of {len(x)} samples.")
        if torch.is_grad_enabled() and x.requires_grad and not output.requires_grad:
            self._refuse("returns logits without a gradient, which attacks need. Remove no_grad.")
        if self.n_classes not in (0, output.shape[1]):
            self._refuse(f"returns {output.shape[1]} logits now, and {self.n_classes} before.")
        self.n_classes = int(output.shape[1])
        logits: Tensor = output.float()
        return logits

    def _refuse(self, what: str) -> None:
        raise SpecError(f"{self.name} {what}")


def device_of(models: Mapping[str, Any], x: Any) -> torch.device:
    """The device that all of these models are on; that of x, or the CPU, for mere functions.

    SpecError if they are on several.
    """
    places = {name: _device(model) for name, model in models.items()}
    known = {name: place for name, place in places.items() if place is not None}
    if not known:
        return x.device if isinstance(x, Tensor) else torch.device("cpu")
    (first, device), *others = known.items()
    other = next((name for name, place in others if place != device), None)
    if other is not None:
        raise SpecError(
            f"{first} is on {device} and {other} on {known[other]}. Move all models to one device."
        )
    return device


@contextlib.contextmanager
def evaluated(models: Sequence[Any]) -> Iterator[None]:
    """Put modules into eval mode; every layer's mode is restored, also after an error."""
    modules = [model for model in models if isinstance(model, nn.Module)]
    modes = [(part, part.training) for model in modules for part in model.modules()]
    try:
        for model in modules:
            model.eval()
        yield
    finally:
        for part, training in modes:
            part.training = training


def statistics_of(
    normalize: Normalization | None, shape: Sequence[int], device: torch.device
) -> tuple[Tensor, Tensor] | None:
    """(mean, std), each (1, C, 1, 1) or (1, d), from numbers or one number per channel.

    None if nothing is to be normalized. SpecError for anything else.
    """
    if normalize is None:
        return None
    wrong = SpecError(
        "normalize must be (mean, std), each a number or one for each of the "
        f"{shape[0]} {'channels' if len(shape) == 3 else 'features'}, with std above 0."
    )
    try:
        mean, std = (torch.as_tensor(part, dtype=torch.float32).flatten() for part in normalize)
    except (TypeError, ValueError, RuntimeError):
        raise wrong from None
    sizes = {len(mean), len(std)} <= {1, shape[0]}
    if not sizes or not torch.cat([mean, std]).isfinite().all() or std.min() <= 0:
        raise wrong
    sides = (1, -1, *(1 for _ in shape[1:]))
    return mean.reshape(sides).to(device), std.reshape(sides).to(device)


@torch.no_grad()
def logits_of(model: GivenModel, x: Tensor, batch: int) -> Tensor:
    """(n, K) logits of x, asked `batch` at a time; SpecError if they depend on the batch.

    A model in training mode inside a function, or one with noise, would be measured wrongly.
    """
    logits = torch.cat([model(part) for part in x.split(batch)])
    alone = torch.cat([model(sample) for sample in x[:COMPARED].split(1)])
    apart = (logits[: len(alone)] - alone).abs().max()
    if apart > APART * (1 + alone.abs().max()):
        raise SpecError(
            f"{model.name} gives a sample other logits when it is asked alone: it is random, or "
            "mixes the samples of a batch. Put it into eval mode, model.eval()."
        )
    return logits


def _device(model: Any) -> torch.device | None:
    first = next(_tensors(model), None)
    return None if first is None else first.device


def _type_of(model: Any) -> torch.dtype:
    """The type of a module's weights; float32 for mere functions."""
    kinds = (tensor.dtype for tensor in _tensors(model) if tensor.is_floating_point())
    return next(kinds, torch.float32)


def _tensors(model: Any) -> Iterator[Tensor]:
    if isinstance(model, nn.Module):
        yield from itertools.chain(model.parameters(), model.buffers())
