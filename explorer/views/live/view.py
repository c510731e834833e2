"""The Live view: a method's curve and the current sample's verdicts, epoch by epoch."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from engine.analysis.epoch_series import Epochs
from engine.drawing.labels import perturbation_label, tau_label
from explorer.plots.curve_chart import CurveChart
from explorer.plots.verdicts import VerdictStrip
from explorer.state.app_state import AppState
from explorer.state.reference_models import is_reference
from explorer.theme import theme_of
from explorer.views.base import View, Wishes
from explorer.views.live import captions, methods
from explorer.views.live import series as live_series
from explorer.widgets.elided_label import ElidedLabel
from explorer.widgets.info_mark import InfoMark
from explorer.widgets.panel import Panel, button, muted_label
from explorer.widgets.player import EpochPlayer

LAST = 1_000_000  # beyond any last epoch
LOW = 520  # logical pixels of height, below which the curve takes all the room
TALLEST = 230  # of the verdicts


class LiveView(View):
    """Follows the running method; afterwards a slider replays its recorded epochs."""

    name = "epochs"
    title = "Live"
    help = (
        "A method as it unlearns: after every epoch it is tested on the same ten perturbed copies "
        "of each forget sample. Its curve of residual knowledge r is drawn over the faint curves "
        "of earlier epochs; below, the verdicts of the method, Original and the Re-trains on the "
        "copies of the current sample (✓ recognized, ✗ not, – by some Re-trains only). The slider "
        "replays the epochs; Live follows the newest."
    )
    keys = (("Left, Right", "Previous or next epoch"), ("Space", "Play or pause the epochs"))

    def __init__(self, state: AppState, do: Wishes, parent: QWidget | None = None) -> None:
        super().__init__(state, do, parent)
        self.method = QComboBox()
        self.heading = ElidedLabel()
        self.curve = CurveChart("Residual knowledge at this epoch")
        self.accuracy = CurveChart("Accuracies against epochs")
        self.strip = VerdictStrip()
        self.transport = EpochPlayer()
        self.caption, self.note, self.info = muted_label(), muted_label(), InfoMark()
        self._wanted = ""  # the method chosen by the user, which Live ignores
        self._at = 0  # index of the shown view
        self.panel = Panel(self._content(), self)
        self._build_header()
        self._connect()
        self.follow("epochs", "replay", "problems", "models", "study", "residual")
        self.follow("selection", "dataset", "busy", "theme")

    def refresh(self, changed: set[str]) -> None:
        """Draw what changed."""
        if "theme" in changed:
            for chart in (self.curve, self.accuracy):
                chart.set_theme(theme_of(self.state.theme))
        self._list_methods()
        if changed & {"models", "study", "epochs", "problems"}:
            self._look_up()
        self._show_epochs()

    def sight_changed(self) -> None:
        """Request stored epochs only while the view is visible; pause while it is hidden."""
        if self.seen:
            self._look_up()
        else:
            self.transport.pause()
            self.do.look_away("replay")

    def view_state(self) -> dict[str, Any]:
        """The chosen method and the speed of playback."""
        return {"method": self._wanted, "pace": self.transport.pace}

    def restore_view_state(self, stored: dict[str, Any]) -> None:
        """Restore method and speed."""
        if isinstance(stored.get("method"), str):
            self._wanted = stored["method"]
        if isinstance(stored.get("pace"), int):
            self.transport.set_pace(stored["pace"])

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a low view, leave out the accuracies, which the heading states, and the note."""
        super().resizeEvent(event)
        low = self.height() < LOW
        self.accuracy.setVisible(not low)
        self.note.setVisible(not low)
        self.strip.setMaximumHeight(self.strip.minimumSizeHint().height() if low else TALLEST)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Step with the arrows, play with Space, wherever in the view the focus is."""
        by = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if by is not None and self._shown() is not None:
            self.transport.step(by)
        elif event.key() == Qt.Key.Key_Space:
            self.transport.toggle()
        else:
            super().keyPressEvent(event)

    # -- building -------------------------------------------------------------------------
    def _content(self) -> QWidget:
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        charts = QHBoxLayout()
        charts.addWidget(self.curve, 3)
        charts.addWidget(self.accuracy, 2)
        layout.addLayout(charts, 1)
        for part in (self.caption, self.strip, self.transport, self.note):
            layout.addWidget(part)
        self.accuracy.set_axes("epoch", "accuracy (%)", ("epoch", "%"))
        return content

    def _build_header(self) -> None:
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.method.setAccessibleName("Method")
        self.method.setToolTip("The method whose epochs are shown; Live follows the running one")
        self.heading.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.again_button = button(
            "Record epochs",
            "Run this method again, with the same result, and record its epochs",
            self._watch_again,
        )
        self.export_button = button(
            "Export…", "Save this figure (SVG, PDF or PNG) with its numbers as CSV", self._export
        )
        self.panel.header.addWidget(self.method)
        self.panel.header.addWidget(self.heading, 1)
        self.panel.header.addStretch()  # used while there is no heading
        self.panel.header.addWidget(self.again_button)
        self.panel.header.addWidget(self.info)
        self.panel.fold(self.export_button)

    def _connect(self) -> None:
        self.method.activated.connect(self._choose)
        self.transport.moved.connect(self._go_to)
        self.transport.live_changed.connect(self._follow_newest)
        self.accuracy.clicked.connect(self._go_to_epoch)
        self.curve.hovered.connect(self._read)

    # -- which method, which epoch ----------------------------------------------------------
    def _model(self) -> str:
        return methods.shown_method(self.state, self._wanted, self.transport.live)

    def _shown(self) -> Epochs | None:
        return methods.epochs_of(self.state, self._model())

    def _list_methods(self) -> None:
        wanted = [(self._label(name), name) for name in methods.methods(self.state)]
        listed = [
            (self.method.itemText(i), self.method.itemData(i)) for i in range(self.method.count())
        ]
        with QSignalBlocker(self.method):
            if wanted != listed:
                self.method.clear()
                for label, name in wanted:
                    self.method.addItem(label, name)
            self.method.setCurrentIndex(self.method.findData(self._model()))
        self.method.setVisible(bool(wanted))

    def _look_up(self) -> None:
        """Request the stored epochs of the shown method, unless they arrived live."""
        model = self._model()
        if self.seen and model and model not in self.state.epochs:
            self.do.look("replay", model)

    def _choose(self) -> None:
        self._wanted = str(self.method.currentData())
        self._at = LAST
        newest = methods.newest(self.state)
        if methods.running(self.state) and self._wanted != newest:
            self.transport.set_live(False)
        self._look_up()
        self._show_epochs()

    def _follow_newest(self, on: bool) -> None:
        if not on:
            self._wanted = str(self.method.currentData() or "")
        elif methods.running(self.state):
            self._wanted = ""
        self._list_methods()
        self._show_epochs()

    def _go_to(self, at: int) -> None:
        self._at = at
        self._show_epochs()

    def _go_to_epoch(self, epoch: float) -> None:
        shown = self._shown()
        if shown is not None and np.isfinite(epoch):
            self.transport.slider.setValue(int(np.abs(shown.epochs - epoch).argmin()))

    # -- drawing ----------------------------------------------------------------------------
    def _show_epochs(self) -> None:
        shown = self._shown()
        self.export_button.setEnabled(shown is not None and self.state.study is not None)
        self.again_button.setVisible(shown is None and "replay" in self.state.problems)
        self.again_button.setEnabled(not self.state.busy)
        self.heading.setVisible(shown is not None)
        self.info.setVisible(shown is not None)
        if shown is None:
            self.panel.show_empty(self._why_empty())
            return
        self.panel.show_content()
        last = len(shown.views) - 1
        self._at = last if self.transport.live else min(self._at, last)
        self.transport.set_range(len(shown.views), self._at)
        self._write(shown)
        self._draw_curves(shown)
        self._draw_accuracies(shown)
        self._draw_verdicts(shown)

    def _why_empty(self) -> str:
        model = self._model()
        if not model:
            return captions.EMPTY
        if self.state.problems.get("replay"):
            return self.state.problems["replay"]
        return captions.ASKING.format(self._label(model))

    def _write(self, shown: Epochs) -> None:
        self.transport.label.setText(captions.place(shown, self._at))
        self.heading.setText(captions.accuracies(shown, self._at))
        self.heading.setToolTip(
            "Accuracies on up to 1,000 samples each; unlearn: forget samples not recognized"
        )
        words = captions.notes(shown, self.state.residual)
        self.note.setText(words)
        self.info.set_text(words)

    def _draw_curves(self, shown: Epochs) -> None:
        theme = theme_of(self.state.theme)
        series = live_series.curves(shown, self._at, theme, self._label)
        short = f"τ: {perturbation_label(shown.perturbation)}"
        self.curve.set_axes(
            tau_label(shown.perturbation), "residual knowledge r", (short, "r"), ("τ", "r")
        )
        self.curve.hold(live_series.limits(shown))  # the axis is fixed while epochs change
        self.curve.draw(series, live_series.ground(shown))

    def _draw_accuracies(self, shown: Epochs) -> None:
        self.accuracy.draw(live_series.accuracies(shown, theme_of(self.state.theme)), None)
        self.accuracy.set_cross(float(shown.views[self._at].epoch))

    def _draw_verdicts(self, shown: Epochs) -> None:
        theme, dataset = theme_of(self.state.theme), self.state.dataset
        sample = self.state.selection.current
        row = shown.row(sample) if sample is not None else None
        if sample is None or row is None or dataset is None:
            self.caption.setText("")
            why = captions.no_verdicts(sample, dataset, len(shown.samples))
            self.strip.show_sentence(why, theme)
            return
        self.caption.setText(captions.copies(shown, sample, row, dataset))
        blocks = live_series.blocks(shown, self._at, row, theme, self._label)
        self.strip.show_blocks(blocks, shown.taus, dataset.classes, theme)

    def _label(self, name: str) -> str:
        labels = self.state.study.labels if self.state.study else {}
        if name in labels or name in self.state.models or is_reference(name):
            return super()._label(name)
        return self.state.catalog.method(name).label

    # -- reading and wishes -----------------------------------------------------------------
    def _read(self, x: float) -> None:
        """Show r at the tau under the cursor, at this epoch and before the first."""
        shown = self._shown()
        if shown is None:
            return
        if not np.isfinite(x):
            self.curve.stop_reading()
            return
        t = int(np.abs(shown.taus - x).argmin())
        self.curve.set_cross(float(shown.taus[t]))
        tau = float(shown.taus[t])
        color = theme_of(self.state.theme).model_style(shown.model).color
        rows = captions.reading(shown, self._at, t, color)
        self.curve.read(f"τ {tau:g}", rows, tau, self.curve.hover_y)

    def _watch_again(self) -> None:
        self.do.watch_again(self._model())

    def figures(self) -> dict[str, dict[str, Any]]:
        """The epoch that is shown."""
        shown = self._shown()
        if shown is None:
            return {}
        return {"epochs": {"model": shown.model, "epoch": shown.views[self._at].epoch}}
