"""The dialog that asks for a network by name: an MLP of given widths, or a library's."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLineEdit, QVBoxLayout, QWidget

from engine.external.network_spec import in_file
from engine.registry import MEMBER
from explorer.dialogs.bundle_dialog import WIDTH
from explorer.state.catalog import CatalogItem
from explorer.widgets.forms import styled_label

FILE = "net.py:make: a function of yours that makes it; Run executes this file, so trust it"


class NetworkDialog(QDialog):
    """Asks for the name of a network that the list of models does not have."""

    wanted = Signal(str)  # NAME:MEMBER or FILE.py:FUNCTION

    def __init__(self, models: Iterable[CatalogItem], name: str, parent: QWidget | None) -> None:
        """`models`: all models, those that stand for others among them; name: the current one."""
        super().__init__(parent)
        self.setWindowTitle("Another network")
        self.setMinimumWidth(WIDTH)
        self._families = [item for item in models if item.example]
        self.name = QLineEdit(name if MEMBER in name else "")
        self.name.setAccessibleName("Name of the network")
        self.name.setPlaceholderText(self._families[0].example if self._families else "")
        self.name.textChanged.connect(self._show)
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.use = self._buttons.addButton("Use", QDialogButtonBox.ButtonRole.AcceptRole)
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        self._lay_out()
        self._show()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.addWidget(styled_label("Which network is to be trained?", "question"))
        layout.addWidget(self.name)
        lines = [f"{item.example}: {item.member_help}" for item in self._families]
        for line in (*lines, FILE):
            layout.addWidget(styled_label(line, "muted"))
        layout.addWidget(self._buttons)

    def accept(self) -> None:
        """Close, and request the network."""
        super().accept()
        self.wanted.emit(self.name.text().strip())

    def _show(self) -> None:
        self.use.setEnabled(self._is_a_name(self.name.text().strip()))

    def _is_a_name(self, text: str) -> bool:
        """Whether it has the form of a name; whether there is such a network shows when it runs."""
        family, colon, member = text.partition(MEMBER)
        known = family in {item.name for item in self._families}
        return bool(colon and member.strip()) and (known or in_file(text))
