"""Whether Qt would read a text as markup."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import Qt as QtGuiNames
from PySide6.QtGui import QTextDocument


def is_markup(text: str, how: Qt.TextFormat = Qt.TextFormat.AutoText) -> bool:
    """Whether Qt would render a name that contains an image tag as a picture."""
    rich = how == Qt.TextFormat.RichText or (
        how == Qt.TextFormat.AutoText and QtGuiNames.mightBeRichText(text)
    )
    if not rich:
        return False
    document = QTextDocument()
    document.setHtml(text)
    return 'src="x"' in document.toHtml()
