"""Forward passes of a user's network, with clear messages for whatever goes wrong.

A pass must return a float32 logit for each sample and class, attached to the graph when gradients
are computed, and must leave the settings of the process unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from engine.errors import NetworkError
from engine.runtime.batching import is_shortage
from engine.user_code import global_state
from engine.user_code.attribution import is_user_error, network_error


@dataclass(frozen=True)
class UserNetwork:
    """A network from a user's file.

    name: FILE.py:FUNCTION; path: of its file; classes: number of logits; model: label in the study.
    """

    name: str
    path: str
    classes: int
    model: str = ""

    def logits(self, net: nn.Module, x: Tensor) -> Tensor:
        """Logits (n, classes) of x (n, *shape); NetworkError if `net` does anything else.

        An out-of-memory error is raised unchanged, so that the batch can be halved.
        """
        before = global_state.setting_values()
        try:
            output = net(x)
        except BaseException as error:
            if is_shortage(error) or not is_user_error(error):
                raise
            wrapped = network_error(self.name, error, self.path)
            wrapped.model = self.model
            raise wrapped from error
        finally:
            changed = global_state.revert_settings(before)
        if changed:
            self.refuse(
                f"changes {changed[0]} in its forward pass, which affects other computations of "
                "the program. Remove that from forward",
                net,
            )
        self._check(net, x, output)
        logits: Tensor = output
        return logits

    def refuse(self, what: str, net: nn.Module | None = None) -> None:
        """Raise a NetworkError with this message, and the line of net's forward."""
        code = getattr(getattr(type(net), "forward", None), "__code__", None)
        place = ""
        if code is not None and code.co_filename == self.path:
            place = f"{Path(self.path).name}, line {code.co_firstlineno}"
        raise NetworkError(self.name, what if place else f"{what}.", place, self.model)

    def _check(self, net: nn.Module, x: Tensor, output: Any) -> None:
        samples = f"{len(x)} sample{'s' * (len(x) != 1)}"
        if not isinstance(output, Tensor):
            self.refuse(
                f"returns a {type(output).__name__} for {samples}; it should return only a tensor "
                f"of {len(x)}x{self.classes} logits",
                net,
            )
        if tuple(output.shape) != (len(x), self.classes):
            shape = "x".join(map(str, output.shape)) or "a single number and no"
            self.refuse(
                f"returns {shape} logits for {samples}; it should return {len(x)}x{self.classes}",
                net,
            )
        if not _is_valid_dtype(output.dtype, x):
            kind = str(output.dtype).removeprefix("torch.")
            self.refuse(
                f"returns logits in {kind}; it should return float32, for instance logits.float()",
                net,
            )
        if output.device != x.device:
            self.refuse(f"returns logits on {output.device} for samples on {x.device}", net)
        if _is_detached(net, x, output):
            self.refuse(
                "returns logits without a gradient, so it cannot be trained or attacked; remove "
                "detach, .data and torch.no_grad from its forward",
                net,
            )


def _is_valid_dtype(kind: torch.dtype, x: Tensor) -> bool:
    """Whether logits may have this type: float32, that of x, or that of autocast."""
    mixed = torch.is_autocast_enabled(x.device.type)
    return kind in (torch.float32, x.dtype) or (
        mixed and kind == torch.get_autocast_dtype(x.device.type)
    )


def _is_detached(net: nn.Module, x: Tensor, output: Tensor) -> bool:
    if not torch.is_grad_enabled() or output.requires_grad:
        return False
    if torch._C._functorch.is_functorch_wrapped_tensor(output):
        return False  # differentiated by functorch instead
    return x.requires_grad or (
        net.training and any(parameter.requires_grad for parameter in net.parameters())
    )
