"""Membership inference on one model beside another: members caught and missed at a threshold."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from engine.datasets.base import Dataset
from engine.membership.results import Attack
from engine.membership.scores import histogram
from explorer.plots.roc import Rates, RocPlot
from explorer.plots.score_histogram import ScoreHistogram
from explorer.state.app_state import AppState
from explorer.state.selection import ADD, REMOVE, REPLACE
from explorer.theme import theme_of
from explorer.thumbnails.model import mask_of
from explorer.thumbnails.wall import Wall
from explorer.views.attack import captions
from explorer.views.attack.options import AttackOptions
from explorer.views.attack.threshold import Threshold, first, score_of
from explorer.views.base import View, Wishes
from explorer.widgets import markup
from explorer.widgets.info_mark import InfoMark
from explorer.widgets.panel import SPACING, Panel, button, muted_label
from explorer.widgets.term import TermLabel

QUESTION = "attack"
EMPTY = (
    "No model to attack yet. Press Run; then an attacker guesses here which samples each model "
    "was trained on."
)
USE = (
    "Drag the threshold in the scores or along the curve; the pictures below are the members that "
    "it catches and misses. Score, members and the scale of the axis are under the options. The "
    "scores U-LiRA and RMIA compare each sample with itself under Re-trains."
)
LOW, TALL = 440, 820  # px of height, below which verdict and estimates are in the info mark only


class AttackView(View):
    """Scores and ROC of an attack on A, with B's curve as the baseline.

    The threshold is dragged in the histogram or along the ROC; the counts and both walls follow.
    """

    name = "attack"
    title = "Attack"
    help = (
        "Can an attacker tell from A's outputs which samples it was trained on? There are as many "
        "non-members as members; the threshold is chosen on one half of them, the other half is "
        "shown. Success on a Re-train is due to the samples, not to memorization: compare A with "
        "it. Drag the threshold to see which members it catches and which it misses."
    )
    keys = (
        ("Left, Right (on the scores)", "Move the threshold past one sample"),
        ("Shift+Left, Shift+Right, Page", "Move it past a tenth of the samples"),
        ("Home, End (on the scores)", "Move it to the left or right end"),
        ("Backspace, double click", "Restore the held-out threshold"),
        ("Space (on a wall)", "Select or deselect the current sample"),
    )

    def __init__(self, state: AppState, do: Wishes, parent: QWidget | None = None) -> None:
        super().__init__(state, do, parent)
        self.setToolTip("")
        self.options, self.threshold = AttackOptions(self), Threshold(self)
        self._dataset: Dataset | None = None
        self.scores, self.rates = ScoreHistogram(), RocPlot()
        self.caught = Wall("Members caught", "Select caught", self.describe)
        self.missed = Wall("Members missed", "Select missed", self.describe)
        self.walls = (self.caught, self.missed)
        self.verdict, self.sentence, self.estimates = TermLabel(), QLabel(), muted_label()
        self.info = InfoMark()
        markup.allow(self.sentence)
        self.panel = Panel(self._content(), self)
        self._build_header()
        self._connect()
        self.follow("attack", "models", "study", "dataset", "selection", "forget", "theme")
        self.follow("problems")

    def refresh(self, changed: set[str]) -> None:
        """Draw what changed."""
        self._list_models()
        if self.state.dataset is not self._dataset:
            self._take(self.state.dataset)
        if "theme" in changed:
            self._paint_theme()
        if changed & {"selection", "forget", "dataset", "attack"}:
            self._mark()
        if "models" in changed:
            self._look_at()
        if changed & {"attack", "theme", "study", "dataset", "models"}:
            self._draw_attack()
        self._show_or_say_why()

    def sight_changed(self) -> None:
        """Request the attack only while the view is visible."""
        if self.seen:
            self._look_at()
        else:
            self.do.look_away(QUESTION)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the room of a low dock to the plots: the info mark has the estimates too."""
        super().resizeEvent(event)
        self.estimates.setVisible(self.height() >= TALL)
        self.verdict.setVisible(self.height() >= LOW)
        for wall in self.walls:
            wall.setMaximumHeight(max(self.height() // 4, wall.minimumSizeHint().height()))

    def view_state(self) -> dict[str, Any]:
        """The options of the attack, and the threshold where it was set by hand."""
        return {**self.options.choices(), "threshold": self.threshold.by_hand}

    def restore_view_state(self, stored: dict[str, Any]) -> None:
        """Restore options and threshold."""
        self.options.restore(stored)
        self._list_models()
        self._ask_anew()
        if isinstance(stored.get("threshold"), float):
            self.threshold.move(stored["threshold"])

    def describe(self, sample: int) -> str:
        """The tooltip of a sample on a wall, as rich text."""
        attack = self.threshold.attack
        if attack is None or self._dataset is None:
            return ""
        return captions.tooltip(sample, attack, self._dataset, self._label)

    # -- building -------------------------------------------------------------------------
    def _content(self) -> QWidget:
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        self.verdict.setTextFormat(Qt.TextFormat.PlainText)
        self.verdict.setObjectName("verdict")
        self.verdict.setWordWrap(True)
        self.verdict.setAccessibleName("What the attack finds")
        layout.addWidget(self.verdict)
        layout.addLayout(_side_by_side(self.scores, self.rates), 3)
        self.sentence.setWordWrap(True)
        self.sentence.setAccessibleName("Counts at the threshold")
        self.estimates.setAccessibleName("Estimates with their intervals")
        layout.addWidget(self.sentence)
        layout.addWidget(self.estimates)
        layout.addLayout(_side_by_side(*self.walls), 1)
        return content

    def _build_header(self) -> None:
        self.export_button = button(
            "Export…", "Save this figure (SVG, PDF or PNG) with its numbers as CSV", self._export
        )
        for part in (QLabel("A"), self.options.a, QLabel("B"), self.options.b):
            self.panel.header.addWidget(part)
        self.panel.header.addWidget(self.info)
        self.panel.header.addStretch(1)
        self.reset_button = button(
            "Held-out threshold", "Restore the threshold chosen on the held-out half (Backspace)",
            self.threshold.reset,
        )  # fmt: skip
        for widget, label in self.options.folded():
            self.panel.fold(widget, label)
        self.panel.fold(self.reset_button)
        self.panel.fold(self.export_button)

    def _connect(self) -> None:
        self.options.changed.connect(self._ask_anew)
        self.options.log.toggled.connect(self._draw_rates)
        self.threshold.moved.connect(self._show_threshold)
        self.scores.moved.connect(self.threshold.move)
        self.rates.picked.connect(self.threshold.move_to_step)
        for plot in (self.scores.plot, self.rates.plot):
            plot.leaped.connect(self.threshold.leap)
        self.scores.plot.stepped.connect(self.threshold.step)
        self.rates.plot.stepped.connect(self.threshold.step_along)
        for wall in self.walls:
            wall.looked.connect(self.do.choice.set_current)
            wall.selected.connect(self._select)

    # -- asking ---------------------------------------------------------------------------
    def _list_models(self) -> None:
        self.options.offer({name: self._label(name) for name in self.state.models})

    def _ask_anew(self) -> None:
        self._look_at()
        self._show_or_say_why()

    def _look_at(self) -> None:
        if self.seen and self.options.complete:
            self.do.look(QUESTION, *self.options.question())

    # -- drawing --------------------------------------------------------------------------
    def _show_or_say_why(self) -> None:
        attack, problem = self.state.attack, self.state.problems.get(QUESTION, "")
        ready = attack is not None and self.state.dataset is not None and not problem
        self.export_button.setEnabled(ready and self.state.study is not None)
        self.panel.show_controls(bool(self.state.models))
        if ready:
            self.panel.show_content()
        elif problem:
            self.panel.show_empty(problem)
        elif self.state.models:
            self.panel.show_empty(f"Computing the attack on {self.options.a.currentText()}.")
        else:
            self.panel.show_empty(EMPTY)

    def _paint_theme(self) -> None:
        theme = theme_of(self.state.theme)
        for part in (self.scores, self.rates, *self.walls):
            part.set_theme(theme)

    def _take(self, dataset: Dataset | None) -> None:
        self._dataset = dataset
        if dataset is not None:
            for wall in self.walls:
                wall.set_dataset(dataset)

    def _mark(self) -> None:
        if self._dataset is not None:
            n = len(self._dataset)
            chosen, forget = mask_of(self.state.selection.chosen, n), mask_of(self.state.forget, n)
            for wall in self.walls:
                wall.mark(self.state.selection.current, chosen, forget)

    def _draw_attack(self) -> None:
        attack = self.state.attack
        self.threshold.follow(attack)
        if attack is None or self._dataset is None:
            return
        score, (name, attacked) = score_of(attack), next(iter(attack.models.items()))
        color = theme_of(self.state.theme).model_style(name).color
        shape = histogram(score, attacked.values, attack.member)
        self.scores.draw(score, shape, color, attack.size)
        self._draw_rates()
        self.verdict.setText(captions.verdict(attack, self._label))
        self.estimates.setText(captions.estimates(attack, self._label))
        self.info.set_text("\n\n".join([self.verdict.text(), self.estimates.text(), USE]))
        self._show_threshold()

    def _draw_rates(self) -> None:
        attack = self.threshold.attack
        if attack is None:
            return
        theme, score = theme_of(self.state.theme), score_of(attack)
        shown = []
        for number, (name, one) in enumerate(attack.models.items()):
            at = self.threshold.value if number == 0 else one.threshold
            step = score.step(one.values, at) if np.isfinite(at) else -1
            label = captions.curve_label(self._label(name), one)
            shown.append(Rates(label, theme.model_style(name), one.roc, step))
        self.rates.draw(shown, log=self.options.log.isChecked())

    def _show_threshold(self) -> None:
        """Show the members caught and missed at the current threshold."""
        attack, at, by_hand = self.threshold.attack, self.threshold.value, self.threshold.by_hand
        if attack is None:
            return
        self.scores.set_threshold(at)
        self.rates.set_step(self.threshold.step_on_roc)
        self.reset_button.setEnabled(by_hand is not None)
        self._show_walls(attack, at)
        self.sentence.setText(
            captions.sentence(attack, self.threshold.counts, at, by_hand is not None)
        )

    def _show_walls(self, attack: Attack, at: float) -> None:
        """Fill the walls, samples nearest to the threshold first: they change sides next."""
        score = score_of(attack)
        own, values = attack.samples[attack.member], first(attack).values[attack.member]
        called = score.called(values, at)
        near = np.argsort(np.abs(score.drawn(values) - score.drawn(np.array(at))), kind="stable")
        for wall, word, rows in ((self.caught, "caught", called), (self.missed, "missed", ~called)):
            shown = own[near[rows[near]]]
            wall.show_samples(shown, f"{len(shown):,} members {word}")

    # -- wishes ---------------------------------------------------------------------------
    def _select(self, samples: list[int], modifiers: Qt.KeyboardModifier) -> None:
        """Ctrl adds, or removes what is already selected; Shift adds; Alt removes."""
        mode = REPLACE
        if modifiers & Qt.KeyboardModifier.AltModifier:
            mode = REMOVE
        elif modifiers & Qt.KeyboardModifier.ControlModifier:
            mode = REMOVE if set(samples) <= self.state.selection.chosen else ADD
        elif modifiers & Qt.KeyboardModifier.ShiftModifier:
            mode = ADD
        self.do.choice.select(samples, mode)

    def figures(self) -> dict[str, dict[str, Any]]:
        """The attack as it is shown."""
        if self.state.attack is None:
            return {}
        a, b, score, members, matched = self.options.question()
        options = {
            "a": a, "b": b, "score": score, "members": members, "matched": matched,
            "threshold": self.threshold.by_hand, "log": self.options.log.isChecked(),
        }  # fmt: skip
        return {"attack": options}


def _side_by_side(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(SPACING)
    for widget in widgets:
        row.addWidget(widget, 1)
    return row
