"""Drag and drop onto the window: the overlay says what will happen, the drop does it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from bundles import photographs, run, start
from patience import PATIENCE_MS as WAIT
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from quick import finish

from explorer.app import Explorer
from explorer.dialogs.weights_dialog import WeightsDialog
from explorer.widgets import drop
from explorer.window.weights_row import WeightsRow

LEFT = Qt.MouseButton.LeftButton
COPY = Qt.DropAction.CopyAction


@pytest.fixture
def explorer(qtbot: QtBot, tmp_path: Path) -> Iterator[Explorer]:
    result = start(qtbot, tmp_path / "store")
    yield result
    finish(result, qtbot)


def drag(explorer: Explorer, *paths: Path) -> QMimeData:
    """Drag files over the middle of the window."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    keys = Qt.KeyboardModifier.NoModifier
    event = QDragEnterEvent(QPoint(400, 300), COPY, mime, LEFT, keys)
    QApplication.sendEvent(explorer.window, event)
    return mime


def let_go(explorer: Explorer, mime: QMimeData) -> None:
    """Drop what is dragged."""
    keys = Qt.KeyboardModifier.NoModifier
    event = QDropEvent(QPointF(400, 300), COPY, mime, LEFT, keys)
    QApplication.sendEvent(explorer.window, event)
    assert event.isAccepted()


def throw(explorer: Explorer, qtbot: QtBot, path: Path) -> None:
    """Drop a file, and wait until all jobs are done."""
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        let_go(explorer, drag(explorer, path))


def test_the_overlay_says_what_will_happen_and_disappears(
    explorer: Explorer, tmp_path: Path
) -> None:
    overlay = explorer.window.dropper.overlay
    drag(explorer, tmp_path / "study.rkx")
    assert overlay.isVisible() and overlay.sentence == "Open the bundle study.rkx"
    assert overlay.geometry() == explorer.window.rect()
    QApplication.sendEvent(explorer.window, QDragLeaveEvent())
    assert not overlay.isVisible()


@pytest.mark.parametrize(
    ("names", "words"),
    [(["a.docx"], "'a.docx' cannot be opened"), (["a.rkx", "b.rkx"], "one at a time")],
)
def test_unsupported_files_get_a_sentence(
    explorer: Explorer, tmp_path: Path, names: list[str], words: str
) -> None:
    let_go(explorer, drag(explorer, *[tmp_path / name for name in names]))
    assert words in explorer.window.message.text()
    assert not explorer.window.dropper.overlay.isVisible()


def test_dragged_text_is_ignored(explorer: Explorer) -> None:
    mime = QMimeData()
    mime.setText("class:1")
    keys = Qt.KeyboardModifier.NoModifier
    event = QDragEnterEvent(QPoint(400, 300), COPY, mime, LEFT, keys)
    event.ignore()
    QApplication.sendEvent(explorer.window, event)
    assert not explorer.window.dropper.overlay.isVisible() and not event.isAccepted()


def test_each_kind_is_recognized_by_its_suffix_in_any_case(tmp_path: Path) -> None:
    names = {name: drop.offer_for([tmp_path / f"x{name.upper()}"]).kind for name in drop.KINDS}
    assert names == drop.KINDS
    assert drop.offer_for([tmp_path]).kind == drop.UNKNOWN
    assert drop.offer_for([photographs(tmp_path)]).kind == drop.FOLDER


def test_a_dropped_session_and_a_dropped_bundle_are_opened(
    explorer: Explorer, qtbot: QtBot, tmp_path: Path
) -> None:
    run(explorer, qtbot)
    files, state = explorer.controller.files, explorer.state
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        files.save_session(tmp_path / "a.json")
        files.save_bundle(tmp_path / "a.rkx", images=True)
    for name in ("a.json", "a.rkx"):
        with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
            explorer.controller.opening.open_dataset("digits")
        assert state.study is None
        throw(explorer, qtbot, tmp_path / name)
        assert state.study is not None and state.form.dataset == "iris"


