"""The overview of shortcuts: those of the menus and those of the views."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QHeaderView,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from explorer.views.base import View
from explorer.widgets.fit import resize_on_screen
from explorer.window.actions import MENUS, shortcuts

Keys = Sequence[tuple[str, str]]  # (keys, description)


def overview(views: Iterable[View]) -> list[tuple[str, Keys]]:
    """(menu or view, its keys) for each that has any."""
    groups: list[tuple[str, Keys]] = [(f"Menu {name}", _native(shortcuts(name))) for name in MENUS]
    groups += [(f"In {view.title}", view.keys) for view in views]
    return [(title, keys) for title, keys in groups if keys]


class ShortcutsDialog(QDialog):
    """All shortcuts, by menu and by view, with a search line."""

    def __init__(self, groups: Sequence[tuple[str, Keys]], parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Shortcuts")
        resize_on_screen(self, 640, 640)
        self.line = QLineEdit()
        self.line.setPlaceholderText("Search keys and actions")
        self.line.setAccessibleName("Search shortcuts")
        self.line.setClearButtonEnabled(True)
        self.tree = _tree(groups)
        self.line.textChanged.connect(self._filter)
        layout = QVBoxLayout(self)
        layout.addWidget(self.line)
        layout.addWidget(self.tree)

    def _filter(self, text: str) -> None:
        """Hide lines without `text`, and groups without visible lines."""
        root = self.tree.invisibleRootItem()
        for group in (root.child(i) for i in range(root.childCount())):
            rows = [group.child(i) for i in range(group.childCount())]
            for row in rows:
                row.setHidden(text.casefold() not in f"{row.text(0)} {row.text(1)}".casefold())
            group.setHidden(all(row.isHidden() for row in rows))


def _native(keys: Keys) -> Keys:
    """The keys in the platform's notation."""
    native = QKeySequence.SequenceFormat.NativeText
    return [(QKeySequence(key).toString(native), what) for key, what in keys]


def _tree(groups: Sequence[tuple[str, Keys]]) -> QTreeWidget:
    tree = QTreeWidget()
    tree.setHeaderLabels(["Keys", "Action"])
    tree.setAccessibleName("Shortcuts")
    tree.setRootIsDecorated(False)
    for title, keys in groups:
        group = QTreeWidgetItem(tree, [title])
        font = group.font(0)
        font.setBold(True)
        group.setFont(0, font)
        for pair in keys:
            QTreeWidgetItem(group, list(pair))
    tree.expandAll()
    for number in range(len(groups)):  # otherwise a title is clipped to the width of the keys
        tree.setFirstColumnSpanned(number, tree.rootIndex(), True)
    tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
    return tree
