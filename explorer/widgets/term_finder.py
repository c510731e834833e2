"""The glossary's term for any widget: by what is under the mouse, its tag, or its words."""

from __future__ import annotations

from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtGui import QCursor, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QHeaderView,
    QLabel,
    QTabBar,
    QWidget,
)

from engine.drawing.glossary import term, term_in
from explorer.widgets.term import TermLabel, explain

KEY = "F1"
PROPERTY = "term"  # dynamic property with the name of a widget's term


def tag(widget: QWidget, name: str) -> None:
    """Name the term that F1 opens on this widget."""
    widget.setProperty(PROPERTY, name)


class HelpKey(QObject):
    """F1 in a dialog, which the window's own shortcuts do not reach."""

    def __init__(self, dialog: QWidget) -> None:
        super().__init__(dialog)
        self._dialog = dialog
        QShortcut(QKeySequence(KEY), dialog).activated.connect(self.open_glossary)

    def open_glossary(self) -> None:
        """Open the glossary at the term under the mouse or of the control with the focus."""
        explain(self._dialog, term_here())


def term_here() -> str:
    """The term of the widget under the mouse, else of that with keyboard focus; '' if neither.

    Only the active window counts: the mouse may rest on a window behind it.
    """
    place, active = QCursor.pos(), QApplication.activeWindow()
    for widget in (QApplication.widgetAt(place), QApplication.focusWidget()):
        if widget is None or widget.window() is not active:
            continue
        if name := term_of(widget, widget.mapFromGlobal(place)):
            return name
    return ""


def term_of(widget: QWidget, place: QPoint) -> str:
    """The term of a widget: the one under `place`, its tag, or one that its words mention.

    The widgets around it answer if it has none; '' if they have none either.
    """
    at: QWidget | None = widget
    while at is not None:
        if name := _own_term(at, place):
            return name
        if at.isWindow():
            break
        place, at = at.mapToParent(place), at.parentWidget()
    return ""


def _own_term(widget: QWidget, place: QPoint) -> str:
    if isinstance(widget, TermLabel) and (name := widget.term_at(place)):
        return name
    tagged = widget.property(PROPERTY)
    if isinstance(tagged, str) and term(tagged) is not None:
        return tagged
    found = term_in(*(text for text in _words(widget, place) if text))
    return found.name if found else ""


def _words(widget: QWidget, place: QPoint) -> list[str]:
    """The words on a widget, then those about it."""
    words: list[str] = []
    header = widget if isinstance(widget, QHeaderView) else widget.parentWidget()
    if isinstance(header, QHeaderView) and header.model() is not None:
        section = header.logicalIndexAt(header.viewport().mapFrom(header, place))
        for role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            words.append(str(header.model().headerData(section, header.orientation(), role) or ""))
    if isinstance(widget, QTabBar):
        words.append(widget.tabText(max(widget.tabAt(place), 0)))
    if isinstance(widget, QLabel | QAbstractButton):
        words.append(widget.text())
    if isinstance(widget, QComboBox):
        words.append(widget.currentText())
    return [*words, widget.accessibleName(), widget.windowTitle(), widget.toolTip()]
