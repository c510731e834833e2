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
LEAST_LETTERS = 3  # of a keyword, before it is found
WORD_START, RUN = 3, 4  # extra score of a letter at a word start, or right after the last match
WIDTH, HEIGHT, TOP = 560, 380, 60  # px; TOP: below the top of the window
STEPS = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1, Qt.Key.Key_PageUp: -10, Qt.Key.Key_PageDown: 10}
KEYWORDS = {  # command -> related words that find it too, written out or begun
    "open-folder": "dataset images import data",
    "open-cifar5": "dataset data",
    "open-cifar10": "dataset data download",
    "open-study": "stored results load",
    "save-session": "workspace state",
    "open-session": "workspace state restore load",
    "open-bundle": "import load",
    "save-bundle": "share archive export",
    "find-data": "locate missing moved folder path dataset",
    "figure-curves": "residual knowledge plot",
    "figure-set": "plots svg pdf png",
    "report": "html pdf print",
    "quit": "exit close",
    "select-none": "deselect clear",
    "forget": "unlearn erase",
    "remember": "retain keep",
    "forget-sets": "combine union intersect load save",
    "export-forget": "csv indices save",
    "go-samples": "thumbnails images grid filter sort",
    "go-embedding": "lasso umap projection features points",
    "go-neighborhood": "perturbed copies recognition",
    "go-slice": "decision regions boundary plane",
    "go-curves": "residual knowledge null band norm",
    "go-epochs": "replay watch training loss",
    "go-comparison": "cka similarity layers confusion predictions",
    "go-attack": "membership inference mia roc threshold",
    "go-metrics": "accuracy gap table verdicts",
    "go-runs": "queue stored studies delete resume",
    "go-activity": "log progress messages",
    "next-worst": "ranking residual",
    "worse": "ranking residual",
    "reset-layout": "docks panels default",
    "theme-dark": "appearance night",
    "theme-light": "appearance day",
    "theme-system": "appearance",
    "run": "start train unlearn measure",
    "cancel": "stop abort interrupt",
    "cancel-all": "abort interrupt queue",
    "settings": "preferences options seed training perturbation tau draws",
    "method-settings": "hyperparameters options learning rate",
    "copy-command": "cli terminal shell rk-engine",
    "shortcuts": "keyboard keys hotkeys",
    "glossary": "definitions terms explain",
    "explain": "help what's this f1 meaning",
    "tour": "tutorial introduction first steps demo walk guide help",
    "copy-report": "bug crash issue",
    "about": "version license",
}


@dataclass(frozen=True)
class PaletteEntry:
    """One line of the palette. menu: its place in the menus, such as 'View > Theme'; keywords:
    related words, separated by spaces.
    """

    name: str
    text: str
    menu: str
    keys: str
    tip: str
    enabled: bool
    keywords: str = ""


def entries(actions: Mapping[str, QAction]) -> list[PaletteEntry]:
    """All entries: the table of commands, then other menu entries (see `listed`)."""
    commands = [command for command in COMMANDS if command.text != SEPARATOR]
    result = [
        _command(command, actions[command.name]) for command in commands if command.name != OWN_NAME
    ]
    others = {name: actions[name] for name in actions if "/" in name}
    return result + [_other(name, action) for name, action in others.items()]


def listed(menus: Mapping[str, QMenu]) -> dict[str, QAction]:
    """Menu entries that are not commands, such as docks and recent files, by 'menu/text'.

    menus: by path, such as 'File/Recent'. Menus that are filled when they open are filled first.
    """
    actions = {}
    for path, menu in menus.items():
        menu.aboutToShow.emit()
        for action in menu.actions():
            # QAction.menu() would pass ownership to Python, which deletes it
            submenu = QMenu.menuInAction(action)
            named = action.text() and not submenu and not action.objectName()
            if named and not action.isSeparator():
                actions[f"{path}/{action.text()}"] = action
    return actions


def _command(command: Command, action: QAction) -> PaletteEntry:
    keys = QKeySequence(command.shortcut).toString(QKeySequence.SequenceFormat.NativeText)
    menu = command.menu.replace("/", " > ")
    text, keywords = command.text.rstrip(" ."), KEYWORDS.get(command.name, "")
    return PaletteEntry(command.name, text, menu, keys, command.tip, action.isEnabled(), keywords)


def _other(name: str, action: QAction) -> PaletteEntry:
    """An entry for an action without a command; a '&1' before its text is removed."""
    menu = " > ".join(name.split("/")[:2])
    text = re.sub(r"^&\d+\s+", "", action.text()).replace("&&", "&").rstrip(" .")
    tip = action.toolTip() if action.toolTip() != action.text() else ""
    return PaletteEntry(name, text, menu, "", tip, action.isEnabled())


def search(candidates: Sequence[PaletteEntry], query: str) -> list[PaletteEntry]:
    """The entries that match every word of `query`, best first; all for an empty query."""
    scored = [(_score(query, entry), entry) for entry in candidates]
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
    """Sum over the words of `query`; the text counts twice as much as menu and keywords."""
    total = 0
    for word in query.split():
        text, menu = match(word, entry.text) or 0, match(word, entry.menu) or 0
        score = max(2 * text, menu, _keyword_score(word, entry.keywords))
        if not score:
            return None
        total += score
    return total


def _keyword_score(word: str, keywords: str) -> int:
    """Score of the best keyword that begins with `word`; 0 if none does, or it is too short."""
    starts = [key for key in keywords.split() if key.startswith(word.casefold())]
    if len(word) < LEAST_LETTERS:
        return 0
    return max((match(word, key) or 0 for key in starts), default=0)


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

    def __init__(self, palette_entries: Sequence[PaletteEntry], parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Commands")
        self._entries = list(palette_entries)
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
        enabled = [item for item in items if item is not None and not item.isDisabled()]
        if not enabled:
            return
        current = self.list.currentItem()
        index = enabled.index(current) + step if current in enabled else 0
        self.list.setCurrentItem(enabled[min(max(index, 0), len(enabled) - 1)])


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
