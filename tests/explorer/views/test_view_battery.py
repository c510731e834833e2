"""One battery that every registered view passes."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import held
import numpy as np
import pytest
from battery import FRAMED, VIEWS, outside, settled
from patience import PATIENCE
from PySide6.QtCore import QCoreApplication, QEvent, QObject, QTimer
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QPushButton
from shiboken6 import Shiboken
from shown import Shown, press

from explorer import theme
from explorer.control.queries import QUERIES
from explorer.state.selection import Selection
from explorer.views.base import View

HERE = Path(__file__).parents[1]
DOCK = (490, 400)  # px: what a dock has in the window as it opens


EXPORTED = tuple(kind for kind in FRAMED if kind.name not in ("runs", "figures"))
THEMED = tuple(kind for kind in FRAMED if kind.name != "figures")  # paper is white in both


# -- every view -------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", FRAMED)
def test_every_view_says_what_to_do_next_while_it_is_empty(kind: type[View], shown: Shown) -> None:
    view = shown.view(kind)
    sentence = view.panel.empty.text()
    assert view.panel.is_empty
    assert sentence.endswith(".")
    assert len(sentence) > 40


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("kind", THEMED)
def test_every_view_draws_in_both_themes_and_follows_a_change(
    kind: type[View], theme: str, shown: Shown
) -> None:
    shown.fill()
    view = shown.view(kind)
    view.grab()  # the first time, layouts settle
    before = view.grab().toImage()
    shown.state.theme = theme
    after = view.grab().toImage()
    assert (before != after) == (theme == "dark")
    colors = {after.pixelColor(x, y).rgb() for x in range(0, 640, 3) for y in range(0, 480, 3)}
    assert len(colors) > 8


@pytest.mark.parametrize("kind", FRAMED)
def test_a_hidden_view_does_no_work_and_catches_up_when_shown(
    kind: type[View], shown: Shown
) -> None:
    view = shown.view(kind)
    view.hide()
    drawn: list[int] = []
    view.refreshed.connect(lambda: drawn.append(1))
    shown.fill()
    assert drawn == []
    view.show()
    assert drawn == [1]
    assert not view.panel.is_empty


@pytest.mark.parametrize("kind", VIEWS)
def test_a_hidden_view_asks_nothing_and_no_clock_of_it_runs(kind: type[View], shown: Shown) -> None:
    view = shown.view(kind)
    view.hide()
    shown.asked.calls.clear()
    shown.fill()
    shown.state.selection = Selection(3, frozenset([3]))
    shown.state.probe = ("gaussian", 0.1)
    QApplication.processEvents()
    assert [call for call in shown.asked.calls if "look" in call[0]] == []
    assert [timer for timer in view.findChildren(QTimer) if timer.isActive()] == []


@pytest.mark.parametrize("kind", VIEWS)
def test_what_a_view_keeps_in_view_is_let_go_when_it_is_hidden(
    kind: type[View], shown: Shown
) -> None:
    shown.fill()
    view = shown.view(kind)
    questions = list(QUERIES)
    looks = [call[1] for call in shown.asked.calls if call[0] == "look"]
    asked = {name for name in looks if name in questions}
    shown.asked.calls.clear()
    view.hide()
    let_go = [call[1] for call in shown.asked.calls if call[0] == "look_away"]
    assert asked <= set(let_go)
    assert not [call for call in shown.asked.calls if call[0] == "look"]


@pytest.mark.parametrize("kind", VIEWS)
def test_a_selection_from_elsewhere_is_drawn_and_can_be_taken_back(
    kind: type[View], shown: Shown
) -> None:
    shown.fill()
    view = shown.view(kind)
    shown.state.selection = Selection(5)
    before = settled(view)
    shown.state.selection = Selection(5, frozenset(range(12)))
    after = settled(view)
    assert (before != after) == (view.name in ("samples", "embedding", "attack", "critical"))
    shown.state.selection = Selection(5)
    assert settled(view) == before


@pytest.mark.parametrize("kind", VIEWS)
def test_a_view_fits_into_its_dock(kind: type[View], shown: Shown, qapp: QApplication) -> None:
    theme.apply(qapp, theme.LIGHT)
    shown.fill()
    view = shown.view(kind)
    view.resize(*DOCK)
    settled(view)
    assert view.minimumSizeHint().width() <= DOCK[0]
    assert view.minimumSizeHint().height() <= DOCK[1]
    assert outside(view) == []


def test_at_twice_the_scale_every_view_is_twice_as_large_and_sharp(tmp_path: Path) -> None:
    """In processes of their own: Qt takes the scale when it starts."""
    for scale in (1, 2):
        _draw_in_a_process(scale, tmp_path)
    for kind in VIEWS:
        once, twice = (QImage(str(tmp_path / f"{kind.name}-{scale}.png")) for scale in (1, 2))
        assert once.size() * 2 == twice.size() == once.size() * 2
        assert (once.width(), once.height()) == DOCK
        assert _share_of_fine_detail(twice) > 0.1, kind.name  # 0 where it is only enlarged
        assert _share_of_fine_detail(once.scaled(twice.size())) == 0
        outside = (tmp_path / f"{kind.name}-2.txt").read_text(encoding="utf-8")
        assert outside == "", kind.name


@pytest.mark.parametrize("kind", VIEWS)
def test_every_control_has_a_name_and_every_button_a_tip(kind: type[View], shown: Shown) -> None:
    view = shown.view(kind)
    assert view.accessibleName() == view.title
    assert view.help.endswith(".")
    for button in view.findChildren(QPushButton):
        assert button.toolTip(), button.text()


@pytest.mark.parametrize("kind", EXPORTED)
def test_export_asks_for_the_views_own_figure(kind: type[View], shown: Shown) -> None:
    shown.fill()
    view = shown.view(kind)
    press(view, "Export…")
    assert shown.last[:2] == ("ask_figure", view.name)


@pytest.mark.parametrize("kind", VIEWS)
def test_a_view_takes_back_what_it_kept(kind: type[View], shown: Shown) -> None:
    shown.fill()
    kept = json.loads(json.dumps(shown.view(kind).view_state()))
    again = shown.view(kind)
    again.restore_view_state(kept)
    assert again.view_state() == kept
    for wrong in ({"tab": 7, "hidden": "x", "model": []}, {name: object() for name in kept}):
        again.restore_view_state(wrong)  # from another version, or damaged: ignored


@pytest.mark.parametrize("kind", VIEWS)
def test_a_view_lives_through_every_change_of_the_state(kind: type[View], shown: Shown) -> None:
    shown.fill()
    view = shown.view(kind)
    dataset = shown.state.dataset
    for selection in (Selection(), Selection(3, frozenset([1, 2, 3])), Selection(len(dataset) - 1)):
        shown.state.selection = selection
        QApplication.processEvents()
    for name in ("neighborhood", "slice", "embedding", "study", "residual"):
        setattr(shown.state, name, None)
        QApplication.processEvents()
    shown.state.models = {}
    shown.fill()
    QApplication.processEvents()
    assert kind not in FRAMED or not view.panel.is_empty


@pytest.mark.parametrize("kind", VIEWS)
def test_a_destroyed_view_is_gone(kind: type[View], shown: Shown) -> None:
    shown.fill()
    view = shown.view(kind)
    trace = weakref.ref(view)
    shown.kept.remove(view)
    held.release(view)
    view.close()
    view.deleteLater()
    del view
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    shown.state.theme = "dark"  # nobody who is gone may answer
    shown.state.selection = Selection(1, frozenset([1]))
    QApplication.processEvents()
    gc.collect()
    assert trace() is None


@pytest.mark.parametrize("was_shown", [True, False])
@pytest.mark.parametrize("kind", VIEWS)
def test_a_view_that_nobody_deleted_is_collected_without_a_word(
    kind: type[View], was_shown: bool, shown: Shown, capfd: pytest.CaptureFixture[str]
) -> None:
    """The collector takes it with its tabs, timers and windows; the next signal finds nobody."""
    shown.fill()
    gc.collect()
    threads, windows = threading.active_count(), set(QApplication.topLevelWidgets())
    view = kind(shown.state, shown.asked)
    if was_shown:
        view.show()
        settled(view)
        view.close()
    parts = [weakref.ref(part) for part in view.findChildren(QObject)]
    trace = weakref.ref(view)
    capfd.readouterr()
    del view
    gc.collect()
    shown.state.theme = "dark"
    shown.state.selection = Selection(1, frozenset([1]))
    QApplication.processEvents()
    assert trace() is None
    left = [part() for part in parts]
    assert [part for part in left if part is not None and Shiboken.isValid(part)] == []
    assert threading.active_count() == threads
    assert set(QApplication.topLevelWidgets()) <= windows
    said = capfd.readouterr().err
    assert "Error" not in said and "not found" not in said


# -- the traps themselves -----------------------------------------------------------------------
FAULTY = """
import threading
import pyqtgraph as pg
from PySide6.QtCore import QObject, QPoint, Qt, QTimer, Signal
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from explorer.widgets.plot_widget import Plot

