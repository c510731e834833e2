"""The base of all models: built-in normalization, `features(x)`, and seeded initialization."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from engine import registry
from engine.errors import SpecError
from engine.runtime.seeds import derive
from engine.runtime.submodules import set_submodule
from engine.user_code.calls import UserNetwork
from engine.user_code.randomness import Redirection, seeded_global_draws

LIBRARIES = ("torch", "torchvision", "engine")

SMALL = 1_000_000  # multiply-adds per sample


class Classifier(nn.Module):
    """A network that takes pixels in [0, 1] and normalizes them itself.

    net: any module from normalized input to logits (n, K); head: the name of its last linear
    layer, whose input is the penultimate feature vector.

    steady: whether the network is known to draw random numbers only in `Dropout`; if not, a run
    sets `generators`, from which it then draws in train mode. channels_last: whether its
    convolutions support that memory format. guest: guards the calls of a user's network.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, net: nn.Module, head: str, mean: Sequence[float], std: Sequence[float], image: bool
    ) -> None:
        super().__init__()
        self.net = net
        self.head_name = head
        self.steady = self.channels_last = True
        self.generators: tuple[torch.Generator, ...] = ()
        self.guest: UserNetwork | None = None
        shape = (1, -1, 1, 1) if image else (1, -1)
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).reshape(shape))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).reshape(shape))

    @property
    def head(self) -> nn.Linear:
        """The last linear layer."""
        layer = self.net.get_submodule(self.head_name)
        assert isinstance(layer, nn.Linear)
        return layer

    def replace_head(self, layer: nn.Linear) -> None:
        """Replace the last layer, keeping the device and dtype of the old one."""
        set_submodule(self.net, self.head_name, layer.to(self.head.weight))

    def forward(self, x: Tensor) -> Tensor:
        """Logits (n, K) of pixels (n, C, H, W) or features (n, d) in [0, 1]."""
        x = (x - self.mean) / self.std
        if self.steady or not (self.training and self.generators):
            return self._logits(x)
        with Redirection(*self.generators, explicit=True):
            return self._logits(x)

    def _logits(self, x: Tensor) -> Tensor:
        if self.guest is not None:
            return self.guest.logits(self.net, x)
        logits: Tensor = self.net(x)
        return logits

    def __deepcopy__(self, memo: dict[int, Any]) -> Classifier:
        """A deep copy, even where layers hold computed tensors, which torch refuses to copy.

        torch's older spectral and weight norm do.
        """
        memo |= {id(value): _plain(value) for value in _computed(self)}
        duplicate = type(self).__new__(type(self))
        memo[id(self)] = duplicate
        with torch.no_grad():  # copies of scripted layers would record this
            duplicate.__setstate__(copy.deepcopy(self.__dict__, memo))  # type: ignore[no-untyped-call]
        for parameter, copied in zip(self.parameters(), duplicate.parameters(), strict=True):
            copied.requires_grad_(parameter.requires_grad)
        return duplicate

    def features(self, x: Tensor) -> Tensor:
        """Penultimate activations (n, width) of the same input."""
        return self.features_and_logits(x)[0]

    def features_and_logits(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(n, width) penultimate activations and (n, K) logits, in one pass."""
        captured: list[Tensor] = []

        def capture(_: nn.Module, inputs: tuple[Any, ...], keywords: dict[str, Any]) -> None:
            features: Tensor = inputs[0] if inputs else keywords["input"]
            captured.append(features if self.guest is None else features.clone())  # may be modified

        hook = self.head.register_forward_pre_hook(capture, with_kwargs=True)
        try:
            logits: Tensor = self(x)
        finally:
            hook.remove()
        if self.guest is not None and not captured:
            self.guest.refuse(f"does not use its last layer, {self.head_name}, in every pass")
        return captured[0].flatten(1), logits


def by_libraries(model: nn.Module) -> bool:
    """Whether all code of the model belongs to torch, torchvision or this program."""
    return all(map(_is_known, model.modules()))


def _is_known(layer: nn.Module) -> bool:
    hooks = (*layer._forward_hooks.values(), *layer._forward_pre_hooks.values())
    classes = [kind for kind in type(layer).__mro__ if issubclass(kind, nn.Module)]
    modules = {getattr(item, "__module__", "") for item in (*hooks, *classes)}
    known = all(name.partition(".")[0] in LIBRARIES for name in modules)
    return known and "forward" not in vars(layer)


def takes_channels_last(model: nn.Module) -> bool:
    """Whether the model accepts channels-last input, on which its `view` calls might fail."""
    return not isinstance(model, Classifier) or model.channels_last


def lay_out(model: nn.Module, order: torch.memory_format) -> None:
    """Convert the weights of convolutions to this memory format; values are unchanged.

    Has no effect on networks without convolutions or without support for channels last.
    """
    if not takes_channels_last(model):
        return
    for part in model.modules():
        if isinstance(part, nn.Conv2d):
            part.to(memory_format=order)  # type: ignore[call-overload]


class NormalizedLinear(nn.Linear):
    """A linear head without bias on features scaled to L2 norm 1."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features, out_features, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Scores (n, K) of features (n, d)."""
        return super().forward(normalize(x, dim=1))


class Dropout(nn.Module):
    """Dropout with its own generator, so that results do not depend on global random state."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.generator: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        """x in eval mode; in train mode x with a fraction p set to 0 and the rest scaled up."""
        if not self.training or self.p == 0:
            return x
        retained = torch.rand(x.shape, generator=self.generator, device=x.device) >= self.p
        return x * retained / (1 - self.p)


class Drawn(nn.Module):
    """A layer with parameters of its own, which `initialise` asks it to draw."""

    def draw(self, generator: torch.Generator) -> None:
        """Draw the layer's own parameters anew from `generator` alone."""
        raise NotImplementedError


def build(
    name: str,
    shape: Sequence[int],
    n_classes: int,
    statistics: tuple[Sequence[float], Sequence[float]],
    generator: torch.Generator,
) -> Classifier:
    """A new model on the CPU, in eval mode, with weights drawn from `generator`.

    A library's network (fact `library`) keeps the way in which the library draws its weights.
    Raises SpecError if the model does not support samples of `shape` ((C, H, W) or (d,)).
    """
    entry = registry.get("model", name)
    input_kind = entry.facts.get("takes", "images")
    image = len(shape) == 3
    if input_kind == "images" and not image:
        raise SpecError(
            f"Model '{name}' needs images, but these samples have {shape[0]} features. "
            "Use --model mlp."
        )
    smallest = entry.facts.get("smallest", 1)
    if image and min(shape[1:]) < smallest:
        raise SpecError(
            f"Model '{name}' needs images of at least {smallest}x{smallest} px, but these are "
            f"{shape[1]}x{shape[2]}. Use --model cnn."
        )
    # layers draw default weights from the global generator, which other threads may be using
    with seeded_global_draws(derive(generator.initial_seed(), "weights")):
        net, head = entry.make(tuple(shape), n_classes)
    model = Classifier(net, head, *statistics, image=image)
    if not entry.facts.get("library"):
        initialise(model, generator)
    return model.eval()


def replace_dropout(net: nn.Module) -> None:
    """Replace dropout, in place, by layers that draw from the run's own generator."""
    for name, part in list(net.named_modules()):
        hooked = part._forward_hooks or part._forward_pre_hooks
        if type(part) is nn.Dropout and name and not hooked:
            set_submodule(net, name, Dropout(part.p))


def last_linear(net: nn.Module, x: Tensor, n_classes: int) -> tuple[Any, str | None]:
    """(output, path of the linear layer that was called last with n_classes outputs, or None).

    x: (n, *shape) normalized input, on the network's device. The path of a network that is itself
    the layer is ''.
    """
    called: list[str] = []

    def note(path: str, out: Any) -> None:
        if tuple(out.shape) == (len(x), n_classes):
            called.append(path)

    hooks = [
        part.register_forward_hook(lambda _, __, out, path=path: note(path, out))
        for path, part in net.named_modules()
        if isinstance(part, nn.Linear)
    ]
    try:
        with torch.no_grad():
            output = net(x)
    finally:
        for hook in hooks:
            hook.remove()
    return output, called[-1] if called else None


def initialise(module: nn.Module, generator: torch.Generator) -> None:
    """Re-initialize all weights from `generator` alone.

    Convolutions: He normal (fan out), as in torchvision's networks; linear layers: uniform within
    1/sqrt(fan in), as torch's default; batch and layer norm: scale 1, shift 0, statistics reset;
    layers with parameters of their own: by their method `draw`.
    """
    for part in module.modules():
        if isinstance(part, Drawn):
            part.draw(generator)
        elif isinstance(part, nn.Conv2d):
            fan_out = part.out_channels * math.prod(part.kernel_size) // part.groups
            nn.init.normal_(part.weight, 0.0, math.sqrt(2 / fan_out), generator=generator)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, nn.Linear):
            bound = 1 / math.sqrt(part.in_features)
            nn.init.uniform_(part.weight, -bound, bound, generator=generator)
            if part.bias is not None:
                nn.init.uniform_(part.bias, -bound, bound, generator=generator)
        elif isinstance(part, nn.BatchNorm2d):
            part.reset_running_stats()
            if part.affine:
                nn.init.ones_(part.weight)
                nn.init.zeros_(part.bias)
        elif isinstance(part, nn.LayerNorm):
            part.reset_parameters()


