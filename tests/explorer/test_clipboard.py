"""A process that has copied something ends as it should."""

from __future__ import annotations

import os
import subprocess
import sys

COPY = """
from PySide6.QtCore import QMimeData
from PySide6.QtWidgets import QApplication

from explorer.process import release_clipboard

app = QApplication([])
data = QMimeData()
data.setData("image/svg+xml", b"<svg/>")
app.clipboard().setMimeData(data)
assert app.clipboard().mimeData().hasFormat("image/svg+xml")
del data
release_clipboard()
"""


def test_a_copied_figure_does_not_crash_the_end_of_the_process() -> None:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [sys.executable, "-c", COPY], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
