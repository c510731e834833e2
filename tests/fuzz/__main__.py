"""`python -m tests.fuzz --inputs 100000`: made-up inputs for every parser; 1 if one was too much.

With --guided, atheris also looks for inputs that reach new lines, where it is installed.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))  # the files beside this one, as pytest sees them
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

if TYPE_CHECKING:
    from targets import Target

NOT_BYTES = ("bundle", "store", "special")
SHARE = 10  # one input in so many is hypothesis's, where a parser takes text


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line for each parser, then what was found; the exit status."""
    from scene import HELD
    from targets import TARGETS

    options = _options(arguments)
    chosen = [one for one in TARGETS if not options.only or one.name in options.only.split(",")]
    if not chosen:
        print(f"No such parser. Known: {', '.join(one.name for one in TARGETS)}.")
        return 2
    if options.guided:
        import guided

        seeded = [one.name for one in chosen if one.name not in NOT_BYTES]
        return guided.run(seeded, options.inputs, options.seed)
    with HELD:
        return _report(chosen, options.inputs, options.seed)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    made = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    made.add_argument("--inputs", type=int, default=100_000, help="for each parser (%(default)s)")
    made.add_argument("--only", default="", help="comma-separated parsers")
    made.add_argument("--seed", type=int, default=1, help="of the inputs (%(default)s)")
    made.add_argument("--guided", action="store_true", help="by atheris, which must be installed")
    return made.parse_args(arguments)


def _report(chosen: Sequence[Target], inputs: int, seed: int) -> int:
    from tries import drawn, tried

    wrong = 0
    for target in chosen:
        free = inputs // SHARE if target.text else 0
        results = [tried(target, inputs - free, seed)] + (
            [drawn(target, free, seed)] if free else []
        )
        for found in results:
            print(found.line(), flush=True)
            for what, example in found.findings.items():
                wrong += 1
                print(f"    {what}\n        {example}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
