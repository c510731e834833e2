"""Escaping of foreign text where Qt would interpret markup, mnemonics or placeholders."""

from __future__ import annotations

from PySide6.QtGui import Qt

JOINER = "\u2060"  # zero width; after '<' it keeps Qt from reading a tag


def literal(text: str) -> str:
    """The text for a tooltip, shown verbatim even if it looks like markup."""
    if not Qt.mightBeRichText(text):
        return text
    return text.replace("<", f"<{JOINER}").replace("&lt;", f"&{JOINER}lt;")


def menu_text(text: str) -> str:
    """The text for a menu entry or button, in one line and without mnemonics."""
    return literal(" ".join(text.split())).replace("&", "&&")


def title_text(text: str) -> str:
    """The text for a window title, in one line, with Qt's placeholder '[*]' escaped."""
    return " ".join(text.split()).replace("[*]", "[*][*]")
