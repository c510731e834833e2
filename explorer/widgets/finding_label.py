"""A finding behind its model's marker: a label whose numbers are links, by mouse and keyboard."""

from __future__ import annotations

import html
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QPainter, QPaintEvent, QPen, QTextDocument
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from engine.analysis.finding import Finding
from engine.analysis.finding_words import Part
from explorer.theme import LIGHT, ModelStyle, Theme
from explorer.widgets import markup
from explorer.widgets.plain_text import literal
from explorer.widgets.plot_widget import no_collection
from explorer.widgets.symbols import draw_symbol

MARK, GAP = 9, 6  # logical pixels: size of a marker, and distance from it to the words
LINKS = Qt.TextInteractionFlag.LinksAccessibleByMouse | (
    Qt.TextInteractionFlag.LinksAccessibleByKeyboard
)


class ModelMark(QWidget):
    """The marker of a model in its color, in the middle of the first line of words beside it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._style: ModelStyle = LIGHT.model_style("original")
        self.setFixedWidth(MARK + 3)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)

    def show_style(self, style: ModelStyle) -> None:
        """Draw this marker."""
        self._style = style
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the marker."""
        with no_collection():
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            line = min(self.height(), self.fontMetrics().height())
            draw_symbol(painter, self._style, QPointF(self.width() / 2, line / 2 + 0.5), MARK)
            painter.end()


class LinkLabel(QLabel):
    """A label whose links Tab visits one after the other, Enter follows."""

    def changeEvent(self, event: QEvent) -> None:
        """Take the link color of another theme: Qt lays out again only a text that differs."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self.text():
            text = self.text()
            self.clear()
            self.setText(text)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Begin at the first link, or at the last one if Tab goes backwards."""
        super().focusInEvent(event)
        if event.reason() == Qt.FocusReason.TabFocusReason:
            self.focusNextPrevChild(True)
        elif event.reason() == Qt.FocusReason.BacktabFocusReason:
            self.focusNextPrevChild(False)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw a ring around the link that has the focus, which Qt hardly marks."""
        super().paintEvent(event)
        ring = self.focus_ring()
        if not ring.isEmpty():
            with no_collection():
                painter = QPainter(self)
                painter.setRenderHint(QPainter.RenderHint.Antialiasing)
                painter.setPen(QPen(self.palette().link().color(), 1.5))
                painter.drawRoundedRect(ring, 3, 3)
                painter.end()

    def focus_ring(self) -> QRectF:
        """The box of the link that has the focus, in pixels of the label; empty without one."""
        start, words = self.selectionStart(), self.selectedText()
        if not self.hasFocus() or start < 0 or not words:
            return QRectF()
        document = QTextDocument()
        document.setDocumentMargin(0)
        document.setDefaultFont(self.font())
        document.setHtml(self.text())
        document.setTextWidth(self.width() if self.wordWrap() else -1)
        document.documentLayout().documentSize()  # lays it out
        layout = document.firstBlock().layout()
        line = layout.lineForTextPosition(start)
        left, right = (line.cursorToX(at)[0] for at in (start, start + len(words)))  # type: ignore[index]
        ring = QRectF(left - 2, line.y(), right - left + 4, line.height())
        return ring.intersected(QRectF(self.rect()).adjusted(0.75, 0.75, -0.75, -0.75))


class FindingLabel(QWidget):
    """A finding in one of its lengths; `followed` gives the `Link` that was clicked."""

    followed = Signal(object)

    def __init__(self, wrap: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.finding: Finding | None = None
        self._parts: tuple[Part, ...] = ()
        self.mark = ModelMark()
        self.words = LinkLabel()
        markup.allow(self.words)
        self.words.setWordWrap(wrap)
        self.words.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.words.linkActivated.connect(self._follow)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GAP)
        row.addWidget(self.mark)
        row.addWidget(self.words, 1)

    def show_finding(self, finding: Finding, parts: Sequence[Part], theme: Theme) -> None:
        """Show these parts of a finding, after its name in bold, with the sentence as tooltip."""
        self.finding, self._parts = finding, tuple(parts)
        self.mark.show_style(theme.model_style(finding.model))
        words, name = "".join(map(_markup, range(len(parts)), parts)), html.escape(finding.name)
        rest = words.removeprefix(name) if words.startswith(name) else f" {words}"
        self.words.setText(f"<b>{name}</b>{rest}")
        linked = any(part.link for part in parts)
        self.words.setTextInteractionFlags(LINKS if linked else Qt.TextInteractionFlag(0))
        self.words.setFocusPolicy(Qt.FocusPolicy.StrongFocus if linked else Qt.FocusPolicy.NoFocus)
        self.words.setAccessibleName(finding.text)
        self.setToolTip(literal(finding.text))

    def text(self) -> str:
        """The words as plain text."""
        return markup.plain(self.words.text()).replace("\xa0", " ")

    def sizeHint(self) -> QSize:
        """The room that the marker and the words need."""
        words = self.words.sizeHint()
        return QSize(self.mark.width() + GAP + words.width(), words.height())

    def _follow(self, target: str) -> None:
        link = self._parts[int(target)].link
        if link is not None:
            self.followed.emit(link)


def _markup(number: int, part: Part) -> str:
    text = html.escape(part.text)
    if part.link is None:
        return text
    unbroken = text.replace(" ", "&nbsp;")
    return f'<a href="{number}">{unbroken}</a>'
