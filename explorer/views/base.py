"""The base of all views: they follow AppState, draw while visible, and only make requests."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from PySide6.QtCore import QObject, Signal, SignalInstance
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QDockWidget, QWidget
from shiboken6 import Shiboken

from engine.analysis.finding_words import Link
from engine.storage.annotations import Annotation
from explorer.state.app_state import AppState
from explorer.widgets.panel import Panel
from explorer.widgets.tab_order import name_tabs, set_tab_order


class QueueWishes(Protocol):
    """What a view may request of the queue of studies; `number` is that of a QueuedRun."""

    def cancel(self, number: int) -> None:
        """Stop a run; finished steps are kept."""

    def cancel_all(self) -> None:
        """Stop the running study and cancel the waiting ones."""

    def again(self, number: int) -> None:
        """Queue a stopped or failed run again."""

    def move(self, number: int, by: int) -> None:
        """Move a waiting run down the queue by `by` places (up if negative)."""

    def remove(self, number: int) -> None:
        """Remove a run that is not running from the list."""


class StoredWishes(Protocol):
    """What a view may request about the studies in the store."""

    def look(self, keys: Sequence[str]) -> None:
        """Load the provenance of these studies into `AppState.provenance`."""

    def measure(self, keys: Sequence[str]) -> None:
        """Read the measures of these studies into `AppState.measures`."""

    def annotate(self, key: str, written: Annotation) -> None:
        """Write name, tags and notes of a stored study."""

    def copy_study(self, key: str) -> None:
        """Copy the command that runs a stored study."""

    def copy_run(self, number: int) -> None:
        """Copy the command that runs the study of a run."""

    def ask_delete(self, keys: Sequence[str]) -> None:
        """Delete studies after confirmation."""


class ChoiceWishes(Protocol):
    """What a view may request about the current sample and the selection."""

    def set_current(self, index: int | None) -> None:
        """Make a sample current; test samples are numbered after the training samples."""

    def select(self, indices: list[int], mode: str) -> None:
        """Combine samples into the selection (selection.REPLACE, ADD, REMOVE, INTERSECT)."""


class ForgetSetWishes(Protocol):
    """What a view may request about the forget set of the next run."""

    def replace_by_selection(self) -> None:
        """Make the selected samples the forget set."""

    def add_selection(self) -> None:
        """Add the selected samples to the forget set."""

    def remove_selection(self) -> None:
        """Remove the selected samples from the forget set."""


class ExportWishes(Protocol):
    """What a view may request to be written to a file of the user's choice."""

    def ask_figure(self, kind: str, options: Mapping[str, Any] | None = None) -> None:
        """Export a figure, one of engine.figures.catalog.KINDS, with these of its options."""

    def ask_points(self, samples: list[int]) -> None:
        """Save a table of these samples as they lie in the embedding."""

    def ask_figures(self) -> None:
        """Export several figures of one size."""

    def ask_report(self) -> None:
        """Write the report of the shown study."""

    def copy(self, kind: str, options: Mapping[str, Any]) -> None:
        """Copy a figure to the clipboard."""

    def preview(self, kind: str, options: Mapping[str, Any]) -> None:
        """Draw a figure for `AppState.figure_preview`."""

    def ask_checkpoint(self, model: str) -> None:
        """Save this model's weights."""


class OpeningWishes(Protocol):
    """What a view may request to be opened."""

    def open_study(self, key: str) -> None:
        """Show a study from the store, with its dataset and its form."""


class Wishes(Protocol):
    """What a view may request of the controller."""

    def set_probe(self, perturbation: str, tau: float) -> None:
        """Show the neighborhood at another perturbation or norm."""

    def follow_finding(self, link: Link) -> None:
        """Select the samples that a number of a finding counts, or show its tau."""

    def look_beside(self, taus: tuple[float, ...]) -> None:
        """Precompute the neighborhoods adjacent to the shown one on this grid; () for none."""

    def rank_by(self, model: str) -> None:
        """Rank the forget samples by their r in this model."""

    def step_worst(self, places: int) -> None:
        """Make the forget sample this many ranks further down current."""

    def look_slice(self, directions: str, towards: int = -1) -> None:
        """Keep the slice along this pair of directions up to date; '' to stop.

        towards: the sample that the pair 'chosen' points to.
        """

    def refine_slice(self) -> None:
        """Compute the shown slice at the finest resolution, however long that takes."""

    def look(self, name: str, *words: Hashable) -> None:
        """Keep the answer to a query on the study up to date (see queries.QUESTIONS)."""

    def look_away(self, name: str) -> None:
        """Stop keeping the answer to this query up to date."""

    def watch_again(self, model: str) -> None:
        """Run a method of the shown study again to record its epochs."""

    def compare(self, keys: tuple[str, ...]) -> None:
        """Show these stored studies beside the open one; () shows it alone."""

    def run(self) -> None:
        """Start the study that the form describes."""

    def follow(self, on: bool) -> None:
        """Whether to show each running study live."""

    @property
    def choice(self) -> ChoiceWishes:
        """The current sample and the selection."""

    @property
    def forget_set(self) -> ForgetSetWishes:
        """The forget set of the next run."""

    @property
    def exports(self) -> ExportWishes:
        """Exports."""

    @property
    def opening(self) -> OpeningWishes:
        """Opening of studies."""

    @property
    def queue(self) -> QueueWishes:
        """The queue of studies."""

    @property
    def stored(self) -> StoredWishes:
        """The studies in the store."""


