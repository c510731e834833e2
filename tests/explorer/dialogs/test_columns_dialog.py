"""Tables, messages and arrays are opened by their file, and a dialog asks what the columns are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from patience import PATIENCE_MS as WAIT
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from engine.datasets._roles import roles_of
from explorer.app import Explorer
from explorer.dialogs.columns_dialog import ColumnsDialog

COLUMNS = ("age", "patient, ward", "outcome")


def dialog(qtbot: QtBot, roles: tuple[str, ...] = ("label", "split", "group")) -> ColumnsDialog:
    one = ColumnsDialog(Path("some.csv"), COLUMNS, roles, None)
    qtbot.addWidget(one)
    return one


def test_nothing_needs_to_be_said(qtbot: QtBot) -> None:
    assert dialog(qtbot).roles() == ""
    assert set(dialog(qtbot, ("label", "text", "group")).choices) == {"label", "text"}


def test_what_is_chosen_is_read_back_by_the_engine(qtbot: QtBot) -> None:
    one = dialog(qtbot)
    wanted: list[str] = []
    one.wanted.connect(wanted.append)
    one.choices["label"].setCurrentText("outcome")
    item = one.groups.item(1)
    item.setCheckState(Qt.CheckState.Checked)
    one.open_button.click()
    (text,) = wanted
    roles = roles_of(text)
    assert roles.label == "outcome" and roles.groups == ("patient, ward",) and not roles.split


def choose(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    answer = staticmethod(lambda *words, **_: (str(path), ""))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", answer)


def opened(explorer: Explorer) -> list[tuple[str, str, str]]:
    """The data that the window was asked for, (name, root, columns); nothing is loaded."""
    asked: list[tuple[str, str, str]] = []

    def note(name: str, root: str = "", side: int = 0, columns: str | None = None) -> None:
        asked.append((name, root, str(columns)))

    explorer.controller.opening.open_dataset = note  # type: ignore[method-assign]
    return asked


def test_a_table_is_opened_once_its_columns_are_named(
    explorer: Explorer, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.csv"
    path.write_text("age,ward,outcome\n1,a,x\n2,b,y\n")
    choose(monkeypatch, path)
    asked = opened(explorer)
    explorer.window.dialogs.ask_folder("tabular")
    one = explorer.window.findChild(ColumnsDialog)
    assert isinstance(one, ColumnsDialog) and not asked
    one.choices["label"].setCurrentText("outcome")
    one.open_button.click()
    assert asked == [("tabular", str(path), "label=outcome")]


@pytest.mark.parametrize(
    ("name", "content"),
    [("text", "ham\thello\nspam\twin\n"), ("tabular", ""), ("npz", "")],
)
def test_a_file_without_named_columns_is_opened_at_once(
    name: str,
    content: str,
    explorer: Explorer,
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "file"
    path.write_text(content)  # what is wrong with an empty one, opening it says
    choose(monkeypatch, path)
    asked = opened(explorer)
    explorer.window.dialogs.ask_folder(name)
    assert asked == [(name, str(path), "None")]
    assert explorer.window.findChild(ColumnsDialog) is None


def test_arrays_are_loaded_in_the_window(
    explorer: Explorer, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = np.random.default_rng(0).integers(0, 256, (40, 8, 8), np.uint8), np.arange(40) % 2
    np.savez(tmp_path / "a.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    choose(monkeypatch, tmp_path / "a.npz")
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        explorer.window.dialogs.ask_folder("npz")
    data = explorer.state.dataset
    assert data is not None and data.label == "a" and data.shape == (1, 8, 8)
