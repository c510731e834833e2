"""One unlearning method on a network and data that are here."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine import registry
from engine.errors import NetworkError, SpecError
from engine.methods.base import Problem
from engine.models.base import Classifier, by_libraries, last_linear
from engine.notebook.given_models import (
    GivenModel,
    Normalization,
    device_of,
    evaluated,
    statistics_of,
)
from engine.notebook.given_samples import GivenSamples, given_samples
from engine.notebook.torch_settings import restored_torch_settings
from engine.runtime.device_samples import Samples, as_pixels
from engine.runtime.progress import Reporter
from engine.runtime.seeds import borrowed_global_seed, derive, generator
from engine.spec import TrainSpec, amend
from engine.training.sgd import Resume
from engine.user_code.randomness import Redirection, seeded_global_draws

TRIED = 4  # samples of a pass that shows what a network does

Make = Callable[[], nn.Module]


def unlearn(
    method: str,
    model: nn.Module,
    *,
    retain: tuple[Any, Any],
    forget: tuple[Any, Any],
    normalize: Normalization | None = None,
    seed: int = 0,
    train: Mapping[str, Any] | None = None,
    fresh: Make | None = None,
    initial: nn.Module | None = None,
    report: Reporter | None = None,
    **settings: Any,
) -> nn.Module:
    """A new network: `model` after this method has unlearned the forget set; `model` is unchanged.

    method: a registered name, such as 'rurk' (`rk-engine run --help` lists them), with `settings`
    of its own (epochs=3, lr=0.01 ...). model: from normalized input to logits (n, K), in float32.
    retain, forget: (x, y) each, x as in `engine.residual_knowledge`; normalize: (mean, std) that
    the network wants its input normalized by. Methods that need more say so: fresh, a function that
    makes an untrained network (by default the layers' own `reset_parameters`, for Re-train and
    Bad Teacher); initial, the network that training started from (NTK); train, the training's
    settings as in `TrainSpec` (Re-train). The same seed gives the same weights. SpecError for
    unusable input, TrainingError if the loss is not finite.

    >>> import torch
    >>> x, y = torch.rand(8, 3), torch.arange(8) % 2
    >>> net = torch.nn.Linear(3, 2)
    >>> before = net.weight.clone()
    >>> new = unlearn("gd", net, retain=(x[2:], y[2:]), forget=(x[:2], y[:2]), epochs=1, batch=2)
    >>> torch.equal(net.weight, before), torch.equal(new.weight, before)
    (True, False)
    """
    entry = registry.get("method", method.replace("_", "-"))
    assert entry.config is not None
    config = amend(entry.config(), settings, f"{entry.name}.")
    task = _Task(model, _samples(retain, "retain"), _samples(forget, "forget"), normalize)
    spec = amend(TrainSpec(), dict(train or {}), "train.")
    with restored_torch_settings(task.device), borrowed_global_seed(seed, "unlearn"):
        original = task.classifier(model)
        problem = Problem(
            original=original,
            samples=task.samples(original),
            retain=torch.arange(len(task.retain), device=task.device),
            forget=torch.arange(len(task.forget), device=task.device) + len(task.retain),
            seed=derive(seed, entry.name),
            train=spec,
            fresh=lambda salt: task.fresh(fresh, derive(seed, "weights", salt)),
            initial=lambda: task.classifier(_initial(initial)),
            report=report or Reporter(),
            resume=Resume(),
        )
        made: Classifier = entry.make(problem, config)
    return _returned(made.net, model)


@dataclass(frozen=True, eq=False)
class _Task:
    """The network and samples of a task, checked when it is made."""

    model: nn.Module
    retain: GivenSamples
    forget: GivenSamples
    normalize: Normalization | None

    def __post_init__(self) -> None:
        if not isinstance(self.model, nn.Module):
            raise SpecError(
                f"model is a {type(self.model).__name__}, but unlearning changes weights: give an "
                "nn.Module."
            )
        other = next((p for p in self.model.parameters() if p.dtype != torch.float32), None)
        if other is not None:
            raise SpecError(
                f"model has weights in {other.dtype}, but methods compute in float32. Give "
                "copy.deepcopy(model).float()."
            )
        if self.retain.x.shape[1:] != self.forget.x.shape[1:]:
            raise SpecError(
                f"retain has samples of shape {self.retain.x.shape[1:]}, but forget of "
                f"{self.forget.x.shape[1:]}."
            )

    @property
    def device(self) -> torch.device:
        """The device of the network."""
        return device_of({"model": self.model}, None)

    @property
    def tried(self) -> Tensor:
        """A few samples, as pixels in [0, 1]."""
        return as_pixels(torch.from_numpy(self.retain.x[:TRIED]).to(self.device))

    def samples(self, original: Classifier) -> Samples:
        """All samples, retained ones first; SpecError for a label that is no class."""
        n_classes = self._classes(original.net)
        for part in (self.retain, self.forget):
            part.require_classes(n_classes, "model")
        parts = [self.retain.x, self.forget.x]
        if len({part.dtype for part in parts}) > 1:
            parts = [part / np.float32(255) if part.dtype == np.uint8 else part for part in parts]
        y = np.concatenate([self.retain.y, self.forget.y])
        return Samples.on(self.device, np.concatenate(parts), y, n_classes)

    def classifier(self, net: nn.Module) -> Classifier:
        """A copy of the network as methods need it, in eval mode."""
        try:
            own = copy.deepcopy(net).requires_grad_(True).eval()
        except Exception as error:  # a layer may refuse in any way
            raise SpecError(
                f"The network cannot be copied, as unlearning requires: copy.deepcopy gives "
                f"{type(error).__name__}: {error}"
            ) from error
        own = nn.Sequential(own) if isinstance(own, nn.Linear) else own  # a head has a place
        x = self.tried
        statistics = statistics_of(self.normalize, x.shape[1:], self.device)
        mean, std = statistics or (torch.zeros(1), torch.ones(1))
        scaled = x if statistics is None else (x - mean) / std
        _, head = last_linear(own, scaled, self._classes(own))
        kind = _Headless if head is None else Classifier
        made = kind(
            own, head or "", mean.flatten().tolist(), std.flatten().tolist(), image=x.ndim == 4
        )
        made.to(self.device)
        made.channels_last = _takes(made, x)
        made.steady = by_libraries(made) and not _draws(made, x)
        return made.eval()

    def fresh(self, make: Make | None, seed: int) -> Classifier:
        """An untrained network of the same kind, its weights drawn with this seed."""
        with seeded_global_draws(seed):
            net = make() if make is not None else _reset(copy.deepcopy(self.model))
        shapes = [{name: one.shape for name, one in each.state_dict().items()}
                  for each in (net, self.model)]  # fmt: skip
        if shapes[0] != shapes[1]:
            raise SpecError("fresh() makes a network with other weights than those of model.")
        return self.classifier(net.to(self.device))

    def _classes(self, net: nn.Module) -> int:
        x = self.tried
        given = GivenModel(net, "model", statistics_of(self.normalize, x.shape[1:], self.device))
        with torch.no_grad(), evaluated([net]):
            return int(given(x).shape[1])


class _Headless(Classifier):
    """A network whose logits come from something else than a linear layer."""

    @property
    def head(self) -> nn.Linear:
        """SpecError: there is none."""
        raise SpecError(
            "This method changes the last linear layer, but the network's logits do not come from "
            "one. Use another method, or end the network with an nn.Linear."
        )


def _samples(pair: Any, name: str) -> GivenSamples:
    """The samples of a pair (x, y); SpecError unless it is one."""
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise SpecError(f"{name} must be a pair (x, y) of samples and labels.")
    return given_samples(pair[0], pair[1], name)


def _initial(net: nn.Module | None) -> nn.Module:
    """The network that training started from; SpecError if it was not given."""
    if net is None:
        raise SpecError(
            "This method needs the network that training started from, with its weights of then: "
            "give initial=network."
        )
    return net


def _reset(net: nn.Module) -> nn.Module:
    """The network with every layer's weights drawn anew; SpecError where a layer cannot do it."""
    for path, part in net.named_modules():
        if not (list(part.parameters(recurse=False)) or list(part.buffers(recurse=False))):
            continue
        reset = getattr(part, "reset_parameters", None)
        if not callable(reset):
            raise SpecError(
                f"The layer '{path}' ({type(part).__name__}) has weights of its own and no "
                "reset_parameters, so that an untrained network cannot be made of it. Give a "
                "function that makes one: fresh=function."
            )
        reset()
    return net


def _takes(model: Classifier, x: Tensor) -> bool:
    """Whether the network works with channels-last feature maps, on which `view` may fail."""
    if x.ndim != 4:
        return True
    try:
        with torch.enable_grad():
            model(x.contiguous(memory_format=torch.channels_last)).sum().backward()
    except (RuntimeError, NetworkError):
        return False
    finally:
        model.zero_grad(set_to_none=True)
    return True


@torch.no_grad()
def _draws(model: Classifier, x: Tensor) -> bool:
    """Whether the network draws random numbers while it is trained, as dropout does."""
    tried = copy.deepcopy(model)
    tried.steady = True
    with Redirection(generator(0, "trial", device=x.device), explicit=True) as mode:
        tried.train()(x)
    return bool(mode.draws > 0)


def _returned(net: nn.Module, model: nn.Module) -> nn.Module:
    """The new network in the mode of the given one, with its gradients required alike."""
    if isinstance(model, nn.Linear) and isinstance(net, nn.Sequential):
        (net,) = net  # it was given a place for its head
    flags = {name: one.requires_grad for name, one in model.named_parameters()}
    for name, parameter in net.named_parameters():
        parameter.grad = None
        parameter.requires_grad_(flags.get(name, True))
    return net.train(model.training)
