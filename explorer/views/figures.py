"""The Figures view: any figure of the shown study as a paper would print it, ready to export."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt, QTimer
from PySide6.QtWidgets import QComboBox, QLabel, QVBoxLayout, QWidget

from engine.figures.catalog import KINDS
from explorer.state.app_state import AppState
from explorer.state.figure_format import PRESETS
from explorer.views.base import View, Wishes
from explorer.widgets.info_mark import InfoMark
from explorer.widgets.panel import Panel, button, muted_label
from explorer.widgets.preview import DPI, Preview

DRAWING = "Drawing ..."
EMPTY = "No figures yet. Press Run, or open a stored study; every figure of it is drawn here."
FIRST = "curves"
LARGE = 2  # at most this many times the printed size on the screen
LINES = 2  # of the caption, at least
SHORTEST = 12  # letters of the kind that are seen in a narrow title
SETTLE_MS = 200  # between the last change and a new drawing


class FiguresView(View):
    """A preview at printed size with its caption; it follows τ, sample and models on screen."""

    name = "figures"
    title = "Figures"
    help = (
        "Any figure of the shown study as it will be printed, with its caption. It draws what the "
        "other views show: the same τ, sample, models and studies beside. Export writes it with "
        "its numbers as CSV."
    )

    def __init__(self, state: AppState, do: Wishes, parent: QWidget | None = None) -> None:
        super().__init__(state, do, parent)
        self.preview = Preview()
        self.preview.setMinimumSize(120, 90)  # it shrinks with its dock
        self.preview.setObjectName("page")
        self.caption: QLabel = muted_label()
        self.caption.setMinimumHeight(LINES * self.fontMetrics().lineSpacing())
        self.caption.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.caption.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._timer = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._timer.timeout.connect(self._request)
        self.panel = Panel(self._content(), self)
        self._build_header()
        self.setFocusProxy(self.kind)
        self.follow(
            "study", "probe", "selection", "beside", "compared", "embedding", "neighborhood",
            "slice", "attack", "figure_preview", "problems", "models",
        )  # fmt: skip

    def refresh(self, changed: set[str]) -> None:
        """Draw anew what has changed, a moment after the last change."""
        if self.state.study is None:
            self.panel.show_empty(EMPTY)
            self.info.set_text("")
            return
        self.panel.show_content()
        shown = self.state.figure_preview
        if "figure_preview" in changed and shown is not None and shown.kind == self._kind():
            self.preview.show_picture(shown.png)
            words, _, origin = shown.caption.strip().partition("\n\n")
            self.caption.setText(words)
            self.info.set_text(
                f"The caption goes on in the file that is exported.\n\n{origin}" * bool(origin)
            )
        if "problems" in changed and (problem := self.state.problems.get("figure_preview")):
            self.preview.say(problem)
            self.caption.setText("")
            self.info.set_text("")
        if changed - {"figure_preview", "problems"}:
            self._timer.start()

    def view_state(self) -> dict[str, Any]:
        """The kind of figure and its width."""
        return {"kind": self._kind(), "width": self.width_mm.currentData()}

    def restore_view_state(self, stored: dict[str, Any]) -> None:
        """Restore both; anything unknown is ignored."""
        for box, value in ((self.kind, stored.get("kind")), (self.width_mm, stored.get("width"))):
            place = box.findData(value) if isinstance(value, str | float) else -1
            if place >= 0:
                with QSignalBlocker(box):
                    box.setCurrentIndex(place)
        self._timer.start()

    # -- building -----------------------------------------------------------------------------
    def _content(self) -> QWidget:
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.preview, 1)
        layout.addWidget(self.caption)
        return content

    def _build_header(self) -> None:
        self.kind = QComboBox()
        self.kind.setAccessibleName("Figure")
        self.kind.setToolTip("Which figure of the study is drawn")
        for kind in sorted(KINDS, key=_title):
            self.kind.addItem(_title(kind), kind)
        self.kind.setCurrentIndex(self.kind.findData(FIRST))
        self.width_mm = QComboBox()
        self.width_mm.setAccessibleName("Width")
        self.width_mm.setToolTip("The width that the journal prints")
        for text, mm in PRESETS.items():
            self.width_mm.addItem(f"{mm:g} mm, {text.lower()}", mm)
        self.kind.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.kind.setMinimumContentsLength(SHORTEST)
        self.info = InfoMark()
        self.export_button = button(
            "Export…", "Save this figure (SVG, PDF or PNG) with its numbers as CSV", self._export
        )
        self.copy_button = button("Copy", "Copy this figure to the clipboard", self._copy)
        self.set_button = button(
            "Set of figures…", "Export several figures of one size", self.do.exports.ask_figures
        )
        self.report_button = button(
            "Report…", "Write settings, tables and figures as one page", self.do.exports.ask_report
        )
        self.panel.header.addWidget(self.kind)
        self.panel.header.addWidget(self.width_mm)
        self.panel.header.addWidget(self.info)
        self.panel.header.addStretch(1)
        self.panel.header.addWidget(self.export_button)
        self.panel.fold(self.copy_button)
        self.panel.fold(self.set_button)
        self.panel.fold(self.report_button)
        self.kind.currentIndexChanged.connect(self._draw_anew)
        self.width_mm.currentIndexChanged.connect(self._draw_anew)

    # -- wishes -------------------------------------------------------------------------------
    def _kind(self) -> str:
        return str(self.kind.currentData())

    def _draw_anew(self) -> None:
        self.preview.say(DRAWING, keep=True)
        self._request()

    def _request(self) -> None:
        if self.state.study is not None and self.seen:
            width = float(self.width_mm.currentData())
            self.do.exports.preview(self._kind(), {"width_mm": width, "dpi": LARGE * DPI})
            if self.preview.is_empty:
                self.preview.say(DRAWING)

    def _export(self) -> None:
        self.do.exports.ask_figure(self._kind(), {"width_mm": float(self.width_mm.currentData())})

    def _copy(self) -> None:
        self.do.exports.copy(self._kind(), {"width_mm": float(self.width_mm.currentData())})


def _title(kind: str) -> str:
    return KINDS[kind].title
