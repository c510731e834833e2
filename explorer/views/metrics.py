"""The table: accuracy, time, gap to Re-train and residual knowledge of every model."""

from __future__ import annotations

import math

from PySide6.QtWidgets import QApplication, QLabel, QWidget

from engine.metrics import COMPARED, METRICS
from engine.results import Study
from engine.sheets import MetricRow, csv_text, metric_rows, metrics_sheet, middle_tau
from explorer.plots.panel import Panel, button, muted
from explorer.plots.table import Cell, CellTable, Column
from explorer.state import AppState
from explorer.theme import theme_of
from explorer.views.base import View, Wishes

ARROWS = {"up": "↑", "down": "↓", "retrain": "≈"}
GOALS = {"up": "higher is better", "down": "lower is better", "retrain": "best near Re-train's"}
MISSING = "–"


def _columns() -> list[Column]:
    found = {metric.name: metric for metric in METRICS}
    made = [Column("Model", "Original, Re-train (mean over all) and the unlearning methods")]
    for name in (*COMPARED, "avg_gap", "seconds"):
        metric = found[name]
        tip = f"{metric.help}, in {metric.unit}; {GOALS[metric.better]}"
        made.append(Column(f"{metric.label} {ARROWS[metric.better]}", tip))
    r = Column("r → 1", "residual knowledge at the middle τ, with its 95 % interval below")
    made.insert(1, r)
    return made


class MetricsView(View):
    """One row for each model; the small print is the gap to Re-train."""

    name = "metrics"
    title = "Metrics"
    help = (
        "Accuracy, time and residual knowledge of each model. Arrows say which way is better; "
        "≈ means best near Re-train's. Click a header to sort."
    )

    def __init__(self, state: AppState, do: Wishes, parent: QWidget | None = None) -> None:
        super().__init__(state, do, parent)
        self.table = CellTable(_columns())
        self.table.setAccessibleName("Metrics of every model")
        self._panel = Panel(self.table, self)
        self.caption: QLabel = muted()
        self.text_button = button("Copy text", "Copy the table as aligned text", self._copy_text)
        self.csv_button = button("Copy CSV", "Copy the table's numbers as CSV", self._copy_csv)
        self.export_button = button(
            "Export…", "Save the table (SVG, PDF or PNG) with its numbers as CSV", self._export
        )
        self._buttons = (self.text_button, self.csv_button, self.export_button)
        self._panel.header.addWidget(self.caption, 1)
        for part in self._buttons:
            self._panel.header.addWidget(part)
        self.follow("study", "theme")

    def refresh(self, changed: set[str]) -> None:
        """Draw the table."""
        study, theme = self.state.study, theme_of(self.state.theme)
        self.table.set_colors(theme.text, theme.muted)
        for part in self._buttons:
            part.setEnabled(study is not None)
        if study is None:
            self.caption.setText("")
            self._panel.show_empty(
                "No metrics yet. Press Run; the table is filled when all models are measured."
            )
            return
        self._panel.show_content()
        self.caption.setText(
            f"r at τ {middle_tau(study):g}, c = {study.residual.draws:,}; small: gap to Re-train"
        )
        rows = metric_rows(study)
        colors = [theme.model_style(row.model).color for row in rows]
        self.table.cells.set_rows(
            [_cells(row, color) for row, color in zip(rows, colors, strict=True)]
        )

    # -- wishes ---------------------------------------------------------------------------
    def _copy_text(self) -> None:
        QApplication.clipboard().setText(_aligned(self.table.cells.as_text("\t")))

    def _copy_csv(self) -> None:
        study: Study | None = self.state.study
        if study is not None:
            QApplication.clipboard().setText(csv_text(*metrics_sheet(study)))

    def _export(self) -> None:
        self.do.export("metrics")


def _cells(row: MetricRow, color: str) -> list[Cell]:
    shares = [_share(row, name) for name in COMPARED]
    gap = Cell(_number(row.average_gap, ".1f"), value=row.average_gap)
    seconds = Cell(f"{row.seconds:.1f} s", value=row.seconds)
    interval = f"{row.low:.2f} to {row.high:.2f}" if math.isfinite(row.low) else ""
    r = Cell(_number(row.r, ".2f"), interval, row.r)
    return [Cell(row.label, value=row.label, mark=color), r, *shares, gap, seconds]


def _share(row: MetricRow, name: str) -> Cell:
    """An accuracy with its gap to Re-train; a dash where the study has none of that name."""
    if name not in row.values:
        return Cell(MISSING)
    value = row.values[name]
    return Cell(f"{value:.1f} %", _signed(row.gaps[name]), value)


def _number(value: float, form: str) -> str:
    return MISSING if math.isnan(value) else format(value, form)


def _signed(value: float) -> str:
    return "" if math.isnan(value) else f"{value:+.1f}".replace("-", "−")


def _aligned(lines: list[str]) -> str:
    """Tab-separated lines as columns of equal width."""
    rows = [line.split("\t") for line in lines]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    return "\n".join(line.rstrip() for line in padded) + "\n"
