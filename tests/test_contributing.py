"""The examples of CONTRIBUTING.md work: each is put where its first line says, and used."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

ROOT = Path(__file__).parents[1]
PAGE = ROOT / ".github" / "CONTRIBUTING.md"
BLOCKS = {
    path: text
    for text, path in re.findall(r"```python\n(# (\S+)\n.*?)```", PAGE.read_text("utf-8"), re.S)
}
KINDS = ("methods", "perturbations", "datasets", "models", "metrics", "views", "figures")


def put(path: str, folder: Path) -> Path:
    """The example's file, written below `folder`."""
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(BLOCKS[path], encoding="utf-8")
    return file


def module_of(path: str, folder: Path) -> ModuleType:
    """The example, imported."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, put(path, folder))
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_there_is_one_example_of_each_kind_with_a_name_of_its_own() -> None:
    assert sorted(Path(path).parent.name for path in BLOCKS) == sorted(KINDS)
    assert not [path for path in BLOCKS if (ROOT / path).exists()]


@pytest.mark.parametrize("path", BLOCKS)
@pytest.mark.parametrize("words", [["check"], ["format", "--check"]], ids="-".join)
def test_the_examples_are_in_our_style(path: str, words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *words, "--no-cache", "--stdin-filename", path, "-"],
        input=BLOCKS[path], cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_study_uses_all_plug_ins_once_their_files_are_there(tmp_path: Path) -> None:
    for name in ("engine", "assets"):
        ignored = shutil.ignore_patterns("__pycache__", "pictures")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    for path in BLOCKS:
        put(path, tmp_path)
    words = [
        "run", "--dataset", "wine", "--model", "wide-mlp", "--methods", "shrink-perturb",
        "--perturbation", "signs", "--draws", "10",
        "--set", "shrink-perturb.share=0.5", "--set", "train.epochs=2", "--json", "out.json",
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "engine", *words], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "confidence %" in done.stdout and "Shrink & perturb" in done.stdout
    study = json.loads((tmp_path / "out.json").read_text())
    assert study["metrics"]["shrink-perturb"]["forget_confidence"] > 0
    assert study["spec"]["probe"]["perturbation"] == "signs"


def test_a_view_shows_what_the_state_holds(tmp_path: Path, qtbot: QtBot) -> None:
    from engine.datasets.base import load
    from engine.spec import DataSpec
    from explorer.state.app_state import AppState

    module, state = module_of("explorer/views/forget_classes.py", tmp_path), AppState()
    view = module.ForgetClassesView(state, None)
    qtbot.addWidget(view)
    view.show()
    assert view.lines.text() == ""
    dataset = load(DataSpec("iris"))
    state.dataset = dataset
    state.forget = (*np.flatnonzero(dataset.train_y == 1)[:3].tolist(),)
    assert view.lines.text() == f"{dataset.classes[1]}: 3"


def test_a_figure_is_drawn_with_its_numbers(tmp_path: Path) -> None:
    module = module_of("engine/figures/undefined.py", tmp_path)
    curves = {"original": SimpleNamespace(undefined=np.array([0, 2]))}
    residual = SimpleNamespace(taus=np.array([0.0, 0.1]), curves=curves)
    files = module.undefined(residual, {"original": "Original"}, tmp_path / "out.svg")
    assert [file.name for file in files] == ["out.svg", "out.csv", "out.txt"]
    assert "Original" in files[0].read_text("utf-8")
    assert files[1].read_text("utf-8").splitlines() == ["tau,original", "0.0,0", "0.1,2"]


NAMED = re.findall(r"`((?:tests|engine|explorer)/\S+\.py)`", PAGE.read_text("utf-8"))


@pytest.mark.parametrize("path", NAMED)
def test_files_that_are_named_exist(path: str) -> None:
    assert (ROOT / path).is_file()
