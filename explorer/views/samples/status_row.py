"""The row over the grid: counts, the buttons of the forget set, and the size of the pictures."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QSlider, QWidget

from explorer.widgets.elided_label import ElidedLabel
from explorer.widgets.forget_buttons import ForgetButtons

SMALLEST, LARGEST, STEP = 32, 160, 8  # logical pixels of a picture
USUAL = 56
MARKS = (
    "Red corner F: in the forget set of the next run. Blue frame: selected. "
    "Dark double frame: the current sample, which the other views show. "
    "T: test sample, V: held out for validation."
)


class StatusRow(QWidget):
    """`sized` gives the side of a picture that the slider asks for."""

    sized = Signal(int)

    def __init__(self, buttons: ForgetButtons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.counts = ElidedLabel()
        self.counts.setMinimumWidth(0)
        self.counts.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.counts.setToolTip(MARKS)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(SMALLEST // STEP, LARGEST // STEP)
        self.slider.setMinimumWidth(48)
        self.slider.setMaximumWidth(110)
        self.slider.setAccessibleName("Size of the pictures")
        self.slider.setToolTip(
            f"Size of the pictures, {SMALLEST} to {LARGEST} pixels (Ctrl+wheel). Names are written "
            "below large ones if the card of options says so."
        )
        self.show_side(USUAL)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        for part in buttons.parts:
            row.addWidget(part)
        row.addWidget(self.counts, 1)
        row.addWidget(self.slider)
        self.slider.valueChanged.connect(self._slide)

    def show_side(self, side: int) -> None:
        """Let the slider show a size."""
        with QSignalBlocker(self.slider):
            self.slider.setValue(round(side / STEP))

    def _slide(self, steps: int) -> None:
        self.sized.emit(steps * STEP)


def checked_side(side: object) -> int:
    """The side of a picture nearest to a wanted one, the usual one for nonsense."""
    if not isinstance(side, int) or isinstance(side, bool):
        return USUAL
    return min(max(round(side / STEP) * STEP, SMALLEST), LARGEST)
