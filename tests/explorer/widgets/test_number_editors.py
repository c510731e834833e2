"""Fields that take several numbers, the grids they define, and how dialogs describe them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QValidator
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from engine.errors import SpecError
from explorer.state import form_grid
from explorer.state.catalog import Field
from explorer.state.study_form import StudyForm
from explorer.widgets.forms import FieldsForm
from explorer.widgets.number_editors import IntegerBox, NumbersValidator

LR = Field("lr", "float", 0.05, "learning rate", low=0.0, high=1.0, exclusive_low=True)
STEPS = Field("steps", "int", 10, "PGD steps", low=1, high=1000)
State = QValidator.State


def test_numbers_are_typed_with_commas_and_read_back(qtbot: QtBot) -> None:
    form = FieldsForm((LR, STEPS))
    qtbot.addWidget(form)
    form.show()
    lr, steps = form.editor("lr"), form.editor("steps")
    assert isinstance(lr, QLineEdit) and isinstance(steps, IntegerBox)
    assert form.several() == {}
    for editor, text in ((lr, "0.01, 0.03,1e-05"), (steps, "5, 20,5")):
        editor.setFocus()
        editor.selectAll()
        QTest.keyClicks(editor, text)
    QTest.keyClick(steps, Qt.Key.Key_Return)
    assert form.several() == {"lr": (0.01, 0.03, 1e-05), "steps": (5, 20)}
    assert form.values() == {"lr": 0.01, "steps": 5}
    assert steps.text() == "5, 20"
    assert form.problem() == ""
    steps.stepUp()
    assert (steps.text(), form.several()) == ("6", {"lr": (0.01, 0.03, 1e-05)})
    form.reset()
    assert form.several() == {} and form.changes() == {}


def test_several_values_are_shown_again(qtbot: QtBot) -> None:
    form = FieldsForm((LR, STEPS))
    qtbot.addWidget(form)
    form.show_values({"lr": 0.01}, {"lr": [0.01, 0.03], "steps": [5, 20]})
    assert form.several() == {"lr": (0.01, 0.03), "steps": (5, 20)}


def test_one_value_out_of_range_is_reported(qtbot: QtBot) -> None:
    form = FieldsForm((LR,))
    qtbot.addWidget(form)
    line = form.editor("lr")
    assert isinstance(line, QLineEdit)
    line.setText("0.01, 7")
    assert "Lr must be a number above 0 up to 1, not '0.01, 7'" in form.problem()
    assert form.several() == {}


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("0.5", State.Acceptable),
        ("0.5, 0.6", State.Acceptable),
        ("0.5,", State.Intermediate),
        ("0.5, x", State.Invalid),
        ("1e-05,1e-04", State.Acceptable),
        ("2/255", State.Acceptable),
        ("2/", State.Intermediate),
        ("512/255", State.Intermediate),
        ("2/x", State.Invalid),
    ],
)
def test_each_number_is_checked(qtbot: QtBot, text: str, state: QValidator.State) -> None:
    line = QLineEdit()
    qtbot.addWidget(line)
    assert NumbersValidator(0.0, 1.0, line).validate(text, 0)[0] == state


@pytest.mark.parametrize(
    ("text", "state"),
    [("3", State.Acceptable), ("3, 99", State.Acceptable), ("3,", State.Intermediate),
     ("0", State.Intermediate), ("3, 101", State.Invalid), ("3.5", State.Invalid)],
)  # fmt: skip
def test_each_whole_number_is_checked(qtbot: QtBot, text: str, state: QValidator.State) -> None:
    box = IntegerBox()
    qtbot.addWidget(box)
    box.setRange(1, 100)
    assert box.validate(text, 0)[0] == state


def test_a_form_with_a_grid_is_several_forms_without() -> None:
    form = StudyForm(
        methods=("gd",), settings={"gd": {"epochs": 3}}, training={"epochs": 5},
        grid={"gd.lr": [0.01, 0.03], "train.lr": (0.1, 0.2), "study.draws": (7, 8),
              "ga.lr": (1, 2), "probe.steps": (4,)},
    )  # fmt: skip
    assert form_grid.size_of(form) == 8
    result = form_grid.studies_of(form)
    assert len(result) == 8
    first, name = result[0]
    assert name == "gd.lr=0.01, train.lr=0.1, study.draws=7"
    assert first == replace(
        form, settings={"gd": {"epochs": 3, "lr": 0.01}}, training={"epochs": 5, "lr": 0.1},
        probe={"steps": 4}, draws=7, grid={},
    )  # fmt: skip
    assert form_grid.studies_of(StudyForm()) == [(StudyForm(), "")]


def test_settings_of_one_owner_replace_those_it_had() -> None:
    before = {"gd.lr": (1, 2), "gd.epochs": (3, 4), "train.lr": (5, 6)}
    assert form_grid.with_values(before, "gd", {"lr": [7, 8]}) == {
        "train.lr": (5, 6),
        "gd.lr": (7, 8),
    }
    assert form_grid.values_of(before, "gd") == {"lr": (1, 2), "epochs": (3, 4)}


def test_a_damaged_grid_is_left_out_and_a_huge_one_refused() -> None:
    assert form_grid.size_of(StudyForm(grid={"study.seed": 3})) == 1  # type: ignore[dict-item]
    huge = StudyForm(grid={"study.seed": tuple(range(10_001))})
    with pytest.raises(SpecError, match="10001 combinations"):
        form_grid.studies_of(huge)
