"""The row that says that another study is shown than the chosen one, and offers what to do."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from explorer.control.controller import Controller
from explorer.state.app_state import AppState
from explorer.widgets.forms import styled_label
from explorer.widgets.plain_text import literal

SHOW, RUN = "Show that study", "Run the new one"
BACK = "Back to the shown study's choices"


class StaleRow(QFrame):
    """Visible while `AppState.stale` is set: its sentence, and a button for either way out."""

    def __init__(self, state: AppState, do: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state, self._do = state, do
        self.setObjectName("notice")
        self.setProperty("kind", "stale")
        self.setAccessibleName("Another study is shown than the chosen one")
        mark = QLabel("●")
        mark.setObjectName("stale")
        self.sentence = styled_label("", "")
        self.sentence.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.forward = QPushButton()
        self.back = QPushButton(BACK)
        self.back.setToolTip("Choose again what the shown study was made of")
        for button in (self.forward, self.back):  # hidden once clicked, they would pass focus on
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 3, 6, 3)
        row.addWidget(mark)
        row.addWidget(self.sentence, 1)
        row.addWidget(self.forward)
        row.addWidget(self.back)
        self.forward.clicked.connect(self._go_forward)
        self.back.clicked.connect(do.opening.choose_shown)
        for changed in (state.stale_changed, state.runs_changed):
            changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        stale = self._state.stale
        self.setVisible(stale is not None)
        if stale is None:
            return
        self.sentence.setText(stale.sentence)
        self.sentence.setToolTip(literal(stale.details or stale.sentence))
        self.setAccessibleDescription(stale.sentence)
        self.forward.setText(SHOW if stale.stored else RUN)
        self.forward.setToolTip(
            "It is in the store; nothing is computed"
            if stale.stored
            else "Train, unlearn and measure what is chosen now (Ctrl+R)"
        )
        running = stale.key and any(run.live and run.key == stale.key for run in self._state.runs)
        self.forward.setEnabled(not running)

    def _go_forward(self) -> None:
        stale = self._state.stale
        if stale is not None and stale.stored:
            self._do.opening.show_chosen()
        else:
            self._do.run()
