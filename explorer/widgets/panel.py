"""The frame shared by all views: a header, the content, and a hint while it is empty."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from explorer.widgets.empty_hint import EmptyHint
from explorer.widgets.options_card import OptionsButton
from explorer.widgets.tab_order import laid_out
from explorer.widgets.term import TermLabel

MARGIN, SPACING = 8, 6  # logical pixels


class Panel(QWidget):
    """A row of controls (`header`) above `content`, or a hint if there is no content.

    bar: the widget of that row, with the options button at its end if anything is folded; a dock
    takes it into its title.
    """

    def __init__(self, content: QWidget, parent: QWidget) -> None:
        super().__init__(parent)
        self.bar = QWidget()
        self.header = QHBoxLayout()
        self.header.setSpacing(SPACING)
        self.options = OptionsButton(parent.accessibleName())
        self.options.hide()
        row = QHBoxLayout(self.bar)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING)
        row.addLayout(self.header, 1)
        row.addWidget(self.options)
        self.hint = EmptyHint()
        self.empty = self.hint.label
        self._stack = QStackedWidget()
        self._stack.addWidget(self.hint)
        self._stack.addWidget(content)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        self._layout.setSpacing(SPACING)
        self._layout.addWidget(self.bar)
        self._layout.addWidget(self._stack, 1)
        outer = QVBoxLayout(parent)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self)

    def add_row(self, *widgets: QWidget, wide: int = 0) -> QHBoxLayout:
        """Add a row between header and content; widget number `wide` takes what width is left."""
        row = QHBoxLayout()
        row.setSpacing(SPACING)
        for number, widget in enumerate(widgets):
            row.addWidget(widget, 1 if number == wide else 0)
        self._layout.insertLayout(self._layout.count() - 1, row)
        return row

    def fill_frame(self) -> None:
        """Let the content reach to the edges: for one canvas without a frame of its own."""
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)

    def set_margin(self, margin: int) -> None:
        """Leave this much room around the content, in logical pixels."""
        self._layout.setContentsMargins(margin, margin, margin, margin)

    def open_options(self) -> None:
        """Open the card of options."""
        self.options.click()

    def close_options(self) -> None:
        """Close the card of options, if it is open."""
        self.options.card.hide()

    def fold(self, widget: QWidget, label: str = "") -> None:
        """Put a secondary control on the card under the options button."""
        self.options.card.add(widget, label)
        self.options.show()

    def show_controls(self, shown: bool) -> None:
        """Show or hide all controls of the header, which is without use before any study."""
        for widget in laid_out(self.header):
            widget.setVisible(shown)

    def show_empty(self, sentence: str) -> None:
        """Show a hint instead of the content."""
        self.hint.say(sentence)
        self._stack.setCurrentIndex(0)

    def show_content(self) -> None:
        """Show the content."""
        self._stack.setCurrentIndex(1)

    @property
    def is_empty(self) -> bool:
        """Whether the hint is shown."""
        return self._stack.currentIndex() == 0


def button(text: str, tip: str, on_click: Callable[[], None]) -> QPushButton:
    """A push button with a tooltip; `pressed` must be a bound method (a lambda would leak)."""
    result = QPushButton(text)
    result.setToolTip(tip)
    result.setAccessibleDescription(tip)
    result.clicked.connect(on_click)
    return result


def muted_label(text: str = "") -> QLabel:
    """A word-wrapped label in the muted color; terms of the glossary are underlined."""
    label = TermLabel(text)
    label.setObjectName("muted")
    label.setWordWrap(True)
    return label
