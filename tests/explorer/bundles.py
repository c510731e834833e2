"""Windows that compute a study to bundle, and what a recipient must see of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from patience import PATIENCE_MS as WAIT
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot
from quick import FORM, QuickFactory

from explorer.app import Explorer, Options
from explorer.state import session as sessions
from explorer.state import settings
from explorer.state.session import Session
from explorer.state.study_form import StudyForm

LEFT = Qt.MouseButton.LeftButton


def start(qtbot: QtBot, store: Path, form: StudyForm = FORM) -> Explorer:
    """A window on a new store, with this form."""
    stored = settings.Settings(theme="light", session=sessions.as_plain(Session(form)))
    settings.save(settings.file_in(store), stored)
    result = Explorer(Options(store=store), QuickFactory(store))
    with qtbot.waitSignal(result.jobs.idle, timeout=WAIT):
        result.show()
    return result


def run(explorer: Explorer, qtbot: QtBot) -> None:
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        qtbot.mouseClick(explorer.window.bar.run_button, LEFT)


def facts(explorer: Explorer) -> dict[str, object]:
    """What the recipient must see: session, metrics, counts and a neighborhood."""
    state = explorer.state
    assert state.study is not None and state.neighborhood is not None
    counts = state.study.residual.counts
    return {
        "session": sessions.as_plain(sessions.portable(explorer.controller.files.session())),
        "metrics": {name: dict(one) for name, one in state.study.metrics.items()},
        "counts": {name: np.asarray(one).tolist() for name, one in counts.items()},
        "neighborhood": np.asarray(state.neighborhood.copies).tolist(),
    }


def photographs(root: Path, shade: int = 0) -> Path:
    """An image folder of two classes, twelve 8 x 8 images each."""
    generator = np.random.default_rng(7 + shade)
    for number, name in enumerate(("cats", "dogs")):
        (root / "train" / name).mkdir(parents=True)
        for place in range(12):
            pixels = generator.integers(number * 90, 160 + number * 90, (8, 8, 3), np.uint8)
            image = QImage(pixels.tobytes(), 8, 8, 24, QImage.Format.Format_RGB888)
            assert image.save(str(root / "train" / name / f"{place:02}.png"))
    return root
