"""The registry of docks: one line for each view, with its place and the key that leads to it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from PySide6.QtCore import Qt


@dataclass(frozen=True)
class Dock:
    """One entry of the registry of views: `place` is 'module:Class', loaded after the first paint.

    beside: the dock it is split from, in `direction`, or, where `tab`, put behind as a tab;
    key: goes there from anywhere.
    """

    name: str
    title: str
    place: str
    beside: str = ""
    direction: Qt.Orientation = Qt.Orientation.Horizontal
    tab: bool = False
    key: str = ""


BELOW = Qt.Orientation.Vertical
DOCKS = (
    Dock("samples", "Samples", "explorer.views.samples:SamplesView", key="Alt+1"),
    Dock("embedding", "Embedding", "explorer.views.embedding:EmbeddingView", "samples",
         key="Alt+2"),
    Dock("neighborhood", "Neighborhood", "explorer.views.neighborhood:NeighborhoodView",
         "embedding", key="Alt+3"),
    Dock("curves", "Curves", "explorer.views.curves:CurvesView", "embedding", BELOW, key="Alt+5"),
    Dock("epochs", "Live", "explorer.views.live:LiveView", "curves", tab=True, key="Alt+6"),
    Dock("metrics", "Metrics", "explorer.views.metrics:MetricsView", "neighborhood", BELOW,
         key="Alt+9"),
    Dock("activity", "Activity", "", "metrics", BELOW, key="Alt+L"),
    Dock("slice", "Slice", "explorer.views.slice:SliceView", "neighborhood", tab=True,
         key="Alt+4"),
    Dock("runs", "Runs", "explorer.views.runs:RunsView", "samples", tab=True, key="Alt+0"),
    Dock("comparison", "Compare", "explorer.views.compare:CompareView", "curves", tab=True,
         key="Alt+7"),
    Dock("attack", "Attack", "explorer.views.attack:AttackView", "curves", tab=True,
         key="Alt+8"),
)  # fmt: skip


def foreign() -> list[Dock]:
    """Views of other distributions, from the entry points `rk_explorer.views`."""
    return [_dock(point) for point in entry_points(group="rk_explorer.views")]


def _dock(point: EntryPoint) -> Dock:
    title = point.name.replace("-", " ").capitalize()
    return Dock(point.name, title, point.value, "activity")
