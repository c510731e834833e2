"""The command palette: every menu command, found by a few letters or a related word."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QHeaderView,
    QLineEdit,
    QMenu,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from explorer.widgets.plain_text import literal
from explorer.window.actions import COMMANDS, SEPARATOR, Command

OWN_NAME = "command-palette"  # the command that opens the palette, which does not list itself
WORD_START, RUN = 3, 4  # extra score of a letter at a word start, or right after the last match
WIDTH, HEIGHT, TOP = 560, 380, 60  # px; TOP: below the top of the window
STEPS = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1, Qt.Key.Key_PageUp: -10, Qt.Key.Key_PageDown: 10}


@dataclass(frozen=True)
class PaletteEntry:
    """One line of the palette. menu: its place in the menus, such as 'View > Theme'."""

    name: str
    text: str
    menu: str
    keys: str
    tip: str
    enabled: bool


def entries(actions: Mapping[str, QAction]) -> list[PaletteEntry]:
    """All entries: the table of commands, then other menu entries (see `listed`)."""
    known = [one for one in COMMANDS if one.text != SEPARATOR]
    found = [_command(one, actions[one.name]) for one in known if one.name != OWN_NAME]
    others = {name: actions[name] for name in actions if "/" in name}
    return found + [_other(name, action) for name, action in others.items()]


def listed(menus: Mapping[str, QMenu]) -> dict[str, QAction]:
    """Menu entries that are not commands, such as docks and recent files, by 'menu/text'.

    menus: by path, such as 'File/Recent'. Menus that are filled when they open are filled first.
    """
    found = {}
    for path, menu in menus.items():
        menu.aboutToShow.emit()
        for action in menu.actions():
            # QAction.menu() would pass ownership to Python, which deletes it
            submenu = QMenu.menuInAction(action)
            named = action.text() and not submenu and not action.objectName()
            if named and not action.isSeparator():
                found[f"{path}/{action.text()}"] = action
    return found


def _command(one: Command, action: QAction) -> PaletteEntry:
    keys = QKeySequence(one.shortcut).toString(QKeySequence.SequenceFormat.NativeText)
    menu = one.menu.replace("/", " > ")
    return PaletteEntry(one.name, one.text.rstrip(" ."), menu, keys, one.tip, action.isEnabled())


def _other(name: str, action: QAction) -> PaletteEntry:
    """An entry for an action without a command; a '&1' before its text is removed."""
    menu = " > ".join(name.split("/")[:2])
    text = re.sub(r"^&\d+\s+", "", action.text()).replace("&&", "&").rstrip(" .")
    tip = action.toolTip() if action.toolTip() != action.text() else ""
    return PaletteEntry(name, text, menu, "", tip, action.isEnabled())


def search(found: Sequence[PaletteEntry], query: str) -> list[PaletteEntry]:
    """The entries that match every word of `query`, best first; all for an empty query."""
    scored = [(_score(query, entry), entry) for entry in found]
    fitting = [(score, entry) for score, entry in scored if score is not None]
    return [entry for _, entry in sorted(fitting, key=lambda pair: -pair[0])]


def match(word: str, text: str) -> int | None:
    """Score of the letters of `word` found in order in `text`; None if they are not.

    Every letter counts 1, and more at the start of a word and right after the last match; the best
    starting position counts. Case is ignored.
    """
    word, text = word.casefold(), text.casefold()
    starts = [place for place, letter in enumerate(text) if letter == word[:1]]
    return max((score for start in starts if (score := _from(start, word, text))), default=None)


def _from(start: int, word: str, text: str) -> int:
    """Score of `word` from `start`, matching each letter greedily; 0 if one is missing."""
    score, before = 0, start - 1
    for number, letter in enumerate(word):
        place = text.find(letter, before + 1)
        if place < 0:
            return 0
        score += 1 + WORD_START * (place == 0 or not text[place - 1].isalnum())
        score += RUN * (number > 0 and place == before + 1)
        before = place
    return score


def _score(query: str, entry: PaletteEntry) -> int | None:
    """The sum over the words of `query`, its name counting twice as much as its menu."""
    total = 0
    for word in query.split():
        here, there = match(word, entry.text), match(word, entry.menu)
        if here is None and there is None:
            return None
        total += max(2 * (here or 0), there or 0)
    return total


class SearchLine(QLineEdit):
    """A search line that passes the up and down keys to the list below it."""

    moved = Signal(int)  # lines down, negative upwards

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Emit `moved` for navigation keys; edit the text with all others."""
        step = STEPS.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
        else:
            self.moved.emit(step)


class CommandPalette(QDialog):
    """Type a few letters, choose with the arrow keys, run with Enter, close with Esc."""

    chosen = Signal(str)  # name of a command, once the palette is closed

    def __init__(self, found: Sequence[PaletteEntry], parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Commands")
        self._entries = list(found)
        self.line = SearchLine()
        self.line.setPlaceholderText("Type a few letters or a word, such as 'exp cur' or 'lasso'")
        self.line.setAccessibleName("Search commands")
        self.line.setClearButtonEnabled(True)
        self.list = _list()
        layout = QVBoxLayout(self)
        layout.addWidget(self.line)
        layout.addWidget(self.list)
        self.line.textChanged.connect(self._show)
        self.line.moved.connect(self._move)
        self.line.returnPressed.connect(self.accept)
        self.list.itemClicked.connect(self.accept)
        self.resize(WIDTH, HEIGHT)
        if parent is not None:
            self.move(parent.mapToGlobal(QPoint((parent.width() - WIDTH) // 2, TOP)))
        self._show("")

    def accept(self) -> None:
        """Run the current command; do nothing if it is disabled or there is none."""
        item = self.list.currentItem()
        if item is None or item.isDisabled():
            return
        super().accept()
        self.chosen.emit(item.data(0, Qt.ItemDataRole.UserRole))

    def _show(self, query: str) -> None:
        self.list.clear()
        for entry in search(self._entries, query):
            self.list.addTopLevelItem(_item(entry))
        self._move(1)

    def _move(self, step: int) -> None:
        """Move down by this many enabled lines, as far as possible."""
        items = [self.list.topLevelItem(i) for i in range(self.list.topLevelItemCount())]
        there = [item for item in items if item is not None and not item.isDisabled()]
        if not there:
            return
        here = self.list.currentItem()
        at = there.index(here) + step if here in there else 0
        self.list.setCurrentItem(there[min(max(at, 0), len(there) - 1)])


def _list() -> QTreeWidget:
    tree = QTreeWidget()
    tree.setColumnCount(3)
    tree.setAccessibleName("Commands")
    tree.setHeaderHidden(True)
    tree.setRootIsDecorated(False)
    tree.setUniformRowHeights(True)
    tree.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the search line keeps it and moves the selection
    tree.header().setStretchLastSection(False)
    tree.header().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    return tree


def _item(entry: PaletteEntry) -> QTreeWidgetItem:
    item = QTreeWidgetItem([entry.text, entry.menu, entry.keys])
    item.setData(0, Qt.ItemDataRole.UserRole, entry.name)
    item.setToolTip(0, literal(entry.tip))
    item.setDisabled(not entry.enabled)
    return item
