"""A measurement in a fresh process, so that nothing else has used its memory."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.errors import EngineError
from engine.runtime import child_processes

MIB = 2**20


def in_child(function: Callable[..., Any], *words: Any) -> Any:
    """The result of `function(*words)` in a fresh process; arguments and result are JSON data.

    The function must be defined at module level. EngineError if the process fails.
    """
    call = [function.__module__, function.__name__, json.dumps(words)]
    done = subprocess.run(
        child_processes.command("engine.bench.child", *call),
        capture_output=True,
        text=True,
        env=child_processes.environment(),
        cwd=child_processes.folder(),
    )
    if done.returncode:
        raise EngineError(f"A measurement in a child process failed: {done.stderr[-500:]}")
    return json.loads(done.stdout)


def answer(module: str, function: str, words: str) -> None:
    """Called in the child: print the function's result."""
    import importlib

    found = getattr(importlib.import_module(module), function)(*json.loads(words))
    print(json.dumps(found))


def peak() -> float:
    """The peak memory of this process, in MiB."""
    status = Path("/proc/self/status")
    if status.is_file():  # getrusage would include the peak of the parent process
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="ascii"))
        if found:
            return int(found[1]) / 1024
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / MIB if sys.platform == "darwin" else most / 1024


if __name__ == "__main__":
    answer(*sys.argv[1:])
