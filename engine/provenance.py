"""Where results come from: which store, files, versions and device."""

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
