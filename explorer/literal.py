"""Words of others where Qt would look for markup: they are shown letter by letter."""

from __future__ import annotations

import html


def literal(text: str) -> str:
    """The text for a tooltip, which shows it as it is, also where it looks like markup."""
    if "<" not in text:
        return text
    return f"<span>{html.escape(text).replace(chr(10), '<br>')}</span>"
