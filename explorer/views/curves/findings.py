"""The sentences above the chart of Curves, where there is room for them."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject

from engine.analysis.finding_words import Link
from explorer.state.shown_findings import shown_findings
from explorer.theme import theme_of
from explorer.views.base import View
from explorer.widgets.finding_list import FindingList
from explorer.widgets.panel import MARGIN

TALL = 420  # logical pixels of a view's height, below which the chart needs all of it
SHARE = 0.35  # of the view's height that the sentences may take


class CurveFindings(FindingList):
    """The finding on each model in full; hidden in a low view."""

    def __init__(self, view: View) -> None:
        super().__init__(view)
        self._view = view
        self._stale = True
        self.followed.connect(self._follow)
        state = view.state
        for changed in (state.residual_changed, state.study_changed, state.beside_changed):
            changed.connect(self._mark_stale)
        state.theme_changed.connect(self._mark_stale)
        view.refreshed.connect(self._draw)
        view.installEventFilter(self)
        self.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Show or hide the sentences when the view changes its size, also while it is not seen: a
        workspace lays out its docks before it shows them. Never consume the event.
        """
        if event.type() == QEvent.Type.Resize:
            self._draw()
        return False

    def _mark_stale(self) -> None:
        self._stale = True

    def _draw(self) -> None:
        view, state = self._view, self._view.state
        if view.height() < TALL:
            self.hide()
            return
        if self._stale:
            self._stale = False
            self.show_findings(shown_findings(state), theme_of(state.theme))
        needed = self.heightForWidth(max(1, view.width() - 2 * MARGIN))
        self.setVisible(bool(self.count) and needed <= SHARE * view.height())

    def _follow(self, link: Link) -> None:
        self._view.do.follow_finding(link)
