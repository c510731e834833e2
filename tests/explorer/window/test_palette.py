"""The command palette finds, disables and runs commands; the overview lists all shortcuts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from pytestqt.qtbot import QtBot

from explorer.state.app_state import AppState
from explorer.views.base import View
from explorer.window.actions import COMMANDS, MENUS, SEPARATOR, shortcuts
from explorer.window.command_palette import (
    KEYWORDS,
    OWN_NAME,
    CommandPalette,
    PaletteEntry,
    entries,
    match,
    search,
)
from explorer.window.shortcuts import ShortcutsDialog, overview

NAMES = [one.name for one in COMMANDS if one.text != SEPARATOR and one.name != OWN_NAME]


@pytest.fixture
def actions(qapp: object) -> dict[str, QAction]:
    return {name: QAction(name) for name in [*NAMES, OWN_NAME]}


@pytest.fixture
def palette(qtbot: QtBot, actions: dict[str, QAction]) -> Iterator[CommandPalette]:
    actions["redo"].setEnabled(False)
    result = CommandPalette(entries(actions), None)
    result.show()
    yield result
    result.close()
    result.deleteLater()


def lines(palette: CommandPalette) -> list[str]:
    return [palette.list.topLevelItem(i).text(0) for i in range(palette.list.topLevelItemCount())]


def test_letters_match_in_order_and_better_at_starts_of_words() -> None:
    assert match("xq", "Quit") is None and match("tiuq", "Quit") is None
    assert match("QUIT", "quit") == match("quit", "Quit")
    starts, middle = match("sm", "Settings of methods"), match("sm", "Select same")
    scattered = match("sm", "Visit him")
    assert starts is not None and middle is not None and scattered is not None
    assert starts >= middle > scattered
    assert (match("run", "Run") or 0) > (match("run", "Rotten union") or 0)


@pytest.mark.parametrize(
    ("query", "best"),
    [
        ("run stu", "run"),
        ("exp cur", "figure-curves"),
        ("dark theme", "theme-dark"),
        ("theme dark", "theme-dark"),
        ("zzz", None),
        ("undo", "undo"),
        ("copy com", "copy-command"),
        ("shortc", "shortcuts"),
        ("lasso", "go-embedding"),
        ("umap", "go-embedding"),
        ("preferences", "settings"),
        ("Unlearn", "forget"),
        ("cka", "go-comparison"),
    ],
)
def test_a_few_letters_find_a_command(
    actions: dict[str, QAction], query: str, best: str | None
) -> None:
    result = search(entries(actions), query)
    assert (result[0].name if result else None) == best


def test_keywords_are_those_of_commands() -> None:
    assert set(KEYWORDS) <= set(NAMES)


def test_no_letters_find_everything_in_the_order_of_the_menus(actions: dict[str, QAction]) -> None:
    assert [entry.name for entry in search(entries(actions), "  ")] == NAMES


def test_lines_show_menu_shortcut_and_whether_they_can_be_run(actions: dict[str, QAction]) -> None:
    actions["undo"].setEnabled(False)
    result = {entry.name: entry for entry in entries(actions)}
    assert result["undo"] == PaletteEntry("undo", "Undo", "Edit", "Ctrl+Z", "", False)
    assert result["theme-dark"].menu == "View > Theme" and result["theme-dark"].enabled


def test_enter_runs_what_was_written(qtbot: QtBot, palette: CommandPalette) -> None:
    qtbot.keyClicks(palette.line, "metr")
    assert lines(palette)[0] == "Metrics"
    with qtbot.waitSignal(palette.chosen) as received:
        qtbot.keyClick(palette.line, Qt.Key.Key_Return)
    assert received.args == ["figure-metrics"]
    assert not palette.isVisible()


def test_arrows_move_over_disabled_lines_and_stop_at_the_ends(
    qtbot: QtBot, palette: CommandPalette
) -> None:
    place = NAMES.index("undo")
    for _ in range(place):
        qtbot.keyClick(palette.line, Qt.Key.Key_Down)
    assert palette.list.currentItem().text(0) == "Undo"
    qtbot.keyClick(palette.line, Qt.Key.Key_Down)
    assert palette.list.currentItem().text(0) == "Select all samples"  # redo is disabled
    for _ in range(10):
        qtbot.keyClick(palette.line, Qt.Key.Key_PageDown)
    assert palette.list.currentItem().text(0) == lines(palette)[-1]
    for _ in range(10):
        qtbot.keyClick(palette.line, Qt.Key.Key_PageUp)
    assert palette.list.currentItem().text(0) == lines(palette)[0]


def test_a_disabled_command_is_grey_and_not_run(qtbot: QtBot, palette: CommandPalette) -> None:
    received: list[str] = []
    palette.chosen.connect(received.append)
    qtbot.keyClicks(palette.line, "redo")
    assert lines(palette) == ["Redo"]
    assert palette.list.topLevelItem(0).isDisabled()
    qtbot.keyClick(palette.line, Qt.Key.Key_Return)
    assert received == [] and palette.isVisible()


def test_escape_closes_and_a_click_runs(qtbot: QtBot, palette: CommandPalette) -> None:
    received: list[str] = []
    palette.chosen.connect(received.append)
    qtbot.keyClick(palette.line, Qt.Key.Key_Escape)
    assert not palette.isVisible() and received == []
    palette.show()
    box = palette.list.visualItemRect(palette.list.topLevelItem(1))
    qtbot.mouseClick(palette.list.viewport(), Qt.MouseButton.LeftButton, pos=box.center())
    assert received == [NAMES[1]]


class Keyed(View):
    name, title = "keyed", "Keyed"
    keys = (("K", "Do it"),)


class Keyless(View):
    name, title = "keyless", "Keyless"


def test_the_overview_is_grouped_by_menu_and_has_the_keys_of_views(qtbot: QtBot) -> None:
    state = AppState()
    views = [Keyed(state, None), Keyless(state, None)]  # type: ignore[arg-type]
    groups = dict(overview(views))
    assert list(groups) == [*(f"Menu {name}" for name in MENUS if shortcuts(name)), "In Keyed"]
    assert groups["In Keyed"] == (("K", "Do it"),)
    assert ("Ctrl+Shift+P", "Commands") in groups["Menu Help"]
    assert ("Ctrl+E", "Export figure: Curves") in groups["Menu File"]
    assert sum(len(keys) for keys in groups.values()) == len(shortcuts()) + 1
    for view in views:
        view.deleteLater()


def test_the_overview_is_searched(qtbot: QtBot) -> None:
    dialog = ShortcutsDialog([("Menu A", [("Ctrl+1", "One")]), ("In B", [("F", "Forget")])], None)
    dialog.show()
    qtbot.keyClicks(dialog.line, "forg")
    groups = [dialog.tree.topLevelItem(i) for i in range(2)]
    assert [group.isHidden() for group in groups] == [True, False]
    dialog.line.setText("ctrl+1")
    assert [group.isHidden() for group in groups] == [False, True]
    dialog.line.clear()
    assert not any(group.isHidden() for group in groups)
    dialog.close()
    dialog.deleteLater()
