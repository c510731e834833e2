"""A line edit that selects samples by index or name: 3, 17, 40-50 or cat/03.png."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLineEdit, QWidget

from engine.datasets.base import Dataset
from engine.errors import SpecError
from engine.forget_sets.indices import parse_samples
from engine.forget_sets.sample_names import shortened_name
from explorer.widgets.plain_text import literal


class IndexLine(QLineEdit):
    """On Enter, `called` gives the samples, or `refused` the error in the text."""

    called = Signal(list)
    refused = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._dataset: Dataset | None = None
        self.setObjectName("go-to")
        self.setAccessibleName("Go to index")
        self.setPlaceholderText("Go to index")
        self.setMaximumWidth(self.fontMetrics().horizontalAdvance("Go to index 000"))
        self.returnPressed.connect(self._call)

    def follow(self, dataset: Dataset) -> None:
        """Accept indices of this dataset."""
        self._dataset, n = dataset, len(dataset.train_y)
        self.setToolTip(
            f"Select samples by index, 0 to {len(dataset) - 1:,}: 17, or 3, 17, 40-50. Training "
            f"samples are 0 to {n - 1:,}, test samples follow. Or by name, such as "
            f"{literal(shortened_name(dataset.name_of(0)))}."
        )

    def begin(self, digit: str) -> None:
        """Continue from a digit typed elsewhere."""
        self.setFocus(Qt.FocusReason.OtherFocusReason)  # other reasons select the text
        self.setText(digit)

    def _call(self) -> None:
        text = self.text().strip()
        if not text or self._dataset is None:
            return
        try:
            samples = list(parse_samples(text, self._dataset))
        except SpecError as error:
            self.refused.emit(str(error))
            self.selectAll()
            return
        self.clear()
        self.called.emit(samples)
