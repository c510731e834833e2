"""The controls of the embedding: colors, highlight, trails, lasso and buttons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QWidget

from engine.analysis.highlights import HIGHLIGHTS
from engine.analysis.point_colors import COLOR_SCHEMES
from explorer.widgets.panel import SPACING, button

NOTHING = ""
HIGHLIGHT = {NOTHING: "No point dimmed", **HIGHLIGHTS}
NO_TRAILS, CHOSEN_TRAILS, ALL_TRAILS = "none", "selected", "all"
TRAILS = {
    NO_TRAILS: "No lines from samples to their perturbed copies",
    CHOSEN_TRAILS: "Lines from the current and the selected forget samples to their copies, in "
    "order of τ",
    ALL_TRAILS: "Lines from every forget sample that has copies here",
}
WORDS = {NOTHING: "everything", NO_TRAILS: "no trails", CHOSEN_TRAILS: "selected trails",
         ALL_TRAILS: "all trails"}  # fmt: skip
NARROWEST = 80  # px of a combo, where a dock is too narrow for its text


class Controls(QWidget):
    """Two rows of controls; `changed` follows any change of colors, highlight or trails."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.color = combo("Color by", "What the colors of the points mean", COLOR_SCHEMES)
        self.highlight = combo("Highlight", "Dim all other points", HIGHLIGHT)
        self.trails = combo("Trails", "Lines to the perturbed copies, in order of τ", TRAILS)
        self.trails.setCurrentIndex(self.trails.findData(CHOSEN_TRAILS))
        self.lasso = QPushButton("Lasso")
        self.lasso.setCheckable(True)
        self.lasso.setToolTip(
            "Draw around points to select them (also Shift-drag). Ctrl adds, Alt removes, both "
            "intersect. Dimmed points are left out."
        )
        for one in (self.color, self.highlight, self.trails):
            one.currentIndexChanged.connect(self._change)

    def view_state(self) -> dict[str, Any]:
        """The options, as JSON data for the session."""
        return {
            "color": self.color.currentData(),
            "highlight": self.highlight.currentData(),
            "trails": self.trails.currentData(),
            "lasso": self.lasso.isChecked(),
        }

    def restore(self, stored: Mapping[str, Any]) -> None:
        """Restore the options; anything unknown is ignored."""
        for name in ("color", "highlight", "trails"):
            box: QComboBox = getattr(self, name)
            place = box.findData(stored[name]) if isinstance(stored.get(name), str) else -1
            if place >= 0:
                box.setCurrentIndex(place)
        self.lasso.setChecked(stored.get("lasso") is True)

    def build(
        self,
        reset: Callable[[], None],
        forget: Callable[[], None],
        export: Callable[[], None],
    ) -> tuple[QWidget, QWidget]:
        """The two rows; the buttons call these functions."""
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


def _row(*parts: QWidget | None) -> QWidget:
    """Widgets in a row; None is a stretch."""
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(SPACING)
    for part in parts:
        if part is None:
            layout.addStretch(1)
        else:
            layout.addWidget(part)
    return row
