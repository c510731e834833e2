"""The `rk-explorer` command. Arguments are parsed before any heavy import."""

from __future__ import annotations

from engine.runtime import child_processes

if __name__ == "__main__":  # `python -m`: before anything else is imported
    child_processes.leave_current_folder()

import argparse
import gc
import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Sequence
from typing import NoReturn

from engine import __version__
from engine.errors import SpecError, unknown
from engine.runtime.cores import set_passive_waiting
from engine.runtime.memory import limit_kernel_caches
from engine.storage.paths import absolute, typed_path

UNUSABLE = 2  # exit status: the window could not be opened
LARGEST_SIDE = 16_384  # px of a window
LINKS = ("refuse", "follow")
PACKAGES = ("PySide6", "pyqtgraph")  # that the engine does without
THEMES = ("light", "dark", "system")
SCREENLESS = ("offscreen", "minimal", "vnc", "eglfs", "linuxfb", "minimalegl", "vkkhrdisplay")


def main(arguments: Sequence[str] | None = None) -> int:
    """Open the window and return the exit status (2, with a message, if that is impossible)."""
    set_passive_waiting()
    limit_kernel_caches()
    try:
        options = parse(sys.argv[1:] if arguments is None else arguments)
        check_packages()
        check_display()
    except SpecError as error:
        print(f"rk-explorer: {error}", file=sys.stderr)
        return UNUSABLE
    load()
    from explorer import app

    return app.run(app.Options(**vars(options)))


def load() -> None:
    """Import `explorer.app`."""
    gc.disable()  # modules are not garbage, and looking through them takes a tenth of the time
    try:
        importlib.import_module("explorer.app")
    finally:
        gc.enable()


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the arguments into the fields of `app.Options`; SpecError suggests valid values."""
    options = parser().parse_args(arguments)
    if options.dataset:
        from engine import registry

        if options.dataset not in registry.names("dataset"):
            raise unknown("dataset", options.dataset, registry.names("dataset"))
    if options.links and options.links not in LINKS:
        raise unknown("way to treat --links", options.links, LINKS)
    if options.theme and options.theme not in THEMES:
        raise unknown("theme", options.theme, THEMES)
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", options.device):
        raise SpecError(
            f"There is no device '{options.device}'. Use auto, cpu, cuda, cuda:0 (1, ...) or mps."
        )
    options.seed = None if options.seed is None else _seed(options.seed)
    options.size = None if options.size is None else _size(options.size)
    return options


def check_packages() -> None:
    """Raise SpecError if the engine was installed without what the window needs."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise SpecError(
            f"the window needs {' and '.join(missing)}, which this environment lacks. Install all "
            "of the program (pip install .), or use rk-engine."
        )


def check_display() -> None:
    """Raise SpecError, with advice, if a window cannot be shown."""
    platform = os.environ.get("QT_QPA_PLATFORM", "").partition(":")[0]
    if not sys.platform.startswith("linux") or platform in SCREENLESS:
        return
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise SpecError(
            "no display is available (neither DISPLAY nor WAYLAND_DISPLAY is set). To take a "
            "picture, run QT_QPA_PLATFORM=offscreen rk-explorer --demo --screenshot FILE; to run "
            "studies without a window, use rk-engine."
        )


class _Parser(argparse.ArgumentParser):
    """An argument parser that reports errors in one sentence and suggests the nearest option."""

    def error(self, message: str) -> NoReturn:
        wrong = re.match(r"unrecognized arguments: (\S+)", message)
        if wrong and wrong[1].startswith("-"):
            options = [option for action in self._actions for option in action.option_strings]
            raise unknown("option", wrong[1].partition("=")[0], options)
        raise SpecError(f"{message[:1].upper()}{message[1:]}. See rk-explorer --help.")


def parser() -> argparse.ArgumentParser:
    """Build the argument parser."""
    result = _Parser(
        prog="rk-explorer",
        description="A desktop microscope for machine unlearning.",
        allow_abbrev=False,
    )
    result.add_argument("--version", action="version", version=f"rk-explorer {__version__}")
    result.add_argument("--store", type=typed_path, metavar="DIR", help="folder for results")
    result.add_argument("--dataset", default="", metavar="D", help="dataset to open, e.g. digits")
    result.add_argument(
        "--root", type=absolute, default="", metavar="P", help="folder or file of the dataset"
    )
    result.add_argument(
        "--columns", default="", metavar="ROLES",
        help="columns of a table: label=diagnosis,text=message,group=patient,split=part",
    )  # fmt: skip
    result.add_argument(
        "--links", default="", metavar="HOW",
        help="refuse (default) or follow links that point outside an image folder",
    )  # fmt: skip
    result.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps")
    result.add_argument("--theme", default="", help="light, dark or system")
    result.add_argument("--demo", action="store_true", help="run the suggested study at once")
    result.add_argument(
        "--screenshot", type=typed_path, metavar="FILE",
        help="save a picture of the window when all jobs are done, then exit",
    )  # fmt: skip
    result.add_argument("--seed", metavar="N", help="seed of the study (default 131)")
    result.add_argument("--size", metavar="WxH", help="size of the window, e.g. 1440x900")
    return result


def _seed(text: str) -> int:
    if not re.fullmatch(r"\d{1,18}", text):
        raise SpecError(f"--seed must be a non-negative integer, not '{text}'.")
    return int(text)


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", text)
    if not match or not all(1 <= int(side) <= LARGEST_SIDE for side in match.groups()):
        raise SpecError(f"--size must be WIDTHxHEIGHT in px, such as 1440x900, not '{text}'.")
    return int(match[1]), int(match[2])


if __name__ == "__main__":
    sys.exit(main())
