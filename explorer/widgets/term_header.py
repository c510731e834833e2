"""A table's header whose titles have a dotted line below the terms of the glossary."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPen
from PySide6.QtWidgets import QHeaderView, QStyle, QStyleOptionHeader, QWidget

from engine.drawing.glossary import mentions, term_in

BELOW = 2  # px from the base line to the dotted line


class TermHeader(QHeaderView):
    """The horizontal header of a table. F1 and tooltips explain the terms in its titles."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setSectionsClickable(True)
        self.setHighlightSections(False)

    def term_at(self, place: QPoint) -> str:
        """The name of the term in the title of the section under `place`; '' if there is none."""
        found = term_in(self._title(self.logicalIndexAt(place)))
        return found.name if found else ""

    def paintSection(self, painter: QPainter, rect: QRect, section: int) -> None:
        """Draw a section, then the lines."""
        painter.save()
        super().paintSection(painter, rect, section)
        painter.restore()
        lines = self._title(section).splitlines()
        room, height = self._room(rect, section), self.fontMetrics().lineSpacing()
        top = room.center().y() - height * len(lines) / 2
        for number, text in enumerate(lines):
            width = self.fontMetrics().horizontalAdvance(text)
            left = room.left() + max(0.0, (room.width() - width) / 2)
            box = QRectF(left, top + number * height, width, height)
            for line in underlines(text, box, self.fontMetrics()):
                draw_underline(painter, line, self)

    def _title(self, section: int) -> str:
        model = self.model()
        if model is None or section < 0:
            return ""
        return str(model.headerData(section, self.orientation()) or "")

    def _room(self, rect: QRect, section: int) -> QRectF:
        """Where Qt centers the title of a section: beside the sort indicator, if it has one."""
        option = QStyleOptionHeader()
        self.initStyleOption(option)
        option.rect = rect
        label = self.style().subElementRect(QStyle.SubElement.SE_HeaderLabel, option, self)
        if self.isSortIndicatorShown() and self.sortIndicatorSection() == section:
            arrow = self.style().pixelMetric(QStyle.PixelMetric.PM_HeaderMarkSize, option, self)
            label.setRight(label.right() - arrow)
        return QRectF(label)


def underlines(text: str, box: QRectF, metrics: QFontMetrics) -> list[tuple[QPointF, QPointF]]:
    """Both ends of the line below each term of a text of one line, centered vertically in a box."""
    base = box.center().y() + (metrics.ascent() - metrics.descent()) / 2 + BELOW
    result = []
    for one in mentions(text):
        left = box.left() + metrics.horizontalAdvance(text[: one.start])
        right = box.left() + metrics.horizontalAdvance(text[: one.start + one.length])
        result.append((QPointF(left, base), QPointF(right, base)))
    return result


def draw_underline(painter: QPainter, line: tuple[QPointF, QPointF], widget: QWidget) -> None:
    """A dotted line in the color of the widget's text."""
    painter.setPen(QPen(widget.palette().color(widget.foregroundRole()), 1, Qt.PenStyle.DotLine))
    painter.drawLine(*line)
