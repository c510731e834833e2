"""The sort order: key, model and direction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QWidget

from engine.analysis.filters import subject
from engine.analysis.sample_table import ANY, SampleTable
from explorer.views.samples.sort_keys import INDEX, KEYS, MEASURED, NOBODY, RATIO_AT, models_of


class OrderRow(QWidget):
    """`key`, `model` and `descending`; `changed` after the user changed one of them.

    explicit: whether the user chose the order, which then stays; else the view suggests one. The
    parts are laid out by the view.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.hide()
        self.explicit = False
        self.sort = narrow_combo("Sort by", "The order of the samples")
        for name, key in KEYS.items():
            self.sort.addItem(name)
            self.sort.setItemData(self.sort.count() - 1, key.help, Qt.ItemDataRole.ToolTipRole)
        self.model_box = narrow_combo("Model sorted by", "The model whose values are sorted by")
        self.direction = QCheckBox()
        self.direction.setAccessibleName("Descending")
        self._wanted = {
            False: "original",
            True: ANY,
        }  # whether the key needs measured models -> model
        self.sort.currentIndexChanged.connect(self._key_changed)
        self.model_box.activated.connect(self._model_changed)
        self.direction.toggled.connect(self._turn)
        self._say_direction()

    @property
    def key(self) -> str:
        """One of KEYS."""
        return self.sort.currentText()

    @property
    def model(self) -> str:
        """The model sorted by; the wanted one while there is none."""
        return str(self.model_box.currentData() or self._wanted[self._of_measured()])

    @property
    def descending(self) -> bool:
        """Whether the largest come first."""
        return self.direction.isChecked()

    def offer(self, evidence: SampleTable, labels: Mapping[str, str]) -> None:
        """List the models; the wanted one stays selected as others arrive."""
        names = models_of(self.key, evidence)
        offered = [(subject(name, labels), name) for name in names]
        box = self.model_box
        with QSignalBlocker(box):
            if offered != [(box.itemText(i), box.itemData(i)) for i in range(box.count())]:
                box.clear()
                for label, name in offered:
                    box.addItem(label, name)
            box.setCurrentIndex(max(0, box.findData(self._wanted[self._of_measured()])))
        box.setEnabled(box.count() > 0)

    def suggest(self, measured: str) -> None:
        """Sort by r at the shown tau in this model, by index if it is ''; unless the user chose."""
        if self.explicit:
            return
        self._wanted[True] = measured or self._wanted[True]
        with QSignalBlocker(self.sort), QSignalBlocker(self.direction):
            self.sort.setCurrentText(RATIO_AT if measured else INDEX)
            self.direction.setChecked(bool(measured))
        self._say_direction()

    def words(self, label: str, tau: str) -> str:
        """The order in words: 'r of GD at τ 0.2, largest first'."""
        first = "largest" if self.descending else "smallest"
        if self.key == INDEX:
            return "by index" if not self.descending else "by index, last first"
        whose = f" of {label}" if label and KEYS[self.key].of != NOBODY else ""
        if self.key == RATIO_AT:
            return f"r{whose} at τ {tau}, {first} first"
        return f"{self.key}{whose}, {first} first"

    def choices(self) -> dict[str, Any]:
        """The order, as JSON data for the session."""
        models = {"model": self._wanted[False], "measured": self._wanted[True]}
        return {
            "sort": self.key, "descending": self.descending, "chosen": self.explicit, **models
        }  # fmt: skip

    def restore(self, stored: Mapping[str, Any]) -> None:
        """Restore what `choices` gave; anything invalid is ignored."""
        for of, name in ((False, "model"), (True, "measured")):
            if isinstance(stored.get(name), str):
                self._wanted[of] = stored[name]
        if stored.get("chosen") is False:  # the order was only suggested
            self.explicit = False
            self.suggest("")
            self.changed.emit()
            return
        if isinstance(stored.get("sort"), str):
            self.explicit = True
            self.sort.setCurrentIndex(max(0, self.sort.findText(stored["sort"])))
        if isinstance(stored.get("descending"), bool):
            self.direction.setChecked(stored["descending"])
        self.changed.emit()

    def _of_measured(self) -> bool:
        return KEYS[self.key].of == MEASURED

    def _key_changed(self) -> None:
        self.explicit = True
        with QSignalBlocker(self.direction):
            self.direction.setChecked(KEYS[self.key].descending)
        self._say_direction()
        self.changed.emit()

    def _model_changed(self) -> None:
        self.explicit = True
        self._wanted[self._of_measured()] = str(self.model_box.currentData())
        self.changed.emit()

    def _turn(self) -> None:
        self.explicit = True
        self._say_direction()
        self.changed.emit()

    def _say_direction(self) -> None:
        largest, smallest = ("last", "first") if self.key == INDEX else ("largest", "smallest")
        self.direction.setText(f"{largest.capitalize()} first")
        self.direction.setToolTip(f"Otherwise the {smallest} come first")


def narrow_combo(name: str, tip: str, letters: int = 8) -> QComboBox:
    """A combo box as wide as `letters` letters, however long its entries are."""
    combo = QComboBox()
    combo.setAccessibleName(name)
    combo.setToolTip(tip)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(letters)
    return combo
