"""A new window shows the example study, and every view of it without computing anything."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import as_file
from pathlib import Path

import pytest
from patience import PATIENCE_MS as WAIT
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from quick import NoEmbedder, finish

from engine.pipeline.pipeline import Pipeline
from engine.storage import hdf5
from engine.storage.store import Store
from engine.study import example
from explorer.app import Explorer, Options
from explorer.jobs.example_tasks import MARKS

LEFT = Qt.MouseButton.LeftButton


class Opened(Pipeline):
    """The real engine; its embedder would fail if it were asked for anything."""

    def __init__(self, store: Path) -> None:
        super().__init__(Store(store), "cpu")
        self.embedder.close()
        self.embedder = NoEmbedder()  # type: ignore[assignment]


def window(store: Path, qtbot: QtBot) -> Explorer:
    result = Explorer(Options(store=store, theme="light"), lambda log: Opened(store))
    result.show()
    qtbot.waitUntil(lambda: result.state.dataset is not None, timeout=WAIT)
    settle(result, qtbot)
    return result


def settle(explorer: Explorer, qtbot: QtBot) -> None:
    qtbot.wait(1)
    qtbot.waitUntil(lambda: not explorer.jobs.busy(), timeout=WAIT)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def explorer(qtbot: QtBot, store: Path) -> Iterator[Explorer]:
    result = window(store, qtbot)
    yield result
    finish(result, qtbot)


def results(store: Path) -> set[Path]:
    """Every file of the store with a result, its own and imported ones."""
    return {path for suffix in ("h5", "pt") for path in store.rglob(f"*.{suffix}")}


def keys_in_the_bundle() -> set[str]:
    """The keys of all results that the bundle brings."""
    with as_file(example.bundle()) as path, hdf5.open_checked(path) as file:
        return {part for name in file.names for part in name.split("/")}


def test_every_view_is_filled_from_what_came_with_the_program(
    explorer: Explorer, qtbot: QtBot, store: Path
) -> None:
    state = explorer.state
    assert state.dataset is not None and state.dataset.spec.name == example.DATASET
    assert state.study is not None and state.study.key == example.key()
    assert [origin.source for origin in state.study.origins] == [example.SOURCE]
    assert state.stale is None
    mark = store / MARKS / example.key()
    qtbot.waitUntil(lambda: mark.read_text() == "", timeout=WAIT)  # the rest was imported as well
    settle(explorer, qtbot)
    for name, view in explorer.window.views.items():
        explorer.window.go_to(name)
        qtbot.waitUntil(lambda view=view: view.seen, timeout=WAIT)
        settle(explorer, qtbot)
        assert not view.panel.is_empty, f"{name}: {view.panel.empty.text()}"
    compare = explorer.window.views["comparison"]
    explorer.window.go_to("comparison")
    compare.tabs.setCurrentWidget(compare.similarity)  # type: ignore[attr-defined]
    settle(explorer, qtbot)
    assert state.similarity is not None
    assert state.embedding is not None and state.neighborhood is not None
    made = {path.stem for path in results(store)} - keys_in_the_bundle()
    assert not made, "a view computed something"
    assert all("imported" in path.parts for path in results(store))


def test_the_offer_of_the_tour_ends_when_a_workspace_is_chosen(
    explorer: Explorer, qtbot: QtBot
) -> None:
    window = explorer.window
    assert any("New here?" in one for one in window.toasts.sentences())
    qtbot.mouseClick(window.workspaces.buttons["run"], LEFT)
    assert not any("New here?" in one for one in window.toasts.sentences())
    log = "\n".join(window.activity.lines())
    assert "New here?" in log
    assert "Opening Fashion" in log and "Embedding the features of Original and GD" in log


def test_run_makes_the_study_here(explorer: Explorer, qtbot: QtBot) -> None:
    """As far as its first model, since the whole takes a while: it is not answered from there."""
    with qtbot.waitSignal(explorer.controller.queue.points, timeout=WAIT):
        qtbot.mouseClick(explorer.window.bar.run_button, LEFT)
    qtbot.waitUntil(lambda: len(explorer.state.losses.get("original", ())) > 1, timeout=WAIT)
    assert explorer.state.study is None  # it is shown live
    explorer.controller.cancel()
    settle(explorer, qtbot)


def test_a_deleted_example_stays_deleted_until_it_is_asked_for(
    explorer: Explorer, qtbot: QtBot, store: Path
) -> None:
    explorer.controller.stored.delete([example.key()])
    settle(explorer, qtbot)
    qtbot.waitUntil(lambda: explorer.state.studies == (), timeout=WAIT)
    assert explorer.state.study is None
    again = window(store, qtbot)
    assert again.state.study is None and again.state.studies == ()
    again.controller.opening.open_example()
    qtbot.waitUntil(lambda: again.state.study is not None, timeout=WAIT)
    assert again.state.study is not None and again.state.study.key == example.key()
    finish(again, qtbot)


def test_a_damaged_bundle_leaves_the_dataset_usable(
    qtbot: QtBot, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "fashion.rkx"
    broken.write_bytes(b"not a bundle")
    monkeypatch.setattr(example, "bundle", lambda: broken)
    explorer = window(store, qtbot)
    assert explorer.state.study is None and len(explorer.state.forget) == 200
    assert any("could not be imported" in line for line in explorer.window.activity.lines())
    finish(explorer, qtbot)
