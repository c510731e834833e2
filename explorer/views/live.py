"""Live unlearning: a method's curve and the current sample's verdicts, epoch by epoch."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from engine.epochs import Epochs
from engine.labels import null_note, perturbation_label, tau_label, undefined_note
from engine.palette import rgb
from engine.sample_names import called, titled
from explorer.literal import literal
from explorer.plots.chart import Chart, Ground, Series
from explorer.plots.legend import Entry
from explorer.plots.one_line import OneLine
from explorer.plots.panel import Panel, button, muted
from explorer.plots.transport import Transport
from explorer.plots.verdicts import Block, VerdictStrip
from explorer.state import AppState
from explorer.theme import ModelStyle, Theme, theme_of
from explorer.views.base import View, Wishes

EMPTY = (
    "Nothing to watch yet. Press Run: while a method unlearns, its curve and what it calls the "
    "copies of the current sample move here, epoch by epoch."
)
ASKING = "Looking up the epochs of {0}. If it was not watched as it ran, it can be watched again."
LAST = 1_000_000  # beyond the last epoch that is there
LOW = 520  # logical pixels of height, below which the curve needs all the room there is
TALLEST = 230  # of the verdicts
MARKED = 12  # epochs that still get a symbol each
OLDEST, NEWEST = 0.12, 0.5  # strength of the faint curves of former epochs
MEASURES = {  # accuracy -> its name, symbol and dash
    "retain_acc": ("retain", "o", ()),
    "unlearn_acc": ("unlearn", "d", (4.0, 2.0)),
    "test_acc": ("test", "s", (1.5, 1.5)),
}


class LiveView(View):
    """Follows the method that runs; afterwards a slider replays what was seen of it."""

    name = "epochs"
    title = "Live"
    help = (
        "A method as it unlearns: after every epoch it is shown the same ten perturbed copies of "
        "each forget sample. Its curve of residual knowledge r stands over the faint ones of the "
        "epochs before; below, what it, the Original and the Re-trains make of the copies of the "
        "current sample (✓ recognized, ✗ not, – by some Re-trains only). The slider replays the "
        "epochs; Live follows the newest."
    )
    keys = (("Left, Right", "the epoch before or after"), ("Space", "play or pause the epochs"))

    def __init__(self, state: AppState, do: Wishes, parent: QWidget | None = None) -> None:
        super().__init__(state, do, parent)
        self.method = QComboBox()
        self.heading = QLabel()
        self.curve = Chart("Residual knowledge at this epoch")
        self.accuracy = Chart("Accuracies against epochs")
        self.strip = VerdictStrip()
        self.transport = Transport()
        self.caption, self.note = muted(), OneLine()
        self._wanted = ""  # the method chosen by a person, which Live ignores
        self._at = 0  # number of the view that is shown
        self._limits: tuple[float, float] | None = None
        self._panel = Panel(self._content(), self)
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
        """Ask for stored epochs while somebody looks, and play to nobody."""
        if self.seen:
            self._look_up()
        else:
            self.transport.pause()
            self.do.look_away("replay")

    def view_state(self) -> dict[str, Any]:
        """Which method was chosen and how fast epochs are played."""
        return {"method": self._wanted, "pace": self.transport.pace}

    def restore_view_state(self, kept: dict[str, Any]) -> None:
        """Take method and speed back."""
        if isinstance(kept.get("method"), str):
            self._wanted = kept["method"]
        if isinstance(kept.get("pace"), int):
            self.transport.set_pace(kept["pace"])

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out, in a low view, what the heading says in words."""
        super().resizeEvent(event)
        low = self.height() < LOW
        self.accuracy.setVisible(not low)
        self.note.setWordWrap(not low)
        self.strip.setMaximumHeight(self.strip.minimumSizeHint().height() if low else TALLEST)
        self._name_axes()

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
        self.accuracy.set_axes("epoch", "accuracy (%)")
        return content

    def _build_header(self) -> None:
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.method.setAccessibleName("Method")
        self.method.setToolTip("Which method's epochs are shown; Live follows the one that runs")
        for label in (self.heading, self.note):
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.again_button = button(
            "Watch again",
            "Run this method once more, with the same result, and keep what is seen of its epochs",
            self._watch_again,
        )
        self.export_button = button(
            "Export…", "Save this figure (SVG, PDF or PNG) with its numbers as CSV", self._export
        )
        self._panel.header.addWidget(self.method)
        self._panel.header.addWidget(self.heading, 1)
        self._panel.header.addStretch()  # for when there is no heading
        self._panel.header.addWidget(self.again_button)
        self._panel.header.addWidget(self.export_button)

    def _connect(self) -> None:
        self.method.activated.connect(self._choose)
        self.transport.moved.connect(self._go_to)
        self.transport.live_changed.connect(self._follow_newest)
        self.accuracy.clicked.connect(self._go_to_epoch)
        self.curve.hovered.connect(self._read)

    # -- which method, which epoch ----------------------------------------------------------
    def _methods(self) -> list[str]:
        """The methods of the study, in its order, and those seen so far."""
        named = [name for name in self.state.models if not _is_reference(name)]
        return list(dict.fromkeys([*named, *self.state.epochs]))

    def _newest(self) -> str:
        """The method that was seen last, '' before any was."""
        return list(self.state.epochs)[-1] if self.state.epochs else ""

    def _runs(self) -> bool:
        """Whether a method is being watched now."""
        newest = self._newest()
        return bool(newest) and not self.state.epochs[newest].finished

    def _model(self) -> str:
        """The method that is shown: while Live the one that runs, else the one chosen."""
        methods, newest = self._methods(), self._newest()
        if self._wanted in methods and not (self.transport.live and self._runs()):
            return self._wanted
        return newest or next(iter(methods), "")

    def _shown(self) -> Epochs | None:
        model, replay = self._model(), self.state.replay
        live = self.state.epochs.get(model)
        if live is not None:
            return live
        return replay if replay is not None and replay.model == model else None

    def _list_methods(self) -> None:
        wanted = [(self._label(name), name) for name in self._methods()]
        there = [
            (self.method.itemText(i), self.method.itemData(i)) for i in range(self.method.count())
        ]
        with QSignalBlocker(self.method):
            if wanted != there:
                self.method.clear()
                for label, name in wanted:
                    self.method.addItem(label, name)
            self.method.setCurrentIndex(self.method.findData(self._model()))
        self.method.setVisible(bool(wanted))

    def _look_up(self) -> None:
        """Ask for the stored epochs of what is shown, unless they arrived live."""
        model = self._model()
        if self.seen and model and model not in self.state.epochs:
            self.do.look("replay", model)

    def _choose(self) -> None:
        self._wanted = str(self.method.currentData())
        self._at = LAST
        if self._runs() and self._wanted != self._newest():
            self.transport.set_live(False)
        self._look_up()
        self._show_epochs()

    def _follow_newest(self, on: bool) -> None:
        if not on:
            self._wanted = str(self.method.currentData() or "")
        elif self._runs():
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
        if shown is None:
            self._panel.show_empty(self._why_empty())
            return
        self._panel.show_content()
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
            return EMPTY
        if self.state.problems.get("replay"):
            return self.state.problems["replay"]
        return ASKING.format(self._label(model))

    def _write(self, shown: Epochs) -> None:
        view = shown.views[self._at]
        total = max(shown.planned, int(shown.epochs[-1]))
        self.transport.label.setText(f"epoch {view.epoch} of {total}")
        shares = [f"{label} {view.accuracy[name]:.1f} %" for name, (label, *_) in MEASURES.items()]
        self.heading.setText(" · ".join(shares))
        self.heading.setToolTip(
            "Accuracies on up to 1,000 samples each; unlearn: forget samples not recognized"
        )
        self._say(self._notes(shown))

    def _say(self, words: str) -> None:
        self.note.setText(words)
        self.note.setToolTip(literal(words))  # in a low view there is room for one line alone

    def _notes(self, shown: Epochs) -> str:
        count = len(shown.samples)
        note = undefined_note(shown.undefined().tolist(), count)
        rest = f"; {note}, which a Re-train never recognizes" if note else ""
        words = [f"r of {count:,} forget samples, {shown.draws} copies each{rest}."]
        measured = self.state.residual.perturbation if self.state.residual else ""
        if measured and measured != shown.perturbation:
            words.append(
                f"The study attacks by {perturbation_label(measured)}; watched is "
                f"{perturbation_label(shown.perturbation)} noise of the same τ."
            )
        if np.isfinite(shown.null_low).any():
            words.append(null_note(shown.taus))
        if not shown.exact:
            words.append("Run again, the method ended in other weights than the stored model.")
        if np.isfinite(shown.overhead()):
            words.append(
                f"Watching took {shown.seconds:.1f} s beside {shown.training:.1f} s of unlearning."
            )
        return " ".join(filter(None, words))

    def _draw_curves(self, shown: Epochs) -> None:
        theme = theme_of(self.state.theme)
        style, gray = theme.model_style(shown.model), theme.model_style("original")
        former = [
            self._faint(shown, i, (i + 1) / max(1, self._at), style, theme) for i in range(self._at)
        ]
        start = Series(
            "original", "", gray, shown.taus, shown.curve_of(shown.references["original"]),
            marks=False, listed=False, front=False,
        )  # fmt: skip
        now = Series("now", "", style, shown.taus, shown.curve(self._at), listed=False)
        label = f"{self._label(shown.model)}, epoch {shown.views[self._at].epoch}"
        entries = [
            Entry(label, style.color, style.symbol, style.dash),
            Entry("Original", gray.color, dash=gray.dash),
        ]
        self._name_axes()
        self.curve.draw([*former, start, now], _ground(shown), entries=entries)
        self._fit(shown)

    def _name_axes(self) -> None:
        shown = self._shown()
        if shown is not None:
            word = "r" if self.height() < LOW else "residual knowledge r"
            self.curve.set_axes(tau_label(shown.perturbation), word)

    def _faint(self, shown: Epochs, at: int, age: float, style: ModelStyle, theme: Theme) -> Series:
        """The curve of a former epoch, the fainter the older; age in (0, 1], 1 = the last."""
        strength = OLDEST + (NEWEST - OLDEST) * age
        pale = ModelStyle(_blend(style.color, theme.base, strength), style.symbol, ())
        return Series(
            f"before {at}", "", pale, shown.taus, shown.curve(at),
            width=1.0, marks=False, listed=False, front=False,
        )  # fmt: skip

    def _fit(self, shown: Epochs) -> None:
        """Hold the axis still while epochs change: it has room for all that were seen."""
        curves = [shown.curve(i) for i in range(len(shown.views))]
        values = np.concatenate([*curves, shown.null_low, shown.null_high, [1.0]])
        values = values[np.isfinite(values)]
        limits = (float(values.min()), float(values.max()))
        if limits != self._limits:
            self._limits = limits
            self.curve.plot.setYRange(*limits, padding=0.08)

    def _draw_accuracies(self, shown: Epochs) -> None:
        theme = theme_of(self.state.theme)
        series, entries = [], []
        for number, (name, (label, symbol, dash)) in enumerate(MEASURES.items()):
            style = ModelStyle(theme.class_color(number), symbol, dash)
            values = np.array([view.accuracy[name] for view in shown.views])
            few = len(values) <= MARKED
            series.append(Series(name, label, style, shown.epochs, values, marks=few, listed=False))
            entries.append(Entry(label, style.color, symbol if few else "", dash))
        self.accuracy.draw(series, None, entries=entries)
        self.accuracy.set_cross(float(shown.views[self._at].epoch))

    def _draw_verdicts(self, shown: Epochs) -> None:
        theme, dataset = theme_of(self.state.theme), self.state.dataset
        sample = self.state.selection.current
        row = shown.row(sample) if sample is not None else None
        if row is None or dataset is None:
            self.caption.setText("")
            self.strip.show_sentence(self._why_no_verdicts(), theme)
            return
        label, title = dataset.classes[int(shown.labels[row])], titled(sample, dataset)
        self.caption.setText(
            f"{title}, class {label}: {shown.draws} copies (rows) at each τ (columns)"
        )
        blocks = self._blocks(shown, row, theme)
        self.strip.show_blocks(blocks, shown.taus, dataset.classes, theme)

    def _blocks(self, shown: Epochs, row: int, theme: Theme) -> list[Block]:
        said = {
            shown.model: shown.views[self._at].predictions,
            "original": shown.references["original"],
        }
        blocks = [
            Block(
                self._label(name),
                theme.model_style(name).color,
                (found[row] == shown.labels[row]).astype(float),
                found[row],
            )
            for name, found in said.items()
        ]
        retrains = shown.retrains()[:, row]
        label = "Re-train" if len(retrains) == 1 else f"all {len(retrains)} Re-trains"
        color = theme.model_style("retrain").color
        return [*blocks, Block(label, color, retrains.mean(0))]

    def _why_no_verdicts(self) -> str:
        sample = self.state.selection.current
        if sample is None:
            return "Choose a forgotten sample to see what each epoch makes of its copies."
        return (
            f"The copies of {called(sample, self.state.dataset)} are not watched. Choose one of "
            "the forget set to see what each epoch makes of its copies."
        )

    def _label(self, name: str) -> str:
        labels = self.state.study.labels if self.state.study else {}
        if name in labels or name in self.state.models or _is_reference(name):
            return super()._label(name)
        return self.state.catalog.method(name).label

    # -- reading and wishes -----------------------------------------------------------------
    def _read(self, x: float) -> None:
        """Say r at the tau under the cursor, at this epoch and before the first."""
        shown = self._shown()
        if shown is None:
            return
        if not np.isfinite(x):
            self.curve.set_cross(None)
            self._say(self._notes(shown))
            return
        t = int(np.abs(shown.taus - x).argmin())
        self.curve.set_cross(float(shown.taus[t]))
        now, start = shown.curve(self._at)[t], shown.curve(0)[t]
        self._say(f"τ {shown.taus[t]:g}: r {now:.3g} at this epoch, {start:.3g} at epoch 0")

    def _watch_again(self) -> None:
        self.do.watch_again(self._model())

    def _export(self) -> None:
        shown = self._shown()
        if shown is not None:
            options = {"model": shown.model, "epoch": shown.views[self._at].epoch}
            self.do.exports.ask_figure("epochs", options)


def _is_reference(name: str) -> bool:
    return name == "original" or name.startswith("retrain")


def _ground(shown: Epochs) -> Ground:
    """Re-train against Re-train on the same copies, and the level 1 that means no difference."""
    if not np.isfinite(shown.null_low).any():
        return Ground(level=1.0)
    return Ground("null band", shown.taus, shown.null_low, shown.null_high, level=1.0)


def _blend(color: str, base: str, strength: float) -> str:
    """`color` at this strength over `base`, '#rrggbb'."""
    parts = zip(rgb(color), rgb(base), strict=True)
    return "#" + "".join(f"{round(a * strength + b * (1 - strength)):02x}" for a, b in parts)
