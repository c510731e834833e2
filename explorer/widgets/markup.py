"""Opt-in rich text: all other labels and tooltips are drawn as plain text.

The style sheet forces every label and tooltip to plain text, including those of Qt's own dialogs.
Only widgets allowed here may show markup; the caller must escape all foreign text in it
(`html.escape`).
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QTextDocumentFragment
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QLabel, QToolTip, QWidget

LABEL, TIPS = "markup", "markupTips"  # properties that the style sheet selects
TIP = "qtooltip_label"  # object name of Qt's tooltip label


def allow(label: QLabel) -> None:
    """Let a label show its text as markup."""
    label.setProperty(LABEL, True)
    label.setTextFormat(Qt.TextFormat.RichText)


def allow_tips(widget: QWidget) -> None:
    """Let tooltips of this widget, but not of its children, be markup."""
    widget.setProperty(TIPS, True)
    viewports = [widget.viewport()] if isinstance(widget, QAbstractScrollArea) else []
    for target in [widget, *viewports]:  # receivers of the mouse while the tip is shown
        target.installEventFilter(_Closer(target))


def close_tip() -> None:
    """Close the tooltip at once: Qt would reuse a fading one, with its markup, for the next.

    Without one no window is looked at: this is also called while a view is destroyed, when Python
    must not touch its popups.
    """
    if not QToolTip.isVisible():
        return
    for widget in QApplication.topLevelWidgets():
        if widget.objectName() == TIP:
            widget.close()


def plain(markup: str) -> str:
    """The plain text of markup."""
    return QTextDocumentFragment.fromHtml(markup).toPlainText()


class _Closer(QObject):
    """Closes the tooltip when the mouse leaves the widget."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Close the tooltip on leave and hide; never consume the event."""
        if event.type() in (QEvent.Type.Leave, QEvent.Type.Hide):
            close_tip()
        return False
