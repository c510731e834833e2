"""Networks rearranged for inference: the same function, in fewer passes over memory.

Batch norm is folded into the convolution before it. On a GPU a convolution, its bias, what is
added to it and the ReLU behind are one kernel, which spares three passes over every map.
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

GROUP = 8  # channels in 16 bits that matrix units take at once
ADDING = (operator.add, torch.add)
TRIED = 4  # samples on which a rearranged network must say what it said before
APART = 1e-3  # of its largest logit, by which it may then be off


def folded(model: nn.Module, x: Tensor) -> nn.Module:
    """A copy with batch norm folded into convolutions, for eval mode; in channels-last order where
    the network takes that.

    x: (n, *shape) samples of its kind. Where the copy says anything else of the first of them, or
    fails (a stranger's network may change a map that it reads again, of which a graph knows
    nothing), it is a plain copy.
    """
    made = copy.deepcopy(model)
    if isinstance(made, Classifier):
        made.net = _without_norms(made.net)
        if not _alike(made, model, x[:TRIED]):
            made = copy.deepcopy(model)
    if takes_channels_last(made):
        for weight in (one for one in made.parameters() if one.ndim == 4):
            weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    return made


@torch.no_grad()
def _alike(made: nn.Module, model: nn.Module, x: Tensor) -> bool:
    """Whether both say the same of x, to rounding."""
    wanted = model(x)
    try:
        said = made(x)
    except Exception:  # what a stranger's network does may depend on what no graph holds
        return False
    size = wanted.nan_to_num(0, 0, 0).abs().max()
    return torch.allclose(said, wanted, rtol=0, atol=float(APART * (1 + size)), equal_nan=True)


def _without_norms(net: nn.Module) -> nn.Module:
    """The network without those batch norms that follow a convolution; itself if it has no graph.

    Only torch's own two layers are folded, which compute what their weights say: none with hooks
    (as older weight and spectral norm and pruning), parametrizations or a forward of its own.
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
            graph.set_submodule(str(before.target), fuse_conv_bn_eval(convolution, norm))
            node.replace_all_uses_with(before)
            graph.graph.erase_node(node)
    graph.delete_all_unused_submodules()
    graph.recompile()
    return graph


def _uses(graph: fx.GraphModule) -> Counter[str]:
    """How often each layer is called, or read for its weights."""
    uses = Counter(str(node.target) for node in graph.graph.nodes if node.op == "call_module")
    read = (node.target for node in graph.graph.nodes if node.op == "get_attr")
    return uses + Counter(str(target).rpartition(".")[0] for target in read)


def _takes_more(*nodes: fx.Node) -> bool:
    """Whether any of these calls has more than its map as an argument."""
    return any(len(node.args) != 1 or node.kwargs for node in nodes)


def _is_plain(part: nn.Module, kind: type[nn.Module]) -> bool:
    """Whether this is exactly such a layer in eval mode, and nothing else happens when it runs."""
    hooked = part._forward_hooks or part._forward_pre_hooks or "forward" in vars(part)
    statistics = not isinstance(part, nn.BatchNorm2d) or part.running_mean is not None
    return type(part) is kind and not hooked and not part.training and statistics


def joined(model: nn.Module) -> nn.Module:
    """A folded model in 16 bits on a GPU, in place: convolutions do what follows them as well."""
    if isinstance(model, Classifier) and isinstance(model.net, fx.GraphModule):
        _add_epilogues(model.net)
    return model


class _Convolution(nn.Module):
    """relu(convolution + bias), or relu(convolution + bias + another map), in one kernel."""

    def __init__(self, plain: nn.Conv2d) -> None:
        super().__init__()
        missing = -plain.in_channels % GROUP if plain.groups == 1 else 0
        self.missing = missing if plain.in_channels < GROUP else 0  # channels of zeros to be added
        weight = plain.weight.detach()
        padded = pad(weight, (0, 0, 0, 0, 0, self.missing))
        self.weight = nn.Parameter(padded.contiguous(memory_format=torch.channels_last))
        self.bias = plain.bias
        self.stride, self.dilation, self.groups = plain.stride, plain.dilation, plain.groups
        assert not isinstance(plain.padding, str)
        self.padding = plain.padding

    def forward(self, x: Tensor, other: Tensor | None = None) -> Tensor:
        """(n, O, H, W) of x (n, C, H, W), with `other` (n, O, H, W) added where given."""
        if self.missing:
            x = pad(x, (0, 0, 0, 0, 0, self.missing))
        how = self.stride, self.padding, self.dilation, self.groups
        if other is None:
            return torch.cudnn_convolution_relu(x, self.weight, self.bias, *how)
        return torch.cudnn_convolution_add_relu(x, self.weight, other, 1.0, self.bias, *how)


def _add_epilogues(graph: fx.GraphModule) -> None:
    """Make every ReLU right behind a convolution, or behind its sum with a map, part of it."""
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
        own = next((one for one in summands if convolution(one)), None)
        if own is None:
            continue
        others = tuple(one for one in summands if one is not own)
        graph.set_submodule(str(own.target), _Convolution(parts[str(own.target)]))
        with graph.graph.inserting_before(node):
            one = graph.graph.call_module(str(own.target), (own.args[0], *others))
        node.replace_all_uses_with(one)
        for done in (node, before, own):
            if done in graph.graph.nodes:
                graph.graph.erase_node(done)
    graph.recompile()


def _summands(node: fx.Node) -> list[fx.Node]:
    """The two maps that this node adds for one other alone; none where it does anything else."""
    if node.op != "call_function" or node.target not in ADDING or len(node.users) != 1:
        return []
    maps = [one for one in node.args if isinstance(one, fx.Node)]
    return maps if len(maps) == 2 and maps[0] is not maps[1] and not node.kwargs else []
