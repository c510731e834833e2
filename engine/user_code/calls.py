"""Forward passes of a user's network, with clear messages for whatever goes wrong.

A pass must return a float32 logit for each sample and class, attached to the graph when gradients
are computed, and must leave the settings of the process unchanged.
"""

from __future__ import annotations

import contextlib
import dis
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from engine.errors import Cancelled, EngineError, NetworkError
from engine.runtime.batching import is_shortage
from engine.user_code import global_state

LONGEST = 300  # characters shown of the message of a user's exception
_files: dict[str, str] = {}  # path of each executed network file -> FILE.py:FUNCTION


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


# -- errors ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def attributed_errors(model: str = "", *, over: bool = False) -> Iterator[None]:
    """Turn any exception raised inside a user's file into a NetworkError that states the line.

    model: label of the study's model, added to errors without one; over: replaces an existing one.
    """
    try:
        yield
    except NetworkError as error:
        if model and (over or not error.model):
            error.model = model
        raise
    except BaseException as error:
        wrapped = _failure(error)
        if wrapped is None:
            raise
        wrapped.model = model
        raise wrapped from error


def register_network(name: str, path: str) -> None:
    """Attribute errors raised through the file at `path` to this network from now on."""
    _files[path] = name


def network_error(name: str, error: BaseException, path: str = "") -> NetworkError:
    """The NetworkError for an exception raised by this network."""
    text = " ".join(str(error).split())
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."
    kind = type(error).__name__
    frames = _frames(error, path) if path else []
    place = f"{Path(path).name}, line {frames[-1][1]}" if frames else ""
    return NetworkError(name, f"failed: {kind}: {text}" if text else f"failed: {kind}", place)


def is_user_error(error: BaseException) -> bool:
    """Whether an exception may be the network's fault: no engine error, no request to stop."""
    if isinstance(error, (EngineError, Cancelled, GeneratorExit)):
        return False
    return not isinstance(error, KeyboardInterrupt) or _is_raised(error)


def _failure(error: BaseException) -> NetworkError | None:
    """The NetworkError for an exception raised through a network's file; None for any other."""
    if is_shortage(error) or not is_user_error(error):
        return None
    for path, name in _files.items():
        if _frames(error, path):
            return network_error(name, error, path)
    return None


def _frames(error: BaseException, path: str) -> list[tuple[object, int]]:
    """(frame, line) of each traceback entry in this file, innermost last."""
    places = traceback.walk_tb(error.__traceback__)
    return [(frame, line) for frame, line in places if frame.f_code.co_filename == path]


def _is_raised(error: BaseException) -> bool:
    """Whether a raise statement in a network's file raised this, rather than Ctrl+C."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    if last is None or last.tb_frame.f_code.co_filename not in _files:
        return False
    code = last.tb_frame.f_code.co_code
    return dis.opname[code[last.tb_lasti]] == "RAISE_VARARGS"
