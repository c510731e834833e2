"""How long until the window is painted, and until a study is there to click on.

`python -m tests.benchmarks.startup`. The straightforward way imports everything that the program
will ever need and then opens the same window.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from engine.bench.row import BenchRow
from tests.benchmarks.harness import application, circumstances, show, within

RUNS = 5
EVERYTHING = "torch, h5py, scipy.stats, sklearn.svm, matplotlib.pyplot, pyqtgraph, umap"
START = "from explorer.__main__ import main; raise SystemExit(main())"
STUDY = ("--dataset", "digits", "--methods", "rurk,gd,ga")
PATIENCE = 60.0  # seconds
ROOT = Path(__file__).parents[2]


def first_paint(store: Path, first: str = "") -> float:
    """Seconds from the start of the process to the first painted window; `first`: imports."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "RK_EXPLORER_TRACE": "1"}
    code = f"import {first}\n{START}" if first else START
    command = [sys.executable, "-c", code, "--store", str(store)]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=environment, cwd=ROOT
    ) as process:
        assert process.stderr is not None
        try:
            deadline = time.monotonic() + PATIENCE
            for line in process.stderr:
                found = re.match(r"first-paint (\d+\.\d+)", line)
                if found:
                    return float(found[1])
                if time.monotonic() > deadline:
                    break
        finally:
            process.kill()
    raise SystemExit("The window was not painted.")


def ready(store: Path) -> float:
    """Seconds from the start of the process until data and study of a filled store are there."""
    code = f"from tests.benchmarks.startup import tell_ready; tell_ready({str(store)!r})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    return float(done.stdout.split()[-1])


def tell_ready(store: str) -> None:
    """In a process of its own: print when the study in `store` is shown, and leave."""
    from explorer.app import Explorer, Options
    from explorer.process import age

    app = application()
    explorer = Explorer(Options(store=Path(store), dataset="digits", theme="light"))

    def shown() -> None:
        if explorer.state.study is not None:
            print(f"{age():.3f}", flush=True)
            explorer.window.close()

    explorer.state.study_changed.connect(shown)
    explorer.show()
    app.exec()
    explorer.close()


def rows() -> Iterator[BenchRow]:
    """Five starts in both ways, in turn; then starts on a filled store."""
    with tempfile.TemporaryDirectory(prefix="rk-benchmark-") as folder:
        store = Path(folder) / "store"
        pairs = [(first_paint(store), first_paint(store, EVERYTHING)) for _ in range(RUNS)]
        ours, plain = zip(*pairs, strict=True)
        ratio = statistics.median(slow / fast for fast, slow in pairs)
        note = f"imports first {statistics.median(plain):.2f} s, {ratio:.1f}x"
        yield within("first painted window", 1.0, ours, "s", note=note)
        command = [sys.executable, "-m", "engine", "run", *STUDY, "--store", str(store)]
        subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
        times = [ready(store) for _ in range(RUNS)]
        yield within("digits and its study there to click on", 3.0, times, "s")


if __name__ == "__main__":
    print(circumstances())
    show(rows())
