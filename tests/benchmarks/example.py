"""How long from the start of the process until every view shows the example study.

`python -m tests.benchmarks.example`. Every dock is brought to the front once and waited for; the
first start imports the example into an empty store, a later one finds it there. The children write
and read compiled modules, in a folder of their own, as an installed program does.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from engine.bench.row import BenchRow
from tests.benchmarks.harness import circumstances, show, within

RUNS = 5
LIMIT = 3.0  # seconds
ROOT = Path(__file__).parents[2]
SLOW = ("torch", "umap", "numba", "sklearn")  # not needed to show what is stored
EVERY_MS = 10  # how often the views are looked at


def filled(store: Path, compiled: Path) -> tuple[float, float]:
    """(seconds, processor seconds) from the start of a process until every view is filled."""
    code = f"from tests.benchmarks.example import tell_filled; tell_filled({str(store)!r})"
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    environment["PYTHONPYCACHEPREFIX"] = str(compiled)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, cwd=ROOT, check=True, env=environment,
    )  # fmt: skip
    wall, processor = done.stdout.split()[-2:]
    return float(wall), float(processor)


def tell_filled(store: str) -> None:
    """In a process of its own: print the times once every view was seen filled, and leave."""
    from engine.runtime.cores import set_passive_waiting
    from explorer.__main__ import load

    set_passive_waiting()
    load()  # as `explorer.__main__.main` does
    import time

    from PySide6.QtCore import QSize, QTimer

    from explorer.app import Explorer, Options
    from explorer.process import age
    from tests.benchmarks.harness import application

    app = application()
    explorer = Explorer(Options(store=Path(store), theme="light"))
    explorer.window.resize(QSize(1280, 800))
    left: list[str] = []

    def look() -> None:
        views = explorer.window.views
        if explorer.state.study is None:
            left[:] = [*views]
            return
        left[:] = [name for name in left if views[name].panel.is_empty or not views[name].seen]
        if left:
            explorer.window.go_to(left[0])
            return
        timer.stop()
        late = [name for name in SLOW if name in sys.modules]
        assert not late, f"imported to show stored results: {late}"
        print(f"{age():.3f} {time.process_time():.3f}", flush=True)
        explorer.window.close()

    timer = QTimer(interval=EVERY_MS)
    timer.timeout.connect(look)
    timer.start()
    explorer.show()
    app.exec()
    explorer.close()


def rows() -> Iterator[BenchRow]:
    """Five first starts, each on an empty store, and five later ones."""
    with tempfile.TemporaryDirectory(prefix="rk-benchmark-") as folder:
        root = Path(folder)
        compiled = root / "compiled"
        filled(root / "warm", compiled)
        first = [filled(root / f"store-{number}", compiled) for number in range(RUNS)]
        yield _row("every view of the example filled, empty store", first)
        later = [filled(root / "store-0", compiled) for _ in range(RUNS)]
        yield _row("every view of the example filled, later start", later)


def _row(what: str, times: list[tuple[float, float]]) -> BenchRow:
    processor = statistics.median(one for _, one in times)
    note = f"processor {processor:.2f} s"
    return within(what, LIMIT, [wall for wall, _ in times], "s", note=note)


if __name__ == "__main__":
    print(circumstances())
    show(rows())
