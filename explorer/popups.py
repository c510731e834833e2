"""What Qt opens by itself, made readable: tooltips, lists of combo boxes, icons of file dialogs.

Qt shows a plain tooltip in one line, however long, a combo box's list no wider than the box, and
the arrows of a file dialog in black. All are private widgets that no code here creates, so the
style, which Qt asks to polish every widget before it is shown, mends them.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QRect, Qt
from PySide6.QtGui import QFontMetrics, QIcon
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFrame,
    QLabel,
    QProxyStyle,
    QStyle,
    QStyleOption,
    QWidget,
)

BASE = "fusion"  # the one style that follows a palette on every system
TIP_WIDTH = 420  # px: about 60 characters
UNLIMITED = 16_777_215  # Qt's QWIDGETSIZE_MAX
ROWS = 16  # of a combo box's list, before it scrolls
EXTRA = 12  # px beside the longest item of a list
CHANGES = (QEvent.Type.Show, QEvent.Type.Resize, QEvent.Type.Paint)  # of a tooltip
TIP, LIST = "QTipLabel", "QComboBoxPrivateContainer"  # Qt's names of the two private widgets
Standard = QStyle.StandardPixmap
ICONS = {  # of a file dialog -> names of our own, which follow the theme
    Standard.SP_FileDialogBack: "back",
    Standard.SP_ArrowBack: "back",
    Standard.SP_ArrowForward: "forward",
    Standard.SP_FileDialogToParent: "parent",
    Standard.SP_FileDialogNewFolder: "new-folder",
    Standard.SP_FileDialogListView: "list",
    Standard.SP_FileDialogDetailedView: "details",
}


class PopupStyle(QProxyStyle):
    """Fusion, which also mends tooltips and the lists of combo boxes when they are created."""

    def __init__(self) -> None:
        super().__init__(BASE)
        self.draw_icon: Callable[[str], QIcon] | None = None  # one of our own, by its name
        self._tips, self._lists = _TipWrapper(self), _ListWidener(self)

    def standardIcon(
        self,
        standard: QStyle.StandardPixmap,
        option: QStyleOption | None = None,
        widget: QWidget | None = None,
    ) -> QIcon:
        """Our own icon of a file dialog's button; Fusion's for everything else."""
        if self.draw_icon is not None and standard in ICONS:
            return self.draw_icon(ICONS[standard])
        return super().standardIcon(standard, option, widget)

    def polish(self, target: object) -> object:  # type: ignore[override]  # three overloads
        """Prepare a widget; everything else is left to Fusion."""
        if isinstance(target, QWidget):
            self._prepare(target)
        return super().polish(target)  # type: ignore[call-overload]

    def _prepare(self, widget: QWidget) -> None:
        if isinstance(widget, QComboBox):
            widget.setMaxVisibleItems(ROWS)
        elif isinstance(widget, QLabel) and widget.metaObject().className() == TIP:
            widget.installEventFilter(self._tips)  # Qt installs a filter only once
            self._tips.limit(widget)
        elif isinstance(widget, QFrame) and widget.metaObject().className() == LIST:
            widget.installEventFilter(self._lists)


class _TipWrapper(QObject):
    """Wraps plain tooltips at `TIP_WIDTH`; those with markup wrap by themselves."""

    def limit(self, tip: QLabel) -> None:
        """Limit the width before Qt computes where the tooltip fits on the screen."""
        tip.setMaximumWidth(UNLIMITED if _has_markup(tip) else _width_limit(tip))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Wrap a tooltip when it appears or changes; never consume the event.

        Qt shows the next text in the same label, unwrapped; if that is as large, only Paint tells.
        """
        if event.type() in CHANGES and isinstance(watched, QLabel):
            self._wrap(watched)
        return False

    def _wrap(self, tip: QLabel) -> None:
        if _has_markup(tip):
            return
        if tip.maximumWidth() != _width_limit(tip):
            self.limit(tip)
        if not tip.wordWrap():
            tip.setWordWrap(True)
        width = min(_natural_width(tip), tip.maximumWidth())
        size = (width, tip.heightForWidth(width))
        if (tip.width(), tip.height()) != size:
            tip.resize(*size)
            _keep_on_screen(tip)


class _ListWidener(QObject):
    """Makes the list of a combo box as wide as its longest item, within the screen."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Widen the list when it appears; never consume the event."""
        if event.type() == QEvent.Type.Show and isinstance(watched, QWidget):
            view = watched.findChild(QAbstractItemView)
            if view is not None:
                _widen(watched, view)
        return False


def _widen(popup: QWidget, view: QAbstractItemView) -> None:
    model = view.model()
    column = view.modelColumn() if hasattr(view, "modelColumn") else 0
    hint = view.sizeHintForColumn(column)
    scrolls = model is not None and model.rowCount(view.rootIndex()) > ROWS
    bar = view.style().pixelMetric(QStyle.PixelMetric.PM_ScrollBarExtent) if scrolls else 0
    width = min(hint + EXTRA + bar, popup.screen().availableGeometry().width())
    if popup.width() < width:
        popup.resize(width, popup.height())
        _keep_on_screen(popup)


def _has_markup(tip: QLabel) -> bool:
    return tip.textFormat() == Qt.TextFormat.RichText


def _natural_width(tip: QLabel) -> int:
    """Width of the text without wrapping, with the tooltip's margins."""
    metrics = QFontMetrics(tip.font())
    lines = tip.text().splitlines() or [""]
    return max(map(metrics.horizontalAdvance, lines)) + _margins(tip)


def _width_limit(tip: QLabel) -> int:
    """`TIP_WIDTH`, or more for a single longer word, such as a path."""
    metrics = QFontMetrics(tip.font())
    longest = max(map(metrics.horizontalAdvance, tip.text().split()), default=0)
    return max(TIP_WIDTH, longest + _margins(tip))


def _margins(tip: QLabel) -> int:
    room = tip.contentsMargins()
    return room.left() + room.right() + 2 * (tip.margin() + max(0, tip.indent())) + 2


def _keep_on_screen(popup: QWidget) -> None:
    """Move a popup, if it would reach over an edge of its screen."""
    screen, place = popup.screen().availableGeometry(), QRect(popup.pos(), popup.size())
    place.moveLeft(max(screen.left(), min(place.left(), screen.right() - place.width())))
    place.moveTop(max(screen.top(), min(place.top(), screen.bottom() - place.height())))
    if place.topLeft() != popup.pos():
        popup.move(place.topLeft())
