"""Forms generated from setting descriptions: editors, units, ranges, tooltips, and reset."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QLineEdit, QSpinBox
from pytestqt.qtbot import QtBot

from engine.runtime.progress import Reporter
from engine.spec import TrainSpec, setting
from explorer.state import catalog
from explorer.state.catalog import describe, with_defaults
from explorer.widgets.forms import FieldsForm, FormDialog


@dataclass(frozen=True)
class Config:
    """One field of each kind."""

    steps: int = setting(10, help="PGD steps", unit="steps", low=1, high=1000)
    lr: float = setting(1e-5, help="learning rate", low=0.0, high=1.0, exclusive_low=True)
    search: str = setting("fgsm", help="search", choices=("gaussian", "fgsm"))
    frozen: bool = setting(False, help="freeze the running statistics")
    hidden: int = 3  # no metadata: not for users


@pytest.fixture
def form(qtbot: QtBot) -> FieldsForm:
    result = FieldsForm(describe(Config), "About the method.")
    qtbot.addWidget(result)
    return result


def test_each_kind_gets_its_editor_with_unit_range_and_tooltip(form: FieldsForm) -> None:
    steps, lr = form.editor("steps"), form.editor("lr")
    assert isinstance(steps, QSpinBox) and (steps.minimum(), steps.maximum()) == (1, 1000)
    assert isinstance(lr, QLineEdit) and lr.text() == "1e-05"
    assert isinstance(form.editor("search"), QComboBox)
    assert isinstance(form.editor("frozen"), QCheckBox)
    assert steps.toolTip() == "PGD steps\nFrom 1 up to 1000 steps\nRecommended: 10"
    assert "Above 0 up to 1" in lr.toolTip()
    labels = {label.text() for label in form.findChildren(QLabel)}
    assert {"About the method.", "steps", "lr", "search", "frozen"} <= labels
    assert "hidden" not in form.values()


def test_only_what_differs_from_the_recommendation_is_a_change(form: FieldsForm) -> None:
    assert form.changes() == {}
    form.show_values({"lr": 0.25, "search": "gaussian", "novel": 1})
    assert form.changes() == {"lr": 0.25, "search": "gaussian"}
    form.reset()
    assert form.changes() == {}
    assert form.values() == {"steps": 10, "lr": 1e-5, "search": "fgsm", "frozen": False}


@pytest.mark.parametrize("text", ["", "-1", "0", "2", "many", "1e", "nan"])
def test_a_number_out_of_range_is_named(form: FieldsForm, text: str) -> None:
    editor = form.editor("lr")
    assert isinstance(editor, QLineEdit)
    editor.setText(text)
    assert form.problem() == f"lr must be a number above 0 up to 1, not '{text}'."


def test_the_dialog_stays_open_on_a_problem_and_shows_it(qtbot: QtBot) -> None:
    form = FieldsForm(describe(Config))
    dialog = FormDialog("Settings", {"RURK": form}, None)
    qtbot.addWidget(dialog)
    editor = form.editor("lr")
    assert isinstance(editor, QLineEdit)
    editor.setText("9")
    dialog.show()
    dialog.accept()
    assert dialog.isVisible()
    assert any(label.text().startswith("RURK: lr must") for label in dialog.findChildren(QLabel))
    dialog.reset()
    dialog.accept()
    assert not dialog.isVisible()


def test_a_dataset_amends_what_is_recommended() -> None:
    fields = {item.name: item for item in with_defaults(describe(Config), {"lr": 0.3, "other": 1})}
    assert fields["lr"].default == 0.3
    assert fields["steps"].default == 10
    trained = {item.name: item.default for item in describe(TrainSpec(epochs=7))}
    assert trained["epochs"] == 7


def test_every_method_has_a_form_without_dialog_code(qtbot: QtBot) -> None:
    """Every registered method has a form that shows its defaults unchanged and can be reset."""
    names = catalog.read(Reporter())
    assert [item.name for item in names.methods] == [i.name for i in catalog.names_only().methods]
    for item in names.methods:
        form = FieldsForm(item.fields, item.help)
        qtbot.addWidget(form)
        assert item.fields, item.name
        assert form.changes() == {}, item.name
        assert form.problem() == "", item.name
        assert all(form.editor(field.name).toolTip() for field in item.fields), item.name
