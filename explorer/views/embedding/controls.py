"""What an embedding is colored by, what is highlighted, which trails are drawn, and its buttons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QWidget

from engine.analysis.highlights import HIGHLIGHTS
from engine.analysis.point_colors import SHADES
from explorer.widgets.panel import SPACING, button

NOTHING = ""
HIGHLIGHT = {NOTHING: "Every point in full color", **HIGHLIGHTS}
NO_TRAILS, CHOSEN_TRAILS, ALL_TRAILS = "none", "selected", "all"
TRAILS = {
    NO_TRAILS: "No lines from samples to their perturbed copies",
    CHOSEN_TRAILS: "Lines from the current and the selected forget samples to their copies, in "
    "order of τ",
    ALL_TRAILS: "Lines from every forget sample that has copies here",
}
WORDS = {NOTHING: "everything", NO_TRAILS: "no trails", CHOSEN_TRAILS: "selected trails",
         ALL_TRAILS: "all trails"}  # fmt: skip
NARROWEST = 80  # px of a combo, where a dock is too narrow for its words


class Controls(QWidget):
    """Two rows; `changed` says that the points should look otherwise."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.color = combo("What colors mean", "What the colors of the points say", SHADES)
        self.highlight = combo("Highlight", "Dim every point but these", HIGHLIGHT)
        self.trails = combo("Trails", "Lines to the perturbed copies, in order of τ", TRAILS)
        self.trails.setCurrentIndex(self.trails.findData(CHOSEN_TRAILS))
        self.lasso = QPushButton("Lasso")
        self.lasso.setCheckable(True)
        self.lasso.setToolTip(
            "Draw around points to select them (also Shift-drag). Ctrl adds, Alt removes, both "
            "keep what is inside. Dimmed points stay out."
        )
        for one in (self.color, self.highlight, self.trails):
            one.currentIndexChanged.connect(self._change)

    def view_state(self) -> dict[str, Any]:
        """What a session keeps."""
        return {
            "color": self.color.currentData(),
            "highlight": self.highlight.currentData(),
            "trails": self.trails.currentData(),
            "lasso": self.lasso.isChecked(),
        }

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Take it back; what is unknown is ignored."""
        for name in ("color", "highlight", "trails"):
            one: QComboBox = getattr(self, name)
            place = one.findData(kept[name]) if isinstance(kept.get(name), str) else -1
            if place >= 0:
                one.setCurrentIndex(place)
        self.lasso.setChecked(kept.get("lasso") is True)

    def build(
        self,
        reset: Callable[[], None],
        forget: Callable[[], None],
        export: Callable[[], None],
    ) -> tuple[QWidget, QWidget]:
        """The two rows, with the buttons that do what they are given."""
        self.reset = button("Reset view", "Show all points (double click)", reset)
        self.forget = button("Forget selected", "Make the selection the forget set (F)", forget)
        self.export = button(
            "Export…", "Save this figure (SVG, PDF or PNG) with its numbers as CSV", export
        )
        first = _row(QLabel("Color"), self.color, QLabel("Highlight"), self.highlight, None,
                     self.export)  # fmt: skip
        second = _row(self.lasso, self.forget, self.trails, None, self.reset)
        return first, second

    def _change(self) -> None:
        self.changed.emit()


def combo(name: str, tip: str, items: Mapping[str, str]) -> QComboBox:
    """A narrow combo. items: data -> its tooltip; the data is the text, or stands in WORDS."""
    made = QComboBox()
    made.setAccessibleName(name)
    made.setToolTip(tip)
    made.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    made.setMinimumContentsLength(max(len(WORDS.get(data, data)) for data in items))
    made.setMinimumWidth(NARROWEST)
    for data, help_text in items.items():
        made.addItem(WORDS.get(data, data), data)
        made.setItemData(made.count() - 1, help_text, Qt.ItemDataRole.ToolTipRole)
    return made


def _row(*parts: QWidget | None) -> QWidget:
    """Widgets in a row; None takes what room is left."""
    made = QWidget()
    layout = QHBoxLayout(made)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(SPACING)
    for part in parts:
        if part is None:
            layout.addStretch(1)
        else:
            layout.addWidget(part)
    return made
