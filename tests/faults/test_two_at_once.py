"""Two processes on one store and one study: each thing is made once, and both get all of it."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from patience import PATIENCE

from engine.__main__ import main
from tests.faults import whole

ROOT = Path(__file__).parents[2]
CODE = """
import sys, time
from pathlib import Path
from engine.pipeline import model_maker, model_making
from engine.residual import predictions as measurement
from engine.__main__ import main

make, ask = model_maker.ModelMaker.make, measurement.predict_copies
together = model_making.ModelMaking._side_by_side

def making(self, spec, name, *more):
    print("made", name, flush=True)
    return make(self, spec, name, *more)

def side_by_side(self, plan, epochs, report):
    for name in epochs:
        print("made", name, flush=True)
    return together(self, plan, epochs, report)

def asking(viewers, x, y, samples, probe, blocks, *more):
    for viewer in viewers:
        for block in blocks:
            print(f"asked {viewer}/{block}", flush=True)
    return ask(viewers, x, y, samples, probe, blocks, *more)

model_maker.ModelMaker.make, measurement.predict_copies = making, asking
model_making.ModelMaking._side_by_side = side_by_side
go = Path(sys.argv[1])
print("ready", flush=True)
while not go.exists():
    time.sleep(0.001)
sys.exit(main(sys.argv[2:]))
"""
WORDS = (
    "run", "--dataset", "iris", "--methods", "rurk,gd", "--retrains", "2", "--taus", "0:0.4:5",
    "--draws", "40", "--set", "train.epochs=60", "--device", "cpu",
)  # fmt: skip
LOOKING = """
import sys, time
from pathlib import Path
from engine.storage import store; from engine.pipeline import stored_results
from engine.pipeline.pipeline import Pipeline
from engine.runtime.progress import Reporter

put = stored_results.StoredResults.put

def putting(self, kind, mark, *more, **facts):
    print(f"made {kind}/{mark}", flush=True)
    time.sleep(0.3)  # whoever does not wait begins the same meanwhile
    return put(self, kind, mark, *more, **facts)

stored_results.StoredResults.put = putting
one = Pipeline(store.Store(Path(sys.argv[2])), "cpu")
spec = one.spec_of(one.study(one.store.keys("studies")[0]))
report = Reporter()
report.on_log = lambda line: print(line, flush=True)
one.models(spec)
go = Path(sys.argv[1])
print("ready", flush=True)
while not go.exists():
    time.sleep(0.001)
one.slice(spec, 3, "random", 0.2, 5, report)
one.neighborhood(spec, 3, "", -1, report)
one.recognition(spec, "gd", report)
one.similarity(spec, "original", "gd", report)
one.close()
"""
MODELS = ("original", "retrain-0", "retrain-1", "rurk", "gd")


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Two processes that begin the same study in the same store at the same moment."""
    lines = [
        [*WORDS, "--store", str(tmp_path / "store"), "--json", str(tmp_path / f"{number}")]
        for number in range(2)
    ]
    with together(CODE, tmp_path / "go", *lines) as begun:
        yield begun


@contextlib.contextmanager
def together(code: str, go: Path, *lines: Sequence[str]) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that run this code with these words, at the moment when all of them are ready."""
    begun = []
    for line in lines:
        words = [sys.executable, "-c", code, str(go), *line]
        pipe = subprocess.PIPE
        begun.append(subprocess.Popen(words, cwd=ROOT, text=True, stdout=pipe, stderr=pipe))
    try:
        for one in begun:
            assert one.stdout is not None and one.stdout.readline() == "ready\n"
        go.touch()
        yield begun
    finally:
        for one in begun:
            one.kill()
            one.communicate()


def test_each_model_and_answer_is_made_once(
    tmp_path: Path, pair: list[subprocess.Popen[str]]
) -> None:
    said = [one.communicate(timeout=PATIENCE) for one in pair]
    assert [one.returncode for one in pair] == [0, 0], said
    made = Counter(re.findall(r"^(?:made|asked) (.*)$", "".join(out for out, _ in said), re.M))
    expected = {*MODELS, *(f"{model}/{block}" for model in MODELS for block in range(4))}
    assert made == dict.fromkeys(expected, 1)
    assert "is working on" in said[0][1] + said[1][1]
    assert whole.figures((tmp_path / "0").read_text()) == whole.figures(
        (tmp_path / "1").read_text()
    )
    whole.opened(tmp_path / "store")
    assert whole.marks(tmp_path / "store")


def test_what_both_look_at_is_made_once(tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    words = ["--methods", "gd", "--retrains", "2", "--taus", "0,0.2", "--draws", "10"]
    quick = [*words, "--set", "train.epochs=1", "--device", "cpu", "--store", store]
    assert main(["run", "--dataset", "iris", *quick]) == 0
    with together(LOOKING, tmp_path / "go", [store], [store]) as both:
        said = [one.communicate(timeout=PATIENCE) for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    made = Counter(re.findall(r"^made (.*)$", "".join(out for out, _ in said), re.M))
    kinds = Counter(name.partition("/")[0] for name in made)
    assert set(made.values()) == {1}
    assert kinds.keys() == {"slices", "neighborhoods", "recognitions", "similarities"}
    assert "is working on" in said[0][0] + said[1][0]
    whole.opened(tmp_path / "store")


def owners(store: Path) -> str:
    """What the locks on models say now; '' where there is none."""
    said = ""
    for path in store.glob("locks/models-*.lock"):
        with contextlib.suppress(FileNotFoundError):  # it was let go meanwhile
            said += path.read_text()
    return said


def test_the_other_goes_on_where_one_was_killed(
    tmp_path: Path, pair: list[subprocess.Popen[str]]
) -> None:
    store, deadline = tmp_path / "store", time.monotonic() + PATIENCE
    while not (holder := owners(store)) and time.monotonic() < deadline:
        time.sleep(0.002)
    victim, other = pair if f'"process": {pair[0].pid},' in holder else pair[::-1]
    victim.send_signal(signal.SIGKILL)
    out, error = other.communicate(timeout=PATIENCE)
    assert other.returncode == 0, error
    assert "residual knowledge" in out
    whole.opened(store)
