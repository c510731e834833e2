"""The full sentence of every finding, one below the other."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from engine.analysis.finding import Finding
from explorer.theme import Theme
from explorer.widgets.finding_label import FindingLabel

SPACING = 7  # logical pixels between sentences


class FindingList(QWidget):
    """Sentences that wrap at the widget's width; `followed` gives the `Link` that was clicked."""

    followed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.labels: list[FindingLabel] = []
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(SPACING)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAccessibleName("Findings")

    def show_findings(self, findings: Sequence[Finding], theme: Theme) -> None:
        """Show these findings."""
        while len(self.labels) < len(findings):
            label = FindingLabel(wrap=True)
            label.followed.connect(self.followed)
            self.labels.append(label)
            self._layout.addWidget(label)
        for number, label in enumerate(self.labels):
            label.setVisible(number < len(findings))
        for label, finding in zip(self.labels, findings, strict=False):
            label.show_finding(finding, finding.sentence, theme)

    @property
    def count(self) -> int:
        """Number of findings."""
        return sum(not label.isHidden() for label in self.labels)

    def texts(self) -> list[str]:
        """The sentences that are shown, as plain text."""
        return [label.text() for label in self.labels if not label.isHidden()]
