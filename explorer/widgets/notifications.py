"""Notifications: errors in a bar until they are closed, news as toasts."""

from __future__ import annotations

from PySide6.QtCore import (
    QAbstractAnimation,
    QEasingCurve,
    QEvent,
    QObject,
    QPropertyAnimation,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QAccessible, QAccessibleEvent, QEnterEvent, QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QGraphicsOpacityEffect,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from explorer.state.notice import ERROR, Notice
from explorer.widgets.plain_text import literal

SHOWN_MS = 5000  # minimum time a toast stays; longer for longer texts
LETTER_MS = 40  # additional time per character, for slow readers
FADE_MS = 400
MOST = 3  # toasts at once; the Activity log has the others
WIDEST = 420  # px
MARGIN = 16  # px from the window's corner
GAP = 8  # px between toasts


class Notifier(QObject):
    """Distributes notices to the widgets that show them, and records the errors."""

    notified = Signal(str, str)  # kind, sentence: of both kinds
    failed = Signal(str)  # an error
    told = Signal(object)  # Notice: news

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.errors: list[str] = []

    def say(self, kind: str, sentence: str) -> None:
        """Show a sentence. kind: notice.NEWS or notice.ERROR."""
        self.show(Notice(kind, sentence))

    def fail(self, sentence: str) -> None:
        """Show an error."""
        self.say(ERROR, sentence)

    def show(self, notice: Notice) -> None:
        """Show a notice, with its action if it has one."""
        self.notified.emit(notice.kind, notice.sentence)
        if notice.kind == ERROR:
            self.errors.append(notice.sentence)
            self.failed.emit(notice.sentence)
        else:
            self.told.emit(notice)


class MessageBar(QFrame):
    """The last error, until it is closed."""

    closed = Signal()
    shown = Signal()
    report_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("notice")
        self.setAccessibleName("Error")
        self.setProperty("kind", ERROR)
        self._text = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._text.setMinimumHeight(1)  # its hint assumes a narrower label with more lines
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.close_button = QPushButton("Close")
        self.close_button.clicked.connect(self.close_message)
        self.report_button = QPushButton("Copy report")
        self.report_button.setToolTip(
            "Copy the error, the versions and the recent log, for a bug report"
        )
        self.report_button.clicked.connect(self.report_wanted)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 4, 6, 4)
        layout.addWidget(self._text, 1)
        layout.addWidget(self.report_button)
        layout.addWidget(self.close_button)

    def show_message(self, sentence: str) -> None:
        """Show a sentence, replacing the previous one."""
        self._text.setText(sentence)
        self._text.setToolTip(literal(sentence))
        self.shown.emit()

    def sizeHint(self) -> QSize:
        """As high as the lines of the sentence at this width."""
        return QSize(super().sizeHint().width(), self._height())

    def minimumSizeHint(self) -> QSize:
        """The same height: the label alone would ask for the lines of a narrow one."""
        return QSize(super().minimumSizeHint().width(), self._height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Ask for another height at another width."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.updateGeometry()

    def _height(self) -> int:
        height = self.heightForWidth(self.width())
        return height if height > 0 else super().sizeHint().height()

    def close_message(self) -> None:
        """Close the bar."""
        self._text.clear()
        self.closed.emit()

    def text(self) -> str:
        """The shown sentence."""
        return self._text.text()


class Toast(QFrame):
    """A news message that fades by itself, except under the mouse or with keyboard focus."""

    gone = Signal(object)  # itself

    def __init__(self, notice: Notice, parent: QWidget) -> None:
        super().__init__(parent)
        self.notice, self._window = notice, parent
        self.setObjectName("toast")
        self.setAccessibleName("News")
        self.setAccessibleDescription(notice.sentence)
        self.action = QPushButton(notice.action, self)
        self.action.setVisible(bool(notice.action))
        self.action.clicked.connect(self._act)
        self._lay_out()
        self._effect = QGraphicsOpacityEffect(self, opacity=1.0)
        self._effect.setEnabled(False)  # until it fades, because an effect draws into a pixmap
        self.setGraphicsEffect(self._effect)
        self._fade = QPropertyAnimation(self._effect, b"opacity", self)
        self._fade.setDuration(FADE_MS)
        self._fade.setEndValue(0.0)
        self._fade.setEasingCurve(QEasingCurve.Type.InQuad)
        self._fade.finished.connect(self.dismiss)
        self._clock = QTimer(self, singleShot=True, interval=_shown_ms(notice))
        self._clock.timeout.connect(self._go)
        self._wait()

    def _lay_out(self) -> None:
        text = QLabel(self.notice.sentence, wordWrap=True)
        text.setTextFormat(Qt.TextFormat.PlainText)
        text.setMinimumWidth(200)
        close = QToolButton()
        close.setText("✕")
        close.setAccessibleName("Close")
        close.setToolTip("Close; the message stays in Activity")
        close.setAutoRaise(True)
        close.clicked.connect(self.dismiss)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 8, 6, 8)
        layout.addWidget(text, 1)
        layout.addWidget(self.action)
        layout.addWidget(close)
        self.setFixedWidth(min(WIDEST, self._window.width() - 2 * MARGIN))
        self.setFixedHeight(self.heightForWidth(self.width()))

    def stay(self) -> None:
        """Stop fading."""
        self._clock.stop()
        self._fade.stop()
        self._effect.setOpacity(1.0)
        self._effect.setEnabled(False)

    def dismiss(self) -> None:
        """Disappear at once."""
        self._clock.stop()
        self._fade.stop()
        self.hide()
        self.gone.emit(self)

    def enterEvent(self, event: QEnterEvent) -> None:
        """Stay while the mouse is over the toast."""
        super().enterEvent(event)
        self.stay()

    def leaveEvent(self, event: QEvent) -> None:
        """Resume the countdown."""
        super().leaveEvent(event)
        self._wait()

    def _wait(self) -> None:
        if not self.notice.stays:
            self._clock.start()

    def _go(self) -> None:
        focused = QApplication.focusWidget()
        if focused is not None and self.isAncestorOf(focused):  # about to be pressed
            self._wait()
        elif self._fade.state() != QAbstractAnimation.State.Running:
            self._effect.setEnabled(True)
            self._fade.start()

    def _act(self) -> None:
        if self.notice.do is not None:
            self.notice.do()
        self.dismiss()


