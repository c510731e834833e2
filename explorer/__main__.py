"""The `rk-explorer` command. Arguments are parsed before any heavy import."""

from __future__ import annotations

from engine.runtime import child_processes

if __name__ == "__main__":  # `python -m`: before anything else is imported
    child_processes.leave_current_folder()

import argparse
import os
import re
import sys
from collections.abc import Sequence
from typing import NoReturn

from engine import __version__
from engine.errors import SpecError, unknown
from engine.runtime.cores import wait_asleep
from engine.storage.paths import absolute, place

UNUSABLE = 2  # exit status: the window could not be opened
LARGEST_SIDE = 16_384  # px of a window
LINKS = ("refuse", "follow")
THEMES = ("light", "dark", "system")
SCREENLESS = ("offscreen", "minimal", "vnc", "eglfs", "linuxfb", "minimalegl", "vkkhrdisplay")


def main(arguments: Sequence[str] | None = None) -> int:
    """Open the window and return the exit status (2, with a message, if that is impossible)."""
    wait_asleep()
    try:
        asked = parse(sys.argv[1:] if arguments is None else arguments)
        check_display()
    except SpecError as error:
        print(f"rk-explorer: {error}", file=sys.stderr)
        return UNUSABLE
    from explorer import app

    return app.run(app.Options(**vars(asked)))


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the arguments into the fields of `app.Options`; SpecError suggests valid values."""
    found = parser().parse_args(arguments)
    if found.dataset:
        from engine import registry

        if found.dataset not in registry.names("dataset"):
            raise unknown("dataset", found.dataset, registry.names("dataset"))
    if found.links and found.links not in LINKS:
        raise unknown("way to treat --links", found.links, LINKS)
    if found.theme and found.theme not in THEMES:
        raise unknown("theme", found.theme, THEMES)
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", found.device):
        raise SpecError(
            f"There is no device '{found.device}'. Use auto, cpu, cuda, cuda:0 (1, ...) or mps."
        )
    found.seed = None if found.seed is None else _seed(found.seed)
    found.size = None if found.size is None else _size(found.size)
    return found


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
            known = [name for action in self._actions for name in action.option_strings]
            raise unknown("option", wrong[1].partition("=")[0], known)
        raise SpecError(f"{message[:1].upper()}{message[1:]}. See rk-explorer --help.")


def parser() -> argparse.ArgumentParser:
    """Build the argument parser."""
    made = _Parser(
        prog="rk-explorer",
        description="A desktop microscope for machine unlearning.",
        allow_abbrev=False,
    )
    made.add_argument("--version", action="version", version=f"rk-explorer {__version__}")
    made.add_argument("--store", type=place, metavar="DIR", help="folder for results")
    made.add_argument("--dataset", default="", metavar="D", help="dataset to open, e.g. digits")
    made.add_argument(
        "--root", type=absolute, default="", metavar="P", help="folder that contains the dataset"
    )
    made.add_argument(
        "--links", default="", metavar="HOW",
        help="refuse (default) or follow links that point outside an image folder",
    )  # fmt: skip
    made.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps")
    made.add_argument("--theme", default="", help="light, dark or system")
    made.add_argument("--demo", action="store_true", help="run the suggested study at once")
    made.add_argument(
        "--screenshot", type=place, metavar="FILE",
        help="save a picture of the window when all jobs are done, then exit",
    )  # fmt: skip
    made.add_argument("--seed", metavar="N", help="seed of the study (default 131)")
    made.add_argument("--size", metavar="WxH", help="size of the window, e.g. 1440x900")
    return made


def _seed(text: str) -> int:
    if not re.fullmatch(r"\d{1,18}", text):
        raise SpecError(f"--seed must be a non-negative integer, not '{text}'.")
    return int(text)


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", text)
    if not found or not all(1 <= int(side) <= LARGEST_SIDE for side in found.groups()):
        raise SpecError(f"--size must be WIDTHxHEIGHT in px, such as 1440x900, not '{text}'.")
    return int(found[1]), int(found[2])


if __name__ == "__main__":
    sys.exit(main())
