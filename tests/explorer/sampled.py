"""The Samples view on the screen, with known results."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import stand_ins
import synthetic
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QPushButton
from pytestqt.qtbot import QtBot

from engine.results import ModelResult, Recognition, Residual
from explorer.state.app_state import AppState
from explorer.views.samples.view import SamplesView

QUICK = 30  # ms within which a popup ignores a button release
PRESS, NO_KEYS = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def measured() -> Residual:
    """Samples 1, 5, 9 ...: GD recognizes all of 1 and 2 % of 5; RURK no more than Re-train.

    Re-train recognizes one copy of ten, and none of sample 9.
    """
    result = synthetic.residual(samples=10)
    counts = {name: np.full((10, 11), 10, np.int32) for name in result.counts}
    for name in ("retrain-0", "retrain-1", "gd", "rurk"):
        counts[name][2] = 0
    counts["gd"][:2] = [[100], [2]]
    names = [name for name in counts if not name.startswith("retrain")]
    q = {name: np.full(10, 0.9) for name in names}
    q["gd"][0] = 0.01
    nothing = {name: np.full((10, 11), 99.0) for name in names}
    return replace(result, counts=counts, q_values=q, absence=nothing)


def recognized(model: str = "gd") -> Recognition:
    """Sample 37 is recognized at once, 33 at 0.04, 29 at 0.08 ...; sample 1 is not up to 0.4."""
    taus = 0.04 * np.arange(10.0)[::-1]
    taus[0] = np.nan
    return Recognition(model, "gaussian", 20, 0.4, np.arange(10) * 4 + 1, taus)


def unsure(model: ModelResult, samples: list[int]) -> ModelResult:
    """The model with decreasing logits for the true class of these samples, the last lowest."""
    logits = model.train_logits.copy()
    for number, sample in enumerate(samples):
        logits[sample, sample % 4] = 1 - 2 * number
    return replace(model, train_logits=logits)


class Sampled:
    """200 training samples in four classes and 20 test samples, and two models that differ.

    All models err on sample 0 and on test sample 200; GD errs on 20 and 30 and doubts 10.
    """

    def __init__(self, qtbot: QtBot) -> None:
        self.state = AppState()
        self.asked = stand_ins.Asked(self.state)
        dataset = synthetic.images()
        self.state.dataset = dataset
        models = synthetic.models(dataset)
        models["gd"] = unsure(models["gd"], [10, 20, 30])
        self.state.models = models
        self.view = SamplesView(self.state, self.asked)
        qtbot.addWidget(self.view)
        self.view.resize(450, 480)
        self.view.show()
        qtbot.waitExposed(self.view)
        QApplication.processEvents()

    @property
    def order(self) -> list[int]:
        """The samples in the order of the grid."""
        return [int(sample) for sample in self.view.model.shown]

    @property
    def chips(self) -> list[QPushButton]:
        """The shown filter chips."""
        QApplication.processEvents()
        result = self.view.findChildren(QPushButton, "chip")
        return [chip for chip in result if not chip.isHidden()]

    def finish(self) -> None:
        """Set the results of a finished study."""
        self.state.residual = measured()
        self.state.study = synthetic.study()

    def choose(self, combo: QComboBox, text: str) -> None:
        """Open the list of a combo and click on an entry of it."""
        QTest.mouseClick(combo, PRESS, NO_KEYS, combo.rect().center())
        entries = combo.view()
        entry = combo.model().index(combo.findText(text), 0)
        entries.scrollTo(entry)  # near an edge of the screen not all entries fit
        at = entries.visualRect(entry).center()
        QTest.mouseMove(entries.viewport(), at)
        QTest.mousePress(entries.viewport(), PRESS, NO_KEYS, at)
        QTest.qWait(2 * QUICK)  # an earlier release would be taken for that of the opening click
        QTest.mouseRelease(entries.viewport(), PRESS, NO_KEYS, at)
        assert combo.currentText() == text

    def click(self, place: int, keys: Qt.KeyboardModifier = NO_KEYS) -> None:
        """Click on a place of the grid."""
        grid = self.view.grid
        QTest.mouseClick(grid.viewport(), PRESS, keys, grid.place_rect(place).center())

    def write(self, text: str) -> None:
        """Type into the line of indices, and press Enter."""
        QTest.mouseClick(self.view.go_to, PRESS)
        QTest.keyClicks(self.view.go_to, text)
        QTest.keyClick(self.view.go_to, Qt.Key.Key_Return)

    def caption(self, sample: int) -> str:
        """The caption of a thumbnail."""
        words = self.view.model.caption
        return "" if words is None else words(sample)
