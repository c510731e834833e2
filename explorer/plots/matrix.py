"""A matrix of copies (columns) by models (rows) with names and results at its sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QToolTip, QWidget

from explorer.plots.cells import (
    SMALL,
    Verdict,
    draw_change,
    draw_moved,
    draw_share,
    draw_verdict,
    sized,
)
from explorer.plots.matrix_layout import CAPTION, CELL, MESSAGE, PAD, ROW, MatrixLayout, fitting
from explorer.theme import LIGHT, Theme
from explorer.widgets.message_picture import Words
from explorer.widgets.plain_text import literal
from explorer.widgets.plot_widget import no_collection
from explorer.widgets.sample_picture import Drawable, draw_sample

OPEN, CLOSED = "▾", "▸"  # of a row that stands for several models


@dataclass(frozen=True, eq=False)
class ModelRow:
    """One model: predictions (c,) class names, correct (c,) bool, confidence (c,) in [0, 1].

    result: text at the end of the row; detail: a smaller second line; tip: tooltip of both; brief:
    both in few words, where there is one line; share: (c,) of the models that this row stands for,
    the fraction that recognizes the copy; fold: OPEN or CLOSED on a row that opens by a click.
    """

    label: str
    color: str
    predictions: Sequence[str]
    correct: np.ndarray
    confidence: np.ndarray
    result: str
    detail: str = ""
    tip: str = ""
    brief: str = ""
    share: np.ndarray | None = None
    fold: str = ""

    @property
    def name(self) -> str:
        """The label, with the mark of a row that opens."""
        return f"{self.label} {self.fold}" if self.fold else self.label

    def verdict(self, copy: int) -> Verdict:
        """The model's verdict on one copy."""
        return Verdict(
            bool(self.correct[copy]), self.predictions[copy], float(self.confidence[copy])
        )


@dataclass(frozen=True, eq=False)
class Table:
    """A sample (C, H, W) or (d,), its copies (c, ...) with their distances (c,), and verdicts.

    changes: (c, ...) in [-1, 1], the perturbations times `factor`, drawn in a row of their own;
    None leaves that row out. words, message: the copies and the sample as messages, drawn instead;
    notes: (c,) what each copy changed, in words.
    """

    original: np.ndarray | None
    caption: str
    color: str
    copies: np.ndarray
    sizes: np.ndarray
    rows: Sequence[ModelRow] = field(default_factory=tuple)
    changes: np.ndarray | None = None
    factor: float = 0.0
    words: Sequence[Words] = ()
    message: Words = ()
    notes: Sequence[str] = ()

    def drawable(self, copy: int) -> Drawable:
        """What is drawn of a copy."""
        return self.words[copy] if self.words else self.copies[copy]


