"""`python -m tests.stress --events 20000` and `--soak 1000`: levels; status 1 if it went wrong."""

from __future__ import annotations

import argparse
import faulthandler
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # the files beside this one, as pytest sees them
os.environ["QT_QPA_PLATFORM"] = "offscreen"

MOST_MB = 200.0  # more than after the first quarter
MOST_FILES = 4
HANGS = 1800.0  # seconds without a line


def main(arguments: Sequence[str] | None = None) -> int:
    """Let the monkey loose, or soak; the exit status."""
    made = argparse.ArgumentParser(prog="python -m tests.stress", description=__doc__)
    made.add_argument("--events", type=int, default=20_000, help="of the monkey (%(default)s)")
    made.add_argument("--soak", type=int, default=0, help="studies in one process instead")
    made.add_argument("--seed", type=int, default=1, help="of the events (%(default)s)")
    options = made.parse_args(arguments)
    faulthandler.enable()
    with tempfile.TemporaryDirectory() as folder:
        for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "RK_EXPLORER_STORE"):
            os.environ[name] = str(Path(folder) / name)
        return _run(options, Path(folder))


def _run(options: argparse.Namespace, folder: Path) -> int:
    from runs import application, growth, let_loose, soak

    app = application()
    if options.soak:
        outcome = soak(options.soak, folder, _tell)
    else:
        faulthandler.dump_traceback_later(HANGS, exit=True)
        outcome = let_loose(options.events, options.seed, folder, _tell_in_time)
        faulthandler.cancel_dump_traceback_later()
    megabytes, objects, files = growth(outcome.levels)
    print(f"since the first quarter: {megabytes:+.0f} MB, {objects:+,} objects, {files:+} files")
    for one in outcome.wrong:
        print(f"WRONG {one}")
    app.processEvents()
    return 1 if outcome.wrong or megabytes > MOST_MB or files > MOST_FILES else 0


def _tell(line: str) -> None:
    print(line, flush=True)


def _tell_in_time(line: str) -> None:
    _tell(line)
    faulthandler.dump_traceback_later(HANGS, exit=True)  # from now on


if __name__ == "__main__":
    sys.exit(main())
