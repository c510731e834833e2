"""What every test can rely on: no display is needed, and no test sees the files of a person, or
leaves any of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

hypothesis.settings.register_profile("busy", deadline=None)  # an example may wait for the machine
hypothesis.settings.load_profile("busy")

ROOT = Path(__file__).parents[1]
MARKED = {"faults", "stress", "fuzz"}  # folders of tests that take long
os.environ["QT_QPA_PLATFORM"] = "offscreen"  # before anything imports Qt
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run beside each other, one on each core
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before anything imports torch


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Without pytest-timeout the limit set for it is not enforced, but is no unknown option."""
    parser.addoption("--long-faults", action="store_true", help="200 kills instead of 12")
    if not pluginmanager.hasplugin("timeout"):
        parser.addini("timeout", "seconds a test may take (not enforced)")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests in a folder of `MARKED` have a mark of that name."""
    for item in items:
        if item.path.parent.name in MARKED:
            item.add_marker(item.path.parent.name)


@pytest.fixture(autouse=True)
def _own_folders(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Settings and results go into the test's own folder; a file that nobody gave a place fails it.

    Such a file would lie in the folder of whoever runs the tests, or in the person's home.
    """
    monkeypatch.setenv("RK_EXPLORER_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    caches = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")  # fonts: slow to make
    monkeypatch.setenv("XDG_CACHE_HOME", caches)
    here = tmp_path_factory.mktemp("here")
    monkeypatch.setenv("HOME", str(here))
    monkeypatch.chdir(here)
    yield
    left = visible(here)
    assert not left, f"files left in the working folder or at home: {sorted(left)}"


@pytest.fixture(scope="session", autouse=True)
def _clean_tree() -> Iterator[None]:
    """No test, and no program that one starts, leaves a file where the source lies."""
    before = visible(ROOT)
    yield
    left = visible(ROOT) - before
    assert not left, f"files left in {ROOT}: {sorted(left)}"


def visible(folder: Path) -> set[str]:
    """The names in a folder, but for hidden ones: caches of tools, files that are being edited."""
    return {name for name in os.listdir(folder) if not name.startswith((".", "__"))}
