"""Imports beside PySide6: no source is read needlessly, and pyqtgraph finds all of Qt's names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pyqtgraph as pg
import pytest
from patience import PATIENCE
from PySide6 import QtCore, QtGui, QtWidgets

from explorer import qt_imports

ROOT = Path(qt_imports.__file__).parents[1]
READ = """
import inspect, sys
from explorer import process
original = inspect.getsource
asked = set()
def count(module):
    if sys._getframe(1).f_globals["__name__"] == "shibokensupport.feature":
        asked.add(module.__name__.partition(".")[0])
    return original(module)
inspect.getsource = count
import explorer.app, engine.pipeline.pipeline, pytest
known = {"torch", "numpy", "engine", "explorer", "pyqtgraph", "json"}
print(asked & known or "", "pytest" in asked)
"""
COPIED = """
import explorer.app
from PySide6 import QtWidgets
import pyqtgraph.Qt.QtWidgets as mirror
print(len(vars(mirror)) < len(dir(QtWidgets)) / 2, mirror.QDial is QtWidgets.QDial)
"""


@pytest.mark.parametrize(("code", "expected"), [(READ, "True"), (COPIED, "True True")])
def test_a_new_process_does_no_more_than_it_must(code: str, expected: str) -> None:
    """Which sources the import hook of PySide6 reads; how much pyqtgraph copies."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE,
        env={"PYTHONPATH": str(ROOT), "QT_QPA_PLATFORM": "offscreen"}, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == expected


def test_an_unknown_module_is_searched_for_qt() -> None:
    def search(module: ModuleType) -> bool:
        return module.__name__ == "plugin"

    found = {
        name: qt_imports._uses_qt(search, ModuleType(name))
        for name in ("torch.nn", "explorer.app", "plugin", "other", "torches")
    }
    assert found == {
        "torch.nn": False, "explorer.app": True, "plugin": True, "other": False, "torches": False,
    }  # fmt: skip


@pytest.mark.parametrize("original", [QtCore, QtGui, QtWidgets])
def test_pyqtgraph_finds_every_name_of_qt(original: ModuleType) -> None:
    mirror = getattr(pg.Qt, original.__name__.rpartition(".")[2])
    assert len(dir(original)) > 150  # whose names are listed again after the import
    for name in dir(original):
        if not name.startswith("__"):
            assert hasattr(mirror, name), name
    assert not hasattr(mirror, "QNothing")
