"""The scope of the Samples view: one class or all, and one set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, QSignalBlocker, Qt, Signal

from engine.arrays import Mask
from engine.datasets.base import Dataset
from explorer.views.samples.sort_row import narrow_combo
from explorer.views.samples.subsets import SHOW, members


class Scope(QObject):
    """Two combos laid out by the view, class and set; `changed` after either did."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._wanted = 0  # the class to choose once there are classes
        self.classes = narrow_combo("Class shown", "Show the samples of one class only")
        self.sets = narrow_combo(
            "Which samples are shown", "Show training, retain, forget or test set, or the selection"
        )
        for number, (text, (_, tip)) in enumerate(SHOW.items()):
            self.sets.addItem(text)
            self.sets.setItemData(number, tip, Qt.ItemDataRole.ToolTipRole)
        for combo in (self.classes, self.sets):
            combo.currentIndexChanged.connect(self._change)

    @property
    def name(self) -> str:
        """The set, one of SHOW."""
        return self.sets.currentText()

    @property
    def follows(self) -> str:
        """The property of AppState that decides which samples belong to the set."""
        return SHOW[self.name][0]

    def offer(self, dataset: Dataset) -> None:
        """List the classes of a dataset with their sizes, and select the wanted one."""
        counts = np.bincount(dataset.train_y, minlength=len(dataset.classes))
        with QSignalBlocker(self.classes):
            self.classes.clear()
            self.classes.addItem("All classes")
            for name, count in zip(dataset.classes, counts, strict=True):
                self.classes.addItem(f"{name} ({count:,})")
            wanted, self._wanted = self._wanted, 0
            self.classes.setCurrentIndex(wanted if wanted < self.classes.count() else 0)

    def mask(self, labels: np.ndarray, forget: Mask, chosen: Mask, held: Mask, n: int) -> Mask:
        """(n + m,) mask of the samples in scope; labels: classes; n: size of the training set.

        forget, chosen, held: masks of the forget set, the selection and the validation set.
        """
        mask = members(self.name, forget, chosen, n, held)
        if self.classes.currentIndex() > 0:
            mask &= labels == self.classes.currentIndex() - 1
        return mask

    def widen(self, name: str) -> None:
        """Show all classes of this set."""
        self.classes.setCurrentIndex(0)
        self.sets.setCurrentText(name)

    def choices(self, *, offered: bool) -> dict[str, Any]:
        """The choice, as JSON data; offered: whether there are classes to choose from."""
        chosen = self.classes.currentIndex() if offered else self._wanted
        return {"class": chosen, "show": self.name}

    def restore(self, stored: Mapping[str, Any]) -> None:
        """Restore what `choices` gave; anything invalid is ignored."""
        chosen, show = stored.get("class"), stored.get("show")
        if isinstance(chosen, int) and chosen >= 0:
            self._wanted = chosen
            if chosen < self.classes.count():
                self.classes.setCurrentIndex(chosen)
        if isinstance(show, str) and show in SHOW:
            self.sets.setCurrentText(show)

    def _change(self) -> None:
        self.changed.emit()
