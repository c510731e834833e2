"""One setting of a form: its word, editor, unit, a button to put it back, and a line of help."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, QSize, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QToolButton, QWidget

from explorer import theme
from explorer.state.catalog import Field
from explorer.widgets import setting_editors as editors
from explorer.widgets.plain_text import literal
from explorer.widgets.term import TermLabel, with_definition

EDITOR_HEIGHT = 26  # px, so that all kinds of editors line up
MARK = "●"  # beside a setting that is not as recommended
LABEL, EDITOR, BACK = range(3)  # columns


class SettingRow(QObject):
    """The widgets of one setting, in two lines of a grid: label and editor, then help or problem.

    The tooltip has the whole help, and the name by which the command line knows the setting.
    """

    changed = Signal()

    def __init__(self, item: Field, parent: QWidget) -> None:
        super().__init__(parent)
        self.item = item
        self.editor = editors.make(item)
        self.mark = QLabel(MARK)
        self.label = TermLabel(item.title)
        self.back = QToolButton()
        self.note = TermLabel()
        self._box = QWidget()
        self._applies = True
        self._set_up()
        editors.write(self.editor, item, item.default)
        editors.changed(self.editor).connect(self._follow)
        self.back.clicked.connect(self.reset)
        self._follow()

    def place(self, layout: QGridLayout) -> None:
        """Add the row at the end of a form."""
        row = layout.rowCount()
        title = QHBoxLayout()
        title.setSpacing(4)
        title.addWidget(self.mark)
        title.addWidget(self.label, 1)
        layout.addLayout(title, row, LABEL)
        layout.addWidget(self._box, row, EDITOR)
        layout.addWidget(self.back, row, BACK)
        layout.addWidget(self.note, row + 1, EDITOR, 1, 2)

    @property
    def value(self) -> Any:
        """The current value."""
        return editors.read(self.editor, self.item)

    @property
    def differs(self) -> bool:
        """Whether the value, or one of several, is not the recommended one."""
        several = bool(editors.several(self.editor))
        return several or not editors.same(self.value, self.item.default)

    @property
    def problem(self) -> str:
        """What is wrong with the text of the editor; '' if nothing is, or it does not apply."""
        return editors.problem(self.editor, self.item) if self._applies else ""

    def reset(self) -> None:
        """Restore the recommended value."""
        editors.write(self.editor, self.item, self.item.default)
        self.editor.setFocus()

    def set_visible(self, visible: bool, applies: bool = True) -> None:
        """Show or hide the row. applies: whether the setting has any effect now."""
        self._applies = applies
        for part in (self.label, self._box, self.note):
            part.setVisible(visible)
        self._visible = visible
        self._follow_mark()

    def _set_up(self) -> None:
        item, editor = self.item, self.editor
        editor.setObjectName(item.name)
        editor.setAccessibleName(item.title)
        editor.setMinimumHeight(EDITOR_HEIGHT)
        tip = literal(with_definition(_tip(item), item.title))
        for widget in (editor, self.label):
            widget.setToolTip(tip)
        self.label.setBuddy(editor)
        self.mark.setObjectName("changed")
        self.mark.setToolTip("Not the recommended value")
        self.note.setWordWrap(True)
        self.back.setAutoRaise(True)
        self.back.setIcon(theme.icon("put-back", theme.current()))
        self.back.setIconSize(QSize(14, 14))
        words = f"Put back the recommended {editors.shown(item, item.default)}"
        self.back.setToolTip(literal(words))
        self.back.setAccessibleName(f"{item.title}: {words.lower()}")
        row = QHBoxLayout(self._box)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(editor, 1)
        if item.unit and item.unit.casefold() not in item.title.casefold():
            unit = TermLabel(item.unit)
            unit.setObjectName("muted")
            row.addWidget(unit)
        self._visible = True

    def _follow(self) -> None:
        self._show_note()
        self._follow_mark()
        self.changed.emit()

    def _show_note(self) -> None:
        wrong = self.problem
        role = "danger" if wrong else "help"
        self.note.setText(wrong or _help_line(self.item))
        if self.note.objectName() != role:
            self.note.setObjectName(role)
            self.note.style().unpolish(self.note)
            self.note.style().polish(self.note)

    def _follow_mark(self) -> None:
        for part in (self.mark, self.back):
            policy = part.sizePolicy()
            policy.setRetainSizeWhenHidden(self._visible)  # so that nothing moves
            part.setSizePolicy(policy)
            part.setVisible(self._visible and self.differs)


def _help_line(item: Field) -> str:
    """The first sentence of the help, and the range."""
    sentence = _capital(item.help.partition(". ")[0].rstrip("."))
    range_ = editors.range_of(item) if item.kind in ("int", "float") else ""
    return " · ".join(part for part in (sentence, range_) if part)


def _tip(item: Field) -> str:
    default = editors.shown(item, item.default)
    lines = [_capital(item.help), _capital(editors.range_of(item))]
    lines += [f"Recommended: {default}" if default else "", f"On the command line: {item.name}"]
    return "\n".join(line for line in lines if line)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
