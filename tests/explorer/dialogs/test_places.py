"""Whatever somebody types as the name of a file: a sentence, never an exception."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from engine.storage.paths import exists, is_file, is_folder, typed_path
from explorer.dialogs.bundle_dialog import BundleDialog
from explorer.dialogs.export_dialog import ExportDialog, ExportSetDialog
from explorer.dialogs.report_dialog import ReportDialog
from explorer.state.figure_format import FigureFormat

IMPOSSIBLE = ("x" * 300, "~nobody-of-that-name/x", "a\0b", "", "/", "..", "~")


@pytest.mark.parametrize("text", IMPOSSIBLE)
def test_asking_about_any_name_raises_nothing(text: str) -> None:
    for ask in (exists, is_file, is_folder):
        assert ask(typed_path(text)) in (False, True)
    assert not is_file(typed_path(text))


def test_the_tilde_is_the_home_folder() -> None:
    assert typed_path("~/x") == Path.home() / "x"


@pytest.mark.parametrize("text", IMPOSSIBLE)
def test_dialogs_bear_any_name(text: str, qtbot: QtBot, tmp_path: Path) -> None:
    bundle = BundleDialog(tmp_path / "study.rkx", (1, 2), None)
    report = ReportDialog(tmp_path / "report.html", None)
    export = ExportDialog("curves", {}, FigureFormat(), None)
    wanted: list[object] = []
    report.wanted.connect(wanted.append)
    for dialog in (bundle, report, export):
        qtbot.addWidget(dialog)
        dialog.show()
        dialog.place.line.setText(text)
        dialog.place.line.editingFinished.emit()
    assert bundle.save.isEnabled() == bool(text and not text.endswith("/"))
    report.accept()
    assert report.isVisible() == (not wanted)
    assert report.problem.isVisible() == (not wanted)


def test_a_name_alone_lies_beside_the_one_that_was_offered(qtbot: QtBot, tmp_path: Path) -> None:
    bundle = BundleDialog(tmp_path / "study.rkx", (1, 2), None)
    export = ExportDialog("curves", {}, FigureFormat(folder=str(tmp_path)), None)
    report = ReportDialog(tmp_path / "report.html", None)
    for dialog in (bundle, export, report):
        qtbot.addWidget(dialog)
        dialog.place.line.setText("mine")
    export.place.line.editingFinished.emit()
    assert bundle.path() == tmp_path / "mine.rkx"
    assert report.files == [tmp_path / "mine.html"]
    assert export.place.path == tmp_path / f"mine{FigureFormat().suffix}"


def test_figures_need_a_folder_that_is_named(qtbot: QtBot, tmp_path: Path) -> None:
    dialog = ExportSetDialog({"curves": {}}, ["curves"], FigureFormat(folder=str(tmp_path)), None)
    qtbot.addWidget(dialog)
    dialog.show()
    wanted: list[object] = []
    dialog.wanted.connect(lambda kinds, *more: wanted.append(kinds))
    dialog.place.line.setText(" ")
    dialog.accept()
    assert dialog.isVisible() and not wanted
    dialog.place.line.setText(str(tmp_path))
    dialog.accept()
    assert wanted == [["curves"]]
