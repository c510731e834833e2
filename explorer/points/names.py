"""Names at the middles of groups of points, with a halo, none over another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QPainter,
    QPainterPath,
    QPainterPathStroker,
    QTransform,
)
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from explorer.points.pictures import FRAME, SAME, PicturesItem
from explorer.points.placement import name_places
from explorer.points.visible_item import VisibleItem

SIZE = 13  # pixels of the letters
HALO = 4.0  # pixels across
PAD = 3.0  # pixels around a name
DOT, BESIDE = 8.0, 4.0  # pixels: the colored dot before a name, and the gap after it
MOST = 60  # names; more would cover the points
LONGEST = 160.0  # pixels of a name; longer ones are elided


@dataclass(frozen=True)
class Name:
    """A name, its place in data coordinates, and the color of its dot."""

    text: str
    x: float
    y: float
    color: str


class NamesItem(VisibleItem):
    """Draws names over points and pictures; those that find no free place are left out."""

    def __init__(self, pictures: PicturesItem) -> None:
        super().__init__()
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self.names: tuple[Name, ...] = ()
        self.centers = np.empty((0, 2))  # logical pixels from the place of each name; NaN: left out
        self._pictures = pictures
        self._scale: tuple[float, float] | None = None
        self._paths: dict[str, tuple[QPainterPath, QPainterPath, QRectF]] = {}
        self._font = QFont()
        self._font.setPixelSize(SIZE)
        self._font.setWeight(QFont.Weight.DemiBold)
        self._base, self._text = QColor("#ffffff"), QColor("#000000")

    def set_names(self, names: Sequence[Name]) -> None:
        """Show these names; earlier ones choose their place first."""
        self.names = tuple(names[:MOST])
        self.place_again()

    def set_colors(self, base: str, text: str) -> None:
        """Colors of halo and letters."""
        self._base, self._text = QColor(base), QColor(text)
        self.update()

    def place_again(self) -> None:
        """Find new places at the next painting, as other pictures are drawn."""
        self._scale = None
        self.update()

    def boxes(self, transform: QTransform) -> list[QRectF | None]:
        """The rectangle of each name in the pixels that `transform` maps to; None if left out."""
        self._place((transform.m11(), transform.m22()))
        result: list[QRectF | None] = []
        for name, offset in zip(self.names, self.centers, strict=True):
            if not np.isfinite(offset).all():
                result.append(None)
                continue
            at = transform.map(QPointF(name.x, name.y)) + QPointF(*offset.tolist())
            width, height = self._size(name.text)
            result.append(QRectF(at.x() - width / 2, at.y() - height / 2, width, height))
        return result

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionGraphicsItem,
        widget: QWidget | None = None,
    ) -> None:
        """Draw the names."""
        if not self.names:
            return
        transform = painter.worldTransform()
        view = transform.mapRect(QRectF(self.viewRect()))
        boxes = self.boxes(transform)
        painter.save()
        painter.resetTransform()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for name, box in zip(self.names, boxes, strict=True):
            if box is not None and view.contains(box.center()):
                self._draw(painter, name, _within(box, view))
        painter.restore()

    def _draw(self, painter: QPainter, name: Name, box: QRectF) -> None:
        path, halo, extent = self._path(name.text)
        middle = box.center().y()
        dot = QPointF(box.left() + PAD + DOT / 2, middle)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._base)
        painter.drawEllipse(dot, DOT / 2 + HALO / 2, DOT / 2 + HALO / 2)
        painter.translate(box.left() + PAD + DOT + BESIDE, middle - extent.center().y())
        painter.fillPath(halo, self._base)
        painter.fillPath(path, self._text)
        painter.resetTransform()
        painter.setBrush(QColor(name.color))
        painter.drawEllipse(dot, DOT / 2, DOT / 2)

    def _place(self, scale: tuple[float, float]) -> None:
        if self._scale is not None and np.allclose(scale, self._scale, rtol=SAME, atol=0):
            return
        self._scale = scale
        pictures = self._pictures
        covered = pictures.places(scale)
        anchors = np.array([(name.x, name.y) for name in self.names]).reshape(-1, 2) * scale
        sizes = np.array([self._size(name.text) for name in self.names]).reshape(-1, 2)
        placed = name_places(anchors, sizes, covered, pictures.side / 2 + FRAME)
        self.centers = placed - anchors

    def _size(self, text: str) -> tuple[float, float]:
        extent = self._path(text)[2]
        return extent.width() + DOT + BESIDE + 2 * PAD, SIZE + 2 * PAD

    def _path(self, text: str) -> tuple[QPainterPath, QPainterPath, QRectF]:
        """(letters, halo, extent) of a name, from the cache."""
        if text not in self._paths:
            metrics = QFontMetricsF(self._font)
            shown = metrics.elidedText(" ".join(text.split()), Qt.TextElideMode.ElideRight, LONGEST)
            path = QPainterPath()
            path.addText(QPointF(0, 0), self._font, shown)
            stroker = QPainterPathStroker()
            stroker.setWidth(HALO)
            stroker.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
            halo = stroker.createStroke(path).united(path)
            box = QRectF(0, -metrics.capHeight(), metrics.horizontalAdvance(shown), 0)
            box.setBottom(0)
            self._paths[text] = (path, halo, box)
        return self._paths[text]


def _within(box: QRectF, view: QRectF) -> QRectF:
    """The box moved sideways into the view."""
    left = max(view.left(), min(box.left(), view.right() - box.width()))
    return QRectF(left, box.top(), box.width(), box.height())
