"""Inputs that atheris finds by watching which lines they reach: each parser in its own process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

HERE = Path(__file__).parent
MISSING = "atheris is not installed here (pip install atheris); run without --guided."


def run(names: Sequence[str], inputs: int, seed: int) -> int:
    """Try so many inputs on each parser; the exit status: 1 where one was too much."""
    try:
        import atheris  # noqa: F401
    except ImportError:
        print(MISSING)
        return 2
    wrong = 0
    for name in names:
        command = [sys.executable, str(Path(__file__)), name, str(inputs), str(seed)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        last = [line for line in done.stderr.splitlines() if line.startswith("Done")]
        print(
            f"{name:<14} {last[-1] if last else done.stdout[-600:] + done.stderr[-600:]}",
            flush=True,
        )
        wrong += bool(done.returncode)
    return 1 if wrong else 0


def watched(name: str, inputs: int, seed: int) -> None:
    """In a process of its own: the first error that is none of ours ends it."""
    sys.path.insert(0, str(HERE))
    import atheris

    with atheris.instrument_imports(include=["engine", "explorer"]):
        import targets
    from scene import HELD, quietly, scene
    from tries import Found, attempt

    target = next(one for one in targets.TARGETS if one.name == name)
    example = target.make(Random(0))
    scene()

    def one(data: bytes) -> None:
        found = Found(name)
        made = data if isinstance(example, bytes) else data.decode("utf-8", "replace")
        with quietly():
            attempt(target, made, found)
        if found.findings:
            raise AssertionError(next(iter(found.findings.values())))

    with HELD:
        atheris.Setup([sys.argv[0], f"-runs={inputs}", f"-seed={seed}", "-rss_limit_mb=0"], one)
        atheris.Fuzz()


if __name__ == "__main__":
    watched(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
