"""Membership inference on a model beside another: whom a threshold catches, and whom it misses."""

from __future__ import annotations

import html
from typing import Any

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from engine.attack import FEWEST, MEMBERS, Counts, counts, stepped
from engine.datasets.base import Dataset
from engine.results import Attack, Attacked, Estimate
from engine.sample_names import titled
from engine.scores import SCORES, Score, histogram
from explorer import markup
from explorer.literal import literal
from explorer.plots.panel import SPACING, Panel, button, muted
from explorer.plots.roc import Rates, RocPlot
from explorer.plots.score_histogram import ScoreHistogram
from explorer.plots.wall import Wall
from explorer.selection import ADD, REMOVE, REPLACE
from explorer.state import AppState
from explorer.theme import theme_of
from explorer.views.base import View, Wishes

QUESTION = "attack"
LARGE = 10  # a large step of the threshold passes one in so many samples
EMPTY = (
    "No model to attack yet. Press Run; then an attacker guesses here which samples each model "
    "was trained on."
)
NARROWEST = 80  # px of a combo, where a dock is too narrow for its words
LOW = 440  # px, below which a dock has no room for all words


class AttackView(View):
    """Scores and ROC of an attack on A, with B's curve as the level to compare with.

    The threshold is dragged in the histogram or along the ROC; the counts and both walls follow.
    """

    name = "attack"
    title = "Attack"
    help = (
        "Can an attacker tell from A's answers which samples it was trained on? Members and "
        "non-members are equally many; one half of them chose the threshold, the other half is "
        "shown. What the attack finds on a Re-train is due to the samples, not to memory: compare "
        "A with it. Drag the threshold to see whom it catches and whom it misses."
    )
    keys = (
        ("Left, Right (on the scores)", "Move the threshold past one sample"),
        ("Shift+Left, Shift+Right, Page", "Move it past a tenth of the samples"),
        ("Home, End (on the scores)", "Move it to the left or right end"),
        ("Backspace, double click", "Bring the held-out threshold back"),
        ("Space (on a wall)", "Put the current sample into the selection, or take it out"),
    )

    def __init__(self, state: AppState, do: Wishes, parent: QWidget | None = None) -> None:
        super().__init__(state, do, parent)
        self.setToolTip("")
        self._wanted = ["", "retrain-0"]  # A ('' = the first method) and B, once they exist
        self._moved: float | None = None  # the threshold, where a person chose it
        self._drawn: Attack | None = None
        self._dataset: Dataset | None = None
        self.scores, self.rates = ScoreHistogram(), RocPlot()
        self.caught = Wall("Members caught", "Select caught", self._describe)
        self.missed = Wall("Members missed", "Select missed", self._describe)
        self.walls = (self.caught, self.missed)
        self.sentence, self.estimates = QLabel(), muted()
        markup.allow(self.sentence)
        self._panel = Panel(self._content(), self)
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
        """Ask while somebody looks."""
        if self.seen:
            self._look_at()
        else:
            self.do.look_away(QUESTION)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the room of a low dock to the plots; the estimates are in the tooltip then."""
        super().resizeEvent(event)
        self.estimates.setVisible(self.height() >= LOW)

    def view_state(self) -> dict[str, Any]:
        """What is attacked how, and the threshold where a person chose it."""
        return {
            "a": self._wanted[0],
            "b": self._wanted[1],
            "score": self.score.currentData(),
            "members": self.members.currentData(),
            "matched": self.matched.isChecked(),
            "log": self.log.isChecked(),
            "threshold": self._moved,
        }

    def restore_view_state(self, kept: dict[str, Any]) -> None:
        """Take the choices back."""
        for number, name in enumerate(("a", "b")):
            if isinstance(kept.get(name), str):
                self._wanted[number] = kept[name]
        for combo, name in ((self.score, "score"), (self.members, "members")):
            if isinstance(kept.get(name), str) and combo.findData(kept[name]) >= 0:
                with QSignalBlocker(combo):
                    combo.setCurrentIndex(combo.findData(kept[name]))
        for box, name in ((self.matched, "matched"), (self.log, "log")):
            if isinstance(kept.get(name), bool):
                box.setChecked(kept[name])
        self._list_models()
        self._choice_changed()
        if isinstance(kept.get("threshold"), float):
            self._move(kept["threshold"])

    # -- building -------------------------------------------------------------------------
    def _content(self) -> QWidget:
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.addLayout(_side_by_side(self.scores, self.rates), 3)
        self.sentence.setWordWrap(True)
        self.sentence.setAccessibleName("Counts at the threshold")
        self.estimates.setAccessibleName("Estimates with their intervals")
        layout.addWidget(self.sentence)
        layout.addWidget(self.estimates)
        layout.addLayout(_side_by_side(*self.walls), 2)
        return content

    def _build_header(self) -> None:
        self.a = _combo("Model A", "The model that is attacked")
        self.b = _combo(
            "Model B",
            "The model it is compared with. On a Re-train, which has never seen the forget set, "
            "the attack finds what the samples give away by themselves.",
        )
        self.score = _combo("Score", "What the attacker reads from a model's answer")
        for one in SCORES.values():
            self.score.addItem(one.label, one.name)
            self.score.setItemData(
                self.score.count() - 1, f"{one.help} Unit: {one.unit}.", Qt.ItemDataRole.ToolTipRole
            )
        self.members = _combo("Members", "Which training samples the attacker has to find")
        for name, label in MEMBERS.items():
            self.members.addItem(label, name)
        self.export_button = button(
            "Export…", "Save this figure (SVG, PDF or PNG) with its numbers as CSV", self._export
        )
        for part in (QLabel("A"), self.a, QLabel("B"), self.b):
            self._panel.header.addWidget(part)
        self._panel.header.addStretch(1)
        self._panel.header.addWidget(self.export_button)
        self._build_options()

    def _build_options(self) -> None:
        self.matched = QCheckBox("Same classes")
        self.matched.setChecked(True)
        self.matched.setToolTip(
            "Draw as many non-members of each class as there are members. Without it a forget set "
            "of one class is told apart by its class, on a Re-train too."
        )
        self.log = QCheckBox("Log FPR")
        self.log.setToolTip("Draw the false positive rate on a logarithmic axis")
        self.reset_button = button(
            "Held-out", "Bring the threshold back that the held-out half chose (Backspace)",
            self._reset,
        )  # fmt: skip
        options = QWidget()
        row = QHBoxLayout(options)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING)
        for part in (self.score, self.members, self.matched, self.log):
            row.addWidget(part)
        row.addStretch(1)
        self._panel.add_row(options, self.reset_button)

    def _connect(self) -> None:
        self.a.activated.connect(self._models_chosen)
        self.b.activated.connect(self._models_chosen)
        for combo in (self.score, self.members):
            combo.currentIndexChanged.connect(self._choice_changed)
        self.matched.toggled.connect(self._choice_changed)
        self.log.toggled.connect(self._draw_rates)
        self.scores.moved.connect(self._move)
        self.rates.picked.connect(self._move_to_step)
        for plot in (self.scores.plot, self.rates.plot):
            plot.leaped.connect(self._leap)
        self.scores.plot.stepped.connect(self._step)
        self.rates.plot.stepped.connect(self._step_along)
        for wall in self.walls:
            wall.looked.connect(self.do.choice.set_current)
            wall.selected.connect(self._select)

    # -- asking ---------------------------------------------------------------------------
    def _list_models(self) -> None:
        """Offer the models there are; those wanted stay chosen while others come."""
        offered = [(name, self._label(name)) for name in self.state.models]
        methods = [name for name in self.state.models if not _is_reference(name)]
        usual = (methods[0] if methods else "original", "retrain-0")
        for combo, wanted, other in zip((self.a, self.b), self._wanted, usual, strict=True):
            _offer(combo, offered, wanted if wanted in self.state.models else other)

    def _models_chosen(self) -> None:
        self._wanted = [self.a.currentData() or "", self.b.currentData() or ""]
        self._look_at()
        self._show_or_say_why()

    def _choice_changed(self) -> None:
        self._look_at()
        self._show_or_say_why()

    def _words(self) -> tuple[str, str, str, str, bool]:
        """What is asked: models A and B, the score, the members, and whether classes match."""
        return (
            str(self.a.currentData()),
            str(self.b.currentData()),
            str(self.score.currentData()),
            str(self.members.currentData()),
            self.matched.isChecked(),
        )

    def _look_at(self) -> None:
        if self.seen and self.a.currentData() and self.b.currentData():
            self.do.look(QUESTION, *self._words())

    # -- drawing --------------------------------------------------------------------------
    def _show_or_say_why(self) -> None:
        found, problem = self.state.attack, self.state.problems.get(QUESTION, "")
        ready = found is not None and self.state.dataset is not None and not problem
        self.export_button.setEnabled(ready and self.state.study is not None)
        if ready:
            self._panel.show_content()
        elif problem:
            self._panel.show_empty(problem)
        elif self.state.models:
            self._panel.show_empty(f"The attack on {self.a.currentText()} is being computed.")
        else:
            self._panel.show_empty(EMPTY)

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
            chosen, forget = _mask(self.state.selection.chosen, n), _mask(self.state.forget, n)
            for wall in self.walls:
                wall.mark(self.state.selection.current, chosen, forget)

    def _draw_attack(self) -> None:
        found, before = self.state.attack, self._drawn
        self._drawn = found
        if found is None or self._dataset is None:
            return
        if before is not None and before.score != found.score:
            self._moved = None  # it means nothing on another axis
        score, name = self._score(found), _name(found, 0)
        color = theme_of(self.state.theme).model_style(name).color
        shape = histogram(score, found.models[name].values, found.member)
        self.scores.draw(score, shape, color, found.size)
        self._draw_rates()
        self.estimates.setText(self._estimate_words(found))
        self.sentence.setToolTip(literal(self.estimates.text()))
        self._show_threshold()

    def _draw_rates(self) -> None:
        found = self._drawn
        if found is None:
            return
        theme = theme_of(self.state.theme)
        shown = []
        for number, (name, one) in enumerate(found.models.items()):
            at = self._threshold() if number == 0 else one.threshold
            step = self._score(found).step(one.values, at) if np.isfinite(at) else -1
            label = self._curve_label(number, name, one)
            shown.append(Rates(label, theme.model_style(name), one.roc, step))
        self.rates.draw(shown, log=self.log.isChecked())

    def _show_threshold(self) -> None:
        """Show who is caught and who is missed where the threshold is now."""
        found, at = self._drawn, self._threshold()
        if found is None:
            return
        score, one = self._score(found), _first(found)
        self.scores.set_threshold(at)
        self.rates.set_step(score.step(one.values, at) if np.isfinite(at) else -1)
        self.reset_button.setEnabled(self._moved is not None)
        self._show_walls(found, score, one, at)
        told = counts(score, one.values, found.member, at)
        self.sentence.setText(self._sentence(found, told, at))

    def _show_walls(self, found: Attack, score: Score, one: Attacked, at: float) -> None:
        """Whoever is nearest to the threshold comes first: it is they who change sides."""
        own, values = found.samples[found.member], one.values[found.member]
        called = score.called(values, at)
        near = np.argsort(np.abs(score.drawn(values) - score.drawn(np.array(at))), kind="stable")
        for wall, word, rows in ((self.caught, "caught", called), (self.missed, "missed", ~called)):
            shown = own[near[rows[near]]]
            wall.show_samples(shown, f"{len(shown):,} members {word}")

    # -- words ----------------------------------------------------------------------------
    def _sentence(self, found: Attack, told: Counts, at: float) -> str:
        held = len(found.held_out) // 2
        if not np.isfinite(at):
            return (
                "There is one member only, so that none is left to choose a threshold with. Drag "
                "the line in the plot, or look for more members."
            )
        chosen = f"chosen on {held:,} + {held:,} held-out samples"
        where = "moved by hand" if self._moved is not None else chosen
        n = found.size
        return (
            f"<b>Threshold {at:.4g}</b> ({where}): "
            f"<b>{told.tp:,} of {n:,} members caught</b> (TP), {told.fn:,} missed (FN); "
            f"<b>{told.fp:,} of {n:,} non-members accused</b> (FP), {told.tn:,} cleared (TN). "
            f"Accuracy {told.accuracy:.1f} %, TPR {told.tpr:.1f} %, FPR {told.fpr:.1f} %."
        )

    def _estimate_words(self, found: Attack) -> str:
        told = list(zip("AB", found.models.values(), strict=False))
        accuracy = [f"{letter} {_words(one.accuracy, '.1f', ' %')}" for letter, one in told]
        parts = [f"Accuracy at the held-out threshold: {', '.join(accuracy)}."]
        if found.size < FEWEST:
            parts.append(
                f"TPR at 1 % FPR is undefined: {found.size:,} non-members resolve steps of "
                f"{100 / found.size:.3g} % (it takes {FEWEST})."
            )
        else:
            low = [f"{letter} {_words(one.tpr_at_low, '.1f', ' %')}" for letter, one in told]
            parts.append(f"TPR at 1 % FPR: {', '.join(low)}.")
        if len(told) > 1:
            parts.append(self._difference_words(found))
        return " ".join(parts)

    def _curve_label(self, number: int, name: str, one: Attacked) -> str:
        return f"{'AB'[number]}: AUC {_words(one.auc, '.2f')}"

    def _difference_words(self, found: Attack) -> str:
        gap = found.difference
        if not np.isfinite(gap.low):
            return "One pair of samples cannot tell A from B."
        if gap.low <= 0 <= gap.high:
            said = "no difference is shown"
        else:
            said = "A gives more away" if gap.value > 0 else "B gives more away"
        return f"AUC of A less that of B: {_words(gap, '+.2f')}; {said}."

    def _describe(self, sample: int) -> str:
        """The tooltip of a sample on a wall, as rich text."""
        found, dataset = self._drawn, self._dataset
        if found is None or dataset is None or sample not in found.samples:
            return ""
        score, place = self._score(found), int(np.flatnonzero(found.samples == sample)[0])
        title = html.escape(titled(sample, dataset))
        lines = [f"<b>{title}</b> · class {html.escape(dataset.classes[dataset.labels[sample]])}"]
        for name, one in found.models.items():
            lines.append(
                f"{html.escape(self._label(name))}: {score.label.lower()} {one.values[place]:.4g}"
            )
        return "<br>".join(lines)

    # -- the threshold ----------------------------------------------------------------------
    def _threshold(self) -> float:
        """Where it is: moved by hand, or chosen on the held-out half; NaN without any."""
        if self._moved is not None:
            return self._moved
        return _first(self._drawn).threshold if self._drawn is not None else float("nan")

    def _move(self, threshold: float) -> None:
        self._moved = threshold
        self._show_threshold()

    def _move_to_step(self, step: int) -> None:
        if self._drawn is not None:
            self._move(float(_first(self._drawn).roc.thresholds[step]))

    def _step(self, direction: int, large: bool) -> None:
        """Move past one sample, or a tenth of them, to the left or right of the histogram."""
        found = self._drawn
        if found is not None:
            by = direction * (max(1, len(found.samples) // LARGE) if large else 1)
            self._move(stepped(self._score(found), _first(found), self._threshold(), by))

    def _step_along(self, direction: int, large: bool) -> None:
        """Move along the ROC: to the right more samples are called members."""
        if self._drawn is not None:
            self._step(-self._score(self._drawn).sign * direction, large)

    def _leap(self, where: str) -> None:
        if where == "back":
            self._reset()
        elif self._drawn is not None:
            self._step((-1 if where == "first" else 1) * len(self._drawn.samples), False)

    def _reset(self) -> None:
        self._moved = None
        self._show_threshold()

    # -- wishes ---------------------------------------------------------------------------
    def _select(self, samples: list[int], modifiers: Qt.KeyboardModifier) -> None:
        """Ctrl adds, or takes out what is selected already; Shift adds; Alt takes out."""
        mode = REPLACE
        if modifiers & Qt.KeyboardModifier.AltModifier:
            mode = REMOVE
        elif modifiers & Qt.KeyboardModifier.ControlModifier:
            mode = REMOVE if set(samples) <= self.state.selection.chosen else ADD
        elif modifiers & Qt.KeyboardModifier.ShiftModifier:
            mode = ADD
        self.do.choice.select(samples, mode)

    def _export(self) -> None:
        a, b, score, members, matched = self._words()
        self.do.exports.ask_figure(
            "attack",
            {
                "a": a, "b": b, "score": score, "members": members, "matched": matched,
                "threshold": self._moved, "log": self.log.isChecked(),
            },
        )  # fmt: skip

    @staticmethod
    def _score(found: Attack) -> Score:
        return SCORES[found.score]


def _name(found: Attack, number: int) -> str:
    return list(found.models)[number]


def _first(found: Attack) -> Attacked:
    """What was found of A."""
    return next(iter(found.models.values()))


def _is_reference(name: str) -> bool:
    return name == "original" or name.startswith("retrain")


def _words(found: Estimate, form: str, unit: str = "") -> str:
    """'0.612 [0.501, 0.710]', or 'undefined'."""
    if not np.isfinite(found.value):
        return "undefined"
    interval = f" [{found.low:{form}}, {found.high:{form}}]" if np.isfinite(found.low) else ""
    return f"{found.value:{form}}{unit}{interval}"


def _combo(name: str, tip: str) -> QComboBox:
    made = QComboBox()
    made.setAccessibleName(name)
    made.setToolTip(tip)
    made.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    made.setMinimumContentsLength(7)
    made.setMinimumWidth(NARROWEST)
    return made


def _offer(combo: QComboBox, offered: list[tuple[str, str]], chosen: str) -> None:
    """Fill a combo with (name, label), without telling anybody."""
    listed = [(combo.itemData(i), combo.itemText(i)) for i in range(combo.count())]
    with QSignalBlocker(combo):
        if offered != listed:
            combo.clear()
            for name, label in offered:
                combo.addItem(label, name)
        combo.setCurrentIndex(max(0, combo.findData(chosen)) if offered else -1)
    combo.setEnabled(bool(offered))


def _mask(indices: Any, n: int) -> np.ndarray:
    mask = np.zeros(n, bool)
    rows = np.fromiter(indices, np.intp)
    mask[rows[(rows >= 0) & (rows < n)]] = True
    return mask


def _side_by_side(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(SPACING)
    for widget in widgets:
        row.addWidget(widget, 1)
    return row
