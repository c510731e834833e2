"""Each workspace at 1280 x 800 on the example: its canvas is large, and every text can be read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from patience import PATIENCE_MS as WAIT
from PySide6.QtCore import QSize
from PySide6.QtWidgets import QAbstractItemView, QMenu, QScrollBar, QWidget
from pytestqt.qtbot import QtBot
from quick import finish

from explorer.app import Explorer, Options
from explorer.thumbnails.grid import ThumbnailGrid
from explorer.widgets.plot_widget import Plot
from explorer.window.workspaces import WORKSPACES, Workspace
from tests.gallery import checks

SIZE = QSize(1280, 800)
LEAST = 0.45  # of the window's area
GALLERIES = (ThumbnailGrid,)  # as many pictures as there are samples: these may scroll down
ALONE = {"choose": ThumbnailGrid, "explore": Plot}  # the widget that is the canvas itself


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that has the example already after the first of the windows."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture(params=["light", "dark"])
def explorer(request: pytest.FixtureRequest, qtbot: QtBot, store: Path) -> Iterator[Explorer]:
    result = Explorer(Options(store=store, theme=request.param, size=SIZE.toTuple()))
    result.show()
    qtbot.waitUntil(lambda: result.state.study is not None, timeout=WAIT)
    settle(result, qtbot)
    assert result.window.size() == SIZE
    yield result
    finish(result, qtbot)


def settle(explorer: Explorer, qtbot: QtBot) -> None:
    """Wait until nothing is computed and everything is laid out."""
    qtbot.wait(50)
    qtbot.waitUntil(lambda: not explorer.jobs.busy(), timeout=WAIT)
    qtbot.wait(50)


def bars(widget: QWidget) -> list[str]:
    """The scroll bars that are needed to see everything, apart from those of galleries."""
    return [
        checks.path_of(bar)
        for bar in widget.findChildren(QScrollBar)
        if bar.isVisible() and bar.maximum() > bar.minimum() and not _of_gallery(bar)
    ]


def _of_gallery(bar: QWidget) -> bool:
    above = bar.parentWidget()
    while above is not None and not isinstance(above, GALLERIES):
        above = above.parentWidget()
    return above is not None


def canvas_of(explorer: Explorer, workspace: Workspace) -> QWidget:
    """The plot or the grid where it is all there is, else what the dock contains."""
    content = explorer.window.docks[workspace.canvas].widget()
    kind = ALONE.get(workspace.name)
    if kind is None:
        return content
    parts = [one for one in content.findChildren(kind) if one.isVisible()]
    assert len(parts) == 1
    return parts[0]


def test_the_canvas_has_its_share_and_nothing_is_below_the_fold_or_cut(
    explorer: Explorer, qtbot: QtBot
) -> None:
    window = explorer.window
    for workspace in WORKSPACES:
        window.show_workspace(workspace.name)
        settle(explorer, qtbot)
        canvas = canvas_of(explorer, workspace)
        assert checks.share(canvas, window) >= LEAST, workspace.name
        assert bars(window.docks[workspace.canvas]) == [], workspace.name
        assert checks.faults(window) == [], workspace.name


def test_highlighted_rows_of_lists_and_menus_can_be_read(explorer: Explorer) -> None:
    window = explorer.window
    lists = [*window.findChildren(QAbstractItemView), *window.findChildren(QMenu)]
    assert len(lists) > 20
    assert [line for one in lists for line in checks.low_contrast(one)] == []


def test_the_checks_find_what_is_wrong(explorer: Explorer, qtbot: QtBot) -> None:
    """A narrow button, an unreadable list and a small canvas do not pass."""
    window = explorer.window
    run = window.bar.run_button
    run.setFixedWidth(12)
    qtbot.waitUntil(lambda: any("'Run' needs" in line for line in checks.clipped(window)))
    table = window.views["runs"].table  # type: ignore[attr-defined]
    palette = table.palette()
    palette.setColor(palette.ColorRole.HighlightedText, palette.color(palette.ColorRole.Highlight))
    table.setPalette(palette)
    assert any("highlighted text" in line for line in checks.low_contrast(table))
    assert checks.share(window.bar, window) < LEAST