class Sender(QObject):
    said = Signal()

def wrong(*facts):
    raise ValueError("on purpose")

def test_slot(qtbot):
    sender = Sender()
    sender.said.connect(wrong)
    sender.said.emit()

def test_event(qtbot):
    class Painted(QWidget):
        def paintEvent(self, event):
            wrong()
    widget = Painted()
    qtbot.addWidget(widget)
    widget.show()
    widget.grab()

def test_pyqtgraph(qtbot):
    class Box(pg.ViewBox):
        def mouseClickEvent(self, event):
            wrong()
    plot = Plot(Box())
    qtbot.addWidget(plot)
    plot.show()
    QTest.mouseClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(100, 100))

def test_thread(qtbot):
    threading.Thread(target=threading.Event().wait, daemon=True).start()

def test_window(qtbot):
    global left
    left = QWidget()

def test_warning(qtbot):
    QObject().startTimer(-5)

def test_nothing_wrong(qtbot):
    pass
"""


def test_whatever_goes_wrong_in_a_slot_a_handler_or_at_the_end_fails_a_test(
    tmp_path: Path,
) -> None:
    """Exceptions in slots, events and pyqtgraph's handlers, warnings, threads and windows left."""
    (tmp_path / "test_faulty.py").write_text(FAULTY, encoding="utf-8")
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "conftest"]
    words += ["--rootdir", str(tmp_path), "-rA", str(tmp_path / "test_faulty.py")]
    path = os.pathsep.join([str(HERE), str(HERE.parent), str(HERE.parents[1])])
    environment = {**os.environ, "PYTHONPATH": path, "QT_QPA_PLATFORM": "offscreen"}
    environment["RK_TEST_PATIENCE"] = "5"  # the thread that is left behind never ends
    done = subprocess.run(
        words, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=PATIENCE
    )
    verdicts = {
        line.split("::")[1].split()[0]: line.split()[0]
        for line in done.stdout.splitlines()
        if "::" in line and line.startswith(("PASSED", "FAILED", "ERROR"))
    }
    assert verdicts.pop("test_nothing_wrong") == "PASSED", done.stdout
    assert set(verdicts) == {
        f"test_{name}" for name in ("slot", "event", "pyqtgraph", "thread", "window", "warning")
    }
    assert set(verdicts.values()) <= {"FAILED", "ERROR"}, verdicts


# -- helpers --------------------------------------------------------------------------------------


def _share_of_fine_detail(image: QImage) -> float:
    """Of the blocks of 2 x 2 pixels on an edge, how many are not of one color: 0 if enlarged."""
    gray = image.convertToFormat(QImage.Format.Format_Grayscale8)
    rows = np.frombuffer(gray.constBits(), np.uint8).reshape(gray.height(), -1)
    rows = rows[: gray.height() // 2 * 2, : gray.width() // 2 * 2].astype(int)
    blocks = rows.reshape(rows.shape[0] // 2, 2, rows.shape[1] // 2, 2)
    mixed = (blocks.max((1, 3)) - blocks.min((1, 3))) > 16
    means = blocks.mean((1, 3))
    edges = np.abs(np.diff(means, axis=1, append=means[:, -1:])) > 16
    return float((mixed & edges).sum() / edges.sum())


def _draw_in_a_process(scale: int, folder: Path) -> None:
    words = [sys.executable, str(HERE / "drawn.py"), str(folder), str(scale), *map(str, DOCK)]
    environment = {
        **os.environ,
        "QT_SCALE_FACTOR": str(scale),
        "QT_QPA_PLATFORM": "offscreen",
        "PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), str(HERE.parent)]),
    }
    done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
