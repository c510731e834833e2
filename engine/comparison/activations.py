"""The layers of any network, found by watching a forward pass, and what they put out."""

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

MOST_LAYERS = 20  # a deeper look into the network is taken only while there are no more than these
GRID = 4  # cells a side that a map of features is averaged over
MOST_FEATURES = 8192  # of a sequence of vectors; a longer one is averaged over the sequence
NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.PReLU)
KINDS = {"Conv2d": "conv", "Conv1d": "conv", "Linear": "linear", "NormalizedLinear": "linear"}


class Call(NamedTuple):
    """One run of a module in a forward pass: its path in the network, and the how-manieth run."""

    path: str
    number: int


@dataclass(frozen=True)
class Layer:
    """A layer as people see it, and the call whose output it is."""

    name: str
    call: Call


@torch.inference_mode()
def layers_of(model: nn.Module, x: Tensor) -> list[Layer]:
    """The layers of a model in eval mode, in the order they run on samples x (n, ...).

    Modules are opened from the outside in, while no more than `MOST_LAYERS` come out. What has no
    weights of its own, and normalization, belongs to the layer before it. A module that is opened
    is a layer itself only where it does more than its parts. The last layer holds the output.
    """
    outputs, modules = _watched(model, x), dict(_body(model).named_modules())
    opened = {""}
    found = _grouped(outputs, opened, modules)
    while True:
        wider = _opened(outputs, opened)
        layers = _grouped(outputs, wider, modules)
        if wider == opened or len(layers) > MOST_LAYERS:
            return _named(found, modules)
        opened, found = wider, layers


def _body(model: nn.Module) -> nn.Module:
    """The network inside a Classifier, whose layers are named as its author named them."""
    return model.net if isinstance(model, Classifier) else model


def _watched(model: nn.Module, x: Tensor) -> dict[Call, Tensor]:
    """Every call that gives something for each sample, in the order they end, with its features."""
    outputs: dict[Call, Tensor] = {}
    with listening(model, outputs.__setitem__):
        model(x)
    return outputs


@contextmanager
def listening(
    model: nn.Module, hear: Callable[[Call, Tensor], None], paths: Container[str] | None = None
) -> Iterator[None]:
    """Tell `hear` the features (n, p) float32 that every module puts out, or those of these paths.

    Maps (n, C, H, W) are averaged over at most `GRID` x `GRID` cells, long sequences over their
    length; what has no row per sample is not heard.
    """
    net = _body(model)
    counts: Counter[str] = Counter()
    size = [0]

    def begin(_: nn.Module, inputs: tuple[Any, ...]) -> None:
        counts.clear()
        size[0] = len(inputs[0])

    def watch(path: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(_: nn.Module, inputs: Any, output: Any) -> None:
            call = Call(path, counts[path])
            counts[path] += 1
            found = _flat(output, size[0])
            if found is not None:
                hear(call, found)

        return hook

    handles = [net.register_forward_pre_hook(begin)]
    for path, module in net.named_modules():
        if paths is None or path in paths:
            handles.append(module.register_forward_hook(watch(path)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _flat(output: Any, n: int) -> Tensor | None:
    """(n, p) float32 features of a module's output, a copy; None where it has no row per sample."""
    found = next((one for one in _tensors(output) if one.ndim > 1 and len(one) == n), None)
    if found is None or not found.is_floating_point():
        return None
    found = found.detach().float()
    if found.ndim == 4:
        height, width = (min(GRID, side) for side in found.shape[2:])
        found = adaptive_avg_pool2d(found, (height, width))
    elif found.ndim == 3 and found[0].numel() > MOST_FEATURES:
        found = found.mean(1)
    return found.flatten(1).clone()


def _tensors(output: Any) -> Iterator[Tensor]:
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, (tuple, list)):
        for part in output:
            yield from _tensors(part)


def _opened(outputs: Mapping[Call, Tensor], opened: set[str]) -> set[str]:
    """The paths after one more look inside: every path and the nearest watched ones below it."""
    ran = {call.path for call in outputs}
    wider = set(opened)
    for path in ran - opened:
        above = next(one for one in _ancestors(path) if one in ran or one == "")
        if above in opened:
            wider.add(path)
    return wider


def _ancestors(path: str) -> Iterator[str]:
    while path:
        path = path.rpartition(".")[0]
        yield path


def _grouped(
    outputs: Mapping[Call, Tensor], opened: set[str], modules: Mapping[str, nn.Module]
) -> list[tuple[str, Call]]:
    """(path that names it, call whose output it is) of each layer, seen this deep."""
    groups: list[tuple[str, Call]] = []
    last: Tensor | None = None
    for call, output in outputs.items():
        if call.path not in opened:
            continue
        inside = f"{call.path}." if call.path else ""
        if any(one.startswith(inside) for one in opened - {call.path}):
            new = last is None or last.shape != output.shape or not bool((last == output).all())
        else:
            new = _has_weights(modules[call.path])
        if new:
            groups.append((call.path, call))
        elif groups:
            groups[-1] = (groups[-1][0], call)
        last = output
    return groups


def _has_weights(module: nn.Module) -> bool:
    return not isinstance(module, NORMS) and any(True for _ in module.parameters())


def _named(groups: Sequence[tuple[str, Call]], modules: Mapping[str, nn.Module]) -> list[Layer]:
    """Layers by their path; where that is a mere number, by what they are."""
    words = [_word(path, modules[path]) for path, _ in groups]
    often, seen = Counter(words), Counter[str]()
    made = []
    for word, (_, call) in zip(words, groups, strict=True):
        seen[word] += 1
        made.append(Layer(f"{word} {seen[word]}" if often[word] > 1 else word, call))
    return made


def _word(path: str, module: nn.Module) -> str:
    if not path:
        return "output"
    kind = type(module).__name__
    speaks = any(letter.isalpha() for letter in path)
    return path if speaks else KINDS.get(kind, kind.lower())
