"""Pictures of samples in the place of their points, as many as fit beside each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from explorer.points.placement import fitting
from explorer.points.visible_item import VisibleItem
from explorer.widgets.sample_picture import Drawable, draw_sample, pixel_ratio

SMALLEST, LARGEST = 24, 96  # logical pixels of a picture's side, without its frame
FRAME = 2  # logical pixels
OVERLAP = 0.2  # share of a picture's side that the next one may cover
FULL = 0.55  # share of the view that pictures of everything in it may cover
CLOSE = 2.0  # zoom from which everything may have a picture
GROWTH = 0.42  # power of the zoom that pictures grow by
AROUND = 0.5  # of the view on each side, for which pictures are chosen ahead of a pan
SAME = 1e-6  # relative difference of scales that count as one
CACHED = 4000  # pictures kept
NONE, CHOSEN, CURRENT = range(3)  # marks around a picture

Draw = Callable[[int, QPainter, QRectF], None]  # row of the point, painter, its square


class PicturesItem(VisibleItem):
    """Pictures drawn over the points of a plot.

    The first choice (`always`) has pictures at any zoom; everything else once the view is zoomed
    in, or where few enough points are in view. Of pictures that would overlap, those with the
    larger priority are drawn, the others stay points.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self.on = True
        self.changed: Callable[[], None] = _nothing  # after other pictures were chosen
        self.rows = np.empty(0, np.intp)  # of the points that have pictures now
        self.side = float(SMALLEST)  # of the pictures, logical pixels
        self._xy = np.empty((0, 2))
        self._draw: Draw | None = None
        self._priority = np.empty(0)
        self._always = self._ever = np.empty(0, bool)
        self._shades = np.empty((0, 3))
        self._marks: dict[int, int] = {}
        self._colors = ("#ffffff", "#000000", "#0000ff")
        self._all = False  # whether all points may have pictures
        self._unit = 0.0  # logical pixels per unit of x where everything is in view
        self._chosen_for: tuple[float, float, QRectF] | None = None  # scale, and area of a choice
        self._cache: dict[tuple[int, int, float, int, int], QImage] = {}

    def set_points(self, xy: np.ndarray, draw: Draw | None) -> None:
        """Pictures of points (n, 2), NaN for hidden ones; `draw` draws one of them."""
        self._xy, self._draw = xy.astype(np.float64), draw
        self._always = self._ever = np.zeros(len(xy), bool)
        self._priority = np.zeros(len(xy))
        self._marks = {}
        self.forget_pictures()
        self.choose_again()

    def set_candidates(self, always: np.ndarray, ever: np.ndarray, priority: np.ndarray) -> None:
        """Which points (n,) bool have pictures at any zoom, and if zoomed in; priority (n,)."""
        self._always, self._ever, self._priority = always, ever, priority
        self.choose_again()

    def set_shades(self, shades: np.ndarray) -> None:
        """The colors (n, 3), 0 to 255, of the frames."""
        self._shades = shades
        self.update()

    def set_marks(self, chosen: Sequence[int], current: Sequence[int]) -> None:
        """Mark the rows of chosen samples and of the current one."""
        self._marks = {int(row): CHOSEN for row in chosen}
        self._marks.update((int(row), CURRENT) for row in current)
        self.choose_again()

    def set_colors(self, base: str, text: str, accent: str) -> None:
        """Colors of the ground, of the current sample's mark, and of chosen ones."""
        self._colors = (base, text, accent)
        self.forget_pictures()
        self.update()

    def set_unit(self, unit: float) -> None:
        """Logical pixels per unit of x where everything is in view."""
        if unit != self._unit:
            self._unit = unit
            self.choose_again()

    def forget_pictures(self) -> None:
        """Drop the cached pictures."""
        self._cache.clear()

    def choose_again(self) -> None:
        """Choose anew at the next painting."""
        self._chosen_for = None
        self.update()

    def row_at(self, at: QPointF) -> int | None:
        """The row of the picture at a place in data coordinates, None if there is none."""
        scale = self._scale()
        if not self.on or scale is None or not len(self.rows):
            return None
        offset = np.abs((self._xy[self.rows] - (at.x(), at.y())) * scale)
        inside = np.flatnonzero(offset.max(1) <= self.side / 2 + FRAME)
        return int(self.rows[inside[-1]]) if len(inside) else None

    def places(self, scale: tuple[float, float]) -> np.ndarray:
        """(k, 2) the middles of the pictures, in pixels at `scale` pixels per unit."""
        self.choose()
        return np.asarray(self._xy[self.rows] * scale)

    def choose(self) -> None:
        """Choose the pictures of the visible range, unless the last choice still covers it."""
        scale = self._scale()
        if scale is None or not self.on or self._draw is None:
            self.rows = np.empty(0, np.intp)
            return
        view, last = self.viewRect(), self._chosen_for
        zoomed = last is None or not np.allclose(scale, last[:2], rtol=SAME, atol=0)
        if last is not None and not zoomed and last[2].contains(view):
            return
        area = view.adjusted(
            -AROUND * view.width(), -AROUND * view.height(),
            AROUND * view.width(), AROUND * view.height(),
        )  # fmt: skip
        if zoomed:  # a pan changes neither size nor choice
            self.side = self._fitting_side(scale[0])
            self._all = self._zoom(scale[0]) >= CLOSE or self._sparse(view, scale)
        which = self._ever if self._all else self._always
        rows = np.flatnonzero(which & _inside(self._xy, area))
        priority = self._priority[rows].copy()
        marks = self._marks
        if marks:
            bonus = np.array([marks.get(row, NONE) for row in rows.tolist()], float)
            priority += 1e9 * bonus
        reach = (1 - OVERLAP) * (self.side + 2 * FRAME)
        chosen = fitting(self._xy[rows] * scale, priority, reach)
        self.rows = rows[chosen[::-1]]  # what matters most is drawn last
        self._chosen_for = (float(scale[0]), float(scale[1]), area)
        self.changed()

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionGraphicsItem,
        widget: QWidget | None = None,
    ) -> None:
        """Draw the pictures that fit."""
        self.choose()
        if not len(self.rows):
            return
        transform, ratio = painter.worldTransform(), pixel_ratio(painter)
        places = self._xy[self.rows] * (transform.m11(), transform.m22())
        places += (transform.dx(), transform.dy())
        view = transform.mapRect(QRectF(self.viewRect()))
        half = self.side / 2 + FRAME + 3
        near = (places[:, 0] > view.left() - half) & (places[:, 0] < view.right() + half)
        near &= (places[:, 1] > view.top() - half) & (places[:, 1] < view.bottom() + half)
        painter.save()
        painter.resetTransform()
        listed = zip(self.rows[near].tolist(), places[near].tolist(), strict=True)
        for row, (x, y) in sorted(listed, key=lambda one: self._marks.get(one[0], NONE)):
            image = self._picture(row, ratio)
            size = image.deviceIndependentSize()
            left, top = x - size.width() / 2, y - size.height() / 2
            painter.drawImage(QPointF(_snap(left, ratio), _snap(top, ratio)), image)
        painter.restore()

    # -- what is chosen -------------------------------------------------------------------
    def _scale(self) -> np.ndarray | None:
        """(2,) logical pixels per unit of x and y, the second negative; None while unknown."""
        across, down = self.pixelVectors()
        if across is None or down is None or not across.x() or not down.y():
            return None
        return np.array([1 / across.x(), 1 / down.y()])

    def _fitting_side(self, scale: float) -> float:
        side = np.clip(SMALLEST * max(self._zoom(scale), 1.0) ** GROWTH, SMALLEST, LARGEST)
        return float(2 * round(side / 2))

    def _zoom(self, scale: float) -> float:
        return scale / self._unit if self._unit > 0 else 1.0

    def _sparse(self, view: QRectF, scale: np.ndarray) -> bool:
        """Whether pictures of all points in view fit into it."""
        count = int((self._ever & _inside(self._xy, view)).sum())
        area = view.width() * view.height() * abs(scale[0] * scale[1])
        return count * (self.side + 2 * FRAME) ** 2 <= FULL * float(area)

    # -- one picture ----------------------------------------------------------------------
    def _picture(self, row: int, ratio: float) -> QImage:
        """The picture of a point with its frame, from the cache."""
        red, green, blue = self._shades[row].astype(int).tolist()
        shade, mark = (red << 16) | (green << 8) | blue, self._marks.get(row, NONE)
        key = (row, round(self.side), ratio, shade, mark)
        if key not in self._cache:
            if len(self._cache) >= CACHED:
                self._cache.clear()
            self._cache[key] = self._framed(row, ratio, QColor(red, green, blue), mark)
        return self._cache[key]

    def _framed(self, row: int, ratio: float, color: QColor, mark: int) -> QImage:
        edge = FRAME + 1 + (2 if mark else 0)  # one pixel of ground sets pictures apart
        side = round((self.side + 2 * edge) * ratio)
        image = QImage(side, side, QImage.Format.Format_ARGB32_Premultiplied)
        image.setDevicePixelRatio(ratio)
        base, text, accent = self._colors
        image.fill(QColor(base))
        painter = QPainter(image)
        whole = QRectF(0, 0, side / ratio, side / ratio)
        if mark:
            painter.fillRect(whole, QColor(text if mark == CURRENT else accent))
            if mark == CURRENT:
                _outline(painter, whole.adjusted(2, 2, -2, -2), QColor(base))
        inner = whole.adjusted(edge - FRAME, edge - FRAME, FRAME - edge, FRAME - edge)
        painter.fillRect(inner, color)
        square = whole.adjusted(edge, edge, -edge, -edge)
        painter.fillRect(square, QColor(base))
        if self._draw is not None:
            self._draw(row, painter, square)
        painter.end()
        return image


def _outline(painter: QPainter, box: QRectF, color: QColor) -> None:
    painter.setPen(QPen(color, 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(box.adjusted(0, 0, -1, -1))


def _inside(xy: np.ndarray, area: QRectF) -> np.ndarray:
    """(n,) whether points lie in an area of the plot."""
    x, y = xy.T
    across = (x >= area.left()) & (x <= area.right())
    return np.asarray(across & (y >= area.top()) & (y <= area.bottom()))


def _snap(value: float, ratio: float) -> float:
    return round(value * ratio) / ratio


def _nothing() -> None:
    """Nobody listens."""


def sample_drawer(raw: Callable[[int], Drawable], color: Callable[[int], str]) -> Draw:
    """Draws samples: raw(row) gives what is drawn, color(row) the color of bars."""

    def draw(row: int, painter: QPainter, box: QRectF) -> None:
        draw_sample(painter, box, raw(row), color(row))

    return draw
