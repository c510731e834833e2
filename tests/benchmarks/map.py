"""Panning, zooming and hovering over 50,000 points, against an earlier version of the program.

`python -m tests.benchmarks.map FOLDER` compares the checkout in FOLDER (git worktree add FOLDER
COMMIT) with this one: two processes take turns, so that both meet the same load. Without FOLDER
only this one is timed.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path

from tests.benchmarks.harness import circumstances, summary

ROUNDS, WARM_UP = 80, 10
ACTIONS = ("pan", "zoom", "hover")
HERE = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("map_frames.py")


class Version:
    """The program in a folder, in a process of its own."""

    def __init__(self, folder: Path) -> None:
        environment = {
            "QT_QPA_PLATFORM": "offscreen", **os.environ, "PYTHONPATH": str(folder),
        }  # fmt: skip
        self._process = subprocess.Popen(
            [sys.executable, str(SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, cwd=folder, env=environment,
        )  # fmt: skip
        self._read()

    def time(self, action: str) -> float:
        """Milliseconds of one action."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{action}\n")
        self._process.stdin.flush()
        return float(self._read())

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("The timed process ended. Its error is printed above.")
        return line.strip()


def main() -> None:
    """Print the times of both versions and their ratio."""
    folders = [HERE, *map(Path, sys.argv[1:2])]
    print(circumstances())
    versions = [Version(folder.resolve()) for folder in folders]
    for action in ACTIONS:
        times: list[list[float]] = [[] for _ in versions]
        for number in range(ROUNDS + WARM_UP):
            for version, found in zip(versions, times, strict=True):
                spent = version.time(action)
                if number >= WARM_UP:
                    found.append(spent)
        print(f"{action}: {summary(times[0], 'ms')}")
        if len(times) > 1:
            ratio = statistics.median(times[0]) / statistics.median(times[1])
            print(f"  before: {summary(times[1], 'ms')}; now / before {ratio:.2f}")
    for version in versions:
        version.close()


if __name__ == "__main__":
    main()
