"""A matrix of copies (columns) by models (rows) with names and results at its sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QHelpEvent,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QToolTip, QWidget

from explorer.plots.cells import SMALL, Verdict, draw_change, draw_verdict, sized
from explorer.theme import LIGHT, Theme
from explorer.widgets.plain_text import literal
from explorer.widgets.plot_widget import no_collection
from explorer.widgets.sample_picture import draw_sample

CELL, ROW, TOP = 46, 34, 64  # logical pixels: width of a copy, height of a model, of the pictures
PAD, PICTURE, CAPTION = 6, 40, 17


@dataclass(frozen=True, eq=False)
class ModelRow:
    """One model: predictions (c,) class names, correct (c,) bool, confidence (c,) in [0, 1].

    result: text at the end of the row; detail: a smaller second line; tip: tooltip of both.
    """

    label: str
    color: str
    predictions: Sequence[str]
    correct: np.ndarray
    confidence: np.ndarray
    result: str
    detail: str = ""
    tip: str = ""

    def verdict(self, copy: int) -> Verdict:
        """The model's verdict on one copy."""
        return Verdict(
            bool(self.correct[copy]), self.predictions[copy], float(self.confidence[copy])
        )


@dataclass(frozen=True, eq=False)
class Table:
    """A sample (C, H, W) or (d,), its copies (c, ...) with their distances (c,), and verdicts.

    changes: (c, ...) in [-1, 1], the perturbations times `factor`, drawn in a row of their own;
    None leaves that row out.
    """

    original: np.ndarray | None
    caption: str
    color: str
    copies: np.ndarray
    sizes: np.ndarray
    rows: Sequence[ModelRow] = field(default_factory=tuple)
    changes: np.ndarray | None = None
    factor: float = 0.0


