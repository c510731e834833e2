"""What the engine raises: each message is a sentence that says what is wrong and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

LONGEST = 80  # characters of a wrong name that are compared and shown


class EngineError(Exception):
    """Base of every error that is shown to a person as its message alone."""


class SpecError(EngineError):
    """A name, value or forget set that cannot be used as given."""


class DataError(EngineError):
    """A dataset that is missing, empty or broken."""


class LinkError(DataError):
    """A data folder with links out of it, which nobody said should be followed."""


class StoreError(EngineError):
    """A result store that cannot be read or written."""


class CheckpointError(EngineError):
    """A file that is no checkpoint, or one of another network."""


class NetworkError(SpecError):
    """Somebody's own network that fails, or does what a study cannot bear, at whatever time.

    network: as FILE.py:FUNCTION; what: goes on with the sentence; place: where in the file; model:
    of the study, such as 'retrain-1', where it is known.
    """

    def __init__(self, network: str, what: str, place: str = "", model: str = "") -> None:
        super().__init__(network, what, place, model)
        self.network, self.what, self.place, self.model = network, what, place, model

    def __str__(self) -> str:
        whose = f" of {self.model}" if self.model else ""
        where = f" ({self.place})" if self.place else ""
        return f"The network {self.network}{whose} {self.what}{where}"


class TrainingError(EngineError):
    """A training or unlearning run that cannot go on, such as a loss that is no number."""


class OutOfMemory(EngineError):
    """Something that does not fit into memory, however small the parts it is done in."""


class Cancelled(Exception):
    """Raised by `Reporter.check` once somebody asked the work to stop; not an error."""


def shown(name: str) -> str:
    """What a file calls something, as one short line of letters that can be printed."""
    plain = name if name.isprintable() else ascii(name)[1:-1]
    return plain if len(plain) <= LONGEST else f"{plain[:LONGEST]} ..."


def unknown(kind: str, name: str, known: Iterable[str]) -> SpecError:
    """A SpecError for a name nobody registered, with the nearest known one."""
    names = sorted(known)
    short = name if len(name) <= LONGEST else f"{name[:LONGEST]} ..."
    near = difflib.get_close_matches(short.lower(), names, n=1, cutoff=0.4)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return SpecError(f"There is no {kind} '{short}'.{hint} Known: {', '.join(names)}.")
