"""What the windows of these tests copied is not left to Qt at the end of the process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QApplication

from explorer.process import release_clipboard


@pytest.fixture(scope="session", autouse=True)
def _no_clipboard_at_the_end(qapp: QApplication) -> Iterator[None]:
    yield
    release_clipboard()
