"""The title of a dock: its name, the view's controls, and buttons to enlarge and close it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QIcon, QMouseEvent
from PySide6.QtWidgets import (
    QDockWidget,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QMenu,
    QToolButton,
    QWidget,
)

from explorer import theme

HEIGHT = 32  # logical pixels
NARROWEST = 120  # overrides the minimum width of a view's controls


class DockTitle(QWidget):
    """Replaces Qt's title of a dock. `enlarge_wanted`: the dock should fill the window, or return.

    The name is hidden while the tab bar of a stack shows it.
    """

    enlarge_wanted = Signal()

    def __init__(self, box: QDockWidget) -> None:
        super().__init__(box)
        self._box = box
        self.setObjectName("dock-title")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.name = QLabel(box.windowTitle(), textFormat=Qt.TextFormat.PlainText)
        self.name.setObjectName("dock-name")
        self.mark = QLabel("●", textFormat=Qt.TextFormat.PlainText)
        self.mark.setObjectName("stale")
        self.mark.hide()
        self.enlarge = _tool("Enlarge", "Fill the window with this view, or put it back (F11)")
        self.close_button = _tool("Close", "Close this view; View > Docks shows it again")
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(8, 2, 4, 2)
        self._row.setSpacing(6)
        self._row.addWidget(self.name)
        self._row.addWidget(self.mark)
        self._row.addStretch(0)
        for part in (self.enlarge, self.close_button):
            self._row.addWidget(part)
        self.setMinimumHeight(HEIGHT)
        self.enlarge.clicked.connect(self.enlarge_wanted)
        self.close_button.clicked.connect(box.toggleViewAction().trigger)
        box.visibilityChanged.connect(self.show_name)
        box.topLevelChanged.connect(self.show_name)
        box.dockLocationChanged.connect(self.show_name)

    def take(self, bar: QWidget) -> None:
        """Place a view's controls in the title."""
        self._row.insertWidget(2, bar, 1)

    def set_theme(self, look: theme.Theme) -> None:
        """Draw the icons in the colors of a theme."""
        icons: dict[QToolButton, QIcon] = {
            self.enlarge: theme.icon("enlarge", look),
            self.close_button: theme.icon(f"close-{look.name}", look),
        }
        for button, icon in icons.items():
            button.setIcon(icon)

    def set_stale(self, sentence: str) -> None:
        """Mark the view as showing another study than the chosen one; '' takes the mark away."""
        self.mark.setToolTip(sentence)
        self.mark.setVisible(bool(sentence))

    def minimumSizeHint(self) -> QSize:
        """A width that does not depend on the view's controls: Qt would widen the dock for them."""
        return QSize(NARROWEST, HEIGHT)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Enlarge the dock, or put it back."""
        event.accept()
        self.enlarge_wanted.emit()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer what can be done with the dock."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Enlarge or put back").triggered.connect(self.enlarge_wanted)
        menu.addAction("Detach or put back").triggered.connect(self._float)
        menu.addAction("Close").triggered.connect(self._box.toggleViewAction().trigger)
        menu.popup(event.globalPos())

    def _float(self) -> None:
        self._box.setFloating(not self._box.isFloating())

    def show_name(self) -> None:
        """Show the name, unless a tab bar does."""
        window = self._box.parent()
        tabbed = isinstance(window, QMainWindow) and any(
            not other.isHidden() for other in window.tabifiedDockWidgets(self._box)
        )
        self.name.setVisible(self._box.isFloating() or not tabbed)


def _tool(name: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setObjectName("dock-tool")
    button.setAutoRaise(True)
    button.setAccessibleName(name)
    button.setToolTip(tip)
    button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the same by keyboard: F11, and the View menu
    return button
