"""Recording of a network's graph without patching classes that other threads use.

`fx.Tracer.trace` replaces `nn.Module.__call__` and `__getattr__` for the whole process while it
runs. Here only the layers of a private copy record their calls; operations between them are
recorded through the values that flow through (`fx.Proxy`).
"""

from __future__ import annotations

import contextlib
import types
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, fx, nn

from engine.models.base import shell
from engine.user_code.global_state import revert_settings, setting_values


def traced(net: nn.Module) -> fx.GraphModule | None:
    """The network as a graph module that shares its weights; None if it has no static graph.

    net: called with one tensor, in eval mode; it is not changed. A network with control flow that
    depends on values, or with effects that a graph cannot express, has none.
    """
    state = setting_values()
    try:
        private = shell(net)
        with torch.no_grad(), _recording(private, _Tracer(private)) as tracer:
            graph = tracer.record(private)
        return fx.GraphModule(private, graph)
    except (Exception, SystemExit):  # a user's network may fail in any way on a proxy
        return None
    finally:
        revert_settings(state)


class _Tracer(fx.Tracer):
    """Builds the graph of one private network."""

    def __init__(self, root: nn.Module) -> None:
        super().__init__()
        self.root = root
        self.graph = fx.Graph(tracer_cls=type(self))
        self.submodule_paths = {part: path for path, part in root.named_modules()}
        self.tensor_attrs = {
            value: f"{path}.{name}".lstrip(".")
            for path, part in root.named_modules()
            for name, value in vars(part).items()
            if isinstance(value, Tensor)
        }

    def record(self, root: nn.Module) -> fx.Graph:
        """The graph of a call with one tensor."""
        x = self.create_proxy("placeholder", "x", (), {})
        result = root(x)
        self.create_node("output", "output", (self.create_arg(result),), {})
        self.graph.lint()
        return self.graph

    def leaves(self) -> Iterator[tuple[nn.Module, str]]:
        """The layers recorded as a single call, and their paths."""
        for part, path in (self.submodule_paths or {}).items():
            if path and self.is_leaf_module(part, path):
                yield part, path


@contextlib.contextmanager
def _recording(private: nn.Module, tracer: _Tracer) -> Iterator[_Tracer]:
    """Make the layers of a private network record their calls; restores them afterwards."""
    kinds = [(part, type(part)) for part, _ in tracer.leaves()]
    try:
        for part, path in list(tracer.leaves()):
            part.__class__ = _recorder(type(part), path, tracer)
        yield tracer
    finally:
        for part, kind in kinds:
            part.__class__ = kind


def _recorder(kind: type[nn.Module], path: str, tracer: _Tracer) -> type[nn.Module]:
    """A subclass of `kind` whose call becomes a node of the graph."""

    def call(_: nn.Module, *args: Any, **kwargs: Any) -> Any:
        return tracer.create_proxy("call_module", path, args, kwargs)

    body = {"__call__": call, "__module__": kind.__module__}
    subclass: type[nn.Module] = types.new_class(
        kind.__name__, (kind,), {}, lambda namespace: namespace.update(body)
    )
    return subclass
