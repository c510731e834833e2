"""The screens of the gallery, each an X server of its own."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

PATIENCE_S = 60


@dataclass(frozen=True)
class Screen:
    """Width and height in px, and how many px a logical pixel has."""

    width: int
    height: int
    scale: int = 1

    @property
    def name(self) -> str:
        """For example '1920x1200@2'."""
        return f"{self.width}x{self.height}" + (f"@{self.scale}" if self.scale > 1 else "")


SCREENS = (Screen(1280, 800), Screen(1440, 900), Screen(1920, 1200), Screen(1920, 1200, 2))


@contextlib.contextmanager
def server(screen: Screen) -> Iterator[dict[str, str]]:
    """An X server with a window manager if there is one; gives the environment for programs."""
    if shutil.which("Xvfb") is None:
        raise SystemExit("The gallery needs Xvfb (Debian: apt-get install xvfb openbox).")
    size = f"{screen.width}x{screen.height}x24"
    quiet = subprocess.DEVNULL
    # The server itself takes a free number: two galleries at once must not share a screen.
    first = subprocess.Popen(
        ["Xvfb", "-displayfd", "1", "-screen", "0", size, "-nolisten", "tcp"],
        stdout=subprocess.PIPE, stderr=quiet, text=True,
    )  # fmt: skip
    running = [first]
    try:
        environment = {
            **os.environ,
            "DISPLAY": f":{_number_of(first)}",
            "QT_QPA_PLATFORM": "xcb",
            "QT_SCALE_FACTOR": str(screen.scale),
        }
        if shutil.which("openbox"):
            running.append(
                subprocess.Popen(["openbox"], env=environment, stdout=quiet, stderr=quiet)
            )
        yield environment
    finally:
        for process in reversed(running):
            process.terminate()
            process.wait(PATIENCE_S)


def _number_of(process: subprocess.Popen[str]) -> int:
    """The number of the display, which the server writes once it answers."""
    if process.stdout is None or not select.select([process.stdout], [], [], PATIENCE_S)[0]:
        raise SystemExit("Xvfb did not start.")
    return int(process.stdout.readline())