def test_a_dropped_result_opens_its_study_also_from_another_store(
    explorer: Explorer, qtbot: QtBot, tmp_path: Path
) -> None:
    run(explorer, qtbot)
    assert explorer.state.study is not None
    study = explorer.state.study
    (result,) = (tmp_path / "store" / "studies").glob("*.h5")
    explorer.controller.shown.clear()
    throw(explorer, qtbot, result)
    assert explorer.state.study is not None
    other = start(qtbot, tmp_path / "other")
    throw(other, qtbot, result)
    assert other.state.study is not None and other.state.study.metrics == study.metrics
    (model, *_) = (tmp_path / "store" / "models").glob("*.h5")
    throw(other, qtbot, model)
    assert "is not the result of a study" in other.window.message.text()
    finish(other, qtbot)


def test_a_dropped_folder_is_opened(explorer: Explorer, qtbot: QtBot, tmp_path: Path) -> None:
    throw(explorer, qtbot, photographs(tmp_path / "pets"))
    assert explorer.state.dataset is not None
    assert explorer.state.dataset.classes == ("cats", "dogs")


def test_a_dropped_list_is_the_forget_set_and_can_be_undone(
    explorer: Explorer, tmp_path: Path
) -> None:
    before = explorer.state.forget
    (tmp_path / "mine.csv").write_text("index,label\n3,0\n60,1\n")
    let_go(explorer, drag(explorer, tmp_path / "mine.csv"))
    assert explorer.state.forget == (3, 60)
    QTest.mouseClick(explorer.window.toasts.toasts[-1].action, LEFT)
    assert explorer.state.forget == before
    (tmp_path / "bad.csv").write_text("index\nx\n")
    let_go(explorer, drag(explorer, tmp_path / "bad.csv"))
    assert "line 2" in explorer.window.message.text()


@pytest.mark.parametrize("name", ["mine.npy", "mine.json", "mine.pt", "mine.tsv"])
def test_a_dropped_list_may_come_from_another_program(
    explorer: Explorer, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    if path.suffix == ".npy":
        np.save(path, np.array([3, 60, 60]))
    elif path.suffix == ".pt":
        torch.save(torch.tensor([3, 60, 60]), path)
    else:
        path.write_text("[3, 60, 60]" if path.suffix == ".json" else "label\tidx\n0\t3\n1\t60\n")
    mime = drag(explorer, path)
    assert explorer.window.dropper.overlay.sentence == f"Forget the samples listed in {name}"
    let_go(explorer, mime)
    assert explorer.state.forget == (3, 60)
    if path.suffix != ".tsv":
        assert "2 samples (1 listed twice)" in explorer.window.toasts.toasts[-1].notice.sentence


def test_dropped_weights_are_compared_under_their_name(
    explorer: Explorer, qtbot: QtBot, tmp_path: Path
) -> None:
    run(explorer, qtbot)
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        explorer.controller.exports.save_checkpoint("gd", tmp_path / "Scrubbed.pt")
    let_go(explorer, drag(explorer, tmp_path / "Scrubbed.pt"))
    dialog = explorer.window.findChild(WeightsDialog)
    assert dialog.name.text() == "scrubbed"
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        QTest.mouseClick(dialog.use, LEFT)
    row = explorer.window.findChild(WeightsRow)
    assert row.isVisible() and "Scrubbed.pt" in row.chips[0].text()
    run(explorer, qtbot)
    study = explorer.state.study
    assert study is not None
    assert study.metrics["scrubbed"]["unlearn_acc"] == study.metrics["gd"]["unlearn_acc"]
    QTest.mouseClick(row.chips[0], LEFT)
    assert dict(explorer.state.form.weights) == {} and not row.isVisible()
    assert not explorer.notifier.errors


def test_weights_of_another_network_are_refused_and_not_taken(
    explorer: Explorer, qtbot: QtBot, tmp_path: Path
) -> None:
    (tmp_path / "odd.pt").write_bytes(b"no weights at all")
    let_go(explorer, drag(explorer, tmp_path / "odd.pt"))
    dialog = explorer.window.findChild(WeightsDialog)
    QTest.mouseClick(dialog.original, LEFT, pos=QPoint(8, dialog.original.height() // 2))
    assert not dialog.name.isEnabled()
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        QTest.mouseClick(dialog.use, LEFT)
    assert "odd.pt" in explorer.window.message.text()
    assert dict(explorer.state.form.weights) == {}
