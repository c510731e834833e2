"""`rk-engine`: studies without a window. Arguments are parsed before any heavy import."""

from __future__ import annotations

from engine.runtime import child_processes

if __name__ == "__main__":  # `python -m`: before anything else is imported
    child_processes.leave_current_folder()

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from engine.cli import commands
from engine.cli.parser import parser
from engine.errors import Cancelled, EngineError
from engine.runtime import interruption
from engine.runtime.cores import set_passive_waiting
from engine.runtime.memory import limit_kernel_caches
from engine.storage import output_files

FAILED = 2
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status (2 and a sentence on standard error if it fails)."""
    set_passive_waiting()
    limit_kernel_caches()
    options = parser().parse_args(arguments)
    if not hasattr(options, "command"):
        parser().print_help()
        return FAILED
    command: Callable[[argparse.Namespace], int | None] = options.command
    files = [value for value in vars(options).values() if isinstance(value, Path)]
    try:
        with (
            interruption.interrupt_on_signals(),
            output_files.checked_stdout(),
            output_files.messages_to_stderr(files),
        ):
            return command(options) or 0
    except EngineError as error:
        commands.say(str(error))
        return FAILED
    except interruption.Interrupted as error:
        commands.say("stopped; run the same command again to resume.")
        return error.status
    except Cancelled:
        commands.say("stopped; run the same command again to resume.")
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output is gone
        output_files.discard_stdout()
    return 0


if __name__ == "__main__":
    sys.exit(main())
