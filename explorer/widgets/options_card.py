"""The card with a view's secondary controls, which pops up under its options button."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QCheckBox,
    QComboBox,
    QFrame,
    QGridLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from explorer.widgets.tab_order import set_tab_order

GAP = 4  # logical pixels between the button and the card
NARROWEST = 240  # logical pixels of a card
WIDEST = 300  # logical pixels of a list of choices on it


class OptionsCard(QFrame):
    """Controls one below the other, each with a label at its left.

    It closes as a menu does: by a click elsewhere, by Esc, or by one of its buttons that does
    something at once.
    """

    def __init__(self, title: str, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("options-card")
        self.setAccessibleName(f"Options of {title}" if title else "Options")
        self.setMinimumWidth(NARROWEST)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(12, 10, 12, 10)
        self._grid.setHorizontalSpacing(10)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(1, 1)

    def add(self, widget: QWidget, label: str = "") -> None:
        """Append a control; without a label it takes the whole width."""
        row = self._grid.rowCount()
        if label:
            text = QLabel(label, textFormat=Qt.TextFormat.PlainText)
            text.setBuddy(widget)
            self._grid.addWidget(text, row, 0)
            self._grid.addWidget(widget, row, 1)
        else:
            self._grid.addWidget(widget, row, 0, 1, 2)
        if not isinstance(widget, QCheckBox):
            policy = widget.sizePolicy()
            policy.setHorizontalPolicy(QSizePolicy.Policy.Expanding)
            widget.setSizePolicy(policy)
        if isinstance(widget, QComboBox):
            _follow_entries(widget)
        for part in (widget, *widget.findChildren(QAbstractButton)):
            if isinstance(part, QAbstractButton) and _acts_at_once(part):
                part.clicked.connect(self.hide)

    def open_below(self, button: QWidget) -> None:
        """Show the card under a button, within the screen."""
        self.ensurePolished()
        self.adjustSize()
        corner = button.mapToGlobal(QPoint(button.width(), button.height() + GAP))
        room: QRect = button.screen().availableGeometry()
        x = max(room.left(), min(corner.x(), room.right() + 1) - self.width())
        below = corner.y() + self.height() <= room.bottom() + 1
        above = button.mapToGlobal(QPoint(0, -GAP)).y() - self.height()
        self.move(x, corner.y() if below else max(room.top(), above))
        self.show()

    def showEvent(self, event: QShowEvent) -> None:
        """Focus the first control."""
        super().showEvent(event)
        set_tab_order(self)
        self.activateWindow()
        self.setFocus()
        self.focusNextChild()

    def hideEvent(self, event: QHideEvent) -> None:
        """Give the focus back to what opened the card."""
        super().hideEvent(event)
        opener = self.parentWidget()
        if opener is not None and opener.isVisible():
            opener.setFocus(Qt.FocusReason.PopupFocusReason)


class OptionsButton(QToolButton):
    """Three dots that open the card of a view."""

    def __init__(self, title: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("options")
        self.setText("⋯")
        self.setAutoRaise(True)
        self.setToolTip("Options of this view")
        self.setAccessibleName("View options")
        self.card = OptionsCard(title, self)
        self.clicked.connect(self._open)

    def _open(self) -> None:
        self.card.open_below(self)


def _follow_entries(box: QComboBox) -> None:
    """Let a box that sets no width of its own be as wide as its entries, also when they change."""
    if box.sizeAdjustPolicy() == QComboBox.SizeAdjustPolicy.AdjustToContentsOnFirstShow:
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        box.setMaximumWidth(WIDEST)


def _acts_at_once(part: QAbstractButton) -> bool:
    """Whether clicking this does something at once: a button that opens no menu."""
    if isinstance(part, QPushButton):
        return part.menu() is None and not part.isCheckable()
    if isinstance(part, QToolButton):
        menu: QMenu | None = part.menu()
        return menu is None and not part.isCheckable()
    return False