class Offer(NamedTuple):
    """Something to do in a view: its name, an explanation, and what does it."""

    text: str
    tip: str
    do: Callable[[], object]


class View(QWidget):
    """Base of all views.

    A subclass sets `name` and `title`, builds its `panel` in __init__, calls `follow` for each
    signal it draws from, and draws in `refresh`, which is called only while the view is visible:
    changes that arrive while it is hidden are drawn once, when it is shown.
    """

    name = ""
    title = ""
    help = ""
    of_study = True  # whether it shows a study: while it is empty, it then offers stored ones
    keys: tuple[tuple[str, str], ...] = ()  # (keys, action), besides the shortcuts of menus

    panel: Panel  # its frame: header, and content or a sentence in its place

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
        if isinstance(parent, QDockWidget):  # Qt calls a dock behind another tab visible
            self._in_front = not parent.visibleRegion().isEmpty()
            parent.visibilityChanged.connect(self._come_to_front)
            parent.topLevelChanged.connect(self._float)

    def __del__(self) -> None:
        """Let Qt delete a view that Python's collector found undeleted, while it is intact.

        The collector clears the view's attributes first; signals of its tabs would find no slots.
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

        If more changes follow at once, the view is drawn after the last of them.
        """
        self._stale.add(name)
        self.draw_if_seen()

    def draw_if_seen(self) -> None:
        """Draw what changed, if the view is visible and no more changes are pending."""
        if self.seen and not self.state.unsettled:
            self._draw()

    def refresh(self, changed: set[str]) -> None:
        """Draw what depends on these AppState properties."""

    def offers(self) -> Sequence[Offer]:
        """What can be done in this view, for the palette; beside the commands of the menus."""
        return ()

    def figures(self) -> dict[str, dict[str, Any]]:
        """The figures that draw what is shown: kind -> its options; the first is the one in front.

        kinds: those of engine.figures.catalog.KINDS; {} while nothing is shown.
        """
        return {}

    def _export(self) -> None:
        """Export the figure in front."""
        for kind, options in self.figures().items():
            self.do.exports.ask_figure(kind, options)
            return

    def view_state(self) -> dict[str, Any]:
        """The state of this view for the session, as JSON data."""
        return {}

    def restore_view_state(self, stored: dict[str, Any]) -> None:
        """Restore what `view_state` gave; anything unknown or invalid is ignored."""

    def _label(self, name: str) -> str:
        """The display name of a model: its label in the shown study, else its own."""
        return self.state.label(name)

    def showEvent(self, event: QShowEvent) -> None:
        """Draw what changed while the view was hidden."""
        super().showEvent(event)
        if not self._in_order:
            self._in_order = True
            panel = getattr(self, "panel", None)  # a plug-in view may have none
            set_tab_order(*([panel.bar] if panel is not None else []), self)
            name_tabs(self, self.title)
        self._look()

    def hideEvent(self, event: QHideEvent) -> None:
        """Note that the view is no longer visible."""
        super().hideEvent(event)
        self._look()

    def sight_changed(self) -> None:
        """Called whenever `seen` may have changed, after drawing."""

    def _come_to_front(self, in_front: bool) -> None:
        box = self.parentWidget()
        self._in_front = in_front or (isinstance(box, QDockWidget) and box.isFloating())
        self._look()

    def _float(self, floating: bool) -> None:
        """Note that a floating dock is in front, which Qt may not signal."""
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
    """Receives one property's signal for a view; deleted with it, as its child."""

    def __init__(self, view: View, name: str) -> None:
        super().__init__(view)
        self._tell: Callable[[str], None] = view.mark_stale
        self._draw: Callable[[], None] = view.draw_if_seen
        self._name = name

    def draw(self) -> None:
        """Have the view draw what changed."""
        self._draw()

    def mark(self) -> None:
        """Mark the property stale."""
        self._tell(self._name)
