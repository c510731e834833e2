"""Renders every filled view into a file, in a separate process: `drawn.py FOLDER SCALE W H`.

Next to each picture, a text file lists the parts that exceed their parent.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtWidgets import QApplication


def main(folder: Path, scale: str, width: int, height: int) -> None:
    """Write `<view>-<scale>.png` and `.txt`."""
    app = QApplication([])
    import stand_ins
    from battery import VIEWS, outside, settled
    from shown import Shown

    from explorer import theme
    from explorer.state.app_state import AppState

    theme.apply(app, theme.LIGHT)
    shown = Shown.__new__(Shown)  # without pytest's qtbot
    shown.state = AppState()
    shown.asked = stand_ins.Asked(shown.state)
    shown.fill()
    for kind in VIEWS:
        view = kind(shown.state, shown.asked)
        view.resize(width, height)
        view.show()
        settled(view).save(str(folder / f"{kind.name}-{scale}.png"))
        text = "\n".join(outside(view))
        (folder / f"{kind.name}-{scale}.txt").write_text(text, encoding="utf-8")
        view.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
