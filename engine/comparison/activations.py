"""Find the layers of any network by tracing a forward pass, and capture their outputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from engine.models.base import Classifier

MOST_LAYERS = 20  # modules are expanded only while there are no more layers than this
GRID = 4  # cells per side to which feature maps are average-pooled
MOST_FEATURES = 8192  # of a sequence of vectors; a longer one is averaged over the sequence
NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.PReLU)
KINDS = {"Conv2d": "conv", "Conv1d": "conv", "Linear": "linear", "NormalizedLinear": "linear"}


class Call(NamedTuple):
    """A call of a module in a forward pass: its path in the network, and the index of the call."""

    path: str
    number: int


@dataclass(frozen=True)
class Layer:
    """A layer as presented to users, and the call that produces its output."""

    name: str
    call: Call


@torch.inference_mode()
def layers_of(model: nn.Module, x: Tensor) -> list[Layer]:
    """The layers of a model in eval mode, in the order they run on samples x (n, ...).

    Modules are expanded from the outside in, as long as this gives at most `MOST_LAYERS` layers.
    Modules without weights, and normalization, belong to the preceding layer. An expanded module is
    a layer itself only if it does more than its parts. The last layer produces the output.
    """
    outputs, modules = _traced(model, x), dict(_body(model).named_modules())
    opened = {""}
    groups = _grouped(outputs, opened, modules)
    while True:
        wider = _opened(outputs, opened)
        layers = _grouped(outputs, wider, modules)
        if wider == opened or len(layers) > MOST_LAYERS:
            return _named(groups, modules)
        opened, groups = wider, layers


def _body(model: nn.Module) -> nn.Module:
    """The network inside a Classifier, with its author's layer names."""
    return model.net if isinstance(model, Classifier) else model


def _traced(model: nn.Module, x: Tensor) -> dict[Call, Tensor]:
    """Features of every call that has an output per sample, in the order in which calls end."""
    outputs: dict[Call, Tensor] = {}
    with capturing_features(model, outputs.__setitem__):
        model(x)
    return outputs


@contextmanager
def capturing_features(
    model: nn.Module, consume: Callable[[Call, Tensor], None], paths: Container[str] | None = None
) -> Iterator[None]:
    """Pass the output features (n, p) float32 of every module, or of these paths, to `hear`.

    Feature maps (n, C, H, W) are average-pooled to at most `GRID` x `GRID` cells, long sequences
    averaged over their length; outputs without a row per sample are skipped.
    """
    net = _body(model)
    counts: Counter[str] = Counter()
    size = [0]

    def begin(_: nn.Module, inputs: tuple[Any, ...]) -> None:
        counts.clear()
        size[0] = len(inputs[0])

    def hook_for(path: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(_: nn.Module, inputs: Any, output: Any) -> None:
            call = Call(path, counts[path])
            counts[path] += 1
            features = _flat(output, size[0])
            if features is not None:
                consume(call, features)

        return hook

    handles = [net.register_forward_pre_hook(begin)]
    for path, module in net.named_modules():
        if paths is None or path in paths:
            handles.append(module.register_forward_hook(hook_for(path)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _flat(output: Any, n: int) -> Tensor | None:
    """(n, p) float32 copy of a module's output features; None if it has no row per sample."""
    features = next(
        (tensor for tensor in _tensors(output) if tensor.ndim > 1 and len(tensor) == n), None
    )
    if features is None or not features.is_floating_point():
        return None
    features = features.detach().float()
    if features.ndim == 4:
        height, width = (min(GRID, side) for side in features.shape[2:])
        features = adaptive_avg_pool2d(features, (height, width))
    elif features.ndim == 3 and features[0].numel() > MOST_FEATURES:
        features = features.mean(1)
    return features.flatten(1).clone()


def _tensors(output: Any) -> Iterator[Tensor]:
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, (tuple, list)):
        for part in output:
            yield from _tensors(part)


def _opened(outputs: Mapping[Call, Tensor], opened: set[str]) -> set[str]:
    """The paths after one more level of expansion, which adds the nearest called modules below."""
    called = {call.path for call in outputs}
    wider = set(opened)
    for path in called - opened:
        parent = next(
            ancestor for ancestor in _ancestors(path) if ancestor in called or ancestor == ""
        )
        if parent in opened:
            wider.add(path)
    return wider


def _ancestors(path: str) -> Iterator[str]:
    while path:
        path = path.rpartition(".")[0]
        yield path


def _grouped(
    outputs: Mapping[Call, Tensor], opened: set[str], modules: Mapping[str, nn.Module]
) -> list[tuple[str, Call]]:
    """(path for its name, call that produces its output) of each layer at this expansion."""
    groups: list[tuple[str, Call]] = []
    last: Tensor | None = None
    for call, output in outputs.items():
        if call.path not in opened:
            continue
        inside = f"{call.path}." if call.path else ""
        if any(path.startswith(inside) for path in opened - {call.path}):
            is_layer = (
                last is None or last.shape != output.shape or not bool((last == output).all())
            )
        else:
            is_layer = _has_weights(modules[call.path])
        if is_layer:
            groups.append((call.path, call))
        elif groups:
            groups[-1] = (groups[-1][0], call)
        last = output
    return groups


def _has_weights(module: nn.Module) -> bool:
    return not isinstance(module, NORMS) and any(True for _ in module.parameters())


def _named(groups: Sequence[tuple[str, Call]], modules: Mapping[str, nn.Module]) -> list[Layer]:
    """Layers named by their path, or by their kind if the path is only a number."""
    words = [_word(path, modules[path]) for path, _ in groups]
    frequency, numbers = Counter(words), Counter[str]()
    layers = []
    for word, (_, call) in zip(words, groups, strict=True):
        numbers[word] += 1
        layers.append(Layer(f"{word} {numbers[word]}" if frequency[word] > 1 else word, call))
    return layers


def _word(path: str, module: nn.Module) -> str:
    if not path:
        return "output"
    kind = type(module).__name__
    has_letters = any(letter.isalpha() for letter in path)
    return path if has_letters else KINDS.get(kind, kind.lower())
