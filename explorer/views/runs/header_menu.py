"""The menu of a column's header: order, place, and the best by its measure."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from engine.analysis.study_measures import goal_words
from explorer.views.runs.columns import Column

UP, DOWN = Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder


class HeaderMenu(QMenu):
    """Offers what can be done with one of the columns; deletes itself when it closes.

    sort_wanted: column and order; best_wanted: column; arranged: names of the columns to show;
    chooser_wanted: the card of all columns, at a place on the screen.
    """

    sort_wanted = Signal(str, Qt.SortOrder)
    best_wanted = Signal(str)
    arranged = Signal(list)
    chooser_wanted = Signal(QPoint)

    def __init__(
        self, column: Column | None, names: list[str], at: QPoint, parent: QWidget
    ) -> None:
        """`column`: the one clicked, None beside all of them; names: of the columns shown."""
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._name, self._names, self._at = column.name if column else "", names, at
        if column is not None:
            self._offer("Sort upwards", "up")
            self._offer("Sort downwards", "down")
            if column.quantity is not None:
                self._offer(f"Select the best ({goal_words(column.quantity)})", "best")
            self.addSeparator()
            self._offer("Move to the left", "left").setEnabled(names[0] != self._name)
            self._offer("Move to the right", "right").setEnabled(names[-1] != self._name)
            self._offer("Hide", "hide").setEnabled(len(names) > 1)
            self.addSeparator()
        self._offer("Columns…", "columns")
        self.triggered.connect(self._do)

    def _offer(self, text: str, what: str) -> QAction:
        action = self.addAction(text)
        action.setData(what)
        return action

    def _do(self, action: QAction) -> None:
        what, name, names = str(action.data()), self._name, list(self._names)
        if what in ("up", "down"):
            self.sort_wanted.emit(name, UP if what == "up" else DOWN)
        elif what == "best":
            self.best_wanted.emit(name)
        elif what == "columns":
            self.chooser_wanted.emit(self._at)
        else:
            place = names.index(name)
            names.pop(place)
            if what != "hide":
                names.insert(place - 1 if what == "left" else place + 1, name)
            self.arranged.emit(names)
