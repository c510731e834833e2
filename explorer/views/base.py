"""The contract of every view: it follows AppState, draws while visible, and asks, never acts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from PySide6.QtCore import QObject, Signal, SignalInstance
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QDockWidget, QWidget

from explorer.state import AppState


class Wishes(Protocol):
    """What a view may ask of the controller."""

    def set_current(self, index: int | None) -> None:
        """Put a training sample under the lens."""

    def select(self, indices: list[int], mode: str) -> None:
        """Combine samples into the selection (state.REPLACE, ADD, REMOVE, INTERSECT)."""

    def forget_selection(self) -> None:
        """Make the selected samples the forget set of the next run."""

    def add_to_forget(self) -> None:
        """Add the selected samples to the forget set of the next run."""

    def remember_selection(self) -> None:
        """Take the selected samples out of the forget set of the next run."""

    def set_probe(self, perturbation: str, tau: float) -> None:
        """Show the neighborhood at another perturbation or norm."""

    def look_slice(self, directions: str) -> None:
        """Keep the slice along this pair of directions in view; '' once nobody looks at it."""

    def embed(self, model: str) -> None:
        """Compute (or fetch) the embedding of this model's features."""

    def export(self, kind: str) -> None:
        """Export the figure called 'curves', 'neighborhood', 'embedding' or 'metrics'."""

    def export_checkpoint(self, model: str) -> None:
        """Save this model's weights to a file the person chooses."""

    def run(self) -> None:
        """Start the study that the form describes."""


class View(QWidget):
    """Base of all views.

    A subclass sets `name` and `title`, builds its widgets in __init__, calls `follow` for each
    signal it draws from, and draws in `refresh`, which is called only while the view is visible:
    changes that arrive while it is hidden are drawn once, when it is shown.
    """

    name = ""
    title = ""
    help = ""
    keys: tuple[tuple[str, str], ...] = ()  # (keys, what they do), beside the menus' shortcuts

    refreshed = Signal()

    def __init__(self, state: AppState, do: Wishes, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.state = state
        self.do = do
        self.setObjectName(self.name)
        self.setAccessibleName(self.title)
        self._stale: set[str] = set()
        self._in_front = True
        if isinstance(parent, QDockWidget):  # behind another tab, Qt still calls it visible
            self._in_front = not parent.visibleRegion().isEmpty()
            parent.visibilityChanged.connect(self._come_to_front)

    @property
    def seen(self) -> bool:
        """Whether the view is on the screen: shown, and not behind another tab."""
        return self._in_front and self.isVisible()

    def follow(self, *properties: str) -> None:
        """Redraw when these AppState properties change."""
        for name in properties:
            signal: SignalInstance = getattr(self.state, f"{name}_changed")
            signal.connect(_Follower(self, name).mark)
            self._stale.add(name)

    def mark_stale(self, name: str) -> None:
        """Note that a property changed; draw now if visible, else when shown."""
        self._stale.add(name)
        if self.seen:
            self._draw()

    def refresh(self, changed: set[str]) -> None:
        """Draw what depends on these AppState properties."""

    def view_state(self) -> dict[str, Any]:
        """What a session keeps of this view, as JSON data."""
        return {}

    def restore_view_state(self, kept: dict[str, Any]) -> None:
        """Take back what `view_state` gave; anything unknown or wrong is ignored."""

    def showEvent(self, event: QShowEvent) -> None:
        """Draw what changed while the view was hidden."""
        super().showEvent(event)
        self._look()

    def hideEvent(self, event: QHideEvent) -> None:
        """Note that nobody looks any more."""
        super().hideEvent(event)
        self._look()

    def sight_changed(self) -> None:
        """Called whenever `seen` may have changed, after drawing."""

    def _come_to_front(self, in_front: bool) -> None:
        self._in_front = in_front
        self._look()

    def _look(self) -> None:
        if self.seen:
            self._draw()
        self.sight_changed()

    def _draw(self) -> None:
        if self._stale:
            changed, self._stale = self._stale, set()
            self.refresh(changed)
            self.refreshed.emit()


class _Follower(QObject):
    """Receives one property's signal for a view; a child of it, so it ends with it."""

    def __init__(self, view: View, name: str) -> None:
        super().__init__(view)
        self._tell: Callable[[str], None] = view.mark_stale
        self._name = name

    def mark(self) -> None:
        """Tell the view."""
        self._tell(self._name)