class CopyMatrix(QAbstractScrollArea):
    """Draws a `Table`; scrolls sideways through the copies, and down through many models.

    fold_wanted: the row that stands for several models should open or close.
    """

    fold_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._table: Table | None = None
        self._theme = LIGHT
        self._sizes = MatrixLayout()
        self.setAccessibleName("Copies and verdicts")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setMouseTracking(True)
        for bar in (self.horizontalScrollBar(), self.verticalScrollBar()):
            bar.setSingleStep(ROW)
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
        return QSize(self.left + 2 * CELL + self.right, 2 * ROW + CELL)

    def sizeHint(self) -> QSize:
        """Names, results, some copies and every model."""
        rows = len(self._table.rows) if self._table else 3
        bar = self.horizontalScrollBar().sizeHint().height() + 2 * self.frameWidth()
        top = CAPTION + 1 + self._bands * CELL
        return QSize(self.left + 5 * CELL + self.right, top + rows * ROW + bar)

    @property
    def top(self) -> int:
        """Height of the pictures above the models, in logical pixels."""
        return self._sizes.pictures + (self._bands - 1) * self._sizes.cell

    @property
    def sizes(self) -> MatrixLayout:
        """The sizes of cells and rows as they are drawn."""
        return self._sizes

    @property
    def _bands(self) -> int:
        """How many rows of pictures there are: the copies, and perhaps their perturbations."""
        return 2 if self._table is not None and self._table.changes is not None else 1

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the scroll bars."""
        super().resizeEvent(event)
        self._fit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Scroll with the arrow keys."""
        bar = self.horizontalScrollBar()
        cell = self._sizes.column
        step = {Qt.Key.Key_Left: -cell, Qt.Key.Key_Right: cell}.get(Qt.Key(event.key()))
        if event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return) and self._folds():
            self.fold_wanted.emit()
        elif step is None:
            super().keyPressEvent(event)
        else:
            bar.setValue(bar.value() + step)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Open or close the row that stands for several models."""
        at = event.position().toPoint()
        row = self._row_at(at.y())
        if row is not None and row.fold and at.x() < self.left:
            self.fold_wanted.emit()
            return
        super().mouseReleaseEvent(event)

    def _folds(self) -> bool:
        return self._table is not None and any(row.fold for row in self._table.rows)

    def _row_at(self, y: int) -> ModelRow | None:
        """The model at this height of the viewport."""
        rows = self._table.rows if self._table is not None else ()
        place = (y - self.top + self.verticalScrollBar().value()) // self._sizes.row
        return rows[place] if y >= self.top and 0 <= place < len(rows) else None

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
        model = self._row_at(at.y())
        if not left <= at.x() < self.viewport().width() - self.right:
            return model.tip if model else ""
        copy = (at.x() - left + self.horizontalScrollBar().value()) // self._sizes.column
        if not 0 <= copy < len(table.copies):
            return ""
        place = f"copy {copy + 1} of {len(table.copies)}, L2 distance {table.sizes[copy]:.3g}"
        if model is None:
            return f"{place}: {table.notes[copy]}" if table.notes and table.notes[copy] else place
        if model.share is not None:
            return f"{model.share[copy]:.0%} of {model.label} recognize {place}"
        verdict = "correct" if model.correct[copy] else "wrong"
        share = f"{model.confidence[copy]:.0%} for the true class"
        return f"{model.label} predicts {model.predictions[copy]} ({verdict}), {share}; {place}"

    # -- layout ---------------------------------------------------------------------------
    @property
    def left(self) -> int:
        """Width of the models' names before the copies, in logical pixels."""
        rows = self._table.rows if self._table else ()
        words = [self.fontMetrics().horizontalAdvance(row.name) for row in rows]
        return max([self._sizes.column + 2 * PAD, *words]) + 3 * PAD + 6

    @property
    def right(self) -> int:
        """Width of the results after the copies, in logical pixels."""
        rows = self._table.rows if self._table else ()
        texts = [text for row in rows for text in self._results(row)]
        widths = [self.fontMetrics().horizontalAdvance(text) for text in texts]
        small = QFontMetrics(sized(self.font(), SMALL))
        return max([*widths, 60, small.horizontalAdvance(self.title_of_results())]) + 18

    def title_of_results(self) -> str:
        """The words over the results."""
        return "recognized; r" if self._sizes.one_line else "recognized; r [95 %]"

    def _results(self, row: ModelRow) -> tuple[str, str]:
        """The lines at the end of a row; the second may be ''."""
        if self._sizes.one_line:
            return row.brief or row.result, ""
        return row.result, row.detail

    @property
    def _picture(self) -> tuple[int, int]:
        """Width and height of a picture, in logical pixels."""
        return self._sizes.breadth, self._sizes.picture

    def _fit(self) -> None:
        table, view = self._table, self.viewport().size()
        copies, rows = (len(table.copies), len(table.rows)) if table else (0, 0)
        column = MESSAGE if table and table.message else 0
        self._sizes = fitting(view.height(), rows, self._bands, column)
        cell, row = self._sizes.column, self._sizes.row
        wide = view.width() - self.left - self.right
        self.horizontalScrollBar().setSingleStep(cell)
        self.horizontalScrollBar().setRange(0, max(0, copies * cell - wide))
        self.horizontalScrollBar().setPageStep(max(cell, wide))
        self.verticalScrollBar().setRange(0, max(0, self.top + rows * row - view.height()))
        self.verticalScrollBar().setPageStep(max(row, view.height() - self.top))

    def x_of(self, copy: int) -> int:
        """The left edge of a copy in the viewport, in logical pixels."""
        return self.left + copy * self._sizes.column - self.horizontalScrollBar().value()

    def _y(self, row: int) -> int:
        return self.top + row * self._sizes.row - self.verticalScrollBar().value()

    # -- painting -------------------------------------------------------------------------
    def _paint_copies(self, painter: QPainter, table: Table) -> None:
        left, wide = self.left, self.viewport().width() - self.left - self.right
        painter.setClipRect(QRect(left, 0, wide, self.viewport().height()))
        column, height = self._sizes.column, self._sizes.row
        first = self.horizontalScrollBar().value() // column
        seen = range(first, min(len(table.copies), first + wide // column + 2))
        for copy in seen:
            for i, row in enumerate(table.rows):
                box = QRect(self.x_of(copy), self._y(i), column, height)
                if row.share is not None:
                    draw_share(painter, box, float(row.share[copy]), self._theme, self.font())
                else:
                    draw_verdict(painter, box, row.verdict(copy), self._theme, self.font())
        painter.fillRect(QRect(left, 0, wide, self.top), QColor(self._theme.base))
        for copy in seen:
            place = QRectF(self.x_of(copy) + 3, CAPTION + 1, *self._picture)
            draw_sample(painter, place, table.drawable(copy), table.color)
            if table.original is not None and not table.words:
                draw_moved(painter, place, table.copies[copy], table.original, self._theme)
            if table.changes is not None:
                below = place.translated(0, self._sizes.cell)
                draw_change(painter, below, table.changes[copy], self._theme)
        painter.setClipping(False)

    def _paint_names(self, painter: QPainter, table: Table) -> None:
        left, height = self.left, self._sizes.row
        for i, row in enumerate(table.rows):
            box = QRect(0, self._y(i), left, height)
            painter.fillRect(QRect(PAD, box.top() + 4, 4, height - 8), QColor(row.color))
            self._line(painter, box.top())
            self._plain(painter)
            words = box.adjusted(2 * PAD + 4, 0, 0, 0)
            painter.drawText(words, int(Qt.AlignmentFlag.AlignVCenter), row.name)

    def _paint_results(self, painter: QPainter, table: Table) -> None:
        x = self.viewport().width() - self.right
        for i, row in enumerate(table.rows):
            box = QRect(x + 10, self._y(i), self.right - 10, self._sizes.row)
            self._plain(painter)
            result, detail = self._results(row)
            half = self._sizes.row // 2 if detail else 0
            middle = int(Qt.AlignmentFlag.AlignVCenter)
            painter.drawText(box.adjusted(0, 2 if half else 0, 0, -half), middle, result)
            if detail:
                painter.setPen(QColor(self._theme.muted))
                painter.drawText(box.adjusted(0, half - 1, 0, -2), middle, detail)

    def _paint_captions(self, painter: QPainter, table: Table) -> None:
        left, right, theme = self.left, self.viewport().width() - self.right, self._theme
        for box in (QRect(0, 0, left, self.top), QRect(right, 0, self.right, self.top)):
            painter.fillRect(box, QColor(theme.base))
        self._line(painter, self.top - 1)
        for x in (right, left - 1):
            painter.fillRect(QRect(x, 0, 1, self.viewport().height()), QColor(theme.border))
        if table.original is not None:
            place = QRectF(2 * PAD, CAPTION + 1, *self._picture)
            draw_sample(painter, place, table.message or table.original, table.color)
        self._small(painter)
        painter.setPen(QColor(theme.muted))
        middle = int(Qt.AlignmentFlag.AlignVCenter)
        painter.drawText(QRect(2 * PAD, 0, left - 2 * PAD, CAPTION), middle, table.caption)
        span = QRect(left + 4, 0, right - left - 8, CAPTION)
        painter.drawText(span, middle, self._range_text(table))
        ends = QRect(right + 10, 0, self.right - 10, CAPTION)
        painter.drawText(ends, middle, self.title_of_results())
        if table.changes is not None:
            top, side = self._sizes.pictures, self._sizes.picture
            factor = QRect(2 * PAD, top, left - 2 * PAD, side)
            painter.drawText(factor, middle, _factor_text(table.factor))

    def _range_text(self, table: Table) -> str:
        if not len(table.sizes):
            return ""
        low, high = table.sizes[0], table.sizes[-1]
        text = f"{len(table.copies)} copies, L2 distance {low:.3g} to {high:.3g}, nearest first"
        width = self.viewport().width() - self.left - self.right - 8
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
