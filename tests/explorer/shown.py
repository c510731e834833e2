"""Views of a state without a controller, for the tests of views."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import stand_ins
import synthetic
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from explorer.state.app_state import AppState
from explorer.state.selection import Selection
from explorer.views.base import View

V = TypeVar("V", bound=View)
LEFT = Qt.MouseButton.LeftButton


class Shown:
    """A state, a stand-in for the controller, and a way to show views of them."""

    def __init__(self, qtbot: QtBot) -> None:
        self.qtbot = qtbot
        self.state = AppState()
        self.asked = stand_ins.Asked(self.state)
        self.kept: list[View] = []  # a view must outlive the painting of its test

    def view(self, kind: Callable[..., V]) -> V:
        """The view on the screen, 640 x 480 pixels."""
        result = kind(self.state, self.asked)
        self.kept.append(result)
        self.qtbot.addWidget(result)
        result.resize(640, 480)
        result.show()
        self.qtbot.waitExposed(result)
        QApplication.processEvents()
        return result

    def fill(self) -> None:
        """Set everything that a finished study on images provides."""
        dataset = synthetic.images()
        self.state.dataset = dataset
        self.state.models = synthetic.models(dataset)
        self.state.epochs = {"rurk": synthetic.epochs()}
        self.state.losses = {"original": (2.0, 1.0, 0.5), "rurk": (0.4, 0.3)}
        self.state.residual = synthetic.residual(undefined=3)
        self.state.study = synthetic.study()
        self.state.embedding = synthetic.embedding(dataset)
        self.state.selection = Selection(5)
        self.state.neighborhood = synthetic.neighborhood(dataset)
        self.state.slice = synthetic.slice_of()
        self.state.runs = stand_ins.runs()
        self.state.attack = synthetic.membership(dataset)
        self.state.similarity = synthetic.similarity()
        self.state.recognitions = synthetic.recognitions()

    @property
    def last(self) -> tuple[object, ...]:
        """The last request."""
        return self.asked.calls[-1]


def press(view: View, text: str) -> None:
    """Click the button with this text."""
    buttons = {button.text(): button for button in view.findChildren(QPushButton)}
    QTest.mouseClick(buttons[text], LEFT)
