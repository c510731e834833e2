"""A result that was saved from Python, in the real window: beside all others, pictures included."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from patience import PATIENCE_MS as WAIT
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from quick import NoEmbedder, finish
from torch import nn

import engine
from engine.pipeline.pipeline import Pipeline
from engine.storage.store import Store
from explorer.app import Explorer, Options

ANSWERS_ALONE = "known by their answers alone"
EMPTY = {"embedding", "neighborhood", "slice", "critical"}  # they take the models themselves


class Opened(Pipeline):
    """The real engine without its helper process."""

    def __init__(self, store: Path) -> None:
        super().__init__(Store(store), "cpu")
        self.embedder.close()
        self.embedder = NoEmbedder()  # type: ignore[assignment]


def settle(explorer: Explorer, qtbot: QtBot) -> None:
    qtbot.wait(1)
    qtbot.waitUntil(lambda: not explorer.jobs.busy(), timeout=WAIT)


def window(store: Path, qtbot: QtBot) -> Explorer:
    result = Explorer(Options(store=store, theme="light"), lambda log: Opened(store))
    result.show()
    qtbot.waitUntil(lambda: result.state.dataset is not None, timeout=WAIT)
    settle(result, qtbot)
    return result


@pytest.fixture(params=["with the Original", "without it"])
def key(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The key of a study saved in five lines."""
    rng = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (9, 1, 6, 6), generator=rng, dtype=torch.uint8)
    torch.manual_seed(0)
    nets = [nn.Sequential(nn.Flatten(), nn.Linear(36, 3)) for _ in range(4)]
    original = nets.pop() if request.param == "with the Original" else None
    rk = engine.residual_knowledge(
        nets[0], nets[1:], x, torch.arange(9) % 3, taus=(0, 0.1), draws=10, original=original
    )
    return rk.save(tmp_path / "store", name="my method", dataset="My pictures")


@pytest.fixture
def explorer(qtbot: QtBot, key: str, tmp_path: Path) -> Iterator[Explorer]:
    result = window(tmp_path / "store", qtbot)
    result.controller.opening.open_study(key)
    settle(result, qtbot)
    yield result
    finish(result, qtbot)


def test_views_show_it_or_say_why_they_cannot(explorer: Explorer, qtbot: QtBot, key: str) -> None:
    state, bar = explorer.state, explorer.window.bar
    assert state.study is not None and state.study.key == key
    assert any(one.name == "my method" and one.key == key for one in state.studies)
    assert bar.dataset.placeholderText() == "My pictures" and bar.dataset.currentIndex() == -1
    for name in ("samples", "curves", "metrics", "runs", *EMPTY):
        explorer.window.go_to(name)
        view = explorer.window.views[name]
        qtbot.waitUntil(lambda view=view: view.seen, timeout=WAIT)
        settle(explorer, qtbot)
        assert view.panel.is_empty == (name in EMPTY), f"{name}: {view.panel.empty.text()}"
        assert name not in EMPTY or ANSWERS_ALONE in view.panel.empty.text()
    assert state.dataset is not None and len(state.dataset.train_x) == 9
    assert set(state.models) >= {"my-method", "retrain-0", "retrain-1"}


def test_run_says_that_there_is_nothing_to_run(explorer: Explorer, qtbot: QtBot) -> None:
    told: list[str] = []
    explorer.controller.noticed.connect(lambda kind, text: told.append(text))
    qtbot.mouseClick(explorer.window.bar.run_button, Qt.MouseButton.LeftButton)
    settle(explorer, qtbot)
    assert any(ANSWERS_ALONE in one for one in told)


def test_a_new_window_opens_on_it_again(
    explorer: Explorer, qtbot: QtBot, key: str, tmp_path: Path
) -> None:
    settings = explorer.state.form
    assert settings.dataset == "given" and settings.weights == {}
    assert explorer.close()
    again = window(tmp_path / "store", qtbot)
    assert again.state.study is not None and again.state.study.key == key
    assert again.state.dataset is not None and again.state.dataset.label == "My pictures"
    finish(again, qtbot)
