"""The tour: one widget after another is lit, with a card that says what it shows."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QRegion
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import Shiboken

from explorer.state.session import Look
from explorer.widgets.forms import styled_label
from explorer.widgets.plot_widget import no_collection
from explorer.window.tour_steps import STEPS, Step

SHADE = QColor(0, 0, 0, 120)
ROOM, GAP, EDGE = 4, 14, 12  # px: around the lit widget, from it to the card, and to the window
CARD_WIDTH = 360
FOLLOW_MS = 150  # how often the lit widget's place is checked: docks may still be laid out
FORWARD = (Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter,
           Qt.Key.Key_Space, Qt.Key.Key_PageDown, Qt.Key.Key_Tab)  # fmt: skip
BACKWARD = (Qt.Key.Key_Left, Qt.Key.Key_Up, Qt.Key.Key_Backspace, Qt.Key.Key_PageUp,
            Qt.Key.Key_Backtab)  # fmt: skip


class TourCard(QFrame):
    """Title and text of a step, with buttons. The keys work while the tour has the focus."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("tour")
        self.place = styled_label("", "muted", wrap=False)
        self.title = QLabel(textFormat=Qt.TextFormat.PlainText, wordWrap=True)
        self.title.setObjectName("tour-title")
        self.text, self.then = styled_label("", "tour-text"), styled_label("", "tour-then")
        self.close_button = QPushButton("Close")
        self.back, self.forward = QPushButton("Back"), QPushButton("Next")
        self.forward.setObjectName("primary")
        keys = styled_label("← → or Enter, Esc", "help", wrap=False)
        row = QHBoxLayout()
        row.addWidget(keys, 1)
        for button in (self.close_button, self.back, self.forward):
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the tour keeps the keys
            row.addWidget(button)
        for part in (self.place, self.title, self.text, self.then, keys):
            part.setIndent(0)  # a label with a padding would stand further to the right
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(16, 12, 16, 12)
        for part in (self.place, self.title, self.text, self.then):
            self._column.addWidget(part)
        self._column.addLayout(row)
        self.setFixedWidth(CARD_WIDTH)

    def show_step(self, number: int) -> None:
        """Show one of the steps."""
        step, last = STEPS[number], number == len(STEPS) - 1
        self.place.setText(f"{number + 1} of {len(STEPS)}")
        self.title.setText(step.title)
        self.text.setText(step.text)
        self.then.setText(step.then)
        self.back.setEnabled(number > 0)
        self.forward.setText("Done" if last else "Next")
        self._column.activate()
        self.resize(CARD_WIDTH, self._column.heightForWidth(CARD_WIDTH))


