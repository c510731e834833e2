"""How long a test waits before it says that something hangs, and how much Python an action runs.

No test asks for a speed: on a busy machine it would fail for no fault of the program. Speeds are
what `tests.benchmarks` measures; here a hang is told from a busy machine, and work is counted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

# Seconds; pytest's own limit for a whole test is longer. Tests of the traps, which wait in vain on
# purpose, set it lower for the tests that they run.
PATIENCE = float(os.environ.get("RK_TEST_PATIENCE", "120"))
PATIENCE_MS = int(1000 * PATIENCE)  # the same for Qt


def calls_of(action: Callable[[], object]) -> int:
    """How many functions, Python's and C's, are called while the action runs in this thread.

    The same on any machine, unlike its time: an action that loops over samples in Python shows.
    """
    count = 0

    def note(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        action()
    finally:
        sys.setprofile(before)
    return count
