"""What a person waits for in the window: `python -m tests.benchmarks [--only NAME[,NAME]]`.

Prints the same kind of table as `rk-engine bench`, which measures the engine.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from engine.bench.row import BenchRow
from tests.benchmarks import example, frames, points, samples, stalls, startup
from tests.benchmarks.harness import circumstances, show

ALL: Mapping[str, Callable[[], Iterator[BenchRow]]] = {
    "startup": startup.rows,
    "example": example.rows,
    "stalls": stalls.rows,
    "frames": frames.rows,
    "points": points.rows,
    "thumbnails": samples.rows,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, and write its numbers where that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(ALL), help="comma-separated: %(default)s")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    names = [name.strip() for name in options.only.split(",")]
    for name in names:
        if name not in ALL:
            parser.error(f"there is no benchmark '{name}'; there are {', '.join(ALL)}")
    print(circumstances())
    found = show(chain.from_iterable(ALL[name]() for name in names))
    if options.json:
        options.json.write_text(json.dumps([row.plain() for row in found], indent=1) + "\n")


if __name__ == "__main__":
    main()
