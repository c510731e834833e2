"""Playback of epochs: a slider, play and pause, speed, and a Live button."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSlider, QToolButton, QWidget

SPEEDS = (1, 2, 4, 8, 16)  # epochs per second
SHORTEST = 40  # logical pixels of the slider, so that the words beside it are whole
USUAL = 4


class EpochPlayer(QWidget):
    """`moved` gives the epoch chosen by slider or playback; `live` follows the newest one.

    Moving the slider or playing switches `live` off; the Live button switches it on again.
    """

    moved = Signal(int)
    live_changed = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.play_button = QToolButton()
        self.play_button.setCheckable(True)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setMinimumWidth(SHORTEST)
        self.label = QLabel()
        self.speed = QComboBox()
        self.live_button = QToolButton()
        self._timer = QTimer(self)
        self._name_parts()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (self.play_button, self.slider, self.label, self.speed, self.live_button):
            layout.addWidget(part, 1 if part is self.slider else 0)
        self._timer.timeout.connect(self._tick)
        self.play_button.toggled.connect(self._play)
        self.slider.valueChanged.connect(self._slide)
        self.speed.currentIndexChanged.connect(self._pace)
        self.live_button.toggled.connect(self._live)
        self._play(False)

    @property
    def live(self) -> bool:
        """Whether the newest epoch is followed."""
        return self.live_button.isChecked()

    @property
    def playing(self) -> bool:
        """Whether the epochs are playing."""
        return self.play_button.isChecked()

    @property
    def pace(self) -> int:
        """Playback speed in epochs per second."""
        return int(self.speed.currentData())

    def set_pace(self, pace: int) -> None:
        """Set the playback speed; values other than those in SPEEDS are ignored."""
        if pace in SPEEDS:
            self.speed.setCurrentIndex(SPEEDS.index(pace))

    def set_range(self, count: int, at: int) -> None:
        """Set the number of epochs and the shown one, without emitting `moved`."""
        with QSignalBlocker(self.slider):
            self.slider.setRange(0, max(0, count - 1))
            self.slider.setValue(at)
        self.play_button.setEnabled(count > 1)
        self.slider.setEnabled(count > 1)

    def set_live(self, on: bool) -> None:
        """Follow the newest epoch, or stop following it."""
        self.live_button.setChecked(on)

    def toggle(self) -> None:
        """Play or pause."""
        if self.play_button.isEnabled():
            self.play_button.toggle()

    def pause(self) -> None:
        """Stop playing."""
        self.play_button.setChecked(False)

    def step(self, by: int) -> None:
        """Move by so many epochs, as the arrow keys do."""
        self.slider.setValue(self.slider.value() + by)

    def _name_parts(self) -> None:
        self.play_button.setAccessibleName("Play or pause the epochs")
        self.slider.setAccessibleName("Epoch")
        self.slider.setToolTip("The shown epoch; arrow keys step, Space plays")
        self.speed.setAccessibleName("Speed")
        self.speed.setToolTip("Playback speed in epochs per second")
        for pace in SPEEDS:
            self.speed.addItem(f"{pace}/s", pace)
        self.speed.setCurrentIndex(SPEEDS.index(USUAL))
        self.live_button.setText("Live")
        self.live_button.setCheckable(True)
        self.live_button.setChecked(True)
        self.live_button.setToolTip("Follow the running method and its latest epoch")

    def _slide(self, at: int) -> None:
        self.set_live(False)
        self.moved.emit(at)

    def _play(self, on: bool) -> None:
        self.play_button.setText("Pause" if on else "Play")
        self.play_button.setToolTip(f"{'Pause' if on else 'Play'} the epochs (Space)")
        if not on:
            self._timer.stop()
            return
        if self.slider.value() == self.slider.maximum():
            self.slider.setValue(0)
        self.set_live(False)
        self._pace()
        self._timer.start()

    def _pace(self) -> None:
        self._timer.setInterval(1000 // self.pace)

    def _tick(self) -> None:
        self.step(1)
        if self.slider.value() == self.slider.maximum():
            self.pause()

    def _live(self, on: bool) -> None:
        if on:
            self.pause()
        self.live_changed.emit(on)
