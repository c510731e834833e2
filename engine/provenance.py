"""Where results come from: which store, files, versions and device; and how they were checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False)
class Provenance:
    """Where a stored study comes from: its plain spec, and what the program wrote beside it.

    versions: package -> version; created: UTC, ISO 8601; seconds: spent on its models; origins:
    as `Study` has them.
    """

    key: str
    spec: Mapping[str, Any]
    versions: Mapping[str, str]
    device: str
    seed: int
    created: str
    seconds: float
    origins: tuple[Origin, ...] = ()


@dataclass(frozen=True)
class Audit:
    """A check of the answers that were inferred along rays, of one model (`engine.residual.audit`).

    asked: how many of them the model was asked after all; differed: how many it answered otherwise;
    repeated: whether it was therefore asked about every copy, so that no answer is inferred.
    """

    asked: int = 0
    differed: int = 0
    repeated: bool = False

    @property
    def is_failed(self) -> bool:
        """Whether a wrong answer was found and its copies are still to be asked about."""
        return self.differed > 0 and not self.repeated

    def __str__(self) -> str:
        return (
            f"{self.differed} of {self.asked} inferred answers that were asked anew differ, so "
            "that it is asked about every copy."
        )

    def __add__(self, other: Audit) -> Audit:
        """Of more draws of the same copies."""
        return Audit(
            self.asked + other.asked,
            self.differed + other.differed,
            self.repeated or other.repeated,
        )


@dataclass(frozen=True)
class Origin:
    """One step on the way of a result into a store.

    source: name of the file it came in, or what it was computed from; digest: of that file, 20
    hexadecimal digits, '' where there is none; date: UTC, ISO 8601.
    """

    source: str
    digest: str
    date: str

    def __str__(self) -> str:
        digest = f" ({self.digest})" * bool(self.digest)
        date = f", {self.date[:16].replace('T', ' ')}" * bool(self.date)
        return f"{self.source}{digest}{date}"