class Tour(QWidget):
    """Lies over the whole window but for the lit widget, which can be used meanwhile."""

    finished = Signal()

    def __init__(self, window: QWidget) -> None:
        """`window`: a MainWindow."""
        super().__init__(window)
        self._window = window
        self._before: Look = window.look()  # type: ignore[attr-defined]
        self._focus = QApplication.focusWidget()
        self.number, self._lit = 0, QRect()
        self.setObjectName("tour-shade")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.card = TourCard(self)
        self.card.forward.clicked.connect(self.forward)
        self.card.back.clicked.connect(self.back)
        self.card.close_button.clicked.connect(self.end)
        self._clock = QTimer(self, interval=FOLLOW_MS)
        self._clock.timeout.connect(self._follow)
        window.installEventFilter(self)

    @property
    def step(self) -> Step:
        """The current step."""
        return STEPS[self.number]

    @property
    def target(self) -> QWidget | None:
        """The widget that the current step is about, if it is on the screen in this window."""
        found = self.step.find(self._window)  # type: ignore[arg-type]
        usable = found is not None and found.isVisible() and found.window() is self._window
        return found if usable else None

    @property
    def lit(self) -> QRect:
        """The part of the window that is not in shade; empty if the widget is not there."""
        return self._lit

    def start(self) -> None:
        """Begin with the first step."""
        self.setGeometry(self._window.rect())
        self.show()
        self.raise_()
        self._clock.start()
        self._go(0)

    def forward(self) -> None:
        """Go to the next step; end after the last."""
        if self.number + 1 < len(STEPS):
            self._go(self.number + 1)
        else:
            self.end()

    def back(self) -> None:
        """Go to the step before."""
        self._go(max(0, self.number - 1))

    def end(self) -> None:
        """Close the tour, and lay the docks out as they were."""
        self._clock.stop()
        self._window.removeEventFilter(self)
        before, window = self._before, self._window
        self.close()
        if before.workspace and before.docks is None:
            window.show_workspace(before.workspace)  # type: ignore[attr-defined]
        elif before.docks is not None:
            window.arrange(before)  # type: ignore[attr-defined]
        if self._focus is not None and Shiboken.isValid(self._focus):
            self._focus.setFocus()
        self.finished.emit()

    def _go(self, number: int) -> None:
        self.number = number
        window = self._window
        window.show_workspace(self.step.workspace)  # type: ignore[attr-defined]
        if self.step.dock:
            window.reveal(self.step.dock)  # type: ignore[attr-defined]
        self.card.show_step(number)
        self.setAccessibleName(f"Tour, step {number + 1} of {len(STEPS)}: {self.step.title}")
        self.setAccessibleDescription(f"{self.step.text} {self.step.then}")
        self.setFocus(Qt.FocusReason.OtherFocusReason)
        self._lit = QRect()
        self._place()

    def _follow(self) -> None:
        self.raise_()  # docks that come to the front come above it
        if self._lit_now() != self._lit:
            self._place()

    def _lit_now(self) -> QRect:
        target = self.target
        if target is None:
            return QRect()
        place = QRect(target.mapTo(self._window, QPoint(0, 0)), target.size())
        return place.adjusted(-ROOM, -ROOM, ROOM, ROOM).intersected(self.rect())

    def _place(self) -> None:
        """Cut the lit widget out of the shade, and put the card where it hides least of it."""
        self.setGeometry(self._window.rect())
        self.raise_()
        self._lit = self._lit_now()
        self.card.move(card_place(self._lit, self.card.size(), self.rect()))
        hole = QRegion(self._lit.adjusted(2, 2, -2, -2)) if self._lit.isValid() else QRegion()
        self.setMask(QRegion(self.rect()) - hole + QRegion(self.card.geometry()))
        self.update()

    def event(self, event: QEvent) -> bool:
        """Keep Esc and the arrows from the window's own shortcuts."""
        asked = event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent)
        if asked and event.key() in (*FORWARD, *BACKWARD, Qt.Key.Key_Escape):  # type: ignore[attr-defined]
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go forward, back, or end."""
        if event.key() in FORWARD:
            self.forward()
        elif event.key() in BACKWARD:
            self.back()
        elif event.key() == Qt.Key.Key_Escape:
            self.end()
        else:
            super().keyPressEvent(event)

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Keep the focus: Tab goes forward as the arrows do."""
        return False

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the keys back after the lit widget was used."""
        self.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the size of the window."""
        if event.type() == QEvent.Type.Resize:
            self._place()
        return False

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the shade, and an outline around the lit widget."""
        with no_collection():
            painter = QPainter(self)
            painter.fillRect(self.rect(), SHADE)
            if self._lit.isValid():
                painter.setPen(QPen(self.palette().highlight().color(), 3))
                painter.drawRect(self._lit.adjusted(1, 1, -2, -2))
            painter.end()


def card_place(lit: QRect, card: QSize, window: QRect) -> QPoint:
    """Where the card stands: beside the lit widget, below or above it, else in its corner."""
    if not lit.isValid():
        return window.center() - QPoint(card.width() // 2, card.height() // 2)
    top = lit.top() + (lit.height() - card.height()) // 2
    left = lit.left() + (lit.width() - card.width()) // 2
    places = (
        QPoint(lit.right() + GAP, top),
        QPoint(lit.left() - GAP - card.width(), top),
        QPoint(left, lit.bottom() + GAP),
        QPoint(left, lit.top() - GAP - card.height()),
    )
    inside = window.adjusted(EDGE, EDGE, -EDGE, -EDGE)
    for place in places:
        box = _moved_inside(QRect(place, card), inside)
        if not box.intersects(lit):
            return box.topLeft()
    corner = QRect(QPoint(0, 0), card)
    corner.moveBottomRight(lit.bottomRight() - QPoint(GAP, GAP))
    return _moved_inside(corner, inside).topLeft()


def _moved_inside(box: QRect, inside: QRect) -> QRect:
    result = QRect(box)
    result.moveLeft(max(inside.left(), min(box.left(), inside.right() - box.width())))
    result.moveTop(max(inside.top(), min(box.top(), inside.bottom() - box.height())))
    return result
