"""Bundles through the window: saved in one process, opened in another, with and without images."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from bundles import facts, photographs, run, start
from patience import PATIENCE
from patience import PATIENCE_MS as WAIT
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox
from pytestqt.qtbot import QtBot
from quick import finish

from explorer.app import Explorer
from explorer.dialogs.bundle_dialog import BundleDialog
from explorer.dialogs.data_dialog import DataDialog
from explorer.state.selection import REPLACE
from explorer.state.study_form import StudyForm

LEFT = Qt.MouseButton.LeftButton


def save(explorer: Explorer, qtbot: QtBot, path: Path, images: bool) -> None:
    """Save a bundle as a person would: the command, the dialog, its checkbox and its button."""
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        explorer.window.actions_.by_name["save-bundle"].trigger()
    dialog = explorer.window.findChild(BundleDialog)
    dialog.place.line.clear()
    assert not dialog.save.isEnabled()
    QTest.keyClicks(dialog.place.line, str(path))
    if not images:
        box = dialog.findChild(QCheckBox)
        QTest.mouseClick(box, LEFT, pos=box.rect().center() - box.rect().center() / 1.2)
        assert "ask for the location of the dataset" in dialog._note.text()
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        QTest.mouseClick(dialog.save, LEFT)


@pytest.fixture
def explorer(qtbot: QtBot, tmp_path: Path) -> Iterator[Explorer]:
    made = start(qtbot, tmp_path / "store")
    yield made
    finish(made, qtbot)


ELSEWHERE = """
import json, sys
from pathlib import Path
from PySide6.QtWidgets import QApplication
from PySide6.QtCore import QTimer
here, store, bundle, out = map(Path, sys.argv[1:])
sys.path[:0] = [str(here), str(here.parent), str(here.parents[1])]
from quick import QuickFactory
from bundles import facts
from explorer.app import Explorer, Options
app = QApplication([])
explorer = Explorer(Options(store=store, dataset="iris"), QuickFactory(store))
def opened():
    explorer.jobs.idle.disconnect(opened)
    explorer.jobs.idle.connect(done)
    explorer.controller.files.open_bundle(bundle)
def done():
    if explorer.state.neighborhood is None:
        return
    out.write_text(json.dumps({**facts(explorer), "errors": explorer.notifier.errors}))
    explorer.close()
    app.quit()
explorer.jobs.idle.connect(opened)
explorer.show()
QTimer.singleShot(100_000, app.quit)
app.exec()
"""


@pytest.mark.parametrize("images", [True, False])
def test_a_bundle_opens_identical_in_a_new_process_on_another_store(
    explorer: Explorer, qtbot: QtBot, tmp_path: Path, images: bool
) -> None:
    explorer.controller.choice.select([1, 2, 60], REPLACE)
    run(explorer, qtbot)
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        explorer.controller.set_probe("l2", 0.2)
    explorer.window.views["curves"].restore_view_state({"tab": "prevalence"})
    bundle, out = tmp_path / "study.rkx", tmp_path / "seen.json"
    save(explorer, qtbot, bundle, images)
    assert "Saved" in explorer.window.toasts.sentences()[-1]
    before = json.loads(json.dumps(facts(explorer)))
    arguments = [str(Path(__file__).parents[1]), str(tmp_path / "other"), str(bundle), str(out)]
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert out.exists(), done.stderr
    seen = json.loads(out.read_text())
    assert seen.pop("errors") == []
    for session in (seen["session"], before["session"]):
        session["look"].pop("docks", None)  # of another screen
    assert seen == before


def test_a_bundle_needs_a_study(explorer: Explorer) -> None:
    explorer.window.actions_.by_name["save-bundle"].trigger()
    assert "Press Run first" in explorer.window.toasts.sentences()[-1]


# -- without the images ---------------------------------------------------------------------------


def test_without_its_images_a_bundle_asks_where_they_lie(qtbot: QtBot, tmp_path: Path) -> None:
    root = photographs(tmp_path / "mine")
    form = StudyForm(
        dataset="folder", root=str(root), training={"epochs": 1}, methods=("gd",), retrains=1,
        draws=10, taus="0,0.2", forget="class:0:3",
    )  # fmt: skip
    first = start(qtbot, tmp_path / "store", form)
    run(first, qtbot)
    save(first, qtbot, tmp_path / "study.rkx", images=False)
    assert first.state.study is not None
    metrics = first.state.study.metrics
    finish(first, qtbot)
    away = shutil.move(root, tmp_path / "theirs")
    wrong = photographs(tmp_path / "wrong", shade=5)

    other = start(qtbot, tmp_path / "other")
    with qtbot.waitSignal(other.jobs.idle, timeout=WAIT):
        other.controller.files.open_bundle(tmp_path / "study.rkx")
    dialog = other.window.findChild(DataDialog)
    assert "uses Image folder" in dialog.question and "no folder" in dialog.note
    assert other.state.dataset is not None and other.state.dataset.spec.name == "iris"
    look(dialog, other, qtbot, str(wrong))
    assert dialog.isVisible() and "are not those" in dialog.note
    look(dialog, other, qtbot, str(away))
    assert other.window.findChild(DataDialog) is None
    state = other.state
    assert state.study is not None and state.study.metrics == metrics
    assert state.form.root == str(away) and len(state.forget) == 3
    run(other, qtbot)  # and it goes on from there
    assert not other.notifier.errors
    finish(other, qtbot)


def look(dialog: DataDialog, explorer: Explorer, qtbot: QtBot, folder: str) -> None:
    """Type a folder and press the button."""
    dialog.place.line.clear()
    QTest.keyClicks(dialog.place.line, folder)
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        QTest.mouseClick(dialog.use, LEFT)


def test_with_its_images_a_bundle_needs_no_folder_and_runs_on(qtbot: QtBot, tmp_path: Path) -> None:
    root = photographs(tmp_path / "mine")
    form = StudyForm(
        dataset="folder", root=str(root), training={"epochs": 1}, methods=("gd",), retrains=1,
        draws=10, taus="0,0.2", forget="class:0:3",
    )  # fmt: skip
    first = start(qtbot, tmp_path / "store", form)
    run(first, qtbot)
    save(first, qtbot, tmp_path / "study.rkx", images=True)
    finish(first, qtbot)
    shutil.rmtree(root)
    other = start(qtbot, tmp_path / "other")
    with qtbot.waitSignal(other.jobs.idle, timeout=WAIT):
        other.controller.files.open_bundle(tmp_path / "study.rkx")
    assert other.state.study is not None and other.state.dataset is not None
    other.controller.opening.change_form(draws=20)
    run(other, qtbot)
    assert other.state.study.spec["probe"]["draws"] == 20
    assert not other.notifier.errors
    finish(other, qtbot)


def test_built_in_data_need_no_looking_for(explorer: Explorer) -> None:
    explorer.window.actions_.by_name["find-data"].trigger()
    assert "Iris is built in" in explorer.window.toasts.sentences()[-1]
