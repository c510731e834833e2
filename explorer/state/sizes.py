"""File sizes as text. No Qt."""

from __future__ import annotations


def size_text(size: int) -> str:
    """Format bytes as '512 B', '3.1 kB', '42.0 MB' or '1.2 GB'."""
    number = float(size)
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.0f} B" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} GB"
