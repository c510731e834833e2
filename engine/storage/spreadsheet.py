"""Text cells of tables, protected from formula injection in spreadsheets."""

from __future__ import annotations

FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # full width ones as well
BREAKS = ("\t", "\r", "\n")  # dropped by some spreadsheets, which then find a formula behind them


def escape_formula(text: str) -> str:
    """The text, prefixed with an apostrophe if a spreadsheet could run it as a formula."""
    risky = text.startswith(BREAKS) or text.lstrip().startswith(FORMULA)
    return f"'{text}" if risky else text
