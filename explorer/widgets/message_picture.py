"""Messages as pictures: their words in lines, those that a copy changed marked."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QGuiApplication, QPainter

from engine.perturbations import EditedMessage

SMALLEST, LARGEST = 8, 13  # pixels of letters
LETTERS, LINES = 9.0, 5.0  # about as many letters fit into a line of a box, and lines into it
DOTS = "…"


@dataclass(frozen=True)
class Mark:
    """How a changed word is drawn. color: '#rrggbb'; struck: whether it was dropped."""

    color: str
    struck: bool = False


Words = Sequence[tuple[str, Mark | None]]


def plain_words(text: str) -> Words:
    """The words of a message, none of them marked."""
    return [(word, None) for word in text.split()]


def marked_words(message: EditedMessage, replaced: str, dropped: str) -> Words:
    """The words of a copy: dropped ones struck out and new ones in their colors ('#rrggbb')."""
    words: list[tuple[str, Mark | None]] = []
    for old, new in zip(message.words, message.copy, strict=True):
        mark = None if new == old else Mark(replaced) if new else Mark(dropped, struck=True)
        words.append((new or old, mark))
    return words


def html_words(words: Words) -> str:
    """The words as rich text."""
    parts = []
    for word, mark in words:
        text = html.escape(word)
        if mark is not None:
            tag = "s" if mark.struck else "b"
            text = f"<{tag} style='color: {mark.color}'>{text}</{tag}>"
        parts.append(text)
    return " ".join(parts)


def draw_message(painter: QPainter, box: QRectF, words: Words) -> None:
    """Draw as many words as fit into the box, in the color of texts, from its upper left corner."""
    font = QFont(painter.font())
    fitting = min(box.width() / LETTERS, box.height() / LINES)
    font.setPixelSize(round(min(LARGEST, max(SMALLEST, fitting))))
    painter.save()
    painter.setClipRect(box)
    ink = QGuiApplication.palette().text().color()
    for place, word, mark in _placed(words, box, font):
        painter.setFont(_marked(font, mark))
        painter.setPen(ink if mark is None else QColor(mark.color))
        painter.drawText(place, word)
    painter.restore()


def _marked(font: QFont, mark: Mark | None) -> QFont:
    """The font of a word: bold if it is new, struck out if it was dropped."""
    if mark is None:
        return font
    marked = QFont(font)
    marked.setBold(not mark.struck)
    marked.setStrikeOut(mark.struck)
    return marked


def _placed(words: Words, box: QRectF, font: QFont) -> Iterator[tuple[QPointF, str, Mark | None]]:
    """(start of the base line, word, mark) of each word that fits, and dots for the rest."""
    metrics, bold = QFontMetricsF(font), QFontMetricsF(_marked(font, Mark("")))
    dots, space = metrics.horizontalAdvance(DOTS), metrics.horizontalAdvance(" ")
    x, y, high = box.left(), box.top() + metrics.ascent(), metrics.height()
    for word, mark in words:
        wide = (metrics if mark is None or mark.struck else bold).horizontalAdvance(word)
        if x > box.left() and x + wide > box.right():
            if y + high + metrics.descent() > box.bottom():
                yield QPointF(min(x, box.right() - dots), y), DOTS, None
                return
            x, y = box.left(), y + high
        yield QPointF(x, y), word, mark
        x += wide + space
