"""The contract of every view: it follows AppState, draws while visible, and asks, never acts."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Protocol

from PySide6.QtCore import QObject, Signal, SignalInstance
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QDockWidget, QWidget
from shiboken6 import Shiboken

from explorer.state.app_state import AppState
from explorer.widgets.panel import Panel
from explorer.widgets.tab_order import name_tabs, put_in_order


class QueueWishes(Protocol):
    """What a view may ask of the queue of studies; `number` is a QueuedRun's."""

    def cancel(self, number: int) -> None:
        """Stop a run; what it has finished is kept."""

    def cancel_all(self) -> None:
        """Stop the run that runs and take out those that wait."""

    def again(self, number: int) -> None:
        """Queue a stopped or failed run again."""

    def move(self, number: int, by: int) -> None:
        """Let a waiting run begin `by` places later (earlier, where negative)."""

    def remove(self, number: int) -> None:
        """Take a run that does not run off the list."""


class StoredWishes(Protocol):
    """What a view may ask about the studies in the store."""

    def look(self, keys: Sequence[str]) -> None:
        """Bring where these studies come from into `AppState.provenance`."""

    def copy_study(self, key: str) -> None:
        """Copy the line that makes a stored study."""

    def copy_run(self, number: int) -> None:
        """Copy the line that makes the study of a run."""

    def ask_delete(self, keys: Sequence[str]) -> None:
        """Delete studies, once somebody has agreed."""


class ChoiceWishes(Protocol):
    """What a view may ask about the samples that are chosen."""

    def set_current(self, index: int | None) -> None:
        """Put a sample under the lens; test samples are numbered after the training samples."""

    def select(self, indices: list[int], mode: str) -> None:
        """Combine samples into the selection (selection.REPLACE, ADD, REMOVE, INTERSECT)."""


class ForgetSetWishes(Protocol):
    """What a view may ask about the forget set of the next run."""

    def replace_by_selection(self) -> None:
        """Make the selected samples the forget set."""

    def add_selection(self) -> None:
        """Add the selected samples to the forget set."""

    def remove_selection(self) -> None:
        """Take the selected samples out of the forget set."""


class ExportWishes(Protocol):
    """What a view may ask to have written, to a file the person chooses."""

    def ask_figure(self, kind: str, options: Mapping[str, Any] | None = None) -> None:
        """Export a figure, one of engine.figures.catalog.KINDS, with these of its options."""

    def ask_checkpoint(self, model: str) -> None:
        """Save this model's weights."""


class OpeningWishes(Protocol):
    """What a view may ask to have opened."""

    def open_study(self, key: str) -> None:
        """Show a study from the store, with its dataset and its form."""


class Wishes(Protocol):
    """What a view may ask of the controller."""

    def set_probe(self, perturbation: str, tau: float) -> None:
        """Show the neighborhood at another perturbation or norm."""

    def look_beside(self, taus: tuple[float, ...]) -> None:
        """Have the neighborhoods beside the one shown, on this grid, ready; () for none."""

    def rank_by(self, model: str) -> None:
        """Put the forget samples in the order of their r in this model."""

    def step_worst(self, places: int) -> None:
        """Put the forget sample so many places further down that order under the lens."""

    def look_slice(self, directions: str, towards: int = -1) -> None:
        """Keep the slice along this pair of directions in view; '' once nobody looks at it.

        towards: the sample that the pair 'chosen' leads to.
        """

    def look(self, name: str, *words: Hashable) -> None:
        """Keep the answer to a question about the study in view (see questions.QUESTIONS)."""

    def look_away(self, name: str) -> None:
        """Nobody looks at the answer to this question any more."""

    def watch_again(self, model: str) -> None:
        """Run a method of the study that is shown once more, to see its epochs."""

    def compare(self, keys: tuple[str, ...]) -> None:
        """Show these stored studies beside the one that is open; () shows it alone."""

    def run(self) -> None:
        """Start the study that the form describes."""

    def follow(self, on: bool) -> None:
        """Show what runs as it grows, or leave what is shown alone."""

    @property
    def choice(self) -> ChoiceWishes:
        """The samples that are chosen."""

    @property
    def forget_set(self) -> ForgetSetWishes:
        """The forget set of the next run."""

    @property
    def exports(self) -> ExportWishes:
        """Files to be written."""

    @property
    def opening(self) -> OpeningWishes:
        """What can be opened."""

    @property
    def queue(self) -> QueueWishes:
        """The queue of studies."""

    @property
    def stored(self) -> StoredWishes:
        """The studies in the store."""


