"""Named forget sets: saved, combined, deleted, undone, kept per dataset; copying the command."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot
from quick import FORM, QuickFactory, finish

from engine.errors import SpecError
from explorer import forget_sets, settings
from explorer.app import Explorer, Options
from explorer.command_palette import CommandPalette
from explorer.forget_dialog import ForgetSetsDialog
from explorer.state import ADD, INTERSECT, REMOVE, REPLACE

WAIT = 60_000  # ms; the first job imports torch
LIBRARY = {"mark": {"few": (1, 2), "more": (2, 3, 4)}, "other": {"few": (9,)}}


def test_saving_replaces_and_deleting_leaves_no_empty_dataset() -> None:
    again = forget_sets.saved(LIBRARY, "mark", "few", (5,))
    assert again == {"mark": {"few": (5,), "more": (2, 3, 4)}, "other": {"few": (9,)}}
    assert forget_sets.deleted(LIBRARY, "other", "few") == {"mark": LIBRARY["mark"]}
    assert forget_sets.deleted(LIBRARY, "mark", "none") == LIBRARY
    assert forget_sets.saved({}, "new", "a", (1,)) == {"new": {"a": (1,)}}


@pytest.mark.parametrize(
    ("mode", "result"),
    [(REPLACE, (2, 3)), (ADD, (1, 2, 3)), (INTERSECT, (2,)), (REMOVE, (1,))],
)
def test_sets_are_combined(mode: str, result: tuple[int, ...]) -> None:
    assert forget_sets.combined((1, 2), (2, 3), mode) == result


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "two\nlines"])
def test_a_name_that_can_be_none_gets_a_sentence(name: str) -> None:
    with pytest.raises(SpecError, match="forget set"):
        forget_sets.checked_name(name)


def test_what_is_kept_is_read_back_and_checked() -> None:
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
    made = start(qtbot, tmp_path)
    yield made
    finish(made, qtbot)


def start(qtbot: QtBot, folder: Path) -> Explorer:
    """A window on Iris, with what was kept in the folder before."""
    made = Explorer(Options(store=folder / "store"), QuickFactory(folder / "store"))
    if not settings.file_in(folder / "store").exists():
        made.state.form = FORM
        settings.keep(made.settings, made.state)
    with qtbot.waitSignal(made.jobs.idle, timeout=WAIT):
        made.show()
    return made


def forget(explorer: Explorer, *indices: int) -> None:
    explorer.controller.select(list(indices), REPLACE)
    explorer.controller.forget_selection()


def test_sets_are_saved_combined_and_undone(explorer: Explorer, qtbot: QtBot) -> None:
    do, state = explorer.controller, explorer.state
    forget(explorer, 1, 2, 60)
    qtbot.wait(10)  # each wish is a step of its own
    do.save_forget_set(" three ")
    assert do.forget_sets() == {"three": (1, 2, 60)}
    qtbot.wait(10)
    forget(explorer, 2, 70)
    for mode, result in ((ADD, (1, 2, 60, 70)), (REMOVE, (70,)), (REPLACE, (1, 2, 60))):
        qtbot.wait(10)
        do.combine_forget_set("three", mode)
        assert state.forget == result
    qtbot.wait(10)
    do.delete_forget_set("three")
    assert do.forget_sets() == {} and state.forget == (1, 2, 60)
    do.undo.undo()
    assert do.forget_sets() == {"three": (1, 2, 60)}
    do.undo.undo()
    assert state.forget == (70,)
    for _ in range(4):
        do.undo.undo()
    assert do.forget_sets() == {} and state.forget == (1, 2, 60)
    do.undo.redo()
    assert do.forget_sets() == {"three": (1, 2, 60)}
    assert not explorer.notifier.errors


def test_what_cannot_be_saved_or_combined_is_said(explorer: Explorer) -> None:
    do, said = explorer.controller, explorer.notifier.errors
    do.save_forget_set("   ")
    assert "needs a name" in said[-1]
    do.save_forget_set("all")
    do.combine_forget_set("all", REMOVE)
    assert "forget set is empty" in said[-1] and explorer.state.forget
    mark = explorer.state.dataset.spec.fingerprint if explorer.state.dataset else ""
    explorer.state.forget_sets = {mark: {"beyond": (10_000,)}}
    do.combine_forget_set("beyond", ADD)
    assert "10000 is not in the training set" in said[-1]
    do.set_forget_text("clas:1")
    do.save_forget_set("wrong")
    assert "wrong" not in do.forget_sets() and "clas:1" in said[-1]


def test_sets_come_back_with_their_dataset_alone(qtbot: QtBot, tmp_path: Path) -> None:
    first = start(qtbot, tmp_path)
    forget(first, 4, 5)
    first.controller.save_forget_set("pair")
    finish(first, qtbot)
    again = start(qtbot, tmp_path)
    assert again.controller.forget_sets() == {"pair": (4, 5)}
    with qtbot.waitSignal(again.jobs.idle, timeout=WAIT):
        again.controller.open_dataset("digits")
    assert again.controller.forget_sets() == {}
    finish(again, qtbot)
    (kept,) = settings.load(settings.file_in(tmp_path / "store")).forget_sets.values()
    assert kept == {"pair": [4, 5]}


def test_the_toolbar_offers_and_names_saved_sets(explorer: Explorer, qtbot: QtBot) -> None:
    combo = explorer.window.bar.forget
    forget(explorer, 4, 5)
    explorer.controller.save_forget_set("pair")
    assert combo.currentText() == "pair"
    forget(explorer, 6)
    assert combo.currentText() == "1 chosen samples"
    combo.activated.emit(combo.findText("pair (2 samples)"))
    assert explorer.state.forget == (4, 5) and combo.currentText() == "pair"
    combo.activated.emit(combo.findText("save, load or combine ..."))
    dialog = explorer.window.findChild(ForgetSetsDialog)
    assert dialog.isVisible()
    dialog.close()


def test_the_dialog_saves_lists_and_combines(explorer: Explorer, qtbot: QtBot) -> None:
    explorer.window.actions_.by_name["forget-sets"].trigger()
    dialog = explorer.window.findChild(ForgetSetsDialog)
    assert dialog._empty.isVisible() and not dialog.buttons[REPLACE].isEnabled()
    assert not dialog.save_button.isEnabled()
    forget(explorer, 1, 2, 60)
    qtbot.keyClicks(dialog.name, "three")
    qtbot.keyClick(dialog.name, Qt.Key.Key_Return)
    assert dialog.isVisible() and dialog.name.text() == ""
    forget(explorer, 2, 70)
    row = dialog.list.topLevelItem(0)
    assert [row.text(i) for i in range(3)] == ["three", "3", "1"]
    qtbot.mouseClick(dialog.buttons[INTERSECT], Qt.MouseButton.LeftButton)
    assert explorer.state.forget == (2,)
    dialog.name.setText("three")
    assert dialog.save_button.text() == "&Replace"
    qtbot.mouseClick(dialog.save_button, Qt.MouseButton.LeftButton)
    assert explorer.controller.forget_sets() == {"three": (2,)}
    qtbot.mouseClick(dialog.delete_button, Qt.MouseButton.LeftButton)
    assert explorer.controller.forget_sets() == {} and dialog._empty.isVisible()
    dialog.close()


def test_the_command_of_the_study_is_copied(explorer: Explorer, qtbot: QtBot) -> None:
    from engine.__main__ import parser
    from engine.forget import read_indices

    copy = explorer.window.actions_.by_name["copy-command"]
    copy.trigger()
    assert "Press Run first" in explorer.window.message.text()
    forget(explorer, 3, 60, 61)
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        explorer.controller.run()
    with qtbot.waitSignal(explorer.controller.command_written, timeout=WAIT):
        copy.trigger()
    program, *words = shlex.split(QGuiApplication.clipboard().text())
    options = parser().parse_args(words)
    assert program == "rk-engine" and options.dataset == "iris" and options.methods == "gd"
    assert (options.draws, options.retrains, options.set) == (10, 1, ["train.epochs=2"])
    kind, _, path = options.forget.partition(":")
    assert kind == "indices" and read_indices(Path(path)) == [3, 60, 61]
    assert "Copied: rk-engine run" in explorer.window.message.text()


def test_the_palette_runs_a_command_of_the_window(explorer: Explorer, qtbot: QtBot) -> None:
    explorer.window.actions_.by_name["command-palette"].trigger()
    palette = explorer.window.findChild(CommandPalette)
    qtbot.keyClicks(palette.line, "select all")
    qtbot.keyClick(palette.line, Qt.Key.Key_Return)
    dataset = explorer.state.dataset
    assert dataset is not None
    assert len(explorer.state.selection.chosen) == len(dataset.train_y)
