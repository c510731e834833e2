"""The window with the real engine on Iris: study bar, docks, messages, dialogs, closing."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox, QDialogButtonBox, QLineEdit, QSpinBox
from pytestqt.qtbot import QtBot
from quick import finish
from real import WAIT, run, start

from explorer.app import Explorer
from explorer.dialogs.settings_dialog import MethodsDialog, SettingsDialog
from explorer.dialogs.studies_dialog import StudiesDialog
from explorer.state import session as sessions
from explorer.state.notice import ERROR
from explorer.state.selection import REPLACE
from explorer.window.actions import COMMANDS, SEPARATOR, shortcuts
from explorer.window.docks import DOCKS


def test_the_toolbar_reads_as_a_sentence(explorer: Explorer) -> None:
    bar = explorer.window.bar
    assert bar.dataset.currentText() == "Iris"
    assert bar.model.currentText() == "MLP"
    assert bar.forget.currentText() == explorer.state.form.forget
    assert bar.methods.text() == "GD"
    assert bar.run_button.isEnabled()
    assert not bar.cancel_button.isEnabled()


def test_every_dock_is_there_and_has_room_at_1440_by_900(explorer: Explorer) -> None:
    window = explorer.window
    window.resize(1440, 900)
    assert set(window.views) == {dock.name for dock in DOCKS if dock.place}
    for name, box in window.docks.items():
        window.go_to(name)
        assert box.isVisible(), name
        assert box.width() >= 250 and box.height() >= 90, (name, box.size())
    assert not explorer.notifier.errors


def test_run_by_mouse_fills_every_view_and_the_bar_shows_it(
    explorer: Explorer, qtbot: QtBot
) -> None:
    explorer.controller.choice.set_current(explorer.state.forget[0])
    run(explorer, qtbot)
    state = explorer.state
    assert state.study is not None
    assert state.embedding is not None and state.neighborhood is not None
    assert explorer.window.bar.run_button.isEnabled()
    assert any("Running the study" in line for line in explorer.window.activity.lines())


def test_an_invalid_forget_set_is_reported_inline_and_corrected_in_place(
    explorer: Explorer, qtbot: QtBot
) -> None:
    bar = explorer.window.bar
    line = bar.forget.lineEdit()
    assert line is not None
    line.setFocus()
    line.selectAll()
    qtbot.keyClicks(line, "clas:1")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert "clas:1" in explorer.state.form_error
    assert line.text() == "clas:1"
    assert not bar.run_button.isEnabled()
    assert bar._error.isVisible() and bar._error.text() == explorer.state.form_error
    line.selectAll()
    qtbot.keyClicks(line, "class:1:5")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert explorer.state.form_error == "" and len(explorer.state.forget) == 5
    assert not bar._error.isVisible()
    assert bar.run_button.isEnabled()


def test_the_selected_samples_are_a_suggestion_for_the_forget_set(explorer: Explorer) -> None:
    bar = explorer.window.bar
    explorer.controller.choice.select([1, 2, 60], REPLACE)
    place = bar.forget.findText("the 3 selected samples")
    assert place >= 0
    bar.forget.activated.emit(place)
    assert explorer.state.forget == (1, 2, 60)
    assert bar.forget.currentText() == "3 chosen samples"


def test_methods_are_checked_in_the_menu_which_stays_open(explorer: Explorer, qtbot: QtBot) -> None:
    bar = explorer.window.bar
    menu = bar.methods.menu()
    actions = {action.data(): action for action in menu.actions() if action.isCheckable()}
    menu.popup(QPoint(0, 0))
    for name in ("rurk", "gd"):
        qtbot.mouseClick(
            menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(actions[name]).center()
        )
        assert menu.isVisible()
    menu.close()
    assert explorer.state.form.methods == ("rurk",)
    assert bar.methods.text() == "RURK"


def test_an_error_is_shown_in_the_message_bar_until_closed(
    explorer: Explorer, qtbot: QtBot
) -> None:
    window = explorer.window
    assert not window.message.isVisible()
    explorer.notifier.say(ERROR, "The store cannot be written.")
    assert window.message.isVisible()
    assert window.message.text() == "The store cannot be written."
    assert "The store cannot be written." in window.activity.lines()[-1]
    qtbot.mouseClick(window.message.close_button, Qt.MouseButton.LeftButton)
    assert not window.message.isVisible()


def test_every_command_is_in_a_menu_and_shortcuts_are_unique(explorer: Explorer) -> None:
    names = [one for one in COMMANDS if one.text != SEPARATOR]
    assert set(explorer.window.actions_.by_name) == {one.name for one in names}
    keys = [keys for keys, _ in shortcuts()]
    assert len(keys) == len(set(keys))
    for one in names:
        assert explorer.window.actions_.by_name[one.name].text() == one.text


def test_settings_of_the_study_reach_the_form(explorer: Explorer, qtbot: QtBot) -> None:
    explorer.window.dialogs.ask_settings()
    dialog = explorer.window.findChild(SettingsDialog)
    measuring, training = dialog.forms["Measuring"], dialog.forms["Training"]
    retrains, epochs = measuring.editor("retrains"), training.editor("epochs")
    assert isinstance(retrains, QSpinBox) and isinstance(epochs, QSpinBox)
    assert (retrains.value(), epochs.value()) == (1, 2)
    retrains.setValue(2)
    epochs.setValue(3)
    taus = measuring.editor("taus")
    assert isinstance(taus, QLineEdit)
    taus.setText("0:-1:3")
    dialog.accept()
    assert dialog.isVisible()
    assert "not a grid" in measuring.row("taus").note.text() or measuring.problem()
    taus.setText("0 to 0.3 in 4")
    dialog.accept()
    form = explorer.state.form
    assert (form.retrains, form.taus, dict(form.training)) == (2, "0:0.3:4", {"epochs": 3})


def test_settings_of_attacks_are_shown_for_attacks_alone(explorer: Explorer) -> None:
    explorer.window.dialogs.ask_settings()
    dialog = explorer.window.findChild(SettingsDialog)
    measuring = dialog.forms["Measuring"]
    attack = {"target", "arithmetic"}
    steps = {"steps", "step_size", "start"}
    shown = {"gaussian": {"between"}, "pgd": attack | steps, "fgsm": attack}
    every = set.union(*shown.values())
    for name, fields in shown.items():
        measuring.show_values({"perturbation": name})
        assert {field for field in every if measuring.applies(field)} == fields, name
    measuring.show_values({"perturbation": "gaussian", "steps": 3})
    assert not measuring.editor("steps").isVisible()
    dialog.reject()


def test_methods_are_watched_unless_the_settings_say_otherwise(
    explorer: Explorer, qtbot: QtBot
) -> None:
    run(explorer, qtbot)
    assert set(explorer.state.epochs) == {"gd"}
    explorer.window.dialogs.ask_settings()
    dialog = explorer.window.findChild(SettingsDialog)
    box = dialog.forms["Measuring"].editor("watch_each_epoch")
    assert isinstance(box, QCheckBox) and box.isChecked()
    assert "up to 5 seconds" in box.toolTip() and "Recommended: on" in box.toolTip()
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_Space)
    ok = dialog.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Ok)
    qtbot.mouseClick(ok, Qt.MouseButton.LeftButton)
    assert not explorer.state.form.watch
    explorer.controller.opening.change_form(draws=20, settings={"gd": {"epochs": 3}})
    run(explorer, qtbot)
    assert explorer.state.study is not None and dict(explorer.state.epochs) == {}
    stored = sessions.parse(sessions.as_text(explorer.controller.files.session()))
    assert not stored.form.watch
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        explorer.controller.opening.open_dataset("digits")
    assert not explorer.state.form.watch


def test_settings_of_methods_reach_the_form(explorer: Explorer) -> None:
    explorer.window.dialogs.ask_method_settings()
    dialog = explorer.window.findChild(MethodsDialog)
    page = dialog.forms["GD"]
    page.show_values({"epochs": 4})
    dialog.accept()
    assert explorer.state.form.settings["gd"]["epochs"] == 4


def test_the_theme_changes_live(explorer: Explorer, qtbot: QtBot) -> None:
    before = explorer.window.grab().toImage().pixelColor(4, 4).lightness()
    explorer.window.actions_.by_name["theme-dark"].trigger()
    assert explorer.state.theme == "dark"
    assert explorer.window.grab().toImage().pixelColor(4, 4).lightness() < before / 2
    explorer.window.choose_theme("light")


def test_figures_and_checkpoints_are_exported_to_the_given_file(
    explorer: Explorer, qtbot: QtBot, tmp_path: Path
) -> None:
    run(explorer, qtbot)
    for name in ("curves.pdf", "metrics.png"):
        with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
            explorer.exporter.figure(name.split(".")[0], {}, tmp_path / name)
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        explorer.exporter.checkpoint("gd", tmp_path / "gd.pt")
    assert {"curves.pdf", "curves.csv", "metrics.png", "gd.pt"} <= {
        path.name for path in tmp_path.iterdir()
    }
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        explorer.exporter.figure("curves", {}, tmp_path / "curves.docx")
    assert "curves.docx" in explorer.notifier.errors[-1]


def test_studies_in_the_store_are_offered(explorer: Explorer, qtbot: QtBot) -> None:
    run(explorer, qtbot)
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        explorer.window.actions_.by_name["open-study"].trigger()
    dialog = explorer.window.findChild(StudiesDialog)
    assert dialog.table.rowCount() == 1
    assert dialog.table.item(0, 1).text() == "Iris"
    assert dialog.count.text() == "1 study"
    methods = dialog.table.item(0, 4).text().split(", ")
    chosen = explorer.state.form.methods
    assert methods == [explorer.state.catalog.method(name).label for name in chosen]
    assert explorer.state.studies[0].methods == chosen
    QTest.keyClicks(dialog.search, "digits")
    assert dialog.table.isRowHidden(0)
    assert dialog.count.text() == "0 of 1 study"
    dialog.search.clear()
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        dialog.accept()
    assert explorer.state.study is not None


def test_the_last_session_comes_back(qtbot: QtBot, tmp_path: Path) -> None:
    first = start(qtbot, tmp_path)
    first.controller.choice.select([1, 2], REPLACE)
    first.controller.forget_set.replace_by_selection()
    first.controller.opening.change_form(draws=20)
    first.window.docks["metrics"].hide()
    first.window.choose_theme("dark")
    finish(first, qtbot)
    again = start(qtbot, tmp_path)
    assert again.state.form.draws == 20
    assert again.state.forget == (1, 2)
    assert again.state.selection.chosen == {1, 2}
    assert not again.window.docks["metrics"].isVisible()
    assert again.state.theme == "dark"
    again.window.reset_layout()
    assert again.window.docks["metrics"].isVisible()
    again.window.choose_theme("light")
    finish(again, qtbot)
