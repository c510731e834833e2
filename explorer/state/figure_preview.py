"""A figure as it would be exported, for the screen. No widgets."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class FigurePreview:
    """kind: one of engine.figures.catalog.KINDS; png: the picture; caption: for below it."""

    kind: str
    png: bytes
    caption: str
