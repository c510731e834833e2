"""Markup where we write it ourselves; everything else is drawn letter by letter.

The style sheet makes plain text of every label and tooltip there is, those of Qt's own dialogs
too, as Qt is about to draw them. Only what is allowed here may be more; who allows it escapes
every word of others in it (`html.escape`).
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QTextDocumentFragment
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QLabel, QWidget

LABEL, TIPS = "markup", "markupTips"  # properties that the style sheet asks for
TIP = "qtooltip_label"  # Qt's name of what shows a tooltip


def allow(label: QLabel) -> None:
    """Have a label show its text as markup from now on."""
    label.setProperty(LABEL, True)
    label.setTextFormat(Qt.TextFormat.RichText)


def allow_tips(widget: QWidget) -> None:
    """Have tooltips that are shown for this very widget be markup, not those of its parts."""
    widget.setProperty(TIPS, True)
    places = [widget.viewport()] if isinstance(widget, QAbstractScrollArea) else []
    for one in [widget, *places]:  # where the mouse is, with such a tip
        one.installEventFilter(_Closer(one))


def close_tip() -> None:
    """Take the tooltip away at once: one that fades is used again, as it is, for the next text."""
    for one in QApplication.topLevelWidgets():
        if one.objectName() == TIP:
            one.close()


def plain(words: str) -> str:
    """What markup says, without it."""
    return QTextDocumentFragment.fromHtml(words).toPlainText()


class _Closer(QObject):
    """Closes the tooltip of a widget that the mouse leaves."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Look on."""
        if event.type() in (QEvent.Type.Leave, QEvent.Type.Hide):
            close_tip()
        return False
