"""The command palette: every command, setting and term, found by a few letters or another word."""

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

from explorer.widgets.fit import resize_on_screen
from explorer.widgets.plain_text import literal
from explorer.window.actions import COMMANDS, SEPARATOR, Command

OWN_NAME = "command-palette"  # the command that opens the palette, which does not list itself
LEAST_LETTERS = 3  # of a keyword, before it is found
WORD_START, RUN = 3, 4  # extra score of a letter at a word start, or right after the last match
EXACT, PLACE = 6, 3  # score of a text that is the query; cost of what is no menu command
WIDTH, HEIGHT, TOP = 560, 380, 60  # px; TOP: below the top of the window
STEPS = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1, Qt.Key.Key_PageUp: -10, Qt.Key.Key_PageDown: 10}
KEYWORDS = {  # command -> related words that find it too, written out or begun
    "open-folder": "dataset images import data pictures photos own",
    "open-cifar5": "dataset data",
    "open-cifar10": "dataset data download",
    "open-study": "stored results load previous earlier",
    "save-session": "workspace state project",
    "open-session": "workspace state restore load project",
    "open-bundle": "import load share",
    "save-bundle": "share archive export colleague",
    "find-data": "locate missing moved folder path dataset",
    "clear-recent": "history",
    "figure-curves": "residual knowledge plot picture paper",
    "figure-embedding": "plot picture paper",
    "figure-around": "copies plot picture paper",
    "figure-slice": "regions plot picture paper",
    "figure-sample": "plot picture paper",
    "figure-samples": "thumbnails contact sheet picture paper",
    "figure-metrics": "table latex numbers paper",
    "figure-scatter": "trade-off pareto plot picture paper",
    "figure-comparison": "plot picture paper",
    "figure-attack": "roc plot picture paper",
    "figure-critical": "smallest tau distribution cumulative plot picture paper",
    "figure-epochs": "live training plot picture paper",
    "figure-set": "plots svg pdf png all paper batch",
    "report": "html pdf print summary",
    "quit": "exit close",
    "select-all": "everything",
    "select-none": "deselect clear",
    "forget": "unlearn erase delete target",
    "forget-also": "unlearn more extend",
    "remember": "retain keep",
    "forget-sets": "combine union intersect load save class random",
    "export-forget": "csv indices save",
    "workspace-choose": "layout select samples",
    "workspace-run": "layout queue train",
    "workspace-explore": "layout map main default",
    "workspace-compare": "layout models beside difference",
    "workspace-attack": "layout membership privacy",
    "workspace-publish": "layout paper figures export",
    "enlarge": "maximize zoom fullscreen full screen large bigger",
    "go-samples": "thumbnails size images grid filter sort pictures search index",
    "go-embedding": "lasso umap projection features points map scatter zoom",
    "go-neighborhood": "perturbed copies recognition noise around",
    "go-slice": "decision regions boundary plane",
    "go-curves": "residual knowledge null band norm plot tau log scale",
    "go-epochs": "replay watch training loss",
    "go-comparison": "cka similarity layers confusion predictions classes",
    "go-attack": "membership inference mia roc threshold auc histogram",
    "go-metrics": "accuracy gap table verdicts trade-off pareto",
    "go-runs": "parallel coordinates grid queue stored studies delete resume history experiments "
    "tags notes",
    "go-activity": "log progress messages errors status",
    "next-worst": "ranking residual largest highest r",
    "worse": "ranking residual previous",
    "reset-layout": "docks panels default windows lost",
    "theme-dark": "appearance night black mode colors",
    "theme-light": "appearance day white mode colors",
    "theme-system": "appearance mode colors",
    "run": "start train unlearn measure compute go execute",
    "cancel": "stop abort interrupt kill",
    "cancel-all": "abort interrupt queue",
    "settings": "preferences options seed training perturbation tau draws configure epsilon",
    "method-settings": "hyperparameters options learning rate configure parameters",
    "copy-command": "clipboard cli terminal shell rk-engine script reproduce",
    "tour": "tutorial introduction first steps demo walk guide help",
    "explain": "help meaning what context",
    "shortcuts": "keyboard keys hotkeys bindings",
    "glossary": "definitions terms explain dictionary help",
    "copy-report": "bug crash issue",
    "about": "version license citation paper",
}


@dataclass(frozen=True)
class PaletteEntry:
    """One line of the palette. menu: its place in the menus, such as 'View > Theme'; keywords:
    related words, separated by spaces; place: whether it is no menu command.
    """

    name: str
    text: str
    menu: str
    keys: str
    tip: str
    enabled: bool
    keywords: str = ""
    place: bool = False


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


def _score(query: str, entry: PaletteEntry) -> float | None:
    """Sum over the words of `query`; None if one of them is not found.

    Of equal scores the order of the menus holds. A '>' before the query is ignored, as
    other programs' palettes need it.
    """
    query = query.strip().lstrip(">").strip()
    scores = [_word_score(word, entry) for word in query.split()]
    if not all(scores):
        return None
    exact = EXACT * (query.casefold() == entry.text.casefold())
    return sum(scores) + exact - PLACE * entry.place if scores else 0


def _word_score(word: str, entry: PaletteEntry) -> float:
    """Score of a word: whole words of the text and keywords count twice as much as letters."""
    text, menu = match(word, entry.text) or 0, match(word, entry.menu) or 0
    whole = 2 if _starts(word, entry.text) else 1
    return max(
        whole * text,
        menu if _starts(word, entry.menu) else 0,
        2 * _keyword_score(word, entry.keywords) - 1,
    )


def _starts(word: str, text: str) -> bool:
    """Whether one of the words of a text begins so."""
    return any(part.startswith(word.casefold()) for part in re.split(r"[^\w-]+", text.casefold()))


def _keyword_score(word: str, keywords: str) -> int:
    """Score of the best keyword that is `word` or, unless that is short, begins with it; else 0."""
    least = len(word) >= LEAST_LETTERS
    starts = [
        key
        for key in keywords.casefold().split()
        if key == word.casefold() or (least and key.startswith(word.casefold()))
    ]
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
        self.line.setPlaceholderText(
            "Type letters or a word: 'exp cur', 'lasso', 'learning rate', 'null band'"
        )
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
        resize_on_screen(self, WIDTH, HEIGHT)
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
