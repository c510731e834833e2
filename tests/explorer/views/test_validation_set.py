"""What is held out for validation is shown as such, and nothing offers to forget it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import synthetic
from PySide6.QtCore import Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from sampled import Sampled
from shown import Shown

from engine.datasets.base import Dataset
from explorer.jobs.study_tasks import data_spec
from explorer.state import session
from explorer.state.selection import Selection
from explorer.state.study_form import StudyForm
from explorer.theme import LIGHT
from explorer.views.samples.context_menu import NOR_HELD_OUT
from explorer.views.samples.subsets import ALL, FORGET, RETAIN, TEST, TRAINING, VALIDATION
from explorer.views.samples.view import SamplesView

HELD = np.array([1, 5, 8, 199])


@pytest.fixture
def dataset() -> Dataset:
    return replace(synthetic.images(), validation=HELD)


@pytest.fixture
def samples(shown: Shown, dataset: Dataset) -> SamplesView:
    shown.state.dataset = dataset
    return shown.view(SamplesView)


def test_it_is_a_set_of_its_own_and_not_retained(samples: SamplesView, shown: Shown) -> None:
    shown.state.forget = (3, 4)
    sizes = {TRAINING: 200, RETAIN: 194, FORGET: 2, VALIDATION: 4, TEST: 20, ALL: 220}
    for text, size in sizes.items():
        samples.scope.sets.setCurrentText(text)
        assert len(samples.model.shown) == size, text
    samples.scope.sets.setCurrentText(VALIDATION)
    assert samples.model.shown.tolist() == HELD.tolist()
    index = samples.model.index_of(1)
    assert "validation sample" in index.data(Qt.ItemDataRole.AccessibleTextRole)
    assert "held out and never learned (badge V)" in index.data(Qt.ItemDataRole.ToolTipRole)
    samples.scope.sets.setCurrentText(RETAIN)
    assert not np.isin(samples.model.shown, HELD).any()


def test_it_has_a_badge_of_its_own(samples: SamplesView) -> None:
    def corner(place: int) -> set[str]:
        image = samples.grid.viewport().grab(samples.grid.place_rect(place)).toImage()
        right, size = image.width() - 14, image.size()
        return {
            image.pixelColor(x, y).name() for x in range(right, size.width()) for y in range(14)
        }

    assert LIGHT.muted in corner(5)
    assert LIGHT.muted not in corner(6)


def test_the_note_says_that_it_is_not_forgotten_with_the_rest(
    samples: SamplesView, shown: Shown
) -> None:
    shown.state.selection = Selection(5, frozenset([5]))
    assert samples.note.text().startswith("1 validation sample is selected: never learned")
    shown.state.selection = Selection(5, frozenset([5, 8, 210]))
    assert samples.note.text().startswith("1 test sample and 2 validation samples are selected")


def test_the_menu_does_not_offer_to_forget_it(qtbot: QtBot, dataset: Dataset) -> None:
    sampled = Sampled(qtbot)
    sampled.state.dataset = dataset
    grid = sampled.view.grid
    at = grid.place_rect(5).center()
    asked = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, grid.viewport().mapToGlobal(at))
    QApplication.sendEvent(grid.viewport(), asked)
    menu = sampled.view.menu
    entries = {action.text(): action.isEnabled() for action in menu.actions()}
    assert not entries["Forget this sample\tF"]
    assert NOR_HELD_OUT in entries
    menu.close()


def test_a_form_and_a_session_keep_the_share() -> None:
    form = StudyForm(validation=0.2)
    assert data_spec(form).validation == 0.2
    saved = session.as_plain(session.Session(form, "", Selection(), ()))
    assert session.from_plain(saved).form.validation == 0.2
    saved["form"].pop("validation")
    assert session.from_plain(saved).form.validation == 0.0
