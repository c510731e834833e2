"""What is known of one selected run, and how two of them differ."""

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
from engine.study.differences import Difference, as_text, differences, settings_of
from explorer.widgets.panel import button, muted
from explorer.widgets.plain_text import literal

Spec = Mapping[str, Any]
CHOOSE = (
    "Select a run to see its log, its settings and where it comes from; select two (with Ctrl) to "
    "compare their settings."
)
UNKNOWN = "The settings are being read."
NOT_STORED = "The study is not stored yet, or is being read."


class Details(QStackedWidget):
    """A sentence, the pages of one run, or the differences of two."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sentence = muted(CHOOSE)
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.pages = QTabWidget()
        self.log = QPlainTextEdit(readOnly=True)
        self.log.setFrameShape(QPlainTextEdit.Shape.NoFrame)
        self.log.setAccessibleName("Log of the run")
        self.log.setPlaceholderText("This study was made in an earlier session; its log is gone.")
        self.settings = Facts("Settings of the study")
        self.origin = Facts("Where the study comes from")
        for page, title in ((self.log, "Log"), (self.settings, "Settings"), (self.origin, "From")):
            self.pages.addTab(page, title)
        self.pages.setTabToolTip(2, "Versions, device, seed, time and key of the stored study")
        self.comparison = Comparison()
        for part in (self.sentence, self.pages, self.comparison):
            self.addWidget(part)

    def say(self, sentence: str) -> None:
        """Show a sentence."""
        self.sentence.setText(sentence)
        self.setCurrentWidget(self.sentence)

    def show_run(self, lines: Sequence[str], spec: Spec, origin: Provenance | None) -> None:
        """Show the pages of one run."""
        text = "\n".join(lines)
        if text != self.log.toPlainText():
            self.log.setPlainText(text)
            self.log.verticalScrollBar().setValue(self.log.verticalScrollBar().maximum())
        self.settings.show_facts(settings_of(spec) if spec else {"settings": UNKNOWN})
        self.origin.show_facts(_origin(origin) if origin else {"store": NOT_STORED})
        self.setCurrentWidget(self.pages)

    def compare(self, titles: tuple[str, str], specs: tuple[Spec, Spec]) -> None:
        """Show in what two studies differ."""
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

    def show_facts(self, found: Mapping[str, str]) -> None:
        """Show these; equal ones change nothing, so that nobody loses the place."""
        if found == self.shown:
            return
        self.shown = dict(found)
        self.clear()
        branches: dict[str, QTreeWidgetItem] = {}
        for path, text in found.items():
            owner, dot, name = path.partition(".")
            if dot and owner not in branches:
                branches[owner] = QTreeWidgetItem(self, [owner])
            leaf = QTreeWidgetItem(branches[owner] if dot else self, [name if dot else path, text])
            leaf.setToolTip(1, literal(text))
        self.expandAll()


class Comparison(QWidget):
    """A table of only what differs, with a button that copies it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._titles = ("", "")
        self.found: list[Difference] = []
        self.caption = muted()
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

    def show_differences(self, titles: tuple[str, str], found: list[Difference]) -> None:
        """Show the settings that differ, the values side by side."""
        if (titles, found) == (self._titles, self.found) and self.caption.text():
            return
        self._titles, self.found = titles, found
        number = f"{len(found)} setting{'s' * (len(found) != 1)} differ{'s' * (len(found) == 1)}"
        self.caption.setText(f"{number}." if found else "These studies have the same settings.")
        for column, title in enumerate(("Setting", *titles)):
            head = QTableWidgetItem(title)
            head.setToolTip(literal(title))
            self.table.setHorizontalHeaderItem(column, head)
        self.table.setRowCount(len(found))
        for row, one in enumerate(found):
            for column, text in enumerate((one.setting, one.first, one.second)):
                item = QTableWidgetItem(text)
                item.setToolTip(literal(text))
                self.table.setItem(row, column, item)
        self.copy_button.setEnabled(bool(found))

    def copy(self) -> None:
        """Put the table on the clipboard."""
        QApplication.clipboard().setText(as_text(self.found, self._titles))


def _origin(found: Provenance) -> dict[str, str]:
    versions = {f"versions.{name}": version for name, version in found.versions.items()}
    return {
        "key": found.key,
        **({"origin": sentence(found.origins)} if found.origins else {}),
        "made (UTC)": found.created.replace("T", " ").rstrip("Z"),
        "device": found.device,
        "seed": str(found.seed),
        "seconds on models": f"{found.seconds:.1f} s",
        **versions,
    }
