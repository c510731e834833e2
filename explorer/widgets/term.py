"""Terms of the glossary where they stand: underlined, explained on hover, opened by a click.

A request for the glossary goes to the nearest widget above that has a method `show_term(name)`:
the window, or the glossary itself. F1 opens it at the term of any widget (see `term_finder`).
"""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import (
    QHelpEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QTextLayout,
    QTextLine,
    QTextOption,
)
from PySide6.QtWidgets import QLabel, QToolTip, QWidget

from engine.drawing.glossary import Mention, Term, mentions, term_in
from explorer.widgets.plain_text import literal
from explorer.widgets.plot_widget import no_collection

WRAP = QTextOption.WrapMode
BREAK = "\u2028"  # a line break within a paragraph
BELOW = 2  # px from the base line to the dotted line
MORE = "Click or F1: formula, source and related terms"


class _Place(NamedTuple):
    """Where a mention is drawn: one rectangle for each line that it touches."""

    mention: Mention
    boxes: tuple[QRectF, ...]


class TermLabel(QLabel):
    """Plain text whose terms have a dotted line; they can be hovered and clicked."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._places: tuple[_Place, ...] = ()
        self._drawn: tuple[object, ...] = ()
        self._layout: QTextLayout | None = None  # its lines live no longer than it
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)

    def setText(self, text: str) -> None:
        """Show a text, and look for terms in it."""
        super().setText(text)
        self.setMouseTracking(bool(mentions(text)))

    def shown(self) -> str:
        """The text as it is drawn."""
        return self.text()

    def terms(self) -> list[str]:
        """The names of the terms that are underlined."""
        return [place.mention.term.name for place in self._found()]

    def term_at(self, place: QPoint) -> str:
        """The name of the term at this place in the label; '' if there is none."""
        hit = self._hit(place)
        return hit.term.name if hit else ""

    def underlines(self) -> list[QRect]:
        """Where terms are drawn, in the label."""
        return [box.toAlignedRect() for place in self._found() for box in place.boxes]

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the text, then dotted lines below its terms."""
        super().paintEvent(event)
        self._underline()

    def _underline(self) -> None:
        found = self._found()
        if not found:
            return
        with no_collection():
            painter = QPainter(self)
            color = self.palette().color(self.foregroundRole())
            painter.setPen(QPen(color, 1, Qt.PenStyle.DotLine))
            for box in (box for place in found for box in place.boxes):
                painter.drawLine(box.bottomLeft(), box.bottomRight())
            painter.end()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Show a pointing hand on a term."""
        super().mouseMoveEvent(event)
        if self._hit(event.position().toPoint()):
            self.setCursor(Qt.CursorShape.PointingHandCursor)
        else:
            self.unsetCursor()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Open the glossary at the term that is clicked."""
        hit = self._hit(event.position().toPoint())
        if hit and event.button() == Qt.MouseButton.LeftButton:
            explain(self, hit.term.name)
        else:
            super().mouseReleaseEvent(event)

    def event(self, event: QEvent) -> bool:
        """Explain the term under the mouse; elsewhere show the label's own tooltip."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            hit = self._hit(event.pos())
            if hit:
                QToolTip.showText(event.globalPos(), tip_of(hit.term), self)
                return True
        return super().event(event)

    def _hit(self, place: QPoint) -> Mention | None:
        for found in self._found():
            if any(box.contains(QPointF(place)) for box in found.boxes):
                return found.mention
        return None

    def _found(self) -> tuple[_Place, ...]:
        """The mentions and their boxes, computed again only if text, size or font changed."""
        drawn = (self.text(), self.contentsRect(), self.font(), self.wordWrap(), self.alignment())
        if drawn != self._drawn:
            self._drawn = drawn
            self._places = self._locate()
        return self._places

    def _locate(self) -> tuple[_Place, ...]:
        """Lay the text out as QLabel does, and find the mentions in its lines."""
        mnemonic = self.buddy() is not None and "&" in self.text()
        found = mentions(self.shown()) if not mnemonic else []
        if not found or self.textFormat() != Qt.TextFormat.PlainText:
            return ()
        lines, height = self._lines()
        top, spare = float(self.contentsRect().top()), self.contentsRect().height() - height
        if self.alignment() & Qt.AlignmentFlag.AlignVCenter:
            top += max(0.0, spare / 2)
        elif self.alignment() & Qt.AlignmentFlag.AlignBottom:
            top += max(0.0, spare)
        places = (_Place(one, self._boxes(one, lines, top)) for one in found)
        return tuple(place for place in places if place.boxes)

    def _lines(self) -> tuple[list[QTextLine], float]:
        """The lines of the text, and their height in all."""
        layout = self._layout = QTextLayout(self.shown().replace("\n", BREAK), self.font())
        option = QTextOption(Qt.AlignmentFlag.AlignLeft)
        option.setWrapMode(WRAP.WordWrap if self.wordWrap() else WRAP.ManualWrap)
        layout.setTextOption(option)
        layout.beginLayout()
        lines: list[QTextLine] = []
        height = 0.0
        while (line := layout.createLine()).isValid():
            line.setLineWidth(self.contentsRect().width())
            height += self.fontMetrics().leading() if lines else 0
            line.setPosition(QPointF(0, height))
            height += line.height()
            lines.append(line)
        layout.endLayout()
        return lines, height

    def _boxes(self, one: Mention, lines: list[QTextLine], top: float) -> tuple[QRectF, ...]:
        """The part of each line that belongs to a mention."""
        boxes = []
        for line in lines:
            first = max(one.start, line.textStart())
            last = min(one.start + one.length, line.textStart() + line.textLength())
            last = first + len(self.shown()[first:last].rstrip())
            if first < last:
                left, right = _x(line, first), _x(line, last)
                shift = _shift(self.alignment(), self.contentsRect().width(), line)
                height = line.ascent() + BELOW
                box = QRectF(left + shift, top + line.y(), right - left, height)
                boxes.append(box.translated(self.contentsRect().left(), 0))
        return tuple(boxes)


def _x(line: QTextLine, place: int) -> float:
    """The x coordinate of a letter."""
    return float(line.cursorToX(place)[0])  # type: ignore[index]  # the stub declares an object


def _shift(align: Qt.AlignmentFlag, width: float, line: QTextLine) -> float:
    """How far a line begins from the left."""
    spare = width - line.naturalTextWidth()
    if align & Qt.AlignmentFlag.AlignHCenter:
        return spare / 2
    return spare if align & Qt.AlignmentFlag.AlignRight else 0.0


def tip_of(found: Term) -> str:
    """The definition of a term as the text of a tooltip."""
    return literal(f"{found.name}: {found.text}\n{MORE}")


def with_definition(tip: str, *texts: str) -> str:
    """A tooltip followed by the definition of the first term that one of `texts` mentions."""
    found = term_in(*texts)
    return f"{tip}\n\n{found.name}: {found.text}" if found else tip


def explain(origin: QWidget | None, name: str) -> bool:
    """Ask the nearest widget above for the glossary at this term; whether there is one."""
    place = origin
    while place is not None:
        show = getattr(place, "show_term", None)
        if show is not None:
            show(name)
            return True
        place = place.parentWidget()
    return False
