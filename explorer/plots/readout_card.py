"""A card inside a plot that lists what its crosshair reads; it moves nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from explorer.plots.readout import Reading
from explorer.theme import LIGHT, Theme
from explorer.widgets.plot_widget import no_collection

PAD, MARK, GAP = 7, 8, 6  # logical pixels: inside the card, of a swatch, between columns
ASIDE = 14  # between crosshair and card
WIDEST = 0.95  # of the plot
OPAQUE = 0.94


class ReadoutCard(QWidget):
    """Draws readings, the one under the cursor in bold; the mouse passes through."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAccessibleName("Values at the crosshair")
        self._theme = LIGHT
        self._title = ""
        self._rows: tuple[Reading, ...] = ()
        self._listed: tuple[Reading, ...] = ()
        self._near = -1
        self.hide()

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colors."""
        self._theme = theme
        self.update()

    def text(self) -> str:
        """All readings as text; '' while none are shown."""
        if not self._title:
            return ""
        return " · ".join([self._title, *(row.text for row in self._listed)])

    def clear(self) -> None:
        """Show nothing."""
        self._title, self._listed = "", ()
        self.hide()

    def show_readings(
        self, title: str, rows: Sequence[Reading], y: float, at: QPointF, room: QRectF
    ) -> None:
        """Show these readings beside `at` within `room`, both in the parent's pixels.

        y: the value under the cursor; the reading nearest to it is in bold, and if not all fit,
        those around it are shown.
        """
        self._title, self._listed = title, tuple(rows)
        self._rows, self._near = _around(rows, y, self._most(room))
        width = min(self._needed(), WIDEST * room.width())
        height = (len(self._rows) + 1) * self._row() + 2 * PAD - 2
        left = at.x() + ASIDE
        if left + width > room.right():
            left = max(room.left(), at.x() - ASIDE - width)
        low = at.y() > room.center().y()
        top = room.top() + 2 if low else max(room.top(), room.bottom() - height - 2)
        self.setGeometry(round(left), round(top), round(width), round(height))
        self.setAccessibleDescription(self.text())
        self.show()
        self.raise_()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the card."""
        with no_collection():
            painter = QPainter(self)
            self._paint(painter)
            painter.end()

    # -- measures -------------------------------------------------------------------------
    def _row(self) -> float:
        return self.fontMetrics().height() + 1

    def _most(self, room: QRectF) -> int:
        return max(1, int((room.height() - 2 * PAD - 2) / self._row()) - 1)

    def _needed(self) -> float:
        bold = self.font()
        bold.setBold(True)
        metrics = QFontMetricsF(bold)
        names = max([metrics.horizontalAdvance(row.label) for row in self._rows], default=0)
        values = max([metrics.horizontalAdvance(_value(row)) for row in self._rows], default=0)
        title = metrics.horizontalAdvance(self._title)
        return max(title, MARK + 2 * GAP + names + values) + 2 * PAD + 2

    # -- painting -------------------------------------------------------------------------
    def _paint(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        base = QColor(self._theme.raised)
        base.setAlphaF(OPAQUE)
        painter.setBrush(base)
        painter.setPen(QPen(QColor(self._theme.border), 1))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        font, bold = self.font(), self.font()
        bold.setBold(True)
        row = self._row()
        inside = QRectF(self.rect()).adjusted(PAD, PAD - 1, -PAD, -PAD + 1)
        line = QRectF(inside.left(), inside.top(), inside.width(), row)
        painter.setFont(bold)
        painter.setPen(QColor(self._theme.text))
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, self._title)
        metrics = QFontMetricsF(bold)
        names = max([metrics.horizontalAdvance(one.label) for one in self._rows], default=0)
        for number, one in enumerate(self._rows):
            line = line.translated(0, row)
            painter.setFont(bold if number == self._near else font)
            self._paint_row(painter, one, line, names)

    def _paint_row(self, painter: QPainter, one: Reading, line: QRectF, names: float) -> None:
        if one.color:
            box = QRectF(line.left(), line.center().y() - MARK / 2, MARK, MARK)
            painter.fillRect(box, QColor(one.color))
        painter.setPen(QColor(self._theme.text))
        left = line.left() + MARK + GAP
        painter.drawText(
            QRectF(left, line.top(), names, line.height()), Qt.AlignmentFlag.AlignVCenter, one.label
        )
        left += names + GAP
        room = line.right() - left
        words = painter.fontMetrics().elidedText(
            one.words, Qt.TextElideMode.ElideRight, int(room) + 1
        )
        painter.drawText(
            QRectF(left, line.top(), room, line.height()), Qt.AlignmentFlag.AlignVCenter, words
        )
        left += painter.fontMetrics().horizontalAdvance(f"{words} ")
        if one.more and line.right() - left > 3 * MARK:
            painter.setPen(QColor(self._theme.muted))
            more = painter.fontMetrics().elidedText(
                one.more, Qt.TextElideMode.ElideRight, int(line.right() - left) + 1
            )
            painter.drawText(
                QRectF(left, line.top(), line.right() - left, line.height()),
                Qt.AlignmentFlag.AlignVCenter, more,
            )  # fmt: skip


def _value(row: Reading) -> str:
    return f"{row.words} {row.more}" if row.more else row.words


def _around(rows: Sequence[Reading], y: float, most: int) -> tuple[tuple[Reading, ...], int]:
    """At most `most` rows around the one whose value is nearest to y, and its place among them."""
    far = [abs(row.y - y) if np.isfinite(row.y) else np.inf for row in rows]
    near = int(np.argmin(far)) if rows and np.isfinite(min(far)) else -1
    if len(rows) <= most:
        return tuple(rows), near
    room = max(1, most - 1)
    first = min(max(0, max(near, 0) - room // 2), len(rows) - room)
    rest = Reading(f"and {len(rows) - room} more", "", "")
    return (*rows[first : first + room], rest), near - first
