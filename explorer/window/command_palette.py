"""The command palette: every command of the menus, found by a few of its letters."""

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

OWN_NAME = "command-palette"  # the command that opens it, which it need not offer
WORD_START, RUN = 3, 4  # what a letter counts more at the start of a word, or after its neighbor
WIDTH, HEIGHT, TOP = 560, 380, 60  # px; TOP: below the top of the window
STEPS = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1, Qt.Key.Key_PageUp: -10, Qt.Key.Key_PageDown: 10}


@dataclass(frozen=True)
class PaletteEntry:
    """One line of the palette; menu: where else it is found, such as 'View > Theme'."""

    name: str
    text: str
    menu: str
    keys: str
    tip: str
    enabled: bool


def entries(actions: Mapping[str, QAction]) -> list[PaletteEntry]:
    """What can be done now: the table of commands, then what menus list besides (see `listed`)."""
    known = [one for one in COMMANDS if one.text != SEPARATOR]
    found = [_command(one, actions[one.name]) for one in known if one.name != OWN_NAME]
    others = {name: actions[name] for name in actions if "/" in name}
    return found + [_other(name, action) for name, action in others.items()]


def listed(menus: Mapping[str, QMenu]) -> dict[str, QAction]:
    """What menus hold that is no command, such as docks and recent files, by 'menu/text'.

    menus: by their paths, such as 'File/Recent'. Those that are filled when they open are filled.
    """
    found = {}
    for path, menu in menus.items():
        menu.aboutToShow.emit()
        for action in menu.actions():
            # QAction.menu() would leave the menu to Python, which deletes it
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
    """Without the '&1' that is for menus alone."""
    menu = " > ".join(name.split("/")[:2])
    text = re.sub(r"^&\d+\s+", "", action.text()).replace("&&", "&").rstrip(" .")
    tip = action.toolTip() if action.toolTip() != action.text() else ""
    return PaletteEntry(name, text, menu, "", tip, action.isEnabled())


def search(found: Sequence[PaletteEntry], query: str) -> list[PaletteEntry]:
    """The entries that have every word of `query`, best first; all of them for no word."""
    scored = [(_score(query, entry), entry) for entry in found]
    fitting = [(score, entry) for score, entry in scored if score is not None]
    return [entry for _, entry in sorted(fitting, key=lambda pair: -pair[0])]


def match(word: str, text: str) -> int | None:
    """How well the letters of `word` are found in `text`, in order; None if they are not.

    Every letter counts 1, more at the start of a word and right after the letter before; the best
    of all places to begin counts. Upper and lower case are the same.
    """
    word, text = word.casefold(), text.casefold()
    starts = [place for place, letter in enumerate(text) if letter == word[:1]]
    return max((score for start in starts if (score := _from(start, word, text))), default=None)


def _from(start: int, word: str, text: str) -> int:
    """The score of `word` from `start` on, each letter at the next place it has; 0 if one lacks."""
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
    """A line to write in, whose up and down keys are for the list below it."""

    moved = Signal(int)  # lines down, negative upwards

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Pass on what moves, write the rest."""
        step = STEPS.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
        else:
            self.moved.emit(step)


class CommandPalette(QDialog):
    """Type a few letters, choose with the arrow keys, run with Enter, leave with Esc."""

    chosen = Signal(str)  # name of a command, once the palette is gone

    def __init__(self, found: Sequence[PaletteEntry], parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Commands")
        self._entries = list(found)
        self.line = SearchLine()
        self.line.setPlaceholderText("Letters of a command, such as 'exp cur'")
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
        """Run the current command; nothing happens where it is disabled, or there is none."""
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
        """Go this many enabled lines down, or as far as there are any."""
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
    tree.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the line keeps it, and its keys move here
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
