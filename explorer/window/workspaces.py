"""The workspaces: layouts of the docks, each for one job, with one large canvas."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from explorer.state.window_layout import ACROSS, DOWN, Area, Content, Layout, Split, Stack

STRIP = 128  # px: height of a strip of samples along the bottom
BESIDE = 340  # px: width beside the canvas that titles with controls need
LOWEST = 250  # px of height, on average: with less, all docks beside the canvas are one stack


@dataclass(frozen=True)
class Workspace:
    """The docks of one job.

    canvas: the large dock; side: stacks of docks beside it, from top to bottom; share: of the
    width that the canvas takes, less where the docks beside it would be narrower than BESIDE;
    shares: of the height, one for each stack beside it; strip: a dock along the bottom, or ''.
    """

    name: str
    title: str
    tip: str
    canvas: str
    side: tuple[tuple[str, ...], ...]
    shares: tuple[float, ...]
    share: float = 0.64
    strip: str = ""

    @property
    def docks(self) -> frozenset[str]:
        """The names of the docks it shows."""
        strip = (self.strip,) if self.strip else ()
        return frozenset((self.canvas, *strip, *(name for stack in self.side for name in stack)))

    def layout(self, width: int, height: int, known: Sequence[str]) -> Layout:
        """The layout of a window whose docks share `width` x `height` px.

        In a low window the docks beside the canvas are tabs of one stack, where each has its whole
        height. Docks it does not show are hidden behind the last stack beside the canvas, where
        they appear if somebody asks for one of them.
        """
        hidden = tuple(name for name in known if name not in self.docks)
        above = max(height - STRIP, 1) if self.strip else height
        stacks, shares = self._present(known), self.shares
        if above < LOWEST * len(stacks):
            stacks, shares = [tuple(name for names in stacks for name in names)], (1.0,)
        beside = [
            Stack(names, names[0], round(share * above))
            for names, share in zip(stacks, shares, strict=True)
        ]
        beside[-1] = replace(beside[-1], names=(*beside[-1].names, *hidden))
        wide = min(round(self.share * width), max(width - BESIDE, width // 2))
        canvas = Stack((self.canvas,), self.canvas, wide)
        right = Split(DOWN, tuple(beside), width - canvas.size)
        content: Content = Split(ACROSS, (canvas, _simple(right)), above)
        if self.strip:
            content = Split(DOWN, (content, Stack((self.strip,), self.strip, STRIP)))
        return Layout(width, height, (Area("left", width, height, content),), hidden=hidden)

    def _present(self, known: Collection[str]) -> list[tuple[str, ...]]:
        return [tuple(name for name in stack if name in known) for stack in self.side]


def _simple(split: Split) -> Content:
    return replace(split.parts[0], size=split.size) if len(split.parts) == 1 else split


AROUND = ("neighborhood", "slice")
WORKSPACES = (
    Workspace(
        "choose", "Choose", "Look through the samples and choose those to forget",
        "samples", (("embedding",), AROUND), (0.55, 0.45),
    ),
    Workspace(
        "run", "Run", "Queue studies, watch them, and rank the stored ones",
        "runs", (("epochs",), ("activity",)), (0.72, 0.28),
    ),
    Workspace(
        "explore", "Explore", "See where residual knowledge lies: the map, a sample and its curve",
        "embedding", (AROUND, ("curves", "metrics")), (0.56, 0.44), 0.68, "samples",
    ),
    Workspace(
        "compare", "Compare", "Compare models and studies: curves, measures, predictions",
        "curves", (("metrics",), ("comparison",)), (0.4, 0.6), 0.57,
    ),
    Workspace(
        "attack", "Attack", "Test the models by membership inference, and sample by sample",
        "attack", (("critical", "metrics"), AROUND), (0.45, 0.55),
    ),
    Workspace(
        "publish", "Publish", "Prepare figures, tables and the report",
        "figures", (("metrics",), AROUND), (0.45, 0.55),
    ),
)  # fmt: skip
BY_NAME = {workspace.name: workspace for workspace in WORKSPACES}
FIRST = "explore"
