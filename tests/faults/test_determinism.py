"""One study, made by the command line and by the window: the same numbers, bit by bit.

That a study which was killed comes to the same numbers too is seen by every kill of test_kills.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from patience import PATIENCE

from engine.storage import store
from tests.faults import whole

ROOT = Path(__file__).parents[2]
WINDOW = """
import sys
from pathlib import Path
from PySide6.QtWidgets import QApplication
from explorer.app import Explorer, Options
app = QApplication([])
window = Explorer(Options(store=Path(sys.argv[1]), dataset="iris"))
window.controller.opening.opened.connect(window.controller.run)
window.show()
app.exec()
"""


def test_the_window_and_the_command_line_come_to_the_same_numbers(tmp_path: Path) -> None:
    shown, plain = tmp_path / "window", tmp_path / "line"
    words = ["-m", "engine", "run", "--dataset", "iris", "--store", str(plain)]
    line = subprocess.Popen([sys.executable, *words], cwd=ROOT, stdout=subprocess.DEVNULL)
    window = subprocess.Popen([sys.executable, "-c", WINDOW, str(shown)], cwd=ROOT)
    try:
        deadline = time.monotonic() + PATIENCE
        while not any(shown.glob("studies/*.h5")) and time.monotonic() < deadline:
            assert window.poll() is None
            time.sleep(0.05)
        assert line.wait(PATIENCE) == 0
    finally:
        for one in (line, window):
            one.kill()
            one.wait()
    expected, found = whole.answers(plain), whole.answers(shown)
    kinds = {name.split("/")[0] for name in expected}
    assert kinds >= {"studies", "models", "counts", "checkpoints"}
    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("model", "spare", "threads"), [("mlp", 0, 1), ("cnn", 0, 2), ("cnn", 1, 1)]
)
def test_how_many_threads_made_a_result_is_kept_with_it(
    model: str, spare: int, threads: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.pipeline.pipeline import Pipeline
    from engine.runtime import cores
    from engine.runtime.progress import Reporter
    from engine.spec import DataSpec

    monkeypatch.setattr(cores, "cores", lambda: 2)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = torch.get_num_threads()
    try:
        pipeline = Pipeline(store.Store(tmp_path), "cpu", spare_cores=spare)
        data = pipeline.dataset(DataSpec("digits"), Reporter())
        spec = pipeline.compose(
            data, model=model, methods=("gd",), forget="class:8:3", retrains=1, draws=10,
            taus="0.1", training={"epochs": 1}, settings={"gd": {"epochs": 1}},
        )  # fmt: skip
        pipeline.run(spec, Reporter())
    finally:
        torch.set_num_threads(before)
    made = [*tmp_path.glob("counts/*.h5"), *tmp_path.glob("models/*.h5")]
    assert {store.read(path).attributes["threads"] for path in made} == {threads}
