"""What a report is made of, whatever it is written as: sections of a few kinds of blocks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Text:
    """A paragraph; muted: it explains what stands beside it."""

    words: str
    muted: bool = False


@dataclass(frozen=True)
class Facts:
    """Names and what is so called."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Grid:
    """A table; the first `left` columns are words, the others numbers."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1


@dataclass(frozen=True)
class Picture:
    """A figure that was drawn: as SVG, as a page (from 0) of a PDF, or both."""

    caption: str
    svg: Path | None
    page: int | None
    width_mm: float


@dataclass(frozen=True)
class Code:
    """A line for a shell."""

    words: str


@dataclass(frozen=True)
class Folded:
    """What only few want to see."""

    title: str
    blocks: tuple[Block, ...]


Block = Text | Facts | Grid | Picture | Code | Folded


@dataclass(frozen=True)
class Section:
    """Blocks under a heading; name: what links to it."""

    name: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """A whole report."""

    title: str
    subtitle: str
    sections: tuple[Section, ...]
    facts: tuple[tuple[str, str], ...] = ()  # metadata: version, key, seed
    booklet: Path | None = None  # the PDF whose pages its pictures are
