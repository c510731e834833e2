"""Confirmation before something is deleted, or before very many studies are queued."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QVBoxLayout, QWidget

from explorer.control.controller import Controller
from explorer.state.sizes import size_text
from explorer.widgets.forms import styled_label

if TYPE_CHECKING:
    from engine.pipeline.study_files import StudyFiles


class ConfirmDialog(QDialog):
    """A question, a button that names the action, and Cancel, which has the focus."""

    agreed = Signal(object)  # the subject of the question

    def __init__(
        self, title: str, sentence: str, verb: str, about: Any, parent: QWidget | None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setMinimumWidth(380)
        self.about, self.sentence = about, sentence
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.yes = buttons.addButton(verb, QDialogButtonBox.ButtonRole.AcceptRole)
        self.no = buttons.button(QDialogButtonBox.StandardButton.Cancel)
        self.yes.setAutoDefault(False)
        self.no.setDefault(True)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(styled_label(sentence, "question"))
        layout.addWidget(buttons)
        self.no.setFocus()

    def accept(self) -> None:
        """Close, and confirm the action."""
        super().accept()
        self.agreed.emit(self.about)


class Confirmer(QObject):
    """Shows the questions of the controller."""

    def __init__(self, controller: Controller, window: QWidget) -> None:
        super().__init__(window)
        self._controller, self._window = controller, window
        controller.runner.many_wanted.connect(self._ask_many)
        controller.stored.weighed.connect(self._ask_delete)

    def _ask_many(self, size: int) -> None:
        sentence = f"The form describes {size:,} studies. Queue all of them?"
        self._ask("Many studies", sentence, f"Queue {size:,} studies", size, self._run_all)

    def _run_all(self, size: int) -> None:
        self._controller.run(sure=True)

    def _ask_delete(self, found: StudyFiles) -> None:
        number = len(found.keys)
        what = "this study" if number == 1 else f"these {number:,} studies"
        files = f"{len(found.files):,} file{'s' * (len(found.files) > 1)}, {size_text(found.size)}"
        sentence = (
            f"Delete {what} from the store ({files})? Files that other studies use are kept. "
            "This cannot be undone; the results would have to be computed again."
        )
        self._ask("Delete", sentence, "Delete", found.keys, self._controller.stored.delete)

    def _ask(self, title: str, sentence: str, verb: str, about: Any, then: Any) -> None:
        dialog = ConfirmDialog(title, sentence, verb, about, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.agreed.connect(then)
        dialog.open()
