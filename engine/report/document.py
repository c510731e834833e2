"""The structure of a report, independent of its format: sections of a few kinds of blocks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Text:
    """A paragraph; muted: a note on the block above it."""

    words: str
    muted: bool = False


@dataclass(frozen=True)
class Linked:
    """A paragraph whose pieces are (text, anchor on the page), '' for plain text.

    label: its bold beginning.
    """

    label: str
    pieces: tuple[tuple[str, str], ...]

    @property
    def words(self) -> str:
        """The whole text."""
        return self.label + "".join(text for text, _ in self.pieces)


@dataclass(frozen=True)
class Facts:
    """A list of names with their values."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Grid:
    """A table; the first `left` columns are text, the others numbers.

    anchors: of its rows, () without them.
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1
    anchors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Picture:
    """A drawn figure: as SVG, as a page (from 0) of the booklet, or both."""

    caption: str
    svg: Path | None
    page: int | None
    width_mm: float


@dataclass(frozen=True)
class Code:
    """A command for a shell."""

    words: str


@dataclass(frozen=True)
class Folded:
    """Details that are collapsed at first."""

    title: str
    blocks: tuple[Block, ...]


Block = Text | Linked | Facts | Grid | Picture | Code | Folded


@dataclass(frozen=True)
class Section:
    """Blocks under a heading; name: its anchor."""

    name: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """A complete report."""

    title: str
    subtitle: str
    sections: tuple[Section, ...]
    facts: tuple[tuple[str, str], ...] = ()  # metadata: version, key, seed
    booklet: Path | None = None  # the PDF whose pages its pictures are