class Toasts(QObject):
    """Stacks toasts in the lower right corner of a window, newest at the bottom."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self.toasts: list[Toast] = []

    def show_notice(self, notice: Notice) -> None:
        """Show news; a repeated sentence replaces the earlier one."""
        for old in [toast for toast in self.toasts if toast.notice.sentence == notice.sentence]:
            old.dismiss()
        while len(self.toasts) >= MOST:
            self.toasts[0].dismiss()
        toast = Toast(notice, self._window)
        toast.gone.connect(self._forget)
        self.toasts.append(toast)
        self.place()
        toast.show()
        QAccessible.updateAccessibility(QAccessibleEvent(toast, QAccessible.Event.Alert))

    def withdraw(self, sentence: str) -> None:
        """Remove a message that nobody needs any longer."""
        for toast in [one for one in self.toasts if one.notice.sentence == sentence]:
            toast.dismiss()

    def place(self) -> None:
        """Position the toasts in the corner, one above the other."""
        bottom = self._window.height() - MARGIN
        for toast in reversed(self.toasts):
            toast.move(self._window.width() - toast.width() - MARGIN, bottom - toast.height())
            toast.raise_()
            bottom -= toast.height() + GAP

    def sentences(self) -> list[str]:
        """The shown sentences, newest last."""
        return [toast.notice.sentence for toast in self.toasts]

    def _forget(self, toast: Toast) -> None:
        if toast in self.toasts:
            self.toasts.remove(toast)
            toast.deleteLater()
            self.place()


def reading_time(sentence: str) -> int:
    """Time in ms that a toast with this sentence stays."""
    return SHOWN_MS + LETTER_MS * len(sentence)


def _shown_ms(notice: Notice) -> int:
    return max(reading_time(notice.sentence), round(1000 * notice.seconds))