class View(QWidget):
    """Base of all views.

    A subclass sets `name` and `title`, builds its `panel` in __init__, calls `follow` for each
    signal it draws from, and draws in `refresh`, which is called only while the view is visible:
    changes that arrive while it is hidden are drawn once, when it is shown.
    """

    name = ""
    title = ""
    help = ""
    keys: tuple[tuple[str, str], ...] = ()  # (keys, what they do), beside the menus' shortcuts

    panel: Panel  # its frame: the header, and the content or the sentence in its place

    refreshed = Signal()

    def __init__(self, state: AppState, do: Wishes, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.state = state
        self.do = do
        self.setObjectName(self.name)
        self.setAccessibleName(self.title)
        self._stale: set[str] = set()
        state.settled.connect(_Follower(self, "").draw)
        self._in_front, self._in_order = True, False
        if isinstance(parent, QDockWidget):  # behind another tab, Qt still calls it visible
            self._in_front = not parent.visibleRegion().isEmpty()
            parent.visibilityChanged.connect(self._come_to_front)
            parent.topLevelChanged.connect(self._float)

    def __del__(self) -> None:
        """Be taken apart by Qt while whole, where Python's collector finds a view nobody deleted.

        The collector empties the view first; what its tabs then signal would find no slots.
        """
        own = Shiboken.isValid(self) and Shiboken.ownedByPython(self)
        if own and self.thread().isCurrentThread():
            Shiboken.delete(self)

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
        """Note that a property changed; draw now if visible, else when shown.

        Where more changes follow at once, the view is drawn after the last of them.
        """
        self._stale.add(name)
        self.draw_if_seen()

    def draw_if_seen(self) -> None:
        """Draw what changed, unless nobody looks or more is about to change."""
        if self.seen and not self.state.unsettled:
            self._draw()

    def refresh(self, changed: set[str]) -> None:
        """Draw what depends on these AppState properties."""

    def view_state(self) -> dict[str, Any]:
        """What a session keeps of this view, as JSON data."""
        return {}

    def restore_view_state(self, kept: dict[str, Any]) -> None:
        """Take back what `view_state` gave; anything unknown or wrong is ignored."""

    def _label(self, name: str) -> str:
        """What people call a model: as the study that is shown does, else as it calls itself."""
        return self.state.label(name)

    def showEvent(self, event: QShowEvent) -> None:
        """Draw what changed while the view was hidden."""
        super().showEvent(event)
        if not self._in_order:
            self._in_order = True
            put_in_order(self)
            name_tabs(self, self.title)
        self._look()

    def hideEvent(self, event: QHideEvent) -> None:
        """Note that nobody looks any more."""
        super().hideEvent(event)
        self._look()

    def sight_changed(self) -> None:
        """Called whenever `seen` may have changed, after drawing."""

    def _come_to_front(self, in_front: bool) -> None:
        box = self.parentWidget()
        self._in_front = in_front or (isinstance(box, QDockWidget) and box.isFloating())
        self._look()

    def _float(self, floating: bool) -> None:
        """Taken out of its tabs a dock is in front, which Qt may not tell."""
        if floating:
            self._come_to_front(True)

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
        self._draw: Callable[[], None] = view.draw_if_seen
        self._name = name

    def draw(self) -> None:
        """Have the view draw what changed."""
        self._draw()

    def mark(self) -> None:
        """Tell the view."""
        self._tell(self._name)
