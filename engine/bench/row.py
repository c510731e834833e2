"""One row of the benchmark's table: measurement, target and result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

WIDTHS = (54, 14, 9)  # characters: what, target, met
VERDICTS = {True: "met", False: "not met", None: "-"}


@dataclass(frozen=True)
class BenchRow:
    """A result as text, whether it met its target (None: no target), and its numbers."""

    what: str
    target: str
    measured: str
    met: bool | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """The row as JSON data."""
        words = {"what": self.what, "target": self.target, "measured": self.measured}
        return {**words, "met": self.met, **self.facts}


def line(row: BenchRow) -> str:
    """The row as a line of the table."""
    what, target, met = WIDTHS
    verdict = VERDICTS[row.met]
    return f"{row.what:<{what}} {row.target:<{target}} {verdict:<{met}} {row.measured}".rstrip()


def heading() -> str:
    """The table's first line."""
    what, target, met = WIDTHS
    return f"{'what':<{what}} {'target':<{target}} {'':<{met}} measured"


def closing(rows: Sequence[BenchRow]) -> str:
    """How many targets were met, in a sentence."""
    judged = [row.met for row in rows if row.met is not None]
    return f"{sum(judged)} of {len(judged)} targets met."
