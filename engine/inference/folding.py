"""Networks rewritten for inference: the same function, with fewer passes over memory.

Batch norm is folded into the preceding convolution. On a GPU a convolution, its bias, a residual
addition and the following ReLU are fused into one kernel, which saves three passes over every
feature map.
"""

from __future__ import annotations

import copy
import operator
from collections import Counter

import torch
from torch import Tensor, fx, nn
from torch.nn.functional import pad
from torch.nn.utils.fusion import fuse_conv_bn_eval

from engine.inference.tracing import traced
from engine.models.base import Classifier, takes_channels_last
from engine.runtime.submodules import set_submodule

GROUP = 8  # 16-bit channels that matrix units process at once
ADDING = (operator.add, torch.add)
COMPARED_SAMPLES = 4  # samples on which a rewritten network must agree with the original one
TOLERANCE = 1e-3  # tolerance of that comparison, relative to the largest logit


def folded(model: nn.Module, x: Tensor) -> nn.Module:
    """A copy for eval mode with batch norm folded into convolutions, in channels-last order if
    the network supports that.

    x: (n, *shape) example inputs. If the folded copy fails on the first of them or disagrees (a
    user's network may modify a feature map in place and read it again, which the graph does not
    show), the copy is not folded.
    """
    copied = copy.deepcopy(model)
    if isinstance(copied, Classifier):
        copied.net = _without_norms(copied.net)
        if not _agree(copied, model, x[:COMPARED_SAMPLES]):
            copied = copy.deepcopy(model)
    if takes_channels_last(copied):
        for weight in (one for one in copied.parameters() if one.ndim == 4):
            weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    return copied


@torch.no_grad()
def _agree(copied: nn.Module, model: nn.Module, x: Tensor) -> bool:
    """Whether the outputs of both on x agree up to rounding."""
    expected = model(x)
    try:
        output = copied(x)
    except Exception:  # a user's network may depend on state that no graph captures
        return False
    size = expected.nan_to_num(0, 0, 0).abs().max()
    return torch.allclose(
        output, expected, rtol=0, atol=float(TOLERANCE * (1 + size)), equal_nan=True
    )


def _without_norms(net: nn.Module) -> nn.Module:
    """The network with batch norms folded into preceding convolutions; itself if it has no graph.

    Only plain torch layers are folded: none with hooks (such as older weight norm, spectral norm
    and pruning), parametrizations or a custom forward.
    """
    graph = traced(net)
    if graph is None:
        return net
    parts, uses = dict(graph.named_modules()), _uses(graph)
    for node in list(graph.graph.nodes):
        before = node.args[0] if node.op == "call_module" and node.args else None
        if not isinstance(before, fx.Node) or before.op != "call_module" or len(before.users) > 1:
            continue
        if max(uses[str(one.target)] for one in (node, before)) > 1 or _takes_more(node, before):
            continue
        norm, convolution = parts[str(node.target)], parts[str(before.target)]
        if _is_plain(norm, nn.BatchNorm2d) and _is_plain(convolution, nn.Conv2d):
            set_submodule(graph, str(before.target), fuse_conv_bn_eval(convolution, norm))
            node.replace_all_uses_with(before)
            graph.graph.erase_node(node)
    graph.delete_all_unused_submodules()
    graph.recompile()
    return graph


def _uses(graph: fx.GraphModule) -> Counter[str]:
    """How often each layer is called or its weights are read."""
    uses = Counter(str(node.target) for node in graph.graph.nodes if node.op == "call_module")
    read = (node.target for node in graph.graph.nodes if node.op == "get_attr")
    return uses + Counter(str(target).rpartition(".")[0] for target in read)


def _takes_more(*nodes: fx.Node) -> bool:
    """Whether any of these calls has arguments besides its feature map."""
    return any(len(node.args) != 1 or node.kwargs for node in nodes)


def _is_plain(part: nn.Module, kind: type[nn.Module]) -> bool:
    """Whether this is exactly a layer of this class, in eval mode and without hooks."""
    hooked = part._forward_hooks or part._forward_pre_hooks or "forward" in vars(part)
    statistics = not isinstance(part, nn.BatchNorm2d) or part.running_mean is not None
    return type(part) is kind and not hooked and not part.training and statistics


def fused(model: nn.Module) -> nn.Module:
    """A folded 16-bit model on a GPU with convolutions fused with what follows, in place."""
    if isinstance(model, Classifier) and isinstance(model.net, fx.GraphModule):
        _add_epilogues(model.net)
    return model


class _Convolution(nn.Module):
    """relu(convolution + bias), optionally with a residual map added, in one kernel."""

    def __init__(self, plain: nn.Conv2d) -> None:
        super().__init__()
        missing = -plain.in_channels % GROUP if plain.groups == 1 else 0
        self.missing = missing if plain.in_channels < GROUP else 0  # zero channels to pad
        weight = plain.weight.detach()
        padded = pad(weight, (0, 0, 0, 0, 0, self.missing))
        self.weight = nn.Parameter(padded.contiguous(memory_format=torch.channels_last))
        self.bias = plain.bias
        self.stride, self.dilation, self.groups = plain.stride, plain.dilation, plain.groups
        assert not isinstance(plain.padding, str)
        self.padding = plain.padding

    def forward(self, x: Tensor, other: Tensor | None = None) -> Tensor:
        """(n, O, H, W) of x (n, C, H, W), with `other` (n, O, H, W) added if present."""
        if self.missing:
            x = pad(x, (0, 0, 0, 0, 0, self.missing))
        settings = self.stride, self.padding, self.dilation, self.groups
        if other is None:
            return torch.cudnn_convolution_relu(x, self.weight, self.bias, *settings)
        return torch.cudnn_convolution_add_relu(x, self.weight, other, 1.0, self.bias, *settings)


def _add_epilogues(graph: fx.GraphModule) -> None:
    """Fuse every ReLU that follows a convolution, or its sum with a map, into the convolution."""
    parts, uses = dict(graph.named_modules()), _uses(graph)

    def convolution(node: object) -> bool:
        if not isinstance(node, fx.Node) or node.op != "call_module" or len(node.users) != 1:
            return False
        part = parts[str(node.target)]
        plain = _is_plain(part, nn.Conv2d) and part.padding_mode == "zeros"
        return plain and not isinstance(part.padding, str) and uses[str(node.target)] == 1

    for node in list(graph.graph.nodes):
        if node.op != "call_module" or not _is_plain(parts[str(node.target)], nn.ReLU):
            continue
        before = node.args[0]
        summands = [before] if convolution(before) else _summands(before)
        source = next((one for one in summands if convolution(one)), None)
        if source is None:
            continue
        residual = tuple(one for one in summands if one is not source)
        set_submodule(graph, str(source.target), _Convolution(parts[str(source.target)]))
        with graph.graph.inserting_before(node):
            one = graph.graph.call_module(str(source.target), (source.args[0], *residual))
        node.replace_all_uses_with(one)
        for obsolete in (node, before, source):
            if obsolete in graph.graph.nodes:
                graph.graph.erase_node(obsolete)
    graph.recompile()


def _summands(node: fx.Node) -> list[fx.Node]:
    """The two maps that this node adds for a single user; [] for any other node."""
    if node.op != "call_function" or node.target not in ADDING or len(node.users) != 1:
        return []
    maps = [one for one in node.args if isinstance(one, fx.Node)]
    return maps if len(maps) == 2 and maps[0] is not maps[1] and not node.kwargs else []