class CopyMatrix(QAbstractScrollArea):
    """Draws a `Table`; scrolls sideways through the copies, and down through many models."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._table: Table | None = None
        self._theme = LIGHT
        self.setAccessibleName("Copies and verdicts")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setMouseTracking(True)
        for bar in (self.horizontalScrollBar(), self.verticalScrollBar()):
            bar.setSingleStep(CELL)
            bar.valueChanged.connect(self.viewport().update)

    @property
    def table(self) -> Table | None:
        """The table drawn."""
        return self._table

    def set_table(self, table: Table, theme: Theme) -> None:
        """Show another table."""
        self._table, self._theme = table, theme
        rows = "; ".join(f"{row.label}: {row.result} {row.detail}" for row in table.rows)
        self.setAccessibleDescription(rows)
        self._fit()
        self.viewport().update()

    def minimumSizeHint(self) -> QSize:
        """Names, two copies, results and one model."""
        return QSize(self.left + 2 * CELL + self._right(), self.top + ROW)

    def sizeHint(self) -> QSize:
        """Names, results, some copies and every model."""
        rows = len(self._table.rows) if self._table else 3
        bar = self.horizontalScrollBar().sizeHint().height() + 2 * self.frameWidth()
        return QSize(self.left + 5 * CELL + self._right(), self.top + rows * ROW + bar)

    @property
    def top(self) -> int:
        """Height of the pictures above the models, in logical pixels."""
        changed = self._table is not None and self._table.changes is not None
        return TOP + (CELL if changed else 0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the scroll bars."""
        super().resizeEvent(event)
        self._fit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Scroll with the arrow keys."""
        bar = self.horizontalScrollBar()
        step = {Qt.Key.Key_Left: -CELL, Qt.Key.Key_Right: CELL}.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
        else:
            bar.setValue(bar.value() + step)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw what is visible."""
        with no_collection():
            self._paint()

    def _paint(self) -> None:
        table = self._table
        painter = QPainter(self.viewport())
        painter.fillRect(self.viewport().rect(), QColor(self._theme.base))
        if table is not None:
            self._paint_copies(painter, table)
            self._paint_names(painter, table)
            self._paint_results(painter, table)
            self._paint_captions(painter, table)
        painter.end()

    def viewportEvent(self, event: QEvent) -> bool:
        """Show the tooltip of the place under the cursor."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            text = literal(self.describe(event.pos()))
            QToolTip.showText(event.globalPos(), text, self.viewport())
            return True
        return super().viewportEvent(event)

    def describe(self, at: QPoint) -> str:
        """The tooltip of a point of the viewport, '' where it is empty."""
        table, left = self._table, self.left
        if table is None:
            return ""
        row = (at.y() - self.top + self.verticalScrollBar().value()) // ROW
        model = table.rows[row] if at.y() >= self.top and 0 <= row < len(table.rows) else None
        if not left <= at.x() < self.viewport().width() - self._right():
            return model.tip if model else ""
        copy = (at.x() - left + self.horizontalScrollBar().value()) // CELL
        if not 0 <= copy < len(table.copies):
            return ""
        place = f"copy {copy + 1} of {len(table.copies)}, L2 distance {table.sizes[copy]:.3g}"
        if model is None:
            return place
        verdict = "correct" if model.correct[copy] else "wrong"
        share = f"{model.confidence[copy]:.0%} for the true class"
        return f"{model.label} predicts {model.predictions[copy]} ({verdict}), {share}; {place}"

    # -- layout ---------------------------------------------------------------------------
    @property
    def left(self) -> int:
        """Width of the models' names before the copies, in logical pixels."""
        rows = self._table.rows if self._table else ()
        words = [self.fontMetrics().horizontalAdvance(row.label) for row in rows]
        return max([CELL + 2 * PAD, *words]) + 3 * PAD + 6

    def _right(self) -> int:
        rows = self._table.rows if self._table else ()
        texts = [text for row in rows for text in (row.result, row.detail)]
        return max((self.fontMetrics().horizontalAdvance(text) for text in texts), default=60) + 18

    def _fit(self) -> None:
        table, view = self._table, self.viewport().size()
        copies, rows = (len(table.copies), len(table.rows)) if table else (0, 0)
        wide = view.width() - self.left - self._right()
        self.horizontalScrollBar().setRange(0, max(0, copies * CELL - wide))
        self.horizontalScrollBar().setPageStep(max(CELL, wide))
        self.verticalScrollBar().setRange(0, max(0, self.top + rows * ROW - view.height()))
        self.verticalScrollBar().setPageStep(max(ROW, view.height() - self.top))

    def x_of(self, copy: int) -> int:
        """The left edge of a copy in the viewport, in logical pixels."""
        return self.left + copy * CELL - self.horizontalScrollBar().value()

    def _y(self, row: int) -> int:
        return self.top + row * ROW - self.verticalScrollBar().value()

    # -- painting -------------------------------------------------------------------------
    def _paint_copies(self, painter: QPainter, table: Table) -> None:
        left, wide = self.left, self.viewport().width() - self.left - self._right()
        painter.setClipRect(QRect(left, 0, wide, self.viewport().height()))
        first = self.horizontalScrollBar().value() // CELL
        seen = range(first, min(len(table.copies), first + wide // CELL + 2))
        for copy in seen:
            for i, row in enumerate(table.rows):
                box = QRect(self.x_of(copy), self._y(i), CELL, ROW)
                draw_verdict(painter, box, row.verdict(copy), self._theme, self.font())
        painter.fillRect(QRect(left, 0, wide, self.top), QColor(self._theme.base))
        for copy in seen:
            place = QRectF(self.x_of(copy) + 3, CAPTION + 1, PICTURE, PICTURE)
            draw_sample(painter, place, table.copies[copy], table.color)
            if table.changes is not None:
                below = place.translated(0, CELL)
                draw_change(painter, below, table.changes[copy], self._theme)
        painter.setClipping(False)

    def _paint_names(self, painter: QPainter, table: Table) -> None:
        left = self.left
        for i, row in enumerate(table.rows):
            box = QRect(0, self._y(i), left, ROW)
            painter.fillRect(QRect(PAD, box.top() + 6, 4, ROW - 12), QColor(row.color))
            self._line(painter, box.top())
            self._plain(painter)
            words = box.adjusted(2 * PAD + 4, 0, 0, 0)
            painter.drawText(words, int(Qt.AlignmentFlag.AlignVCenter), row.label)

    def _paint_results(self, painter: QPainter, table: Table) -> None:
        x = self.viewport().width() - self._right()
        for i, row in enumerate(table.rows):
            box = QRect(x + 10, self._y(i), self._right() - 10, ROW)
            self._plain(painter)
            half = ROW // 2 if row.detail else 0
            middle = int(Qt.AlignmentFlag.AlignVCenter)
            painter.drawText(box.adjusted(0, 2, 0, -half), middle, row.result)
            if row.detail:
                painter.setPen(QColor(self._theme.muted))
                painter.drawText(box.adjusted(0, half - 1, 0, -2), middle, row.detail)

    def _paint_captions(self, painter: QPainter, table: Table) -> None:
        left, right, theme = self.left, self.viewport().width() - self._right(), self._theme
        for box in (QRect(0, 0, left, self.top), QRect(right, 0, self._right(), self.top)):
            painter.fillRect(box, QColor(theme.base))
        self._line(painter, self.top - 1)
        for x in (right, left - 1):
            painter.fillRect(QRect(x, 0, 1, self.viewport().height()), QColor(theme.border))
        if table.original is not None:
            place = QRectF(2 * PAD, CAPTION + 1, PICTURE, PICTURE)
            draw_sample(painter, place, table.original, table.color)
        self._small(painter)
        painter.setPen(QColor(theme.muted))
        middle = int(Qt.AlignmentFlag.AlignVCenter)
        painter.drawText(QRect(2 * PAD, 0, left - 2 * PAD, CAPTION), middle, table.caption)
        words = QRect(left + 4, 0, right - left - 8, CAPTION)
        painter.drawText(words, middle, self._range_text(table))
        ends = QRect(right + 10, 0, self._right() - 10, CAPTION)
        painter.drawText(ends, middle, "recognized; r [95 %]")
        if table.changes is not None:
            factor = QRect(2 * PAD, TOP, left - 2 * PAD, PICTURE)
            painter.drawText(factor, middle, _factor_text(table.factor))

    def _range_text(self, table: Table) -> str:
        if not len(table.sizes):
            return ""
        low, high = table.sizes[0], table.sizes[-1]
        text = f"{len(table.copies)} copies, L2 distance {low:.3g} to {high:.3g} →"
        width = self.viewport().width() - self.left - self._right() - 8
        metrics = QFontMetrics(sized(self.font(), SMALL))
        return metrics.elidedText(text, Qt.TextElideMode.ElideRight, width)

    def _line(self, painter: QPainter, y: int) -> None:
        painter.fillRect(QRect(0, y, self.viewport().width(), 1), QColor(self._theme.border))

    def _plain(self, painter: QPainter) -> None:
        painter.setFont(self.font())
        painter.setPen(QColor(self._theme.text))

    def _small(self, painter: QPainter) -> None:
        painter.setFont(sized(self.font(), SMALL))


def _factor_text(factor: float) -> str:
    """The caption of the row of perturbations: their amplification."""
    return f"perturbation\n× {factor:.3g}" if factor else "unperturbed"
