"""Questions about files have titles of their own and begin where the last one ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QFileDialog, QWidget
from pytestqt.qtbot import QtBot

from explorer.app import Explorer
from explorer.dialogs.file_prompts import FilePrompts
from explorer.state.folders import DATA, SESSIONS, Folders


class Asked:
    """Answers each question with the next path, and notes title and beginning."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: Path | str) -> None:
        self.answers, self.questions = list(map(str, answers)), []  # type: ignore[var-annotated]
        monkeypatch.setattr(QFileDialog, "getExistingDirectory", staticmethod(self.one))
        for name in ("getOpenFileName", "getSaveFileName"):
            monkeypatch.setattr(QFileDialog, name, staticmethod(self.two))

    def one(self, parent: QWidget, title: str, begin: str, *rest: Any) -> str:
        self.questions.append((title, begin))
        return self.answers.pop(0)

    def two(self, *words: Any, **_: Any) -> tuple[str, str]:
        return self.one(*words), ""


def test_each_purpose_remembers_its_folder(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, notes = tmp_path / "data", tmp_path / "notes"
    data.mkdir()
    notes.mkdir()
    stored: dict[str, str] = {}
    window = QWidget()
    qtbot.addWidget(window)
    prompts = FilePrompts(Folders(stored), window)
    asked = Asked(monkeypatch, data, notes / "a.json", "", data, notes / "b.json")
    assert prompts.folder("Choose data", DATA) == data
    assert prompts.file("Open", SESSIONS) == notes / "a.json"
    assert prompts.file("Open", SESSIONS) is None  # canceled
    prompts.folder("Choose data", DATA)
    prompts.new_file("Save", SESSIONS, "b.json", "")
    begins = [begin for _, begin in asked.questions]
    assert begins == [str(Path.home()), str(data), str(notes), str(data), str(notes / "b.json")]
    assert stored == {"data": str(data), "sessions": str(notes)}
    notes.rmdir()
    assert Folders(stored).last(SESSIONS) == data  # of those that still exist


def test_the_window_asks_for_a_folder_by_what_it_is_for(
    explorer: Explorer, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Asked(monkeypatch, "", "", "")
    explorer.window.dialogs.ask_folder("folder")
    explorer.window.dialogs.ask_folder("cifar10")
    explorer.window.dialogs.ask_index_file()
    assert [title for title, _ in asked.questions] == [
        "Choose the image folder",
        "Choose the folder of CIFAR-10",
        "Choose a file that lists the samples to forget",
    ]
