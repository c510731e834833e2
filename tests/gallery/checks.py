"""What a machine can check in a window: clipped text, contrast, widgets that leave it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QCheckBox,
    QComboBox,
    QLabel,
    QPushButton,
    QRadioButton,
    QSplitter,
    QTabBar,
    QToolButton,
    QWidget,
)

from explorer.theme import contrast
from explorer.widgets.elided_label import ElidedLabel

LEGIBLE = 4.5  # WCAG 2.1, level AA, of text
SLACK = 2  # px that a text may lack
ELIDED = 4  # widths of "…" that an elided text must have: a few letters, and the dots
FEW = 9  # px: a widget smaller than this shows nothing


def faults(window: QWidget) -> list[str]:
    """What is wrong with the widgets on the screen, a line each."""
    return [*clipped(window), *outside(window), *overlaps(window)]


def clipped(window: QWidget) -> list[str]:
    """Visible texts of labels, buttons and combos that do not fit."""
    lines = []
    for widget in _shown(window):
        need = _need(widget)
        if need > widget.width() + SLACK:
            lines.append(
                f"{path_of(widget)}: '{_text(widget)}' needs {need} px, has {widget.width()}"
            )
        elif isinstance(widget, QLabel) and widget.wordWrap() and widget.text():
            height = widget.heightForWidth(widget.width())
            if height > widget.height() + SLACK:
                lines.append(
                    f"{path_of(widget)}: '{widget.text()[:40]}' is {height} px high, "
                    f"has {widget.height()}"
                )
    return lines


def outside(window: QWidget) -> list[str]:
    """Widgets that leave the widget above them, where that does not scroll."""
    lines = []
    for widget in _shown(window):
        above = widget.parentWidget()
        if above is None or _scrolls(widget, window) or isinstance(above, QSplitter | QTabBar):
            continue
        if not above.rect().adjusted(-SLACK, -SLACK, SLACK, SLACK).contains(widget.geometry()):
            lines.append(
                f"{path_of(widget)}: {widget.geometry().getRect()} leaves {above.size().toTuple()}"
            )
    return lines


def overlaps(window: QWidget) -> list[str]:
    """Pairs of labels and controls beside each other that cover each other."""
    groups: dict[QWidget, list[QWidget]] = {}
    for widget in _shown(window):
        if isinstance(widget, QLabel | QAbstractButton | QComboBox) and _text(widget):
            above = widget.parentWidget()
            if above is not None and above.layout() is not None:
                groups.setdefault(above, []).append(widget)
    lines = []
    for widgets in groups.values():
        for number, first in enumerate(widgets):
            for second in widgets[number + 1 :]:
                shared = first.geometry().intersected(second.geometry())
                if shared.width() > SLACK and shared.height() > SLACK:
                    lines.append(f"{path_of(first)} and {path_of(second)} overlap")
    return lines


def low_contrast(widget: QWidget) -> list[str]:
    """The pairs of colors of a widget's palette that are not legible."""
    roles = QPalette.ColorRole
    pairs = {
        "highlighted text": (roles.HighlightedText, roles.Highlight),
        "text": (roles.Text, roles.Base),
        "window text": (roles.WindowText, roles.Window),
        "tooltip": (roles.ToolTipText, roles.ToolTipBase),
    }
    lines = []
    for group in (QPalette.ColorGroup.Active, QPalette.ColorGroup.Inactive):
        for name, (ink, ground) in pairs.items():
            colors = [widget.palette().color(group, role).name() for role in (ink, ground)]
            ratio = contrast(*colors)
            if ratio < LEGIBLE:
                lines.append(f"{path_of(widget)}: {name} {colors} has a contrast of {ratio:.1f}")
    return lines


def share(part: QWidget, window: QWidget) -> float:
    """The share of the window's area that a widget takes, as far as it is visible."""
    visible = part.visibleRegion().boundingRect()
    return visible.width() * visible.height() / (window.width() * window.height())


def path_of(widget: QWidget) -> str:
    """A widget's name within the window."""
    names: list[str] = []
    current: QWidget | None = widget
    while current is not None and len(names) < 4:
        names.append(current.objectName() or current.accessibleName() or type(current).__name__)
        current = current.parentWidget()
    return " < ".join(names)


def _shown(window: QWidget) -> Iterator[QWidget]:
    for widget in window.findChildren(QWidget):
        if widget.isVisible() and widget.window() is window.window() and not _tiny(widget):
            yield widget


def _tiny(widget: QWidget) -> bool:
    return widget.width() < FEW or widget.height() < FEW or widget.visibleRegion().isEmpty()


def _scrolls(widget: QWidget, window: QWidget) -> bool:
    """Whether a widget is inside something that scrolls or paints its children where it likes."""
    above = widget.parentWidget()
    while above is not None and above is not window:
        if isinstance(above, QAbstractScrollArea | QTabBar):
            return True
        above = above.parentWidget()
    return False


def _text(widget: QWidget) -> str:
    if isinstance(widget, QComboBox):
        return widget.currentText()
    if isinstance(widget, QLabel | QAbstractButton):
        return widget.text()
    return ""


def _need(widget: QWidget) -> int:
    """The width in px that the text of a widget takes; 0 for one that may wrap or elide."""
    text = _text(widget)
    if not text or "<" in text:
        return 0
    metrics = widget.fontMetrics()
    if isinstance(widget, ElidedLabel):  # it draws "…", and its tooltip has the whole text
        return metrics.horizontalAdvance("…") * ELIDED
    if isinstance(widget, QLabel):
        if widget.wordWrap() or widget.textFormat() == Qt.TextFormat.RichText:
            return 0
        shown = _without_mnemonic(text) if widget.buddy() is not None else text
        return max(metrics.horizontalAdvance(line) for line in shown.split("\n"))
    if isinstance(widget, QPushButton | QToolButton | QCheckBox | QRadioButton):
        return metrics.horizontalAdvance(_without_mnemonic(text))
    if isinstance(widget, QComboBox) and not widget.isEditable():
        return metrics.horizontalAdvance(text) + 18  # its arrow
    return 0


def _without_mnemonic(text: str) -> str:
    """The text as Qt draws it: '&File' as 'File', '&&' as '&'."""
    return re.sub("&(.)", r"\1", text)


def place_in(widget: QWidget, window: QWidget) -> QRect:
    """Where a widget is in the window."""
    return QRect(widget.mapTo(window, QPoint(0, 0)), widget.size())
