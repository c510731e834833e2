"""`python -m tests.faults --kills 200`: kill studies and exports at random moments, and look."""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.trials import Tally, campaign


def main() -> int:
    """Run the campaign; it ends with the first thing that is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="how many (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the moments (%(default)s)")
    options = parser.parse_args()
    started = time.monotonic()

    def tell(tally: Tally) -> None:
        print(f"\r{tally}", end="", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        tally = campaign(options.kills, options.seed, Path(folder), told=tell)
    print(f"\n{tally}; {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
