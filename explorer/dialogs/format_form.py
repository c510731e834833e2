"""The form for format, width, font size and resolution of figures on paper."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QWidget,
)

from engine.figures.page_options import LEGENDS
from explorer.state.figure_format import (
    DPIS,
    FORMATS,
    HEIGHTS,
    PRESETS,
    SIZES,
    WIDTHS,
    FigureFormat,
)

FREE = "Free"
AS_NEEDED = "as needed"  # instead of a height of 0


class PaperForm(QWidget):
    """Format, size, legend, font size and resolution of figures; `paper` holds the choices."""

    changed = Signal()

    def __init__(
        self,
        paper: FigureFormat,
        first: tuple[str, QWidget] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        """`first`: label and widget of a row above all others."""
        super().__init__(parent)
        self._paper = paper
        self.format = QComboBox()
        for suffix, text in FORMATS.items():
            self.format.addItem(text, suffix)
        self.preset = QComboBox()
        for text, mm in PRESETS.items():
            self.preset.addItem(f"{text}, {mm:g} mm", mm)
        self.preset.addItem(FREE, 0.0)
        self.width_mm = _box(WIDTHS, " mm", "Width of the figure in mm")
        self.height_mm = _box(HEIGHTS, " mm", "Height in mm; 0: as high as panels and words need")
        self.height_mm.setSpecialValueText(AS_NEEDED)
        self.legend = QComboBox()
        for place, text in LEGENDS.items():
            self.legend.addItem(text[:1].upper() + text[1:], place)
        self.title = QCheckBox("&Caption above the figure")
        self.transparent = QCheckBox("&Transparent background")
        self.letters = _box(SIZES, " pt", "Font size in points; journals require 5 to 8")
        self.dpi = _box(DPIS, " dpi", "Dots per inch of a PNG; most journals require 300")
        self._name()
        self._lay_out(first)
        self.show_paper(paper)
        self._connect()

    @property
    def paper(self) -> FigureFormat:
        """The current choices."""
        return replace(
            self._paper,
            suffix=str(self.format.currentData()),
            width_mm=self.width_mm.value(),
            font_size=self.letters.value(),
            dpi=self.dpi.value(),
            height_mm=self.height_mm.value(),
            legend=str(self.legend.currentData()),
            title=self.title.isChecked(),
            transparent=self.transparent.isChecked(),
        )

    def show_paper(self, paper: FigureFormat) -> None:
        """Show these choices."""
        self._paper = paper
        self.format.setCurrentIndex(max(0, self.format.findData(paper.suffix)))
        self.width_mm.setValue(paper.width_mm)
        self.height_mm.setValue(paper.height_mm)
        self.legend.setCurrentIndex(max(0, self.legend.findData(paper.legend)))
        self.title.setChecked(paper.title)
        self.transparent.setChecked(paper.transparent)
        self.letters.setValue(paper.font_size)
        self.dpi.setValue(paper.dpi)
        self._follow_width()
        self._follow_format()

    def set_format(self, suffix: str) -> None:
        """Choose the format of this suffix; does nothing for an unknown one."""
        if self.format.findData(suffix) >= 0:
            self.format.setCurrentIndex(self.format.findData(suffix))

    def _name(self) -> None:
        for widget, name, tip in (
            (self.format, "Format", "SVG and PDF keep lines and text as vectors"),
            (self.preset, "Preset of the width", "Widths that journals require"),
            (self.width_mm, "Width", self.width_mm.toolTip()),
            (self.height_mm, "Height", self.height_mm.toolTip()),
            (self.legend, "Legend", "Where the legend stands"),
            (
                self.title,
                "Caption above the figure",
                "It is written beside the file anyway, as text",
            ),
            (self.transparent, "Transparent background", "Instead of a white one, for slides"),
            (self.letters, "Font size", self.letters.toolTip()),
            (self.dpi, "Resolution", self.dpi.toolTip()),
        ):
            widget.setAccessibleName(name)
            widget.setToolTip(tip)

    def _lay_out(self, first: tuple[str, QWidget] | None) -> None:
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        if first is not None:
            form.addRow(*first)
        form.addRow("&Format", self.format)
        width = QHBoxLayout()
        width.addWidget(self.preset, 1)
        width.addWidget(self.width_mm)
        label = QLabel("&Width")
        label.setBuddy(self.width_mm)
        form.addRow(label, width)
        form.addRow("&Height", self.height_mm)
        form.addRow("Le&gend", self.legend)
        form.addRow("Font si&ze", self.letters)
        form.addRow("&Resolution", self.dpi)
        form.addRow(self.title)
        form.addRow(self.transparent)

    def _connect(self) -> None:
        self.preset.activated.connect(self._take_preset)
        self.width_mm.valueChanged.connect(self._follow_width)
        self.format.currentIndexChanged.connect(self._follow_format)
        for box in (self.width_mm, self.height_mm, self.letters, self.dpi):
            box.valueChanged.connect(self.changed)
        for choice in (self.format, self.legend):
            choice.currentIndexChanged.connect(self.changed)
        for check in (self.title, self.transparent):
            check.toggled.connect(self.changed)

    def _take_preset(self) -> None:
        if self.preset.currentData():
            self.width_mm.setValue(float(self.preset.currentData()))

    def _follow_width(self) -> None:
        place = self.preset.findData(self.width_mm.value())
        with QSignalBlocker(self.preset):
            self.preset.setCurrentIndex(place if place >= 0 else self.preset.count() - 1)

    def _follow_format(self) -> None:
        self.dpi.setEnabled(self.format.currentData() == ".png")


def _box(limits: tuple[float, float], unit: str, tip: str) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setRange(*limits)
    box.setSuffix(unit)
    box.setDecimals(0 if unit == " dpi" else 1)
    box.setSingleStep(50.0 if unit == " dpi" else 1.0 if unit == " mm" else 0.5)
    box.setKeyboardTracking(False)  # redraw for the complete number, not for each digit
    box.setToolTip(f"{tip} ({limits[0]:g} to {limits[1]:g})")
    return box
