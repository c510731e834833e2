"""Errors of a user's network: which exceptions are its fault, and the line that raised them."""

from __future__ import annotations

import contextlib
import dis
import traceback
from collections.abc import Iterator
from pathlib import Path

from engine.errors import Cancelled, EngineError, NetworkError
from engine.runtime.batching import is_shortage

LONGEST = 300  # characters shown of the message of a user's exception
_files: dict[str, str] = {}  # path of each executed network file -> FILE.py:FUNCTION


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
