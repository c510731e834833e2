"""The real engine without its slow part: UMAP's helper process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pytestqt.qtbot import QtBot

from engine.pipeline.pipeline import Pipeline
from engine.results import FORGET, RETAIN, Embedding
from engine.runtime.progress import Reporter
from engine.spec import RunSpec
from engine.storage.store import Store
from explorer.app import Explorer
from explorer.state.study_form import StudyForm

FORM = StudyForm(
    dataset="iris", training={"epochs": 2}, methods=("gd",), retrains=1, draws=10, taus="0,0.2"
)


class NoEmbedder:
    """A stand-in for the helper process."""

    def warm_up(self) -> None:
        pass

    def close(self) -> None:
        pass


class Quick(Pipeline):
    """Places samples by their first two features instead of by UMAP."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, "cpu")
        self.embedder = NoEmbedder()  # type: ignore[assignment]

    def embed(self, spec: RunSpec, models: Sequence[str], report: Reporter) -> Embedding:
        dataset = self.dataset(spec.data, report)
        rows = np.arange(len(dataset.train_y))
        xy = dataset.train_x.reshape(len(rows), -1)[:, :2].astype(np.float32)
        kind = np.where(np.isin(rows, spec.forget), FORGET, RETAIN).astype(np.uint8)
        y, nothing = dataset.train_y, np.zeros(len(rows))
        return Embedding(
            dict.fromkeys(models, xy), rows, kind, y, nothing,
            dict.fromkeys(models, y), dict.fromkeys(models, nothing),
        )  # fmt: skip


class QuickFactory:
    """Creates quick engines on one store."""

    def __init__(self, store: Path) -> None:
        self.store = store

    def __call__(self, say: Any) -> Quick:
        return Quick(Store(self.store, say))


def finish(explorer: Explorer, qtbot: QtBot) -> None:
    """Close a window as a user would, and delete it."""
    assert explorer.close()
    explorer.window.deleteLater()
    explorer.deleteLater()
    qtbot.wait(10)
