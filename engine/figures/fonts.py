"""The font of all figures and reports, bundled with matplotlib: the same on every machine."""

from __future__ import annotations

from pathlib import Path

import matplotlib

FILES = {"": "DejaVuSans.ttf", "B": "DejaVuSans-Bold.ttf", "mono": "DejaVuSansMono.ttf"}


def font_files() -> dict[str, Path]:
    """'' (regular), 'B' (bold) and 'mono' -> its TrueType file."""
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return {name: folder / file for name, file in FILES.items()}
