"""The controls of the embedding: colors, highlight, trails, and what is drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QToolButton, QWidget

from engine.analysis.highlights import HIGHLIGHTS
from engine.analysis.point_colors import COLOR_SCHEMES, RATIO
from explorer.widgets.panel import Panel, button

NOTHING = ""
HIGHLIGHT = {NOTHING: "No point dimmed", **HIGHLIGHTS}
NO_TRAILS, CHOSEN_TRAILS, ALL_TRAILS = "none", "selected", "all"
TRAILS = {
    NO_TRAILS: "No perturbed copies",
    CHOSEN_TRAILS: "Lines from the current and the selected forget samples to their perturbed "
    "copies, in order of τ",
    ALL_TRAILS: "Lines from every forget sample that has copies here",
}
WORDS = {NOTHING: "nothing", NO_TRAILS: "none", CHOSEN_TRAILS: "of the selected",
         ALL_TRAILS: "of all"}  # fmt: skip
NARROWEST = 56  # px of a combo, where a dock is too narrow for its text


class Controls(QWidget):
    """Colors, highlight and trails; `changed` follows any change of them."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.hide()  # its parts are laid out elsewhere
        self.color = combo("Color by", "What the colors of the points mean", COLOR_SCHEMES)
        self.color.setCurrentIndex(self.color.findData(RATIO))
        self.highlight = combo("Highlight", "Dim all other points", HIGHLIGHT)
        self.trails = combo("Perturbed copies", "Lines to the perturbed copies", TRAILS)
        self.trails.setCurrentIndex(self.trails.findData(CHOSEN_TRAILS))
        self.pictures = _check("Pictures", "Show pictures in place of points, where they fit")
        self.names = _check("Names of the classes", "Write the classes' names at their medians")
        self.beside = QToolButton()
        self.beside.setText("⇄ Beside")
        self.word = QLabel("Color")
        self.beside.setCheckable(True)
        self.beside.setAccessibleName("Beside another model")
        self.beside.setToolTip("Show the same samples beside another model; panels move together")
        self._parts: tuple[QWidget, ...] = ()
        for one in (self.color, self.highlight, self.trails):
            one.currentIndexChanged.connect(self._change)
        for check in (self.pictures, self.names):
            check.toggled.connect(self._change)

    def fit(self, filled: bool, narrow: bool) -> None:
        """Show what fits into the header and can change the map; nothing while there is none.

        A narrow view has no room for a word that the tooltip says too, nor for two maps.
        """
        for part in self._parts:
            part.setVisible(filled)
        self.word.setVisible(filled and not narrow)
        self.beside.setVisible(filled and (not narrow or self.beside.isChecked()))

    def view_state(self) -> dict[str, Any]:
        """The options, as JSON data for the session."""
        return {
            "color": self.color.currentData(),
            "highlight": self.highlight.currentData(),
            "trails": self.trails.currentData(),
            "pictures": self.pictures.isChecked(),
            "names": self.names.isChecked(),
            "beside": self.beside.isChecked(),
        }

    def restore(self, stored: Mapping[str, Any]) -> None:
        """Restore the options; anything unknown is ignored."""
        for name in ("color", "highlight", "trails"):
            box: QComboBox = getattr(self, name)
            place = box.findData(stored[name]) if isinstance(stored.get(name), str) else -1
            if place >= 0:
                box.setCurrentIndex(place)
        for name in ("pictures", "names", "beside"):
            if isinstance(stored.get(name), bool):
                getattr(self, name).setChecked(stored[name])

    def build(self, panel: Panel, model: QComboBox, export: Callable[[], None]) -> None:
        """Put the controls into the header and the card of a panel."""
        self.export = button(
            "Export…", "Save this figure (SVG, PDF or PNG) with its numbers as CSV", export
        )
        self._parts = (self.word, self.color, model, self.beside)
        for part in self._parts:
            panel.header.addWidget(part)
        model.setMinimumWidth(NARROWEST)
        panel.header.addStretch(1)
        panel.fold(self.highlight, "Highlight")
        panel.fold(self.trails, "Perturbed copies")
        panel.fold(self.pictures)
        panel.fold(self.names)
        panel.fold(self.export)

    def count_highlights(self, counts: Mapping[str, str]) -> None:
        """Write behind each highlight how many points it has; counts: highlight -> words."""
        with QSignalBlocker(self.highlight):
            for place in range(self.highlight.count()):
                data = self.highlight.itemData(place)
                name = WORDS.get(data, data)
                words = f"{name}: {counts[data]}" if data in counts else name
                self.highlight.setItemText(place, words)

    def _change(self) -> None:
        self.changed.emit()


def combo(name: str, tip: str, items: Mapping[str, str]) -> QComboBox:
    """A narrow combo; items: data -> tooltip. The text is the data, or its entry in WORDS."""
    box = QComboBox()
    box.setAccessibleName(name)
    box.setToolTip(tip)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(max(len(WORDS.get(data, data)) for data in items))
    box.setMinimumWidth(NARROWEST)
    for data, help_text in items.items():
        box.addItem(WORDS.get(data, data), data)
        box.setItemData(box.count() - 1, help_text, Qt.ItemDataRole.ToolTipRole)
    return box


def _check(text: str, tip: str) -> QCheckBox:
    box = QCheckBox(text)
    box.setChecked(True)
    box.setToolTip(tip)
    return box
