"""Exceptions of the engine: each message is a sentence that says what is wrong and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

LONGEST = 80  # characters of a wrong name that are compared and shown


class EngineError(Exception):
    """Base class of errors of which the user sees the message alone, without a traceback."""


class SpecError(EngineError):
    """An invalid name, value or forget set."""


class DataError(EngineError):
    """A dataset that is missing, empty or corrupt."""


class LinkError(DataError):
    """A data folder with links that lead out of it and may not be followed without consent."""


class StoreError(EngineError):
    """A result store that cannot be read or written."""


class CheckpointError(EngineError):
    """A file that is not a checkpoint, or a checkpoint of another network."""


class NetworkError(SpecError):
    """A user's network that fails, at any time, or does something a study cannot support.

    network: as FILE.py:FUNCTION; what: the predicate of the message; place: location in the file;
    model: the study's model, such as 'retrain-1', where known.
    """

    def __init__(self, network: str, what: str, place: str = "", model: str = "") -> None:
        super().__init__(network, what, place, model)
        self.network, self.what, self.place, self.model = network, what, place, model

    def __str__(self) -> str:
        whose = f" of {self.model}" if self.model else ""
        where = f" ({self.place})" if self.place else ""
        return f"The network {self.network}{whose} {self.what}{where}"


class TrainingError(EngineError):
    """A training or unlearning run that cannot continue, for example because the loss is NaN."""


class OutOfMemory(EngineError):
    """Work that does not fit into memory even in the smallest batches."""


class Cancelled(Exception):
    """Raised by `Reporter.check` after a request to stop; not an error."""


def shown(name: str) -> str:
    """A name from a file as one short printable line."""
    plain = name if name.isprintable() else ascii(name)[1:-1]
    return plain if len(plain) <= LONGEST else f"{plain[:LONGEST]} ..."


def unknown(kind: str, name: str, known: Iterable[str]) -> SpecError:
    """A SpecError for an unknown name that suggests the nearest known one."""
    names = sorted(known)
    short = name if len(name) <= LONGEST else f"{name[:LONGEST]} ..."
    near = difflib.get_close_matches(short.lower(), names, n=1, cutoff=0.4)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return SpecError(f"There is no {kind} '{short}'.{hint} Known: {', '.join(names)}.")
