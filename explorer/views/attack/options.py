"""Options of an attack: models A and B, score, members, and the scale of the FPR axis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QObject, QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QWidget

from engine.membership.attack import MEMBERS
from engine.membership.scores import SCORES
from explorer.state.reference_models import is_reference

NARROWEST = 80  # px of a combo, where a dock is too narrow for its text


class AttackOptions(QObject):
    """The controls of an attack, placed by the view; `changed` follows any change of the attack.

    a, b: the models; score, members, matched: parameters of the attack; log: logarithmic FPR.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._wanted = ["", "retrain-0"]  # A ('' = the first method) and B, once they exist
        self.a = _combo("Model A", "The attacked model")
        self.b = _combo(
            "Model B",
            "The model to compare with. A Re-train never saw the forget set: what the attack "
            "achieves on it is the baseline.",
        )
        self.score = _score_combo()
        self.members = _combo("Members", "The training samples that the attacker has to identify")
        for name, label in MEMBERS.items():
            self.members.addItem(label, name)
        self.matched = QCheckBox("Same classes")
        self.matched.setChecked(True)
        self.matched.setToolTip(
            "Draw as many non-members of each class as there are members. Otherwise the class "
            "alone gives a forget set of one class away, on a Re-train too."
        )
        self.log = QCheckBox("Log FPR")
        self.log.setToolTip("Draw the false positive rate on a logarithmic axis")
        self._connect()

    def folded(self) -> tuple[tuple[QWidget, str], ...]:
        """All controls except the models, each with its label or ''."""
        return (
            (self.score, "Score"),
            (self.members, "Members"),
            (self.matched, ""),
            (self.log, ""),
        )

    def offer(self, labels: Mapping[str, str]) -> None:
        """Offer these models, name to label; wanted ones stay selected as others arrive."""
        offered = list(labels.items())
        methods = [name for name in labels if not is_reference(name)]
        usual = (methods[0] if methods else "original", "retrain-0")
        for combo, wanted, other in zip((self.a, self.b), self._wanted, usual, strict=True):
            _offer(combo, offered, wanted if wanted in labels else other)

    @property
    def complete(self) -> bool:
        """Whether two models are selected."""
        return bool(self.a.currentData() and self.b.currentData())

    def question(self) -> tuple[str, str, str, str, bool]:
        """Models A and B, the score, the members, and whether class counts are matched."""
        return (
            str(self.a.currentData()),
            str(self.b.currentData()),
            str(self.score.currentData()),
            str(self.members.currentData()),
            self.matched.isChecked(),
        )

    def choices(self) -> dict[str, Any]:
        """The options, as JSON data."""
        return {
            "a": self._wanted[0],
            "b": self._wanted[1],
            "score": self.score.currentData(),
            "members": self.members.currentData(),
            "matched": self.matched.isChecked(),
            "log": self.log.isChecked(),
        }

    def restore(self, stored: Mapping[str, Any]) -> None:
        """Restore the options; anything unknown or invalid is ignored."""
        for number, name in enumerate(("a", "b")):
            if isinstance(stored.get(name), str):
                self._wanted[number] = stored[name]
        for combo, name in ((self.score, "score"), (self.members, "members")):
            if isinstance(stored.get(name), str) and combo.findData(stored[name]) >= 0:
                with QSignalBlocker(combo):
                    combo.setCurrentIndex(combo.findData(stored[name]))
        for box, name in ((self.matched, "matched"), (self.log, "log")):
            if isinstance(stored.get(name), bool):
                box.setChecked(stored[name])

    def _connect(self) -> None:
        for combo in (self.a, self.b):
            combo.activated.connect(self._choose_models)
        for combo in (self.score, self.members):
            combo.currentIndexChanged.connect(self._change)
        self.matched.toggled.connect(self._change)

    def _choose_models(self) -> None:
        self._wanted = [self.a.currentData() or "", self.b.currentData() or ""]
        self.changed.emit()

    def _change(self) -> None:
        self.changed.emit()


def _combo(name: str, tip: str) -> QComboBox:
    combo = QComboBox()
    combo.setAccessibleName(name)
    combo.setToolTip(tip)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(7)
    combo.setMinimumWidth(NARROWEST)
    return combo


def _score_combo() -> QComboBox:
    combo = _combo("Score", "The statistic of a model's output that the attacker uses")
    for score in SCORES.values():
        combo.addItem(score.label, score.name)
        tip = f"{score.help} Unit: {score.unit}."
        combo.setItemData(combo.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
    return combo


def _offer(combo: QComboBox, offered: list[tuple[str, str]], chosen: str) -> None:
    """Fill a combo with (name, label) without emitting signals."""
    listed = [(combo.itemData(i), combo.itemText(i)) for i in range(combo.count())]
    with QSignalBlocker(combo):
        if offered != listed:
            combo.clear()
            for name, label in offered:
                combo.addItem(label, name)
        combo.setCurrentIndex(max(0, combo.findData(chosen)) if offered else -1)
    combo.setEnabled(bool(offered))
