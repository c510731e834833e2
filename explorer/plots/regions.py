"""Decision regions of several models side by side: colors are classes, true class hatched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QEvent, QLineF, QPoint, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import (
    QBrush,
    QColor,
    QHelpEvent,
    QImage,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
    QTransform,
)
from PySide6.QtWidgets import QAbstractScrollArea, QToolTip, QWidget

from engine.drawing.geometry import runs
from engine.drawing.palette import rgb
from explorer.theme import LIGHT, Theme
from explorer.widgets.plain_text import literal
from explorer.widgets.plot_widget import no_collection

SMALLEST = 80  # logical pixels: side of a panel before the view scrolls
GAP, CROSS = 10, 6  # between panels; arm of the cross on the sample
LINE, HALO, DASH = 1.5, 3.5, (4.0, 3.0)
HATCH_ALPHA = 0.35
TINT = 0.72  # share of a class's color, low enough for legible lines


@dataclass(frozen=True, eq=False)
class Region:
    """One model's panel: predictions, correct, confidence (g, g), the first row at the bottom.

    result: text in the corner, such as a percentage.
    """

    label: str
    color: str
    predictions: np.ndarray
    correct: np.ndarray
    confidence: np.ndarray
    result: str


@dataclass(frozen=True, eq=False)
class Atlas:
    """Panels on one plane: steps (g,) their coordinates, ball (k, 2) an outline drawn on each.

    classes: names of the numbers in `predictions`; colors: number -> '#rrggbb'; other: coordinate
    of another sample on the horizontal axis, None without one.
    """

    steps: np.ndarray
    ball: np.ndarray
    classes: Sequence[str]
    colors: dict[int, str]
    other: float | None
    panels: Sequence[Region]

    @property
    def reach(self) -> float:
        """Half the width of a panel: outer points are centers of their cells."""
        return float(self.steps[-1] + (self.steps[1] - self.steps[0]) / 2)


def tinted(color: str, ground: str) -> str:
    """The color of a region: mixed with the background."""
    parts = zip(rgb(color), rgb(ground), strict=True)
    return "#" + "".join(f"{round(TINT * a + (1 - TINT) * b):02x}" for a, b in parts)


def outline(mask: np.ndarray) -> np.ndarray:
    """(m, 4) segments x0, y0, x1, y1 between cells of (g, g) where the mask changes, in cells."""
    up, right = np.nonzero(mask[:, 1:] != mask[:, :-1])
    upright = np.stack([right + 1, up, right + 1, up + 1], 1)
    up, right = np.nonzero(mask[1:] != mask[:-1])
    level = np.stack([right, up + 1, right + 1, up + 1], 1)
    return np.concatenate([upright, level]).astype(np.float64)


def columns_for(panels: int, width: int, height: int, title: int) -> tuple[int, int]:
    """(columns, side) with the largest side of square panels under titles in a page this large."""
    best = (1, SMALLEST)
    for columns in range(1, panels + 1):
        rows = -(-panels // columns)
        across = (width - GAP * (columns + 1)) // columns
        down = (height - GAP * (rows + 1)) // rows - title
        if min(across, down) > best[1]:
            best = (columns, min(across, down))
    if best == (1, SMALLEST):  # nothing fits without scrolling: fill the width
        return max(1, (width - GAP) // (SMALLEST + GAP)), SMALLEST
    return best


class RegionMaps(QAbstractScrollArea):
    """Draws an `Atlas` as large as fits; scrolls down if panels would become too small.

    images: the classes of each panel, one pixel per point of the slice.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._atlas: Atlas | None = None
        self._theme = LIGHT
        self.images: list[QImage] = []
        self.setAccessibleName("Decision regions")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalScrollBar().setSingleStep(40)
        self.verticalScrollBar().valueChanged.connect(self.viewport().update)

    def set_atlas(self, atlas: Atlas, theme: Theme) -> None:
        """Show other panels."""
        self._atlas, self._theme = atlas, theme
        self.images = [_image(panel, atlas, theme) for panel in atlas.panels]
        words = (f"{panel.label}: {panel.result}" for panel in atlas.panels)
        self.setAccessibleDescription("; ".join(words))
        self._fit()
        self.viewport().update()

    def minimumSizeHint(self) -> QSize:
        """One panel."""
        return QSize(SMALLEST + 2 * GAP, SMALLEST + 2 * GAP + self._title())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Arrange anew."""
        super().resizeEvent(event)
        self._fit()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw what is visible."""
        with no_collection():
            self._paint()

    def viewportEvent(self, event: QEvent) -> bool:
        """Show a model's prediction at the point under the cursor in a tooltip."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            text = literal(self.describe(event.pos()))
            QToolTip.showText(event.globalPos(), text, self.viewport())
            return True
        return super().viewportEvent(event)

    def panel_rect(self, number: int) -> QRect:
        """The square of a panel on the viewport, without its title."""
        count = len(self._atlas.panels) if self._atlas else 1
        columns, side = self._arrangement(count)
        row, column = divmod(number, columns)
        spare = self.viewport().width() - min(columns, count) * (side + GAP) + GAP
        left = spare // 2 + column * (side + GAP)
        top = GAP + row * (side + self._title() + GAP) + self._title()
        return QRect(left, top - self.verticalScrollBar().value(), side, side)

    def describe(self, at: QPoint) -> str:
        """The tooltip of a point of the viewport, '' where it is empty."""
        atlas = self._atlas
        if atlas is None:
            return ""
        for number, panel in enumerate(atlas.panels):
            box = self.panel_rect(number)
            if box.contains(at):
                size = len(atlas.steps)
                column = min(size - 1, (at.x() - box.left()) * size // box.width())
                row = size - 1 - min(size - 1, (at.y() - box.top()) * size // box.height())
                return _words(panel, atlas, row, column)
        return ""

    # -- painting -------------------------------------------------------------------------
    def _paint(self) -> None:
        painter = QPainter(self.viewport())
        painter.fillRect(self.viewport().rect(), QColor(self._theme.base))
        if self._atlas is not None:
            for number, panel in enumerate(self._atlas.panels):
                box = QRectF(self.panel_rect(number))
                if box.bottom() > 0 and box.top() - self._title() < self.viewport().height():
                    self._paint_title(painter, panel, box)
                    self._paint_panel(painter, panel, self.images[number], box)
        painter.end()

    def _paint_title(self, painter: QPainter, panel: Region, box: QRectF) -> None:
        place = QRectF(box.left(), box.top() - self._title(), box.width(), self._title())
        elide = Qt.TextElideMode.ElideRight
        painter.setPen(QColor(self._theme.readable(panel.color)))
        name = self.fontMetrics().elidedText(panel.label, elide, int(box.width()))
        painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, name)

    def _paint_result(self, painter: QPainter, panel: Region, box: QRectF) -> None:
        metrics = self.fontMetrics()
        width, height = metrics.horizontalAdvance(panel.result) + 6, metrics.height()
        corner = QRectF(box.right() - width, box.bottom() - height, width, height)
        painter.fillRect(corner, QColor(self._theme.base))
        painter.setPen(QColor(self._theme.text))
        painter.drawText(corner, Qt.AlignmentFlag.AlignCenter, panel.result)

    def _paint_panel(self, painter: QPainter, panel: Region, image: QImage, box: QRectF) -> None:
        atlas = self._atlas
        assert atlas is not None
        painter.save()
        painter.setClipRect(box)
        painter.drawImage(box, image)
        self._hatch(painter, panel.correct, box)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        to_box = _from_plane(atlas, box)
        self._draw_lines(painter, _segments(outline(panel.correct), len(atlas.steps), box))
        corners = [to_box.map(QPointF(float(x), float(y))) for x, y in atlas.ball]
        for pen in self._pens(DASH):
            painter.setPen(pen)
            painter.drawPolygon(QPolygonF(corners))
        self._draw_lines(painter, _cross(to_box.map(QPointF(0, 0))))
        if atlas.other is not None:
            self._draw_other(painter, to_box.map(QPointF(atlas.other, 0)))
        painter.restore()
        self._paint_result(painter, panel, box)
        painter.setPen(QColor(self._theme.border))
        painter.drawRect(box)

    def _hatch(self, painter: QPainter, mask: np.ndarray, box: QRectF) -> None:
        """Hatch the cells of the mask: the true class is visible without color."""
        color = QColor(self._theme.text)
        color.setAlphaF(HATCH_ALPHA)
        brush = QBrush(color, Qt.BrushStyle.BDiagPattern)
        side = box.width() / len(mask)
        for row, line in enumerate(mask):
            top = box.bottom() - (row + 1) * side
            for part in runs(line):
                width = (part.stop - part.start) * side
                painter.fillRect(QRectF(box.left() + part.start * side, top, width, side), brush)

    def _draw_lines(self, painter: QPainter, lines: Sequence[QLineF]) -> None:
        for pen in self._pens(()):
            painter.setPen(pen)
            painter.drawLines(lines)

    def _draw_other(self, painter: QPainter, at: QPointF) -> None:
        diamond = QPolygonF([at + QPointF(*d) for d in ((-5, 0), (0, -5), (5, 0), (0, 5))])
        painter.setBrush(QColor(self._theme.text))
        painter.setPen(QPen(QColor(self._theme.base), LINE))
        painter.drawPolygon(diamond)
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def _pens(self, dash: tuple[float, ...]) -> tuple[QPen, QPen]:
        """A halo in the background color, then the line: legible on every region."""
        halo = QPen(QColor(self._theme.base), HALO)
        line = QPen(QColor(self._theme.text), LINE)
        if dash:
            line.setDashPattern(list(dash))
        return halo, line

    # -- layout ---------------------------------------------------------------------------
    def _title(self) -> int:
        return self.fontMetrics().height() + 4

    def _arrangement(self, count: int) -> tuple[int, int]:
        page = self.viewport()
        return columns_for(count, page.width(), page.height(), self._title())

    def _fit(self) -> None:
        count = len(self._atlas.panels) if self._atlas else 1
        columns, side = self._arrangement(count)
        needed = -(-count // columns) * (side + self._title() + GAP) + GAP
        page = self.viewport().height()
        self.verticalScrollBar().setRange(0, max(0, needed - page))
        self.verticalScrollBar().setPageStep(page)


def _words(panel: Region, atlas: Atlas, row: int, column: int) -> str:
    away = float(np.hypot(atlas.steps[row], atlas.steps[column]))
    name = atlas.classes[int(panel.predictions[row, column])]
    sure = panel.confidence[row, column]
    return (
        f"{panel.label} predicts {name} here; probability of the true class {sure:.2f}; "
        f"L2 distance {away:.3g} from the sample"
    )


def _image(panel: Region, atlas: Atlas, theme: Theme) -> QImage:
    """(g, g) pixels in the classes' colors, the first row at the bottom."""
    table = np.zeros((len(atlas.classes), 3), np.uint8)
    for number in np.unique(panel.predictions):
        table[number] = rgb(tinted(atlas.colors[int(number)], theme.base))
    pixels = np.ascontiguousarray(table[panel.predictions[::-1]])
    height, width = pixels.shape[:2]
    kind = QImage.Format.Format_RGB888
    return QImage(pixels.data, width, height, pixels[0].nbytes, kind).copy()


def _from_plane(atlas: Atlas, box: QRectF) -> QTransform:
    """From coordinates on the plane to the viewport; up on the plane is up on the screen."""
    scale = box.width() / (2 * atlas.reach)
    return QTransform(scale, 0, 0, -scale, box.center().x(), box.center().y())


def _segments(cells: np.ndarray, size: int, box: QRectF) -> list[QLineF]:
    scaled = cells * (box.width() / size)
    scaled[:, [0, 2]] += box.left()
    scaled[:, [1, 3]] = box.bottom() - scaled[:, [1, 3]]
    return [QLineF(*map(float, line)) for line in scaled]


def _cross(at: QPointF) -> list[QLineF]:
    across, up = QPointF(CROSS, 0), QPointF(0, CROSS)
    return [QLineF(at - across, at + across), QLineF(at - up, at + up)]
