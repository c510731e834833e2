"""The registry of docks: one line for each view, with its shortcut."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points


@dataclass(frozen=True)
class Dock:
    """One dock. place: 'module:Class' of its view, loaded after the first paint; key: the
    shortcut that brings it to the front.
    """

    name: str
    title: str
    place: str
    key: str = ""


DOCKS = (
    Dock("samples", "Samples", "explorer.views.samples.view:SamplesView", "Alt+1"),
    Dock("embedding", "Embedding", "explorer.views.embedding.view:EmbeddingView", "Alt+2"),
    Dock(
        "neighborhood", "Neighborhood", "explorer.views.neighborhood.view:NeighborhoodView", "Alt+3"
    ),
    Dock("slice", "Slice", "explorer.views.slice:SliceView", "Alt+4"),
    Dock("curves", "Curves", "explorer.views.curves.view:CurvesView", "Alt+5"),
    Dock("epochs", "Live", "explorer.views.live.view:LiveView", "Alt+6"),
    Dock("comparison", "Compare", "explorer.views.compare.view:CompareView", "Alt+7"),
    Dock("attack", "Attack", "explorer.views.attack.view:AttackView", "Alt+8"),
    Dock("metrics", "Metrics", "explorer.views.metrics:MetricsView", "Alt+9"),
    Dock("figures", "Figures", "explorer.views.figures:FiguresView", "Alt+P"),
    Dock("runs", "Runs", "explorer.views.runs.view:RunsView", "Alt+0"),
    Dock("activity", "Activity", "", "Alt+L"),  # there from the start: it logs errors
)


def foreign() -> list[Dock]:
    """Docks of plug-ins, from the entry points `rk_explorer.views`."""
    return [_dock(point) for point in entry_points(group="rk_explorer.views")]


def _dock(point: EntryPoint) -> Dock:
    title = point.name.replace("-", " ").capitalize()
    return Dock(point.name, title, point.value)
