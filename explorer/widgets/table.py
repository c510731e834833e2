"""A sortable table whose cells have a second, smaller line, and may be links."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from explorer.widgets.plain_text import literal
from explorer.widgets.plot_widget import no_collection
from explorer.widgets.term import with_definition
from explorer.widgets.term_header import TermHeader

SORT = Qt.ItemDataRole.UserRole
SMALL = Qt.ItemDataRole.UserRole + 1
MARK = Qt.ItemDataRole.UserRole + 2
QUIET = Qt.ItemDataRole.UserRole + 3
LINK = Qt.ItemDataRole.UserRole + 4
WORDS = Qt.ItemDataRole.UserRole + 5
PAD, EDGE, NARROWEST = 8, 2, 48  # logical pixels: beside a text, above and below it; of a column
STRIPE, LINE = 4, 1  # logical pixels: of the mark of a model, of the grid
SMALLER, SMALLEST = 0.85, 6.5  # the second line: times the first one, and at least so many points
Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()


@dataclass(frozen=True)
class Column:
    """A column's header and tooltip."""

    title: str
    tip: str


@dataclass(frozen=True)
class Cell:
    """A cell: text with a smaller line below. value: sort key (NaN comes last); mark: color of a
    stripe; quiet: whether the text is muted, as for external results; tip: its own tooltip, ''
    for that of its column; link: what a click on it gives, None for nothing; words: whether it is
    flush left.
    """

    text: str
    small: str = ""
    value: float | str = math.nan
    mark: str = ""
    quiet: bool = False
    tip: str = ""
    link: object = None
    words: bool = False


