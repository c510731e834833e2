"""The About dialog."""

from __future__ import annotations

import platform

from PySide6.QtCore import qVersion
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QVBoxLayout,
    QWidget,
)

from engine import __version__
from explorer.widgets import markup
from explorer.widgets.forms import styled_label


class AboutDialog(QDialog):
    """Description of the program, its paper and its versions."""

    def __init__(self, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle("About RK Explorer")
        layout = QVBoxLayout(self)
        words = styled_label(
            f"<h3>RK Explorer {__version__}</h3>"
            "<p>A desktop microscope for machine unlearning: it shows the knowledge of a "
            "forgotten sample that remains in its neighborhood.</p>"
            "<p>Residual knowledge and RURK: Hsu, Niroula, He, Brugere, Lecue, Chen. The "
            "Unseen Threat: Residual Knowledge in Machine Unlearning under Perturbed "
            "Samples. NeurIPS 2025.</p>"
            "<p>The photographs of clothes are a part of Fashion-MNIST: Xiao, Rasul, Vollgraf. "
            "Copyright 2017 Zalando SE, MIT License.</p>"
            f"<p>Python {platform.python_version()}, Qt {qVersion()}</p>",
            "about",
        )
        markup.allow(words)
        layout.addWidget(words)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)
