"""The palette finds what people type: data, methods, settings, terms and docks, the best first."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from explorer.app import Explorer
from explorer.dialogs.glossary_dialog import GlossaryDialog
from explorer.dialogs.settings_dialog import MethodsDialog, SettingsDialog
from explorer.views.base import Offer
from explorer.window.command_palette import CommandPalette

FIRST = {  # what somebody types -> the line that comes first, with its place
    "lasso": "Embedding | View > Go to",
    "map": "Explore | View > Workspace",
    "thumbnail size": "Samples | View > Go to",
    "sort": "Samples | View > Go to",
    "histogram": "Attack | View > Go to",
    "auc": "Attack | View > Go to",
    "parallel": "Runs | View > Go to",
    "log": "Curves | View > Go to",
    "full screen": "Enlarge the view or put it back | View",
    "learning rate": "Learning rate | Settings > Training",
    "lr": "Learning rate | Settings > Training",
    "seed": "Seed | Settings > Measuring",
    "pgd": "PGD steps | Settings > Measuring",
    "null band": "Null band | Glossary",
    "tau": "Tau | Glossary",
    "posterior": "Posterior | Glossary",
    "scrub": "Use SCRUB | Method",
    "iris": "Open Iris | Dataset",
    "cifar": "Open small CIFAR-5 | File",
    "cnn": "Train Small CNN | Network",
    "help": "Tour | Help",
    ">dark": "Dark | View > Theme",
    "stop": "Stop all runs | Run",
    "png": "Export a set of figures | File",
    "clipboard": "Copy as command | Run",
}


def opened(explorer: Explorer) -> CommandPalette:
    explorer.window.dialogs.show_palette()
    palettes = explorer.window.findChildren(CommandPalette)
    return next(palette for palette in palettes if palette.isVisible())


def choose(explorer: Explorer, qtbot: QtBot, query: str) -> None:
    palette = opened(explorer)
    qtbot.keyClicks(palette.line, query)
    qtbot.keyClick(palette.line, Qt.Key.Key_Return)


def test_what_people_type_leads_where_they_mean(explorer: Explorer) -> None:
    palette = opened(explorer)
    wrong = {}
    for query, expected in FIRST.items():
        palette.line.setText(query)
        item = palette.list.topLevelItem(0)
        got = f"{item.text(0)} | {item.text(1)}" if item is not None else "nothing"
        if got != expected:
            wrong[query] = got
    assert wrong == {}
    palette.close()


def test_a_setting_opens_its_dialog_with_the_focus_there(explorer: Explorer, qtbot: QtBot) -> None:
    choose(explorer, qtbot, "weight decay")
    dialog = explorer.window.findChild(SettingsDialog)
    qtbot.waitUntil(lambda: QApplication.activeWindow() is dialog)
    editor = dialog.forms["Training"].editor("weight_decay")
    assert editor.isVisible() and dialog.focusWidget() is editor
    dialog.close()
    choose(explorer, qtbot, "batch norm gd")
    methods = explorer.window.findChild(MethodsDialog)
    assert methods.forms["GD"].editor("batch_norm").isVisible()
    methods.close()


def test_a_setting_for_experts_is_unfolded(explorer: Explorer, qtbot: QtBot) -> None:
    choose(explorer, qtbot, "number format")
    dialog = explorer.window.findChild(SettingsDialog)
    assert dialog.forms["Training"].editor("precision").isVisible()
    dialog.close()


def test_a_term_opens_the_glossary_there(explorer: Explorer, qtbot: QtBot) -> None:
    choose(explorer, qtbot, "null band")
    dialog = explorer.window.findChild(GlossaryDialog)
    assert dialog.term is not None and dialog.term.name == "Null band"
    dialog.close()


def test_a_method_is_added_and_left_out(explorer: Explorer, qtbot: QtBot) -> None:
    before = explorer.state.form.methods
    choose(explorer, qtbot, "use scrub")
    assert explorer.state.form.methods == (*before, "scrub")
    choose(explorer, qtbot, "leave out scrub")
    assert explorer.state.form.methods == before


def test_what_a_view_offers_brings_it_to_the_front(explorer: Explorer, qtbot: QtBot) -> None:
    view, done = explorer.window.views["runs"], []
    view.offers = lambda: [Offer("Best by Beauty", "Select it", lambda: done.append(view.seen))]  # type: ignore[method-assign]
    assert not view.seen
    choose(explorer, qtbot, "best beauty")
    qtbot.waitUntil(lambda: view.seen)
    assert done


@pytest.mark.parametrize("query", ["x/0", "zzz", ">"])
def test_nonsense_finds_nothing_or_everything(explorer: Explorer, query: str) -> None:
    palette = opened(explorer)
    palette.line.setText(query)
    assert (palette.list.topLevelItemCount() > 50) == (query == ">")
    palette.close()