class CellModel(QAbstractTableModel):
    """Cells in rows and columns."""

    def __init__(self, columns: Sequence[Column], parent: QWidget) -> None:
        super().__init__(parent)
        self.columns = tuple(columns)
        self.rows: list[list[Cell]] = []

    def set_rows(self, rows: list[list[Cell]], columns: Sequence[Column] = ()) -> None:
        """Replace the rows; columns: new columns, () keeps the current ones."""
        self.beginResetModel()
        self.rows, self.columns = rows, tuple(columns) or self.columns
        self.endResetModel()

    def rowCount(self, parent: Index = _ROOT) -> int:
        """Number of rows."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = _ROOT) -> int:
        """Number of columns."""
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, small text, sort key, stripe color and accessible text of a cell."""
        cell = self.rows[index.row()][index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return cell.text
        if role == SMALL:
            return cell.small
        if role == MARK:
            return cell.mark
        if role == QUIET:
            return cell.quiet
        if role == LINK:
            return cell.link
        if role == WORDS:
            return cell.words
        if role == SORT:
            missing = isinstance(cell.value, float) and math.isnan(cell.value)
            return math.inf if missing else cell.value
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{self.columns[index.column()].title}: {cell.text} {cell.small}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return literal(cell.tip or self.columns[index.column()].tip)
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Column titles and tooltips."""
        if orientation == Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return self.columns[section].title
            if role == Qt.ItemDataRole.ToolTipRole:
                column = self.columns[section]
                return literal(with_definition(column.tip, column.title))
        return None

    def as_text(self, separator: str) -> list[str]:
        """Titles and rows as lines of text, the smaller text in parentheses."""
        lines = [separator.join(column.title for column in self.columns)]
        for row in self.rows:
            cells = (f"{cell.text} ({cell.small})" if cell.small else cell.text for cell in row)
            lines.append(separator.join(cells))
        return lines


def small_font(font: QFont) -> QFont:
    """The font of the second line of a cell."""
    small = QFont(font)
    small.setPointSizeF(max(SMALLEST, font.pointSizeF() * SMALLER))
    return small


def height_of_row(font: QFont) -> int:
    """Height of the two lines of a cell, in px."""
    return QFontMetrics(font).height() + QFontMetrics(small_font(font)).height() + 2 * EDGE


class CellDelegate(QStyledItemDelegate):
    """Draws the two lines of a cell and a stripe in the color of its model."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.text = self.muted = self.accent = "#000000"

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one cell."""
        painter.save()
        box = option.rect.adjusted(PAD, EDGE, -PAD, -EDGE)
        stripe_color, small = str(index.data(MARK)), str(index.data(SMALL))
        if stripe_color:
            stripe = option.rect.adjusted(2, 5, 0, -5)
            stripe.setWidth(STRIPE)
            painter.fillRect(stripe, QColor(stripe_color))
            box.setLeft(box.left() + STRIPE)
        left = index.column() == 0 or index.data(WORDS)
        side = Qt.AlignmentFlag.AlignLeft if left else Qt.AlignmentFlag.AlignRight
        font = small_font(option.font)
        half = QFontMetrics(font).height() if small else 0
        self._set_pen(painter, option, index)
        painter.drawText(
            box.adjusted(0, 0, 0, -half), side | Qt.AlignmentFlag.AlignVCenter, str(index.data())
        )
        if small:
            painter.setFont(font)
            painter.setPen(QColor(self.muted))
            painter.drawText(
                box.adjusted(0, box.height() - half, 0, 0),
                side | Qt.AlignmentFlag.AlignVCenter,
                small,
            )
        painter.restore()

    def _set_pen(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Color and font of the first line: a link is underlined."""
        link = index.data(LINK) is not None
        color = self.accent if link else self.muted if index.data(QUIET) else self.text
        font = QFont(option.font)
        font.setUnderline(link)
        painter.setFont(font)
        painter.setPen(QColor(color))


class Sorted(QSortFilterProxyModel):
    """Sorts by the cells' values; cells without a value come last in either order."""

    def lessThan(self, left: Index, right: Index) -> bool:
        """Whether left sorts before right; missing values account for Qt's reversed order."""
        a, b = left.data(SORT), right.data(SORT)
        if math.inf in (a, b) and a != b:
            return bool((b == math.inf) == (self.sortOrder() == Qt.SortOrder.AscendingOrder))
        return bool(a < b)


class CellTable(QTableView):
    """The table widget: click a header to sort, click again to reverse the order.

    `followed` gives the link of a cell that is clicked, or that Enter is pressed on.
    """

    followed = Signal(object)

    def __init__(self, columns: Sequence[Column], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cells = CellModel(columns, self)
        self._sorted = Sorted(self)
        self._sorted.setSourceModel(self.cells)
        self._sorted.setSortRole(SORT)
        self._sorted.sort(-1)
        self.setHorizontalHeader(TermHeader(self))
        self.setModel(self._sorted)
        self.delegate = CellDelegate(self)
        self.setItemDelegate(self.delegate)
        self.setSortingEnabled(True)
        self.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.horizontalHeader().setSortIndicatorClearable(True)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.horizontalHeader().setStretchLastSection(True)
        self.horizontalHeader().setMinimumSectionSize(NARROWEST)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().hide()
        self._fit_rows()
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setWordWrap(False)
        self.setMouseTracking(True)
        self.clicked.connect(self._follow)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Show a hand over links."""
        super().mouseMoveEvent(event)
        linked = self.indexAt(event.position().toPoint()).data(LINK) is not None
        hand, arrow = Qt.CursorShape.PointingHandCursor, Qt.CursorShape.ArrowCursor
        self.viewport().setCursor(hand if linked else arrow)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Follow the link of the current cell."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._follow(self.currentIndex())
        else:
            super().keyPressEvent(event)

    def _follow(self, index: Index) -> None:
        link = index.data(LINK)
        if link is not None:
            self.followed.emit(link)

    def sizeHintForColumn(self, column: int) -> int:
        """Width of both lines of every cell; much faster than asking by index."""
        self.ensurePolished()
        rows = self.cells.rows
        lines = (
            (self.fontMetrics(), {row[column].text for row in rows}),
            (QFontMetrics(small_font(self.font())), {row[column].small for row in rows}),
        )
        widths = [metrics.horizontalAdvance(text) for metrics, texts in lines for text in texts]
        stripe = STRIPE * any(row[column].mark for row in rows)
        return max(widths, default=0) + 2 * PAD + stripe + LINE

    def changeEvent(self, event: QEvent) -> None:
        """Adjust the row height to a new font."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._fit_rows()

    def _fit_rows(self) -> None:
        """Set one fixed height for all rows, so that no row is measured."""
        self.verticalHeader().setDefaultSectionSize(height_of_row(self.font()))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the cells without garbage collection."""
        with no_collection():
            super().paintEvent(event)

    def shown_text(self, row: int, column: int) -> str:
        """The text of a cell in the sorted order of rows."""
        return str(self._sorted.index(row, column).data())

    def set_colors(self, text: str, muted: str, accent: str) -> None:
        """Set the colors of the two lines and of links."""
        self.delegate.text, self.delegate.muted, self.delegate.accent = text, muted, accent
        self.viewport().update()
