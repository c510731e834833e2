"""What is attacked how: models A and B, the score, the members, and how the curves are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QObject, QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QWidget

from engine.membership.attack import MEMBERS
from engine.membership.scores import SCORES
from explorer.widgets.panel import SPACING

NARROWEST = 80  # px of a combo, where a dock is too narrow for its words


class AttackOptions(QObject):
    """The controls of an attack; the view lays them out. `changed` says that it is another one.

    a, b: the models; score, members, matched: what is asked of them; log: how it is drawn.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._wanted = ["", "retrain-0"]  # A ('' = the first method) and B, once they exist
        self.a = _combo("Model A", "The model that is attacked")
        self.b = _combo(
            "Model B",
            "The model it is compared with. On a Re-train, which has never seen the forget set, "
            "the attack finds what the samples give away by themselves.",
        )
        self.score = _score_combo()
        self.members = _combo("Members", "Which training samples the attacker has to find")
        for name, label in MEMBERS.items():
            self.members.addItem(label, name)
        self.matched = QCheckBox("Same classes")
        self.matched.setChecked(True)
        self.matched.setToolTip(
            "Draw as many non-members of each class as there are members. Without it a forget set "
            "of one class is told apart by its class, on a Re-train too."
        )
        self.log = QCheckBox("Log FPR")
        self.log.setToolTip("Draw the false positive rate on a logarithmic axis")
        self._connect()

    def row(self) -> QWidget:
        """A new row with all of them but the models."""
        made = QWidget()
        layout = QHBoxLayout(made)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        for part in (self.score, self.members, self.matched, self.log):
            layout.addWidget(part)
        layout.addStretch(1)
        return made

    def offer(self, labels: Mapping[str, str]) -> None:
        """Offer these models, name to label; those wanted stay chosen while others come."""
        offered = list(labels.items())
        methods = [name for name in labels if not _is_reference(name)]
        usual = (methods[0] if methods else "original", "retrain-0")
        for combo, wanted, other in zip((self.a, self.b), self._wanted, usual, strict=True):
            _offer(combo, offered, wanted if wanted in labels else other)

    @property
    def complete(self) -> bool:
        """Whether there are two models to ask about."""
        return bool(self.a.currentData() and self.b.currentData())

    def question(self) -> tuple[str, str, str, str, bool]:
        """What is asked: models A and B, the score, the members, and whether classes match."""
        return (
            str(self.a.currentData()),
            str(self.b.currentData()),
            str(self.score.currentData()),
            str(self.members.currentData()),
            self.matched.isChecked(),
        )

    def choices(self) -> dict[str, Any]:
        """The choices, as JSON data."""
        return {
            "a": self._wanted[0],
            "b": self._wanted[1],
            "score": self.score.currentData(),
            "members": self.members.currentData(),
            "matched": self.matched.isChecked(),
            "log": self.log.isChecked(),
        }

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Take the choices back; anything unknown or wrong is ignored."""
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


def _is_reference(name: str) -> bool:
    return name == "original" or name.startswith("retrain")


def _combo(name: str, tip: str) -> QComboBox:
    made = QComboBox()
    made.setAccessibleName(name)
    made.setToolTip(tip)
    made.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    made.setMinimumContentsLength(7)
    made.setMinimumWidth(NARROWEST)
    return made


def _score_combo() -> QComboBox:
    made = _combo("Score", "What the attacker reads from a model's answer")
    for one in SCORES.values():
        made.addItem(one.label, one.name)
        tip = f"{one.help} Unit: {one.unit}."
        made.setItemData(made.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
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
