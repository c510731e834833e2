"""What every test can rely on: no display is needed, and no test sees the files of a person."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ["QT_QPA_PLATFORM"] = "offscreen"  # before anything imports Qt


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Without pytest-timeout the limit set for it is not enforced, but is no unknown option."""
    parser.addoption("--long-faults", action="store_true", help="200 kills instead of 12")
    if not pluginmanager.hasplugin("timeout"):
        parser.addini("timeout", "seconds a test may take (not enforced)")


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings and results go into the test's own folder."""
    monkeypatch.setenv("RK_EXPLORER_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
