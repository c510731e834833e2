"""A new window shows every view of the example without torch, and computes with it afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from patience import PATIENCE

from engine.pipeline.pipeline import Pipeline
from engine.storage.store import Store
from engine.study import example

ROOT = Path(__file__).parents[2]
EPOCHS = 3  # of the Original that are waited for
WINDOW = """
import json, sys, time
from pathlib import Path
from explorer.app import Explorer, Options
from tests.benchmarks.harness import application

app = application()
explorer = Explorer(Options(store=Path(sys.argv[1]), theme="light"))
state, views = explorer.state, explorer.window.views

def wait(reached):
    until = time.monotonic() + float(sys.argv[2])
    while not reached():
        assert time.monotonic() < until, [name for name in views if views[name].panel.is_empty]
        app.processEvents()
        time.sleep(0.002)

explorer.show()
wait(lambda: state.study is not None)
for name in list(views):
    explorer.window.go_to(name)
    wait(lambda: views[name].seen and not views[name].panel.is_empty)
filled_with = sorted({"torch", "torchvision", "umap", "numba", "sklearn"} & sys.modules.keys())
if sys.argv[3] == "wait":
    wait(lambda: "torch" in sys.modules)
    wait(lambda: not explorer.jobs.busy())
else:
    explorer.controller.run(sure=True)
    wait(lambda: state.study is None)  # it is shown live
    wait(lambda: len(state.losses.get("original", ())) >= int(sys.argv[3]))
    explorer.controller.cancel()
    wait(lambda: not explorer.jobs.busy())
losses = list(state.losses.get("original", ()))
print(json.dumps([filled_with, "torch" in sys.modules, losses]))
explorer.window.close()
explorer.close()
"""


def opened(store: Path, then: str) -> tuple[list[str], bool, list[float]]:
    """(what is imported once all views are filled, whether torch is in the end, losses)."""
    done = subprocess.run(
        [sys.executable, "-c", WINDOW, str(store), str(PATIENCE), then],
        capture_output=True, text=True, cwd=ROOT, check=False,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    filled_with, torch, losses = json.loads(done.stdout.splitlines()[-1])
    return filled_with, torch, losses


@pytest.mark.end_to_end
def test_every_view_is_filled_without_torch_and_run_brings_it(tmp_path: Path) -> None:
    filled_with, torch, losses = opened(tmp_path, str(EPOCHS))
    assert filled_with == []
    assert torch
    pipeline = Pipeline(Store(tmp_path), "cpu")
    spec = pipeline.spec_under(example.key())
    stored = pipeline.models(spec)["original"].loss
    assert losses[:EPOCHS] == pytest.approx(stored[:EPOCHS], rel=1e-3)
    assert not pipeline.store.has("studies", example.key())  # it was stopped
    pipeline.close()


@pytest.mark.end_to_end
def test_a_later_start_needs_no_torch_either_and_imports_it_once_it_is_quiet(
    tmp_path: Path,
) -> None:
    first = opened(tmp_path, "wait")
    again = opened(tmp_path, "wait")
    assert (first[0], again[0]) == ([], [])
    assert first[1] and again[1]


@pytest.mark.parametrize("request_of", ["study", "models", "neighborhood"])
def test_a_stored_study_is_read_in_a_process_without_torch(request_of: str, tmp_path: Path) -> None:
    """The same requests as above, of the engine alone: a failure names what imports torch."""
    code = f"""
import sys
from importlib.resources import as_file
from pathlib import Path
from engine.pipeline.copy_cache import CopyCache
from engine.pipeline.pipeline import Pipeline
from engine.runtime.progress import Reporter
from engine.storage.store import Store
from engine.study import example
class Refusal:
    def find_spec(self, name, path=None, target=None):
        assert name != "torch", "torch is imported"
sys.meta_path.insert(0, Refusal())
pipeline, report = Pipeline(Store(Path(sys.argv[1]))), Reporter()
with as_file(example.bundle()) as path:
    pipeline.open_bundle(path, report)
for file in example.copies():
    CopyCache(pipeline.store).adopt(file.name, file.read_bytes())
spec = pipeline.spec_under(example.key())
def study():
    assert pipeline.studies() and pipeline.study(example.key())
    pipeline.catalog.measures(example.key())
def models():
    names = list(pipeline.models(spec))
    assert len(names) == 8
    pipeline.attack(spec, "gd", "rurk", report)
    pipeline.embed(spec, ("original", "gd"), report)
    pipeline.similarity(spec, "gd", "retrain-0", report)
    pipeline.epochs(spec, "gd", report)
    pipeline.recognition(spec, "gd", report)
def neighborhood():
    from engine.analysis.ranking import leading_method, worst_first
    residual = pipeline.study(example.key()).residual
    worst = worst_first(residual, leading_method(residual), len(residual.taus) // 2)[0]
    shown = pipeline.neighborhood(spec, int(worst), "", -1.0, report)
    assert shown.copies.shape == (100, 1, 28, 28) and len(shown.predictions) == 8
    pipeline.slice(spec, int(worst), "random", shown.tau, 65, report, perturbation="gaussian")
{request_of}()
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
