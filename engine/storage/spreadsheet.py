"""Words in a cell of a table that a spreadsheet opens."""

from __future__ import annotations

FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # full width ones as well
BREAKS = ("\t", "\r", "\n")  # what some spreadsheets drop, to find a formula behind it


def neutral(text: str) -> str:
    """The text with an apostrophe before it where a spreadsheet could run it as a formula."""
    risky = text.startswith(BREAKS) or text.lstrip().startswith(FORMULA)
    return f"'{text}" if risky else text
