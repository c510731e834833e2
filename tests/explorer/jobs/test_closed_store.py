"""A window on a read-only store: it opens, says so once, and leaves no file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from patience import PATIENCE_MS as WAIT
from pytestqt.qtbot import QtBot
from quick import finish

from explorer.app import NEW_HERE, Explorer, Options
from explorer.jobs.lanes import PROBE, Job
from explorer.state import settings
from explorer.state.notice import ERROR, NEWS


@pytest.fixture
def closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store on a read-only file system."""
    root = tmp_path / "closed"
    root.mkdir()
    may = os.access
    monkeypatch.setattr(os, "access", lambda path, *how: path != root and may(path, *how))
    monkeypatch.setattr("engine.storage.store._refusal", lambda root: "Read-only file system")
    return root


def test_the_window_opens_says_so_once_and_refuses_a_run_in_one_sentence(
    qtbot: QtBot, closed: Path
) -> None:
    result = Explorer(Options(store=closed, dataset="iris"))
    received: list[tuple[str, str]] = []
    result.notifier.notified.connect(
        lambda *notice: received.append(notice) if notice[1] != NEW_HERE else None
    )
    with qtbot.waitSignal(result.jobs.idle, timeout=WAIT):
        result.show()
    with qtbot.waitSignal(result.jobs.idle, timeout=WAIT):
        result.jobs.submit(Job("Another lane", lambda engine, report: None, PROBE))
    assert result.state.dataset is not None and result.state.dataset.spec.name == "iris"
    messages = (
        f"The store {closed} is read-only (Read-only file system): its results can be viewed, but "
        "new ones are not saved."
    )
    assert received == [(NEWS, messages)]
    with qtbot.waitSignal(result.jobs.idle, timeout=WAIT):
        result.controller.run()
    kind, sentence = received[-1]
    assert len(received) == 2 and kind == ERROR
    assert f"The store {closed} is read-only" in sentence and "does not contain" in sentence
    result.keeper.look()
    finish(result, qtbot)
    assert len(received) == 2 and not list(closed.iterdir())


def test_settings_of_read_only_stores_are_separate(closed: Path, tmp_path: Path) -> None:
    beside = settings.file_in(closed)
    assert closed not in beside.parents
    assert beside != settings.file_in(None) and beside == settings.file_in(closed)
    assert settings.file_in(tmp_path / "new") == tmp_path / "new" / settings.FILE
