"""The screens of the gallery, each an X server of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PATIENCE_S = 60
FIRST, LAST = 170, 260  # numbers of displays to try


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
    number = next(n for n in range(FIRST, LAST) if not Path(f"/tmp/.X11-unix/X{n}").exists())
    size = f"{screen.width}x{screen.height}x24"
    quiet = subprocess.DEVNULL
    running = [
        subprocess.Popen(
            ["Xvfb", f":{number}", "-screen", "0", size, "-nolisten", "tcp"],
            stdout=quiet, stderr=quiet,
        )
    ]  # fmt: skip
    environment = {
        **os.environ,
        "DISPLAY": f":{number}",
        "QT_QPA_PLATFORM": "xcb",
        "QT_SCALE_FACTOR": str(screen.scale),
    }
    try:
        _wait_for(Path(f"/tmp/.X11-unix/X{number}"))
        if shutil.which("openbox"):
            running.append(
                subprocess.Popen(["openbox"], env=environment, stdout=quiet, stderr=quiet)
            )
        yield environment
    finally:
        for process in reversed(running):
            process.terminate()
            process.wait(PATIENCE_S)


def _wait_for(socket: Path) -> None:
    end = time.monotonic() + PATIENCE_S
    while not socket.exists():
        if time.monotonic() > end:
            raise SystemExit("Xvfb did not start.")
        time.sleep(0.1)
