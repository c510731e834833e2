"""How long until the window is painted: `python -m tests.benchmarks.startup`."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.harness import circumstances

RUNS = 5
PATIENCE = 60.0  # seconds
ROOT = Path(__file__).parents[2]


def first_paint(store: Path) -> float:
    """Seconds from the start of the process to the first painted window."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "RK_EXPLORER_TRACE": "1"}
    command = [sys.executable, "-m", "explorer", "--store", str(store)]
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


def main() -> None:
    """Print the median of five starts, each on an empty store; the first also warms up the disk."""
    print(circumstances())
    with tempfile.TemporaryDirectory(prefix="rk-benchmark-") as folder:
        seconds = [first_paint(Path(folder) / str(number)) for number in range(RUNS)]
    shown = ", ".join(f"{value:.2f}" for value in seconds)
    print(f"first painted window: median {statistics.median(seconds):.2f} s of {shown}")


if __name__ == "__main__":
    main()
