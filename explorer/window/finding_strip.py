"""The row below the study bar that says what was found on each model."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QSizePolicy, QToolBar, QToolButton, QVBoxLayout, QWidget

from engine.analysis.evidence import ORIGINAL
from engine.analysis.finding import Finding
from engine.analysis.finding_words import Link, Part
from explorer.control.controller import Controller
from explorer.state.app_state import AppState
from explorer.state.shown_findings import shown_findings, so_far
from explorer.theme import Theme, theme_of
from explorer.widgets.finding_label import FindingLabel
from explorer.widgets.finding_list import FindingList
from explorer.widgets.panel import muted_label
from explorer.widgets.tab_order import set_tab_order

GAP = 22  # logical pixels between findings
SIDE = 10  # logical pixels beside the line
WIDEST = 560  # logical pixels of the card with all sentences
NOTE = (
    "The null band is where the curve of one more Re-train would lie, with 95 % probability at all "
    "τ together. A curve above it is evidence of residual knowledge, one within it is none. "
    "Numbers are links: they select the samples they count, or set τ in all views."
)


class FindingStrip(QToolBar):
    """One line of findings on the shown study; hidden while there are none."""

    def __init__(self, state: AppState, do: Controller, parent: QWidget | None = None) -> None:
        super().__init__("Findings", parent)
        self._state, self._do = state, do
        self.setObjectName("findings")
        self.setMovable(False)
        self.toggleViewAction().setVisible(False)
        self.line = FindingLine()
        self.addWidget(self.line)
        self.line.followed.connect(self._follow)
        for changed in (state.residual_changed, state.study_changed, state.beside_changed):
            changed.connect(self._show_soon)
        state.theme_changed.connect(self._show_soon)
        state.settled.connect(self._show_settled)
        self._stale = True
        self._show_settled()

    def changeEvent(self, event: QEvent) -> None:
        """Keep the row slim, which a change of style would undo."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.StyleChange, QEvent.Type.FontChange):
            self._make_slim()

    def showEvent(self, event: QShowEvent) -> None:
        """Keep the row slim."""
        super().showEvent(event)
        self._make_slim()

    def _make_slim(self) -> None:
        layout = self.layout()
        if layout is not None:
            layout.setContentsMargins(0, 1, 0, 1)

    def _show_soon(self) -> None:
        self._stale = True
        if not self._state.unsettled:
            self._show_settled()

    def _show_settled(self) -> None:
        """Draw, unless nothing changed since."""
        if self._stale:
            self._stale = False
            found = shown_findings(self._state)
            self.line.show_findings(found, theme_of(self._state.theme), so_far(self._state))
            self.setVisible(bool(found))

    def _follow(self, link: Link) -> None:
        self._do.follow_finding(link)


