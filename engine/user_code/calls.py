"""The calls of somebody's own network: what goes wrong in one is said in a sentence.

A call gives a logit for each class and sample, in float32, connected with the weights where
gradients are taken; and it leaves the settings of the process as they are.
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

LONGEST = 300  # characters of a stranger's message that are shown
_files: dict[str, str] = {}  # path of each network's file that was run -> FILE.py:FUNCTION


@dataclass(frozen=True)
class Guest:
    """A network from a person's own file.

    name: FILE.py:FUNCTION; path: of its file; classes: logits that it owes; model: of the study.
    """

    name: str
    path: str
    classes: int
    model: str = ""

    def logits(self, net: nn.Module, x: Tensor) -> Tensor:
        """(n, classes) of x (n, *shape), as `net` says; NetworkError where it does anything else.

        Where memory runs out, that error is raised as it is: the batch may be halved.
        """
        before = global_state.values()
        try:
            found = net(x)
        except BaseException as error:
            if is_shortage(error) or not is_theirs(error):
                raise
            said = failure(self.name, error, self.path)
            said.model = self.model
            raise said from error
        finally:
            changed = global_state.undone(before)
        if changed:
            self.refuse(
                f"changes {changed[0]} in a pass, which other computations of the program depend "
                "on. Leave that out of forward",
                net,
            )
        self._check(net, x, found)
        logits: Tensor = found
        return logits

    def refuse(self, what: str, net: nn.Module | None = None) -> None:
        """Raise the NetworkError that goes on like this, and names the line of net's forward."""
        code = getattr(getattr(type(net), "forward", None), "__code__", None)
        place = ""
        if code is not None and code.co_filename == self.path:
            place = f"{Path(self.path).name}, line {code.co_firstlineno}"
        raise NetworkError(self.name, what if place else f"{what}.", place, self.model)

    def _check(self, net: nn.Module, x: Tensor, found: Any) -> None:
        samples = f"{len(x)} sample{'s' * (len(x) != 1)}"
        if not isinstance(found, Tensor):
            self.refuse(
                f"gives a {type(found).__name__} for {samples}; it should give a tensor of "
                f"{len(x)}x{self.classes} logits alone",
                net,
            )
        if tuple(found.shape) != (len(x), self.classes):
            shape = "x".join(map(str, found.shape)) or "a single number and no"
            self.refuse(
                f"gives {shape} logits for {samples}; it should give {len(x)}x{self.classes}",
                net,
            )
        if not _is_fit(found.dtype, x):
            kind = str(found.dtype).removeprefix("torch.")
            self.refuse(f"gives logits in {kind}; let it give float32, as logits.float() is", net)
        if found.device != x.device:
            self.refuse(f"gives logits on {found.device} for samples on {x.device}", net)
        if _is_detached(net, x, found):
            self.refuse(
                "gives logits without a gradient, so it cannot learn or be attacked; leave out "
                "detach, .data and torch.no_grad in its forward",
                net,
            )


def _is_fit(kind: torch.dtype, x: Tensor) -> bool:
    """Whether logits may be of this type: float32, that of x, or what autocast makes of them."""
    mixed = torch.is_autocast_enabled(x.device.type)
    return kind in (torch.float32, x.dtype) or (
        mixed and kind == torch.get_autocast_dtype(x.device.type)
    )


def _is_detached(net: nn.Module, x: Tensor, found: Tensor) -> bool:
    if not torch.is_grad_enabled() or found.requires_grad:
        return False
    if torch._C._functorch.is_functorch_wrapped_tensor(found):
        return False  # a derivative that is taken otherwise
    return x.requires_grad or (net.training and any(one.requires_grad for one in net.parameters()))


# -- errors ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def attributed(model: str = "", *, over: bool = False) -> Iterator[None]:
    """Whatever a person's own file raises within becomes a NetworkError that says where.

    model: of the study, that an error which names none is ascribed to; over: also one that does.
    """
    try:
        yield
    except NetworkError as error:
        if model and (over or not error.model):
            error.model = model
        raise
    except BaseException as error:
        said = _failure(error)
        if said is None:
            raise
        said.model = model
        raise said from error


def know(name: str, path: str) -> None:
    """From now on, errors that come through the file at `path` are those of this network."""
    _files[path] = name


def failure(name: str, error: BaseException, path: str = "") -> NetworkError:
    """What is said of an error of this network."""
    text = " ".join(str(error).split())
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."
    kind = type(error).__name__
    found = _frames(error, path) if path else []
    place = f"{Path(path).name}, line {found[-1][1]}" if found else ""
    return NetworkError(name, f"failed: {kind}: {text}" if text else f"failed: {kind}", place)


def is_theirs(error: BaseException) -> bool:
    """Whether an error may be a network's own fault: no sentence of ours, no request to stop."""
    if isinstance(error, (EngineError, Cancelled, GeneratorExit)):
        return False
    return not isinstance(error, KeyboardInterrupt) or _is_raised(error)


def _failure(error: BaseException) -> NetworkError | None:
    """What is said of an error that came through the file of a network; None of any other."""
    if is_shortage(error) or not is_theirs(error):
        return None
    for path, name in _files.items():
        if _frames(error, path):
            return failure(name, error, path)
    return None


def _frames(error: BaseException, path: str) -> list[tuple[object, int]]:
    """(frame, line) of each place in this file that the error came through, the last one last."""
    places = traceback.walk_tb(error.__traceback__)
    return [(frame, line) for frame, line in places if frame.f_code.co_filename == path]


def _is_raised(error: BaseException) -> bool:
    """Whether a statement of a network's file raised this, and not somebody at the keyboard."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    if last is None or last.tb_frame.f_code.co_filename not in _files:
        return False
    code = last.tb_frame.f_code.co_code
    return dis.opname[code[last.tb_lasti]] == "RAISE_VARARGS"
