"""Networks that the list of models does not have: asked for by name, trained, and shown."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot
from real import WAIT, run

from explorer.app import Explorer
from explorer.dialogs.network_dialog import NetworkDialog
from explorer.state import session as sessions
from explorer.state.notice import ERROR
from explorer.state.session import Session
from explorer.state.study_form import StudyForm
from explorer.window.study_bar import OTHER


def asked(explorer: Explorer) -> NetworkDialog:
    """The dialog after choosing 'another network ...' in the bar."""
    model = explorer.window.bar.model
    model.activated.emit(model.findData(OTHER))
    return next(one for one in explorer.window.findChildren(NetworkDialog) if one.isVisible())


def choose(explorer: Explorer, name: str) -> None:
    dialog = asked(explorer)
    dialog.name.setText(name)
    assert dialog.use.isEnabled()
    dialog.use.click()


def test_the_list_has_models_and_none_that_only_stand_for_others(explorer: Explorer) -> None:
    model = explorer.window.bar.model
    names = [model.itemData(index) for index in range(model.count())]
    assert {"mlp", "cnn", "resnet20", "vit-tiny"} < set(names)
    assert not {"torchvision", "timm"} & set(names) and names[-1] == OTHER


def test_an_mlp_of_other_widths_is_trained_and_found_again(
    explorer: Explorer, qtbot: QtBot
) -> None:
    choose(explorer, " mlp:12, 8 ")
    bar = explorer.window.bar
    assert bar.model.currentText() == "MLP 12-8"
    run(explorer, qtbot)
    study = explorer.state.study
    assert study is not None and study.spec["model"]["name"] == "mlp:12,8"
    explorer.controller.opening.change_form(model="mlp")
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        explorer.controller.opening.open_study(study.key)
    assert bar.model.currentText() == "MLP 12-8" and explorer.state.form.model == "mlp:12,8"


def test_an_unfit_network_is_refused_in_a_sentence(explorer: Explorer, qtbot: QtBot) -> None:
    said: list[tuple[str, str]] = []
    explorer.controller.noticed.connect(lambda kind, text: said.append((kind, text)))
    choose(explorer, "torchvision:resnet43")
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        explorer.controller.run()
    errors = [text for kind, text in said if kind == ERROR]
    assert any("Did you mean 'torchvision:resnet34'" in text for text in errors), said


def test_another_network_that_is_not_asked_for_changes_nothing(explorer: Explorer) -> None:
    before = explorer.state.form
    asked(explorer).reject()
    assert explorer.state.form == before
    assert explorer.window.bar.model.currentText() == "MLP"


@pytest.mark.parametrize(
    ("name", "valid"),
    [("", False), ("mlp", False), ("mlp:", False), ("mlp:3", True), ("net.py:make", True),
     ("nix:3", False), ("timm:x", True)],
)  # fmt: skip
def test_only_what_has_the_form_of_a_name_can_be_used(
    explorer: Explorer, name: str, valid: bool
) -> None:
    dialog = asked(explorer)
    dialog.name.setText(name)
    assert dialog.use.isEnabled() == valid
    dialog.reject()


@pytest.mark.parametrize(
    ("name", "restored"),
    [("mlp:12,8", "mlp:12,8"), ("torchvision:vgg13", "torchvision:vgg13"), ("net.py:make", "")],
)
def test_a_session_restores_a_network_unless_a_file_makes_it(name: str, restored: str) -> None:
    session = Session(StudyForm(model=name))
    assert sessions.from_plain(sessions.as_plain(session)).form.model == restored
