"""Words of others where Qt would look for markup: they are shown letter by letter."""

from __future__ import annotations

from PySide6.QtGui import Qt

JOINER = "\u2060"  # has no width; behind it, Qt takes no letters for the name of a tag


def literal(text: str) -> str:
    """The text for a tooltip, which shows it as it is, also where it looks like markup."""
    if not Qt.mightBeRichText(text):
        return text
    return text.replace("<", f"<{JOINER}").replace("&lt;", f"&{JOINER}lt;")


def in_menu(text: str) -> str:
    """The text for an entry of a menu, or a button, in one line: no key is in it."""
    return literal(" ".join(text.split())).replace("&", "&&")


def in_title(text: str) -> str:
    """The text for a window's title, in one line, where Qt knows a mark of its own."""
    return " ".join(text.split()).replace("[*]", "[*][*]")
