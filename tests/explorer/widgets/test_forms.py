"""Forms generated from setting descriptions: editors, units, ranges, tooltips, and reset."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from PySide6.QtCore import Qt
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
    lr: float = setting(
        1e-5, help="learning rate", low=0.0, high=1.0, exclusive_low=True, label="Learning rate"
    )
    search: str = setting(
        "fgsm", help="search", choices=("gaussian", "fgsm"), words={"gaussian": "Gaussian noise"}
    )
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
    tip = "PGD steps\nFrom 1 up to 1,000 steps\nRecommended: 10\nOn the command line: steps"
    assert steps.toolTip() == tip
    assert "Above 0 up to 1" in lr.toolTip()
    labels = {label.text() for label in form.findChildren(QLabel)}
    assert {"About the method.", "Steps", "Learning rate", "Search", "Frozen"} <= labels
    assert "PGD steps · from 1 up to 1,000 steps" in labels
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
    assert form.problem() == f"Learning rate must be a number above 0 up to 1, not '{text}'."


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
    assert any(
        label.text().startswith("RURK: Learning rate must") for label in dialog.findChildren(QLabel)
    )
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
        for field in item.fields:
            assert form.editor(field.name).toolTip(), (item.name, field.name)
            assert field.label and field.label[0].isupper(), (item.name, field.name)
            assert field.help and "_" not in field.label.replace("λ_", ""), (item.name, field.name)
            assert set(field.words) <= set(field.choices), (item.name, field.name)


@dataclass(frozen=True)
class Dependent:
    """Settings that depend on others."""

    solver: str = setting("gram", help="solver", choices=("gram", "cg"))
    steps: int = setting(9, help="steps", low=1, only_if=("solver", ("cg",)))
    size: float = setting(2 / 255, help="size", unit="pixel range", low=0.0, high=1.0)
    order: str = setting("a", help="order", choices=("a", "b"), expert=True)


@pytest.fixture
def dependent(qtbot: QtBot) -> FieldsForm:
    result = FieldsForm(describe(Dependent))
    qtbot.addWidget(result)
    result.show()
    return result


def test_a_setting_without_effect_is_hidden_until_it_has_one(dependent: FieldsForm) -> None:
    steps = dependent.editor("steps")
    assert not steps.isVisible() and not dependent.applies("steps")
    dependent.show_values({"solver": "cg"})
    assert steps.isVisible() and dependent.row("steps").label.isVisible()
    dependent.show_values({})
    assert not steps.isVisible() and not dependent.row("steps").note.isVisible()


def test_settings_for_experts_are_folded_unless_changed(dependent: FieldsForm) -> None:
    order = dependent.editor("order")
    assert not order.isVisible()
    dependent.more.setChecked(True)
    assert order.isVisible()
    dependent.more.setChecked(False)
    dependent.show_values({"order": "b"})
    assert order.isVisible()


def test_a_changed_setting_is_marked_and_put_back_alone(
    dependent: FieldsForm, qtbot: QtBot
) -> None:
    assert dependent.marked() == [] and not dependent.row("size").back.isVisible()
    dependent.show_values({"size": 0.5, "solver": "cg", "steps": 4})
    assert dependent.marked() == ["solver", "steps", "size"]
    row = dependent.row("size")
    assert row.mark.isVisible() and row.back.toolTip() == "Put back the recommended 2/255"
    assert row.back.accessibleName() == "Size: put back the recommended 2/255"
    qtbot.mouseClick(row.back, Qt.MouseButton.LeftButton)
    assert dependent.changes() == {"solver": "cg", "steps": 4}
    assert not row.mark.isVisible() and not row.back.isVisible()


def test_fractions_are_shown_read_and_checked(dependent: FieldsForm) -> None:
    editor = dependent.editor("size")
    assert isinstance(editor, QLineEdit) and editor.text() == "2/255"
    editor.setText("8/255")
    assert dependent.changes() == {"size": 8 / 255} and dependent.problem() == ""
    editor.setText("1/255, 4/255")
    assert dependent.several() == {"size": (1 / 255, 4 / 255)}
    assert dependent.marked() == ["size"]
    for wrong in ("300/255", "1/", "1/0", "1/x"):
        editor.setText(wrong)
        assert dependent.row("size").note.text() == dependent.problem() != ""
        assert dependent.row("size").note.objectName() == "danger"
    editor.setText("0.5")
    assert dependent.row("size").note.text() == "Size · from 0 up to 1 pixel range"


def test_a_choice_is_shown_by_its_word_and_kept_by_its_name(form: FieldsForm) -> None:
    search = form.editor("search")
    assert isinstance(search, QComboBox)
    assert [search.itemText(i) for i in range(search.count())] == ["Gaussian noise", "fgsm"]
    search.setCurrentIndex(0)
    assert form.changes() == {"search": "gaussian"}