class FindingLine(QWidget):
    """Findings beside each other: as many in a few words as fit, the others by their number alone.

    What does not fit at all is counted on the button at the end, which shows every sentence.
    """

    followed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._findings: tuple[Finding, ...] = ()
        self._theme: Theme | None = None
        self.labels: list[FindingLabel] = []
        self._start = QWidget(self)  # never shown: holds the place of the labels in the Tab order
        self._start.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._start.hide()
        self.so_far = muted_label()
        self.so_far.setParent(self)
        self.so_far.setWordWrap(False)
        self.more = QToolButton(self)
        self.more.setAutoRaise(True)
        self.more.setObjectName("findings-more")
        self.more.setToolTip("Every finding in a full sentence")
        self.more.clicked.connect(self._open)
        self.card = FindingCard(self.more)
        self.card.findings.followed.connect(self._follow_from_card)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Findings")

    def show_findings(self, findings: Sequence[Finding], theme: Theme, so_far: str = "") -> None:
        """Show these findings; so_far: what they rest on, while there is more to come."""
        self._findings, self._theme = tuple(findings), theme
        while len(self.labels) < len(findings):
            label = FindingLabel(wrap=False, parent=self)
            label.followed.connect(self.followed)
            self.labels.append(label)
        self.so_far.setText(so_far)
        self.card.show_findings(findings, theme, so_far)
        self._fit()
        set_tab_order(self._start, *(label.words for label in self.labels), self.more)

    def sizeHint(self) -> QSize:
        """One line, as wide as there is room."""
        return QSize(400, max(self.fontMetrics().height() + 4, self.more.sizeHint().height()))

    def minimumSizeHint(self) -> QSize:
        """One line, however narrow."""
        return QSize(60, self.sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Say as much as fits."""
        super().resizeEvent(event)
        self._fit()

    def texts(self) -> list[str]:
        """The findings that are shown, as plain text."""
        return [label.text() for label in self.labels if label.isVisibleTo(self)]

    # -- layout -----------------------------------------------------------------------------
    def _fit(self) -> None:
        """Say everything as briefly as it goes; then, the first finding first, more of each."""
        if self._theme is None:
            return
        x = self._place(self.so_far, SIDE) if self.so_far.text() else SIDE
        self.so_far.setVisible(bool(self.so_far.text()))
        room = self.width() - x - SIDE - self._button(len(self._findings))
        widths = [self._width(number, one.brief) for number, one in enumerate(self._findings)]
        shown = len(widths)
        while shown > 1 and sum(widths[:shown]) > room:
            shown -= 1
        left = room - sum(widths[:shown])
        for number, label in enumerate(self.labels):
            label.setVisible(number < shown)
        for number, brief in enumerate(widths[:shown]):
            lengths = _lengths(self._findings[number])
            more = (self._width(number, parts) - brief for parts in lengths)
            left -= next((extra for extra in more if extra <= left), 0)
            x = self._place(self.labels[number], x)
        self._button(len(self._findings) - shown)
        size = self.more.sizeHint()
        y = (self.height() - size.height()) // 2
        self.more.setGeometry(QRect(QPoint(self.width() - SIDE - size.width(), y), size))

    def _width(self, number: int, parts: Sequence[Part]) -> int:
        """Room for a finding in this length, in which it is shown from now on."""
        assert self._theme is not None
        label = self.labels[number]
        label.show_finding(self._findings[number], parts, self._theme)
        return label.sizeHint().width() + GAP

    def _place(self, widget: QWidget, x: int) -> int:
        """Put a widget in the middle of the line; returns where the next one begins."""
        size = widget.sizeHint()
        y = (self.height() - size.height()) // 2
        widget.setGeometry(QRect(QPoint(x, y), size))
        return x + size.width() + GAP

    def _button(self, hidden: int) -> int:
        """Label the button for so many hidden findings; returns its width."""
        self.more.setText(f"+{hidden:,} more" if hidden else "In full")
        self.more.setAccessibleName("All findings in full sentences")
        return self.more.sizeHint().width()

    # -- the card -----------------------------------------------------------------------------
    def _open(self) -> None:
        self.card.open_below(self.more)

    def _follow_from_card(self, link: Link) -> None:
        self.card.hide()
        self.followed.emit(link)


def _lengths(finding: Finding) -> list[tuple[Part, ...]]:
    """The words of a finding from long to brief; of Original, which nothing is new of, the number.

    The middle one ends before the first semicolon.
    """
    if finding.model == ORIGINAL:
        return [finding.brief]
    clause: list[Part] = []
    for part in finding.short:
        text, semicolon, _ = part.text.partition(";")
        clause.append(Part(text, part.link))
        if semicolon:
            break
    return [finding.short, tuple(clause), finding.brief]


class FindingCard(QFrame):
    """Every finding in a full sentence, on a card that closes as a menu does."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("options-card")
        self.setAccessibleName("All findings")
        self.findings = FindingList()
        self.so_far, note = muted_label(), muted_label(NOTE)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 12, 14, 12)
        layout.setSpacing(8)
        for part in (self.so_far, self.findings, note):
            layout.addWidget(part)

    def show_findings(self, findings: Sequence[Finding], theme: Theme, so_far: str) -> None:
        """Show these findings."""
        self.so_far.setText(so_far)
        self.so_far.setVisible(bool(so_far))
        self.findings.show_findings(findings, theme)

    def open_below(self, button: QWidget) -> None:
        """Show the card under a button, within the screen."""
        room = button.screen().availableGeometry()
        self.setFixedWidth(min(WIDEST, room.width()))
        self.ensurePolished()
        self.setFixedHeight(self.heightForWidth(self.width()))
        corner = button.mapToGlobal(QPoint(button.width(), button.height() + 4))
        x = max(room.left(), min(corner.x(), room.right() + 1) - self.width())
        self.move(x, max(room.top(), min(corner.y(), room.bottom() + 1 - self.height())))
        self.show()
        set_tab_order(self)
        self.activateWindow()
        self.setFocus()
        self.focusNextChild()
