"""The example script runs as it is, and what the README says of the interface is true."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from given import pictures, trained

import engine

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "assets" / "examples" / "notebook.py"
README = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.S)


def test_the_example_finds_what_gradient_descent_leaves(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(SCRIPT)], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "The model still recognizes perturbed copies of" in done.stdout
    study = engine.open()["GD from a notebook"]
    assert study.key in done.stdout and study.methods == ("GD-from-a-notebook",)
    curve = study["GD from a notebook"].curve
    assert (curve.mean[1:] > curve.null_high[1:]).any()


def test_the_lines_of_the_readme_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pandas")
    (lines,) = README
    x, y = pictures()
    model, a1, a2, a3 = (trained(seed, x, y) for seed in range(4))
    names = {"model": model, "a1": a1, "a2": a2, "a3": a3, "x": x, "y": y}
    exec(compile(lines, "README.md", "exec"), names)
    assert np.array_equal(names["rk"].taus, [0, 0.0157, 0.0314])
    assert len(engine.open()) == 1