def shell(net: nn.Module) -> nn.Module:
    """A copy of all layers that shares the weights and buffers of `net`."""
    memo: dict[int, Any] = {id(value): _plain(value) for value in _computed(net)}
    memo |= {id(shared): shared for shared in (*net.parameters(), *net.buffers())}
    return copy.deepcopy(net, memo)


def _computed(model: nn.Module) -> Iterator[Tensor]:
    """Tensors made by autograd that layers hold outside of parameters and buffers."""
    for part in model.modules():
        for name, value in vars(part).items():
            if name not in ("_parameters", "_buffers", "_modules"):
                held = _tensors(value)
                yield from (one for one in held if _is_wrapped(one) or not one.is_leaf)


def _is_wrapped(value: Tensor) -> bool:
    """Whether this tensor was left in a layer by a pass under functorch (per-sample gradients)."""
    return bool(torch._C._functorch.is_functorch_wrapped_tensor(value))


def _plain(value: Tensor) -> Tensor:
    """A copy of the values without autograd history; empty for leftover functorch wrappers."""
    return torch.empty(0) if _is_wrapped(value) else value.detach().clone()


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _tensors(one)
    elif isinstance(value, dict):
        for one in value.values():
            yield from _tensors(one)


def adopt_body(model: Classifier, other: Classifier) -> None:
    """Copy all weights and running statistics of `other` but the head's into `model`, in place.

    The two may differ in their number of classes.
    """
    head = f"{other.head_name}."
    body = {
        name: value for name, value in other.net.state_dict().items() if not name.startswith(head)
    }
    model.net.load_state_dict(body, strict=False)


def is_small(model: Classifier, shape: Sequence[int]) -> bool:
    """Whether a second thread would not help: few multiply-adds, all in linear layers.

    shape: of one sample. Measured on two cores, a training step of 128 samples with one and two
    threads: 0.18 and 0.27 ms (7,400 multiply-adds per sample), 1.7 and 2.0 ms (308,000), 19 and 20
    ms (3 million); convolutional networks take half the time with two.
    """
    if any(part.dim() > 2 for part in model.parameters()):
        return False
    operations: list[int] = []
    hooks = [
        part.register_forward_hook(
            lambda part, _, out: operations.append(out.numel() * part.in_features)
        )
        for part in model.modules()
        if isinstance(part, nn.Linear)
    ]
    try:
        with torch.no_grad():
            model(torch.zeros(1, *shape, device=model.mean.device))
    finally:
        for hook in hooks:
            hook.remove()
    return sum(operations) < SMALL


def count_parameters(model: nn.Module) -> int:
    """Number of parameters (scalars)."""
    return sum(p.numel() for p in model.parameters())
