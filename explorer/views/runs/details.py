"""Details of one selected run, or the differences of two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHeaderView,
    QPlainTextEdit,
    QStackedWidget,
    QTableWidget,
    QTableWidgetItem,
    QTabWidget,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from engine.provenance import Provenance
from engine.storage.origins import sentence
from engine.study.differences import Difference, differences, differences_as_text, settings_of
from explorer.views.runs.notes import NotesPage
from explorer.views.runs.rows import StudyRow
from explorer.widgets.panel import button, muted_label
from explorer.widgets.plain_text import literal

Spec = Mapping[str, Any]
CHOOSE = (
    "Select a run to see its log, settings and origin; select two (with Ctrl) to compare their "
    "settings."
)
UNKNOWN = "Reading the settings."
NOT_STORED = "The study is not stored yet, or is still being read."


class Details(QStackedWidget):
    """A sentence, the pages of one run, or the differences of two."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sentence = muted_label(CHOOSE)
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.pages = QTabWidget()
        self.pages.setDocumentMode(True)
        self.notes = NotesPage()
        self.log = QPlainTextEdit(readOnly=True)
        self.log.setFrameShape(QPlainTextEdit.Shape.NoFrame)
        self.log.setAccessibleName("Log of the run")
        self.log.setPlaceholderText("This study ran in an earlier session; its log was not stored.")
        self.settings = Facts("Settings of the study")
        self.origin = Facts("Origin of the study")
        for page, title in (
            (self.notes, "Notes"),
            (self.settings, "Settings"),
            (self.log, "Log"),
            (self.origin, "Origin"),
        ):
            self.pages.addTab(page, title)
        self.pages.setTabToolTip(0, "Name, tags and notes of your own")
        self.pages.setTabToolTip(3, "Versions, device, seed, time and key of the stored study")
        self._opened_by_hand = False
        self.pages.tabBarClicked.connect(self._on_tab_clicked)
        self.comparison = Comparison()
        for part in (self.sentence, self.pages, self.comparison):
            self.addWidget(part)

    def say(self, sentence: str) -> None:
        """Show a sentence."""
        self.sentence.setText(sentence)
        self.setCurrentWidget(self.sentence)

    def show_run(
        self, row: StudyRow, lines: Sequence[str], spec: Spec, origin: Provenance | None
    ) -> None:
        """Show the pages of one study: its log while it is not stored, else its notes."""
        if not self._opened_by_hand:
            self.pages.setCurrentWidget(self.notes if row.key else self.log)
        self.notes.show_study(row.key, row.name, row.tags, row.notes)
        text = "\n".join(lines)
        if text != self.log.toPlainText():
            self.log.setPlainText(text)
            self.log.verticalScrollBar().setValue(self.log.verticalScrollBar().maximum())
        self.settings.show_facts(settings_of(spec) if spec else {"settings": UNKNOWN})
        self.origin.show_facts(_origin(origin) if origin else {"store": NOT_STORED})
        self.setCurrentWidget(self.pages)

    def _on_tab_clicked(self) -> None:
        self._opened_by_hand = True

    def compare(self, titles: tuple[str, str], specs: tuple[Spec, Spec]) -> None:
        """Show the settings in which two studies differ."""
        self.comparison.show_differences(titles, differences(*specs))
        self.setCurrentWidget(self.comparison)


class Facts(QTreeWidget):
    """Names and values: 'rurk.tau' -> '0.03' is a leaf of the branch 'rurk'."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.shown: dict[str, str] = {}
        self.setAccessibleName(name)
        self.setHeaderHidden(True)
        self.setColumnCount(2)
        self.setFrameShape(QTreeWidget.Shape.NoFrame)
        self.header().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)

    def show_facts(self, facts: Mapping[str, str]) -> None:
        """Show these facts; equal ones change nothing, to keep the scroll position."""
        if facts == self.shown:
            return
        self.shown = dict(facts)
        self.clear()
        branches: dict[str, QTreeWidgetItem] = {}
        for path, text in facts.items():
            owner, dot, name = path.partition(".")
            if dot and owner not in branches:
                branches[owner] = QTreeWidgetItem(self, [owner])
            leaf = QTreeWidgetItem(branches[owner] if dot else self, [name if dot else path, text])
            leaf.setToolTip(1, literal(text))
        self.expandAll()


class Comparison(QWidget):
    """A table of the differing settings, with a button that copies it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._titles = ("", "")
        self.differences: list[Difference] = []
        self.caption = muted_label()
        self.table = QTableWidget(0, 3)
        self.table.setAccessibleName("Settings in which the two studies differ")
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 8)
        self.table.setWordWrap(False)
        self.table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.copy_button = button(
            "Copy", "Copy the differences as tab-separated text", self.copy
        )  # fmt: skip
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.caption)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.copy_button, 0, Qt.AlignmentFlag.AlignRight)

    def show_differences(self, titles: tuple[str, str], rows: list[Difference]) -> None:
        """Show the settings that differ, the values side by side."""
        if (titles, rows) == (self._titles, self.differences) and self.caption.text():
            return
        self._titles, self.differences = titles, rows
        number = f"{len(rows)} setting{'s' * (len(rows) != 1)} differ{'s' * (len(rows) == 1)}"
        self.caption.setText(f"{number}." if rows else "These studies have the same settings.")
        for column, title in enumerate(("Setting", *titles)):
            head = QTableWidgetItem(title)
            head.setToolTip(literal(title))
            self.table.setHorizontalHeaderItem(column, head)
        self.table.setRowCount(len(rows))
        for row, difference in enumerate(rows):
            for column, text in enumerate(_texts(difference)):
                item = QTableWidgetItem(text)
                item.setToolTip(literal(text))
                self.table.setItem(row, column, item)
        self.copy_button.setEnabled(bool(rows))

    def copy(self) -> None:
        """Put the table on the clipboard."""
        QApplication.clipboard().setText(differences_as_text(self.differences, self._titles))


def _texts(difference: Difference) -> tuple[str, str, str]:
    return difference.setting, difference.first, difference.second


def _origin(study: Provenance) -> dict[str, str]:
    versions = {f"versions.{name}": version for name, version in study.versions.items()}
    return {
        "key": study.key,
        **({"origin": sentence(study.origins)} if study.origins else {}),
        "created (UTC)": study.created.replace("T", " ").rstrip("Z"),
        "device": study.device,
        "seed": str(study.seed),
        "time on models": f"{study.seconds:.1f} s",
        **versions,
    }
