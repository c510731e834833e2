"""The table of commands, from which menus, shortcuts and the palette are built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar

from explorer import theme
from explorer.state.selection import ADD, REPLACE
from explorer.window.docks import DOCKS
from explorer.window.shell import Shell
from explorer.window.workspaces import WORKSPACES

SEPARATOR = "-"
MENUS = ("File", "Edit", "View", "Run", "Help")


Handler = Callable[[Shell], object]


@dataclass(frozen=True)
class Command:
    """A menu command. menu: 'File' or 'File/Export figure'; group: only one is checked."""

    name: str
    menu: str
    text: str
    do: Handler
    shortcut: str = ""
    tip: str = ""
    icon: str = ""
    group: str = ""


def _select_all(shell: Shell) -> None:
    dataset = shell.controller.state.dataset
    if dataset is not None:
        shell.controller.choice.select(dataset.pool.tolist(), ADD)


def _figure(kind: str) -> Handler:
    return lambda shell: shell.controller.exports.ask_figure(kind)


def _theme(choice: str) -> Handler:
    return lambda shell: shell.choose_theme(choice)


def _dock(name: str) -> Handler:
    return lambda shell: shell.go_to(name)


def _workspace(name: str) -> Handler:
    return lambda shell: shell.show_workspace(name)


def _folder(dataset: str) -> Handler:
    return lambda shell: shell.dialogs.ask_folder(dataset)


COMMANDS = (
    Command(
        "open-folder", "File", "Open image folder ...", _folder("folder"), "Ctrl+O",
        "A folder with train/<class>/*.png or .jpg inside", "folder",
    ),
    Command(
        "open-cifar5", "File", "Open small CIFAR-5 ...", _folder("small-cifar5"), "",
        "The folder of CIFAR-10; uses 200 images of each of its first five classes",
    ),
    Command(
        "open-cifar10", "File", "Open CIFAR-10 ...", _folder("cifar10"), "",
        "The folder of CIFAR-10, or the folder to download it into",
    ),
    Command(
        "open-table", "File", "Open table ...", _folder("tabular"), "",
        "A CSV, TSV or JSONL file with a label column, plain or gzipped",
    ),
    Command(
        "open-messages", "File", "Open messages ...", _folder("text"), "",
        "A TSV, CSV or JSONL file of messages with labels, plain or gzipped",
    ),
    Command(
        "open-arrays", "File", "Open arrays (.npz) ...", _folder("npz"), "",
        "Images and labels in one .npz file, such as those of MedMNIST",
    ),
    Command(
        "open-study", "File", "Open study ...",
        lambda shell: shell.controller.opening.choose_study(), "Ctrl+Shift+O",
        "Open a study from the store", "study",
    ),
    Command(
        "open-example", "File", "Open the example study",
        lambda shell: shell.controller.opening.open_example(),
        tip="The study of shirts that comes with the program",
    ),
    Command(
        "clear-recent", "File/Recent", "Clear", lambda shell: shell.clear_recent(), "",
        "Clear the list; no file is deleted",
    ),
    Command("-file-1", "File", SEPARATOR, print),
    Command(
        "open-session", "File", "Open session ...",
        lambda shell: shell.controller.files.choose_session(), "Ctrl+Alt+O",
        "Restore data, forget set, selection, study and views from a file",
    ),
    Command(
        "save-session", "File", "Save session ...",
        lambda shell: shell.controller.files.choose_session_file(), "Ctrl+S",
        "Save data, forget set, selection, study and views in a small JSON file",
    ),
    Command(
        "open-bundle", "File", "Open bundle ...",
        lambda shell: shell.controller.files.choose_bundle(), "Ctrl+Alt+Shift+O",
        "Open a study that was saved as one file, with everything that belongs to it",
    ),
    Command(
        "save-bundle", "File", "Save bundle ...",
        lambda shell: shell.controller.files.ask_bundle(), "Ctrl+Shift+S",
        "Save the shown study as one file, for use on another machine",
    ),
    Command(
        "find-data", "File", "Find the data ...", lambda shell: shell.controller.files.ask_data(),
        "", "Choose the folder of a study's dataset on this machine",
    ),
    Command("-file-3", "File", SEPARATOR, print),
    Command("figure-curves", "File/Export figure", "Curves ...", _figure("curves"), "Ctrl+E"),
    Command("figure-embedding", "File/Export figure", "Embedding ...", _figure("embedding")),
    Command("figure-around", "File/Export figure", "Neighborhood ...", _figure("neighborhood")),
    Command("figure-slice", "File/Export figure", "Slice ...", _figure("slice")),
    Command(
        "figure-sample", "File/Export figure", "Curve of the sample ...", _figure("sample-curve")
    ),
    Command("figure-samples", "File/Export figure", "Samples ...", _figure("samples")),
    Command("figure-metrics", "File/Export figure", "Metrics ...", _figure("metrics")),
    Command(
        "figure-scatter", "File/Export figure", "Scatter of two measures ...", _figure("scatter")
    ),
    Command("figure-comparison", "File/Export figure", "Compare A | B ...", _figure("comparison")),
    Command("figure-attack", "File/Export figure", "Attack ...", _figure("attack")),
    Command("figure-critical", "File/Export figure", "Critical tau ...", _figure("critical")),
    Command("figure-epochs", "File/Export figure", "Epochs ...", _figure("epochs")),
    Command(
        "figure-set", "File", "Export a set of figures ...",
        lambda shell: shell.controller.exports.ask_figures(), "Ctrl+Shift+E",
        "Save several figures of one size, with their numbers and an index, in one folder",
    ),
    Command(
        "copy-figure", "Edit", "Copy figure",
        lambda shell: shell.controller.exports.copy_figure(), "Ctrl+Shift+C",
        "Copy the figure of the view with keyboard focus as a picture, for a talk or a text",
    ),
    Command(
        "report", "File", "Write report ...", lambda shell: shell.controller.exports.ask_report(),
        "Ctrl+P", "Write settings, tables and figures of the study as one page: HTML and PDF",
    ),
    Command("-file-2", "File", SEPARATOR, print),
    Command("quit", "File", "Quit", lambda shell: shell.close(), "Ctrl+Q"),
    Command(
        "undo", "Edit", "Undo", lambda shell: shell.controller.choice.undo.undo(), "Ctrl+Z", "",
        "undo",
    ),
    Command(
        "redo", "Edit", "Redo", lambda shell: shell.controller.choice.undo.redo(), "Ctrl+Shift+Z",
        "", "redo",
    ),
    Command("-edit-1", "Edit", SEPARATOR, print),
    Command("select-all", "Edit", "Select all samples", _select_all, "Ctrl+A"),
    Command(
        "select-none", "Edit", "Select nothing",
        lambda shell: shell.controller.choice.select([], REPLACE), "Ctrl+Shift+A",
    ),
    Command("-edit-2", "Edit", SEPARATOR, print),
    Command(
        "forget", "Edit", "Forget the selection",
        lambda shell: shell.controller.forget_set.replace_by_selection(), "Ctrl+D",
        "Make the selected samples the forget set of the next run", "forget",
    ),
    Command(
        "forget-also", "Edit", "Add the selection to the forget set",
        lambda shell: shell.controller.forget_set.add_selection(), "Ctrl+Alt+D",
        "Add the selected samples to the forget set of the next run",
    ),
    Command(
        "remember", "Edit", "Remove the selection from the forget set",
        lambda shell: shell.controller.forget_set.remove_selection(), "Ctrl+Shift+D",
        "Remove the selected samples from the forget set of the next run",
    ),
    Command(
        "forget-sets", "Edit", "Forget sets ...", lambda shell: shell.dialogs.show_forget_sets(),
        "Ctrl+Alt+F", "Save the forget set under a name; load, combine and delete saved ones",
    ),
    *(
        Command(
            f"workspace-{workspace.name}", "View/Workspace", workspace.title,
            _workspace(workspace.name), f"Ctrl+{number}", workspace.tip,
        )
        for number, workspace in enumerate(WORKSPACES, start=1)
    ),
    Command(
        "enlarge", "View", "Enlarge the view or put it back", lambda shell: shell.enlarge(), "F11",
        "Let the view with keyboard focus fill the window; a double click on its title does so too",
    ),
    *(
        Command(
            f"go-{dock.name}", "View/Go to", dock.title, _dock(dock.name), dock.key,
            "Bring this dock to the front and give it keyboard focus",
        )
        for dock in DOCKS
    ),
    Command("-view-0", "View", SEPARATOR, print),
    Command(
        "next-worst", "View", "Next worst sample",
        lambda shell: shell.controller.step_worst(1), "Ctrl+Down",
        "Go to the forget sample with the next smaller r; the first time, to the worst",
    ),
    Command(
        "worse", "View", "Worse sample", lambda shell: shell.controller.step_worst(-1), "Ctrl+Up",
        "Go to the forget sample with the next larger r",
    ),
    Command("-view-1", "View", SEPARATOR, print),
    Command(
        "export-forget", "Edit", "Export forget set ...",
        lambda shell: shell.controller.exports.ask_forget_set(), "",
        "Save the indices and classes of the forget set as a CSV file",
    ),
    Command("reset-layout", "View", "Reset layout", lambda shell: shell.reset_layout()),
    Command("theme-system", "View/Theme", "Follow system", _theme("system"), group="theme"),
    Command("theme-light", "View/Theme", "Light", _theme("light"), group="theme"),
    Command("theme-dark", "View/Theme", "Dark", _theme("dark"), group="theme"),
    Command(
        "run", "Run", "Run the study", lambda shell: shell.controller.run(), "Ctrl+R",
        "Train, unlearn and measure; results in the store are not computed again", "run",
    ),
    Command(
        "cancel", "Run", "Cancel", lambda shell: shell.controller.cancel(), "Esc",
        "Stop the running job; finished work is kept", "cancel",
    ),
    Command(
        "cancel-all", "Run", "Stop all runs", lambda shell: shell.controller.queue.cancel_all(),
        "Shift+Esc", "Stop the running study and all waiting ones; they can be resumed in Runs",
    ),
    Command("-run-1", "Run", SEPARATOR, print),
    Command(
        "settings", "Run", "Settings ...", lambda shell: shell.dialogs.ask_settings(), "Ctrl+,",
    ),
    Command(
        "method-settings", "Run", "Settings of methods ...",
        lambda shell: shell.dialogs.ask_method_settings(), "Ctrl+M",
    ),
    Command("-run-2", "Run", SEPARATOR, print),
    Command(
        "copy-command", "Run", "Copy as command",
        lambda shell: shell.controller.exports.write_command(), "Ctrl+Alt+C",
        "Copy the rk-engine command that computes the shown study",
    ),
    Command(
        "tour", "Help", "Tour", lambda shell: shell.dialogs.show_tour(), "",
        "Seven steps through what this window shows, by keyboard or mouse",
    ),
    Command(
        "command-palette", "Help", "Commands ...", lambda shell: shell.dialogs.show_palette(),
        "Ctrl+Shift+P", "Find any command by a few letters, and run it",
    ),
    Command(
        "explain", "Help", "Explain this", lambda shell: shell.dialogs.explain(), "F1",
        "Open the glossary at the term under the mouse, else at that of the focused control",
    ),
    Command(
        "glossary", "Help", "Glossary", lambda shell: shell.dialogs.show_glossary(), "Shift+F1",
        "What the terms mean, with formulas and sources",
    ),
    Command(
        "shortcuts", "Help", "Shortcuts", lambda shell: shell.dialogs.show_shortcuts(), "Ctrl+/",
    ),
    Command(
        "copy-report", "Help", "Copy report of the last error", lambda shell: shell.copy_report(),
        "", "Copy the error, the versions and the recent log, for a bug report",
    ),
    Command("about", "Help", "About RK Explorer", lambda shell: shell.dialogs.show_about()),
)  # fmt: skip


class _Trigger(QObject):
    """Runs a command when its action is triggered; a child of the action."""

    def __init__(self, action: QAction, command: Command, shell: Shell) -> None:
        super().__init__(action)
        self._command, self._desk = command, shell

    def fire(self) -> None:
        """Run the command."""
        self._command.do(self._desk)


class Actions(QObject):
    """The commands as QActions of one window, with their menus."""

    def __init__(self, shell: Shell, bar: QMenuBar, parent: QObject) -> None:
        super().__init__(parent)
        self.menus: dict[str, QMenu] = {}
        self.by_name: dict[str, QAction] = {}
        self._groups: dict[str, QActionGroup] = {}
        self._bar = bar
        for name in MENUS:
            self.menus[name] = _menu_in(bar, f"&{name}")
        for command in COMMANDS:
            menu = self._menu(command.menu)
            if command.text == SEPARATOR:
                menu.addSeparator()
            else:
                menu.addAction(self._action(command, shell))

    def paint_icons(self, look: theme.Theme) -> None:
        """Draw the icons in the colors of a theme."""
        for command in COMMANDS:
            if command.icon:
                icon = theme.icon(command.icon, look, active=look.on_accent)
                self.by_name[command.name].setIcon(icon)

    def _menu(self, path: str) -> QMenu:
        if path not in self.menus:
            above, _, name = path.rpartition("/")
            self.menus[path] = _menu_in(self.menus[above], name)
            self.menus[path].setToolTipsVisible(True)
        return self.menus[path]

    def _action(self, command: Command, shell: Shell) -> QAction:
        action = QAction(command.text, self)
        action.setObjectName(command.name)
        action.setToolTip(command.tip or command.text)
        if command.shortcut:
            action.setShortcut(QKeySequence(command.shortcut))
        if command.group:
            action.setCheckable(True)
            if command.group not in self._groups:
                self._groups[command.group] = QActionGroup(self)
            self._groups[command.group].addAction(action)
        action.triggered.connect(_Trigger(action, command, shell).fire)
        self.by_name[command.name] = action
        return action


def shortcuts(menu: str = "") -> list[tuple[str, str]]:
    """(keys, description) of every command with a shortcut; only those of `menu` if given."""
    return [
        (command.shortcut, ": ".join([*command.menu.split("/")[1:], command.text.rstrip(" .")]))
        for command in COMMANDS
        if command.shortcut and menu in ("", command.menu.partition("/")[0])
    ]


def _menu_in(above: QMenuBar | QMenu, title: str) -> QMenu:
    """A menu created in Python: the wrapper of one created by Qt may be lost before the menu."""
    menu = QMenu(title, above)
    above.addMenu(menu)
    return menu
