"""The size of a dialog: as wished, but no larger than its screen."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

FRAME = 44  # px for the title bar and borders that the window manager adds


def resize_on_screen(dialog: QWidget, width: int, height: int) -> None:
    """Resize a dialog, as far as it fits the screen with its frame.

    At scale 2 a screen of 1920 x 1200 pixels has 960 x 600.
    """
    room = dialog.screen().availableGeometry()
    dialog.resize(min(width, room.width() - FRAME), min(height, room.height() - FRAME))
