"""The card on which columns are chosen: a search, a list to check, and which model and tau."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from PySide6.QtCore import QPoint, QRect, Qt, Signal
from PySide6.QtGui import QGuiApplication, QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QFrame,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from engine.study.siblings import setting_title
from explorer.views.runs.columns import DEFAULT, MEASURE, OWN, SETTING, measure_names
from explorer.widgets.panel import button
from explorer.widgets.plain_text import literal

NAME = Qt.ItemDataRole.UserRole
SIZE = (300, 420)  # logical pixels
CHOSEN = "the chosen model"


class ColumnChooser(QFrame):
    """Lists every column; `changed`: the names of those that are checked, in their order."""

    changed = Signal(list)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("options-card")
        self.setAccessibleName("Columns")
        self._names: list[str] = []
        self._settings: Sequence[str] = ()
        self._titles: Mapping[str, str] = {}
        self.search = QLineEdit(clearButtonEnabled=True)
        self.search.setPlaceholderText("Find a column")
        self.search.setAccessibleName("Find a column")
        self.list = QListWidget()
        self.list.setAccessibleName("Columns of the table")
        self.model = QComboBox()
        self.model.setToolTip("Whose measures are listed and added")
        self.tau = QComboBox()
        self.tau.setToolTip("The τ of r, prevalence and the like: that of the other views, or one")
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Measures of", self.model)
        form.addRow("at τ", self.tau)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 10, 12, 10)
        layout.setSpacing(6)
        layout.addWidget(self.search)
        layout.addLayout(form)
        layout.addWidget(self.list, 1)
        layout.addWidget(button("Default columns", "Show the usual columns again", self._reset))
        self.search.textChanged.connect(self._narrow)
        self.list.itemChanged.connect(self._on_checked)
        for combo in (self.model, self.tau):
            combo.activated.connect(self._list)

    def set_choices(
        self,
        names: Sequence[str],
        settings: Sequence[str],
        models: Mapping[str, str],
        taus: Sequence[float],
        titles: Mapping[str, str],
    ) -> None:
        """Set what there is: chosen columns, settings that differ, models, taus.

        titles: of the chosen columns.
        """
        self._names, self._settings, self._titles = list(names), settings, titles
        self._fill(self.model, [("", CHOSEN), *models.items()])
        self._fill(
            self.tau, [(math.nan, "as in the other views"), *((tau, f"{tau:g}") for tau in taus)]
        )
        self._list()

    def open_at(self, corner: QPoint) -> None:
        """Show the card with its upper right corner at a place on the screen, within it."""
        screen = QGuiApplication.screenAt(corner) or QGuiApplication.primaryScreen()
        room: QRect = screen.availableGeometry()
        width, height = SIZE[0], min(SIZE[1], room.height() - 16)
        x = max(room.left() + 8, min(corner.x(), room.right() - 8) - width)
        y = max(room.top() + 8, min(corner.y(), room.bottom() - 8 - height))
        self.setGeometry(x, y, width, height)
        self.show()

    def showEvent(self, event: QShowEvent) -> None:
        """Begin with an empty search."""
        super().showEvent(event)
        self.search.clear()
        self.activateWindow()
        self.search.setFocus()

    # -- inside -------------------------------------------------------------------------------
    def _fill(self, combo: QComboBox, entries: Sequence[tuple[object, str]]) -> None:
        if [combo.itemText(i) for i in range(combo.count())] != [text for _, text in entries]:
            combo.clear()
            for value, text in entries:
                combo.addItem(text, value)

    def _list(self) -> None:
        """List the columns by group, checked where they are shown."""
        self.list.blockSignals(True)
        self.list.clear()
        self._group("Study", [(one.name, one.title, one.tip) for one in OWN])
        self._group(
            "Settings that differ",
            [(f"{SETTING}{name}", setting_title(name), f"The setting {name}")
             for name in self._settings],
        )  # fmt: skip
        model, tau = str(self.model.currentData() or ""), self.tau.currentData()
        measures = measure_names(model, math.nan if tau is None else float(tau))
        self._group(
            f"Measures of {self.model.currentText()}",
            [(name, quantity.label, quantity.help) for name, quantity in measures],
        )
        listed = {name for name, _ in measures}
        others = [name for name in self._names if name.startswith(MEASURE) and name not in listed]
        self._group("Other measures", [(name, self._titles.get(name, name), "") for name in others])
        self.list.blockSignals(False)
        self._narrow(self.search.text())

    def _group(self, title: str, entries: Sequence[tuple[str, str, str]]) -> None:
        if not entries:
            return
        head = QListWidgetItem(title)
        font = head.font()
        font.setBold(True)
        head.setFont(font)
        head.setFlags(Qt.ItemFlag.NoItemFlags)
        self.list.addItem(head)
        for name, text, tip in entries:
            item = QListWidgetItem(text)
            item.setData(NAME, name)
            item.setToolTip(literal(tip))
            item.setFlags(
                Qt.ItemFlag.ItemIsEnabled
                | Qt.ItemFlag.ItemIsSelectable
                | Qt.ItemFlag.ItemIsUserCheckable
            )
            on = name in self._names
            item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
            self.list.addItem(item)

    def _narrow(self, text: str) -> None:
        """Hide what does not contain the text, and groups without entries."""
        wanted, head, any_below = text.strip().lower(), None, False
        for place in range(self.list.count()):
            item = self.list.item(place)
            if item.data(NAME) is None:
                if head is not None:
                    head.setHidden(not any_below)
                head, any_below = item, False
                continue
            shown = wanted in item.text().lower() or wanted in str(item.data(NAME)).lower()
            item.setHidden(not shown)
            any_below |= shown
        if head is not None:
            head.setHidden(not any_below)

    def _on_checked(self, item: QListWidgetItem) -> None:
        name = str(item.data(NAME))
        rest = [other for other in self._names if other != name]
        if item.checkState() == Qt.CheckState.Checked:
            end = len(rest) - 1 if rest[-1:] == [OWN[-1].name] else len(rest)  # the date stays last
            rest.insert(end, name)
        if rest:
            self._names = rest
            self.changed.emit(list(rest))

    def _reset(self) -> None:
        self._names = list(DEFAULT)
        self.changed.emit(list(DEFAULT))
        self._list()
