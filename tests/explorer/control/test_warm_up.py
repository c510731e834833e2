"""Torch is imported by a job once the window is quiet, and prefetching waits for it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from patience import PATIENCE_MS
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from explorer.control import warm_up
from explorer.control.warm_up import WarmUp
from explorer.jobs.lanes import Job, Jobs
from explorer.state.app_state import AppState


class Bench:
    """A warm-up on real lanes, with an engine that counts and that brings `torch`."""

    def __init__(self, folder: Path, modules: dict[str, Any]) -> None:
        self.parent = QObject()
        self.asked = 0
        self._modules = modules
        self.jobs = Jobs(lambda log: self._engine(), folder, self.parent)
        self.state = AppState(self.parent)
        self.warm_up = WarmUp(self.state, self.jobs, self.parent)
        self.done: list[bool] = []
        self.warm_up.done.connect(lambda: self.done.append(True))

    def _engine(self) -> SimpleNamespace:
        return SimpleNamespace(warm_up=self._prepare, close=lambda: None)

    def _prepare(self) -> None:
        self.asked += 1
        self._modules["torch"] = object()

    def work(self, brings: bool = False) -> None:
        """Submit a job; brings: one that computes, and so imports torch."""
        self.jobs.submit(Job("Something", lambda *_: self._bring() if brings else None))

    def _bring(self) -> None:
        self._modules["torch"] = object()


@pytest.fixture
def bench(tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(warm_up, "QUIET_MS", 20)
    modules = {name: one for name, one in sys.modules.items() if name != "torch"}
    monkeypatch.setattr(warm_up, "sys", SimpleNamespace(modules=modules))
    result = Bench(tmp_path, modules)
    yield result
    result.jobs.close()


def test_once_quiet_with_data_one_job_imports_it(bench: Bench, qtbot: QtBot) -> None:
    bench.work()
    qtbot.waitUntil(lambda: not bench.jobs.busy(), timeout=PATIENCE_MS)
    qtbot.wait(100)
    assert bench.asked == 0 and not bench.done  # no data yet
    bench.state.dataset = object()  # type: ignore[assignment]
    bench.work()
    qtbot.waitUntil(lambda: bool(bench.done), timeout=PATIENCE_MS)
    bench.work()
    qtbot.waitUntil(lambda: not bench.jobs.busy(), timeout=PATIENCE_MS)
    qtbot.wait(100)
    assert bench.asked == 1 and bench.done == [True]


def test_a_job_that_imported_it_needs_no_other(bench: Bench, qtbot: QtBot) -> None:
    bench.state.dataset = object()  # type: ignore[assignment]
    bench.work(brings=True)
    qtbot.waitUntil(lambda: bool(bench.done), timeout=PATIENCE_MS)
    qtbot.wait(100)
    assert bench.asked == 0
