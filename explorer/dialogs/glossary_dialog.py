"""The glossary: a search field, the list of terms, and the definition of the selected one."""

from __future__ import annotations

import html
import re
from urllib.parse import quote, unquote

from PySide6.QtCore import QEvent, QObject, Qt, QUrl
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QLineEdit,
    QListWidget,
    QSplitter,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from engine.drawing.glossary import Term, search, terms
from explorer.widgets.fit import resize_on_screen

WIDTH, HEIGHT, LIST_WIDTH, MARGIN = 760, 460, 250, 10  # px
SUBSCRIPT = re.compile(r"(?<=\w)_(\w)\b")  # 'S_f', 'r_τ'
MOVES = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


class GlossaryDialog(QDialog):
    """Every term with its meaning, formula and source; links lead to related terms.

    Arrow keys move through the list while the search field has the focus; Tab moves to list and
    text.
    """

    def __init__(self, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Glossary")
        resize_on_screen(self, WIDTH, HEIGHT)
        self._terms: list[Term] = []
        self.line = QLineEdit()
        self.line.setPlaceholderText("Search terms, symbols and meanings")
        self.line.setAccessibleName("Search the glossary")
        self.line.setClearButtonEnabled(True)
        self.list = QListWidget()
        self.list.setAccessibleName("Terms")
        self.meaning = QTextBrowser()
        self.meaning.setAccessibleName("Meaning of the term")
        self.meaning.setOpenLinks(False)
        self.meaning.document().setDocumentMargin(MARGIN)
        parts = QSplitter()
        parts.addWidget(self.list)
        parts.addWidget(self.meaning)
        parts.setSizes([LIST_WIDTH, WIDTH - LIST_WIDTH])
        parts.setChildrenCollapsible(False)
        layout = QVBoxLayout(self)
        layout.addWidget(self.line)
        layout.addWidget(parts)
        self.line.installEventFilter(self)
        self.line.textChanged.connect(self._search)
        self.list.currentRowChanged.connect(self._show_row)
        self.meaning.anchorClicked.connect(self._follow)
        self._search()
        self.line.setFocus()

    @property
    def term(self) -> Term | None:
        """The displayed term; None if the search has no result."""
        row = self.list.currentRow()
        return self._terms[row] if 0 <= row < len(self._terms) else None

    def show_term(self, name: str) -> None:
        """Display the term of this name; does nothing if there is none."""
        if not any(one.name == name for one in terms()):
            return
        if all(one.name != name for one in self._terms):
            self.line.clear()
        self.list.setCurrentRow([one.name for one in self._terms].index(name))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let arrow keys in the search field move through the list."""
        pressed = event.type() == QEvent.Type.KeyPress
        if pressed and isinstance(event, QKeyEvent) and event.key() in MOVES:
            QApplication.sendEvent(self.list, event)
            return True
        return super().eventFilter(watched, event)

    def changeEvent(self, event: QEvent) -> None:
        """Redraw links in the colors of a new theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._show_row()

    def _search(self) -> None:
        chosen = self.term
        self._terms = search(self.line.text(), terms())
        self.list.blockSignals(True)
        self.list.clear()
        self.list.addItems([one.name for one in self._terms])
        kept = chosen in self._terms and not self.line.text()
        self.list.setCurrentRow(self._terms.index(chosen) if kept and chosen else 0)
        self.list.blockSignals(False)
        self._show_row()

    def _show_row(self) -> None:
        term = self.term
        if term is None:
            self.meaning.setPlainText("No term matches all of these words.")
        else:
            self.meaning.setHtml(meaning(term))

    def _follow(self, link: QUrl) -> None:
        self.show_term(unquote(link.path()))


def meaning(term: Term) -> str:
    """The definition of a term as HTML; all text of the file is escaped."""
    parts = [f"<h3>{html.escape(term.name)}</h3>", f"<p>{_typeset(term.text)}</p>"]
    if term.formula:
        parts.append(f"<p><i>{_typeset(term.formula)}</i></p>")
    if term.source:
        parts.append(f"<p>Source: {html.escape(term.source)}.</p>")
    if term.see:
        links = [f'<a href="{quote(name)}">{html.escape(name)}</a>' for name in term.see]
        parts.append(f"<p>See also: {', '.join(links)}</p>")
    return "".join(parts)


def _typeset(text: str) -> str:
    """The text as HTML, with subscripts."""
    return SUBSCRIPT.sub(r"<sub>\1</sub>", html.escape(text))
