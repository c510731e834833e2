"""Saved forget sets: save, combine, delete, undo, per dataset; copying the command."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from patience import PATIENCE_MS as WAIT
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot
from quick import FORM, QuickFactory, finish

from engine.errors import SpecError
from explorer.app import Explorer, Options
from explorer.dialogs.forget_dialog import ForgetSetsDialog
from explorer.dialogs.forget_source import (
    CLASS,
    FILE,
    GROUP,
    INDICES,
    NAMES,
    NUMBER,
    RANDOM,
    SAVED,
    SELECTION,
)
from explorer.state import forget_sets, settings
from explorer.state.selection import ADD, INTERSECT, REMOVE, REPLACE, Selection
from explorer.window.command_palette import CommandPalette

LIBRARY = {"mark": {"few": (1, 2), "more": (2, 3, 4)}, "other": {"few": (9,)}}


def test_saving_replaces_and_deleting_leaves_no_empty_dataset() -> None:
    again = forget_sets.with_set(LIBRARY, "mark", "few", (5,))
    assert again == {"mark": {"few": (5,), "more": (2, 3, 4)}, "other": {"few": (9,)}}
    assert forget_sets.without_set(LIBRARY, "other", "few") == {"mark": LIBRARY["mark"]}
    assert forget_sets.without_set(LIBRARY, "mark", "none") == LIBRARY
    assert forget_sets.with_set({}, "new", "a", (1,)) == {"new": {"a": (1,)}}


@pytest.mark.parametrize(
    ("mode", "result"),
    [(REPLACE, (2, 3)), (ADD, (1, 2, 3)), (INTERSECT, (2,)), (REMOVE, (1,))],
)
def test_sets_are_combined(mode: str, result: tuple[int, ...]) -> None:
    assert forget_sets.combine((1, 2), (2, 3), mode) == result


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "two\nlines"])
def test_an_invalid_name_is_explained(name: str) -> None:
    with pytest.raises(SpecError, match="forget set"):
        forget_sets.checked_name(name)


def test_saved_sets_are_read_back_and_checked() -> None:
    assert forget_sets.read(json.loads(json.dumps(forget_sets.as_plain(LIBRARY)))) == LIBRARY
    damaged: dict[str, Any] = {
        "mark": {
            "right": [3, 1, 3], "empty": [], "text": ["1"], "negative": [-1], "flag": [True],
            "no list": 4, " spaced ": [1], "": [1],
        },
        "nothing left": {"text": "abc"},
        "no sets": [1],
    }  # fmt: skip
    assert forget_sets.read(damaged) == {"mark": {"right": (1, 3)}}


@pytest.fixture
def explorer(qtbot: QtBot, tmp_path: Path) -> Iterator[Explorer]:
    result = start(qtbot, tmp_path)
    yield result
    finish(result, qtbot)


def start(qtbot: QtBot, folder: Path) -> Explorer:
    """A window on Iris, with the settings left in the folder."""
    result = Explorer(Options(store=folder / "store"), QuickFactory(folder / "store"))
    if not settings.file_in(folder / "store").exists():
        result.state.form = FORM
        settings.record_session(result.settings, result.state)
    with qtbot.waitSignal(result.jobs.idle, timeout=WAIT):
        result.show()
    return result


def forget(explorer: Explorer, *indices: int) -> None:
    explorer.controller.choice.select(list(indices), REPLACE)
    explorer.controller.forget_set.replace_by_selection()


def test_sets_are_saved_combined_and_undone(explorer: Explorer, qtbot: QtBot) -> None:
    do, state = explorer.controller, explorer.state
    forget(explorer, 1, 2, 60)
    qtbot.wait(10)  # each request is a separate undo step
    do.forget_set.save(" three ")
    assert do.forget_set.saved() == {"three": (1, 2, 60)}
    qtbot.wait(10)
    forget(explorer, 2, 70)
    for mode, result in ((ADD, (1, 2, 60, 70)), (REMOVE, (70,)), (REPLACE, (1, 2, 60))):
        qtbot.wait(10)
        do.forget_set.combine_saved("three", mode)
        assert state.forget == result
    qtbot.wait(10)
    do.forget_set.delete("three")
    assert do.forget_set.saved() == {} and state.forget == (1, 2, 60)
    do.choice.undo.undo()
    assert do.forget_set.saved() == {"three": (1, 2, 60)}
    do.choice.undo.undo()
    assert state.forget == (70,)
    for _ in range(4):
        do.choice.undo.undo()
    assert do.forget_set.saved() == {} and state.forget == (1, 2, 60)
    do.choice.undo.redo()
    assert do.forget_set.saved() == {"three": (1, 2, 60)}
    assert not explorer.notifier.errors


def test_impossible_saves_and_combinations_are_reported(explorer: Explorer) -> None:
    do, messages = explorer.controller, explorer.notifier.errors
    do.forget_set.save("   ")
    assert "Enter a name" in messages[-1]
    do.forget_set.save("all")
    do.forget_set.combine_saved("all", REMOVE)
    assert "forget set is empty" in messages[-1] and explorer.state.forget
    mark = explorer.state.dataset.spec.fingerprint if explorer.state.dataset else ""
    explorer.state.forget_sets = {mark: {"beyond": (10_000,)}}
    do.forget_set.combine_saved("beyond", ADD)
    assert "10000 is not in the training set" in messages[-1]
    do.forget_set.set_text("clas:1")
    do.forget_set.save("wrong")
    assert "wrong" not in do.forget_set.saved() and "clas:1" in messages[-1]


def test_sets_return_only_with_their_dataset(qtbot: QtBot, tmp_path: Path) -> None:
    first = start(qtbot, tmp_path)
    forget(first, 4, 5)
    first.controller.forget_set.save("pair")
    finish(first, qtbot)
    again = start(qtbot, tmp_path)
    assert again.controller.forget_set.saved() == {"pair": (4, 5)}
    with qtbot.waitSignal(again.jobs.idle, timeout=WAIT):
        again.controller.opening.open_dataset("digits")
    assert again.controller.forget_set.saved() == {}
    finish(again, qtbot)
    (stored,) = settings.load(settings.file_in(tmp_path / "store")).forget_sets.values()
    assert stored == {"pair": [4, 5]}


def test_the_toolbar_offers_and_names_saved_sets(explorer: Explorer, qtbot: QtBot) -> None:
    combo = explorer.window.bar.forget
    forget(explorer, 4, 5)
    explorer.controller.forget_set.save("pair")
    assert combo.currentText() == "pair"
    forget(explorer, 6)
    assert combo.currentText() == "1 chosen samples"
    combo.activated.emit(combo.findText("pair (2 samples)"))
    assert explorer.state.forget == (4, 5) and combo.currentText() == "pair"
    combo.activated.emit(combo.findText("save, load or combine ..."))
    dialog = explorer.window.findChild(ForgetSetsDialog)
    assert dialog.isVisible()
    dialog.close()


def open_dialog(explorer: Explorer) -> ForgetSetsDialog:
    explorer.window.actions_.by_name["forget-sets"].trigger()
    result = explorer.window.findChild(ForgetSetsDialog)
    assert isinstance(result, ForgetSetsDialog) and result.isVisible()
    return result


def sizes(dialog: ForgetSetsDialog) -> dict[str, str]:
    """The result that each way of combining announces; '' if it is impossible."""
    return {
        mode: button.text().partition("→ ")[2] if button.isEnabled() else ""
        for mode, button in dialog.buttons.items()
    }


def press(button: QPushButton) -> None:
    assert button.isEnabled(), button.toolTip()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def test_the_dialog_saves_lists_and_combines(explorer: Explorer, qtbot: QtBot) -> None:
    dialog = open_dialog(explorer)
    assert dialog._empty.isVisible() and not dialog.delete_button.isEnabled()
    assert not dialog.save_button.isEnabled()
    forget(explorer, 1, 2, 60)
    qtbot.keyClicks(dialog.name, "three")
    qtbot.keyClick(dialog.name, Qt.Key.Key_Return)
    assert dialog.isVisible() and dialog.name.text() == ""
    forget(explorer, 2, 70)
    row = dialog.list.topLevelItem(0)
    assert [row.text(i) for i in range(3)] == ["three", "3", "1"]
    at = dialog.list.visualItemRect(row).center()
    qtbot.mouseClick(dialog.list.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert dialog.source.kind.currentText() == SAVED
    assert sizes(dialog) == {REPLACE: "3", ADD: "4", REMOVE: "1", INTERSECT: "1"}
    press(dialog.buttons[INTERSECT])
    assert explorer.state.forget == (2,)
    dialog.name.setText("three")
    assert dialog.save_button.text() == "&Overwrite"
    press(dialog.save_button)
    assert explorer.controller.forget_set.saved() == {"three": (2,)}
    forget(explorer, 9)
    qtbot.mouseClick(dialog.list.viewport(), Qt.MouseButton.LeftButton, pos=at)
    qtbot.mouseDClick(dialog.list.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert explorer.state.forget == (2,)
    press(dialog.delete_button)
    assert explorer.controller.forget_set.saved() == {} and dialog._empty.isVisible()
    dialog.close()


def test_the_size_is_shown_before_anything_changes(explorer: Explorer, qtbot: QtBot) -> None:
    forget(explorer, 0, 1, 60)
    qtbot.wait(10)  # each request is a separate undo step
    dialog, source = open_dialog(explorer), open_dialog(explorer).source
    dataset = explorer.state.dataset
    assert dataset is not None
    members = set(np.flatnonzero(dataset.train_y == 1).tolist())
    source.kind.setCurrentText(CLASS)
    source.classes.setCurrentIndex(1)
    source.amount.setValue(100)
    together = {0, 1, 60} | members
    assert sizes(dialog)[ADD] == str(len(together)) and explorer.state.forget == (0, 1, 60)
    press(dialog.buttons[ADD])
    assert set(explorer.state.forget) == together
    explorer.controller.choice.undo.undo()
    assert explorer.state.forget == (0, 1, 60)
    source.amount.setValue(50)
    press(dialog.buttons[REPLACE])
    assert explorer.state.form.forget == "class:1:50%"  # as the toolbar describes it
    assert len(explorer.state.forget) == round(len(members) / 2)
    dialog.close()


def test_chance_indices_a_file_and_the_selection_can_be_forgotten(
    explorer: Explorer, qtbot: QtBot, tmp_path: Path
) -> None:
    forget(explorer, 0)
    dialog, source = open_dialog(explorer), open_dialog(explorer).source
    source.kind.setCurrentText(RANDOM)
    source.unit.setCurrentText(NUMBER)
    source.amount.setValue(7)
    assert sizes(dialog)[REPLACE] == "7"
    source.kind.setCurrentText(INDICES)
    qtbot.keyClicks(source.text, "3, 17, 40-43")
    assert sizes(dialog)[REPLACE] == "6"
    press(dialog.buttons[REPLACE])
    assert explorer.state.forget == (3, 17, 40, 41, 42, 43)
    source.kind.setCurrentText(FILE)
    path = tmp_path / "some.csv"
    path.write_text("index,note\n40,a\n41,b\n99,c\n", encoding="utf-8")
    source.text.setText(str(path))
    press(dialog.buttons[REMOVE])
    assert explorer.state.forget == (3, 17, 42, 43)
    source.kind.setCurrentText(SELECTION)
    explorer.controller.choice.select(
        [42, 50], REPLACE
    )  # as a lasso does, while the dialog is open
    assert sizes(dialog) == {REPLACE: "2", ADD: "5", REMOVE: "3", INTERSECT: "1"}
    press(dialog.buttons[ADD])
    assert explorer.state.forget == (3, 17, 42, 43, 50)
    dialog.close()


def test_a_group_can_be_forgotten_where_the_data_have_groups(
    explorer: Explorer, qtbot: QtBot
) -> None:
    dialog, state = open_dialog(explorer), explorer.state
    source = dialog.source
    source.kind.setCurrentText(GROUP)
    assert dialog.note.text() == "Type a group: patient=17."
    source.text.setText("bed=north")
    assert "read without groups" in dialog.note.text()
    assert state.dataset is not None
    beds = tuple("north" if i % 10 == 0 else "south" for i in range(len(state.dataset)))
    state.dataset = replace(state.dataset, groups={"bed": beds})
    assert source.text.placeholderText() == "bed=north"
    press(dialog.buttons[REPLACE])
    assert state.forget == tuple(range(0, len(state.dataset.train_y), 10))


def test_files_of_any_form_and_of_names_can_be_forgotten(
    explorer: Explorer, tmp_path: Path
) -> None:
    dialog, source = open_dialog(explorer), open_dialog(explorer).source
    np.save(tmp_path / "some.npy", np.array([40, 41, 99, 41]))
    source.kind.setCurrentText(FILE)
    source.text.setText(str(tmp_path / "some.npy"))
    assert dialog.note.text().startswith("3 samples (1 listed twice), ")
    press(dialog.buttons[REPLACE])
    assert explorer.state.forget == (40, 41, 99)
    assert "Forget set: 3 samples (1 listed twice)." in explorer.window.toasts.sentences()
    source.kind.setCurrentText(NAMES)
    (tmp_path / "names.txt").write_text("iris train 3\niris test 1\n", encoding="utf-8")
    source.text.setText(str(tmp_path / "names.txt"))
    assert "1 entry is a test sample" in dialog.note.text()
    (tmp_path / "names.txt").write_text("iris train 3\niris train 17\n", encoding="utf-8")
    source.text.setText(str(tmp_path / "names.txt"))
    source.changed.emit()
    press(dialog.buttons[REPLACE])
    assert explorer.state.forget == (3, 17)
    assert explorer.state.form.forget == f"files:{tmp_path / 'names.txt'}"
    dialog.close()


def test_invalid_forget_sets_are_reported_and_not_offered(
    explorer: Explorer, qtbot: QtBot, tmp_path: Path
) -> None:
    forget(explorer, 3)
    dialog, source = open_dialog(explorer), open_dialog(explorer).source
    dataset = explorer.state.dataset
    assert dataset is not None
    source.kind.setCurrentText(INDICES)
    assert "Type indices" in dialog.note.text() and not any(sizes(dialog).values())
    source.text.setText("5, 1000")
    assert "There is no sample '1000'" in dialog.note.text() and not any(sizes(dialog).values())
    source.text.setText("3")
    assert sizes(dialog) == {REPLACE: "1", ADD: "1", REMOVE: "", INTERSECT: "1"}
    assert "forget set is empty" in dialog.buttons[REMOVE].toolTip()
    source.kind.setCurrentText(FILE)
    source.text.setText(str(tmp_path / "none.csv"))
    assert "Cannot read the index file" in dialog.note.text()
    source.kind.setCurrentText(SELECTION)
    explorer.controller.choice.select([len(dataset.train_y)], REPLACE)  # a test sample
    assert "No training sample is selected" in dialog.note.text()
    source.kind.setCurrentText(SAVED)
    assert "Select one" in dialog.note.text()
    dialog.close()


def test_the_forget_set_is_exported_with_its_classes(
    explorer: Explorer, qtbot: QtBot, tmp_path: Path
) -> None:
    forget(explorer, 4, 60)
    out = tmp_path / "forget.csv"
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        explorer.exporter.forget_set(out)
    dataset = explorer.state.dataset
    assert dataset is not None
    lines = out.read_text(encoding="utf-8").splitlines()
    labels = dataset.train_y
    assert lines[0] == "index,label,class,sample_name"
    assert lines[1:] == [
        f"{i},{labels[i]},{dataset.classes[labels[i]]},iris train {i}" for i in (4, 60)
    ]
    explorer.controller.forget_set.set_text(f"indices:{out}")
    assert explorer.state.forget == (4, 60)


def test_going_to_indices_is_one_step_of_undo(explorer: Explorer, qtbot: QtBot) -> None:
    samples = explorer.window.views["samples"]
    line = samples.go_to
    explorer.controller.choice.select([1], REPLACE)
    qtbot.wait(10)
    before, steps = explorer.state.selection, explorer.controller.choice.undo.count()
    samples.panel.options.click()  # the line is on the card of options
    qtbot.waitUntil(line.isVisible)
    qtbot.keyClicks(line, "7, 9-10")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert explorer.state.selection == Selection(7, frozenset([7, 9, 10]))
    assert explorer.controller.choice.undo.count() == steps + 1
    undo, redo = (explorer.window.actions_.by_name[name] for name in ("undo", "redo"))
    assert undo.text() == "Undo: Go to sample 7 (iris train 7)"
    undo.trigger()
    assert explorer.state.selection == before
    assert undo.text() == "Undo: Select samples"
    assert redo.text() == "Redo: Go to sample 7 (iris train 7)"
    qtbot.keyClicks(line, "iris train 12")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert explorer.state.selection == Selection(12, frozenset([12]))


def test_the_command_of_the_study_is_copied(explorer: Explorer, qtbot: QtBot) -> None:
    from engine.cli.parser import parser
    from engine.forget_sets.forget_set import read_indices

    copy = explorer.window.actions_.by_name["copy-command"]
    copy.trigger()
    assert "Press Run first" in explorer.window.toasts.sentences()[-1]
    forget(explorer, 3, 60, 61)
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        explorer.controller.run()
    with qtbot.waitSignal(explorer.controller.exports.command_written, timeout=WAIT):
        copy.trigger()
    program, *words = shlex.split(QGuiApplication.clipboard().text())
    options = parser().parse_args(words)
    assert program == "rk-engine" and options.dataset == "iris" and options.methods == "gd"
    assert (options.draws, options.retrains, options.set) == (10, 1, ["train.epochs=2"])
    kind, _, path = options.forget.partition(":")
    assert kind == "indices" and read_indices(Path(path)) == [3, 60, 61]
    assert "Copied: rk-engine run" in explorer.window.toasts.sentences()[-1]


def test_the_palette_runs_a_command_of_the_window(explorer: Explorer, qtbot: QtBot) -> None:
    explorer.window.actions_.by_name["command-palette"].trigger()
    palette = explorer.window.findChild(CommandPalette)
    qtbot.keyClicks(palette.line, "select all")
    qtbot.keyClick(palette.line, Qt.Key.Key_Return)
    dataset = explorer.state.dataset
    assert dataset is not None
    assert len(explorer.state.selection.chosen) == len(dataset.train_y)
