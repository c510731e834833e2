"""What child processes may import, and when they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import matplotlib as mpl
import pytest
from needs import needs
from patience import PATIENCE

from engine.runtime import child_processes
from engine.storage import processes

TRAP = "import pathlib; pathlib.Path({mark!r}).write_text(__name__); raise SystemExit(3)"
SHADOWED = ("numpy", "scipy", "umap", "json", "random", "queue", "threading", "sklearn", "engine")
PARENT = """
import sys, time
from engine.embedding.joint_umap import Embedder
embedder = Embedder()
embedder.warm_up()
print(embedder._process.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with modules that leave a file when imported."""
    here = tmp_path / "unpacked"
    here.mkdir()
    for name in SHADOWED:
        (here / f"{name}.py").write_text(TRAP.format(mark=str(tmp_path / "mark")))
    monkeypatch.chdir(here)
    return tmp_path / "mark"


def run(*words: str, **how: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, **how)


@pytest.mark.parametrize("path", ["", ".", os.pathsep, "here"])
def test_a_child_imports_nothing_from_the_current_folder(
    hostile: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    here = os.getcwd()
    monkeypatch.setenv("PYTHONPATH", here if path == "here" else path)
    monkeypatch.setattr(sys, "path", ["", here, ".", *sys.path])
    done = run(
        *child_processes.command("engine.bench.child", "engine.bench.child", "peak", "[]"),
        cwd=here, env=os.environ | {"PYTHONSTARTUP": "numpy.py"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) > 1
    assert not hostile.exists()


@needs("umap")
def test_the_embedding_helper_imports_nothing_from_the_current_folder(
    hostile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import numpy as np

    from engine.embedding.joint_umap import Embedder
    from engine.runtime.progress import Reporter

    monkeypatch.setenv("PYTHONPATH", os.getcwd())
    embedder = Embedder()
    features = np.random.default_rng(1).normal(size=(20, 3)).astype(np.float32)
    try:
        (places,) = embedder.fit([features], np.ones(20, bool), 0, Reporter())
    finally:
        embedder.close()
    assert places.shape == (20, 2)
    assert not hostile.exists()


def test_the_command_itself_imports_nothing_from_the_current_folder(hostile: Path) -> None:
    (hostile.parent / "unpacked" / "engine.py").unlink()  # Python itself would import this one
    for name in (
        "json",
        "random",
        "queue",
        "threading",
    ):  # some are imported at start
        (hostile.parent / "unpacked" / f"{name}.py").unlink()
    path = os.pathsep.join([child_processes.HOME, os.environ.get("PYTHONPATH", "")])
    done = run(
        sys.executable, "-m", "engine", "ls", "--store", str(hostile.parent / "store"),
        env=os.environ | {"PYTHONPATH": path},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not hostile.exists()


@needs("umap")
@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.parametrize("warm", [False, True])
def test_the_embedding_helper_ends_when_its_parent_is_killed(warm: bool) -> None:
    words = [sys.executable, "-c", PARENT]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, text=True, cwd=child_processes.HOME
    ) as parent:
        assert parent.stdout is not None
        helper = int(parent.stdout.readline())
        assert processes.exists(helper)
        if warm:
            time.sleep(1)  # somewhere during its imports
        parent.send_signal(signal.SIGKILL)
    wait_for_end(helper)


def wait_for_end(number: int) -> None:
    """Wait until a process has ended; bounded by pytest's timeout."""
    while processes.exists(number):
        time.sleep(0.02)


def test_figures_ignore_the_users_matplotlib_style() -> None:
    from engine.figures.canvas import style

    shipped = mpl.rcParamsDefault["lines.linewidth"]
    with mpl.rc_context({"lines.linewidth": 40.0, "axes.facecolor": "red"}), style(8.0):
        assert mpl.rcParams["lines.linewidth"] == shipped
        assert mpl.rcParams["axes.facecolor"] == mpl.rcParamsDefault["axes.facecolor"]
        assert mpl.rcParams["font.size"] == 8.0


def test_python_variables_are_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    seen = child_processes.environment()
    assert "PYTHONHOME" not in seen
    assert seen["OMP_NUM_THREADS"] == "1"


def test_the_folder_of_children_is_empty() -> None:
    assert os.listdir(child_processes.folder()) == []
