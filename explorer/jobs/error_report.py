"""Error reports: a file with the traceback, a message that names it, and a text to send."""

from __future__ import annotations

import platform
import re
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from engine import __version__
from engine.storage import plain_files

IN_FILE = "The report is in {}."
# packages that errors depend on
PARTS = ("PySide6-Essentials", "pyqtgraph", "torch", "numpy", "h5py")
LARGEST = 200_000  # last characters of a report file that are included
LARGEST_FILE = 1 << 26  # bytes of a report file


def save_report(folder: Path, activity: str, error: BaseException) -> str:
    """Write `error` with its traceback into `folder`; return the message for the user."""
    text = f"{_program()}\nWhile: {activity}\n\n{''.join(traceback.format_exception(error))}"
    kind = f"{type(error).__name__}: {error}"
    path = _write(folder, text) or _write(Path(tempfile.gettempdir()), text)
    if path is None:
        print(text, file=sys.stderr)
        return f"{activity} failed ({kind}). No report could be written; see the terminal."
    return f"{activity} failed ({kind}). Finished work is kept. {IN_FILE.format(path)}"


def report_text(sentence: str, lines: Sequence[str]) -> str:
    """A report to send to a maintainer: versions, the error, the recent log, the traceback.

    sentence: the error as shown; lines: the last lines of the log. The user's home folder is
    replaced by '~'.
    """
    parts = [
        _program(),
        ", ".join(f"{name} {_version(name)}" for name in PARTS),
        f"\nError: {sentence}",
        "\nRecent log:",
        *(f"  {line}" for line in lines),
        _traceback(sentence),
    ]
    text = "\n".join(part for part in parts if part) + "\n"
    home = str(Path.home())
    return text.replace(home, "~") if len(home) > 1 else text


def _program() -> str:
    return f"RK Explorer {__version__}, Python {platform.python_version()}, {platform.platform()}"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _traceback(sentence: str) -> str:
    """The contents of the report file named in the sentence, or ''."""
    before, after = map(re.escape, IN_FILE.split("{}"))
    match = re.search(f"{before}(.+){after}$", sentence)
    if not match:
        return ""
    try:
        text = plain_files.read_bytes(Path(match[1]), LARGEST_FILE).decode("utf-8", "replace")
    except (OSError, ValueError) as error:
        return f"\nThe report file cannot be read: {plain_files.error_reason(error)}"
    return f"\nReport file:\n{text[-LARGEST:].rstrip()}"


def _write(folder: Path, text: str) -> Path | None:
    path = folder / time.strftime("error-%Y%m%d-%H%M%S.txt")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(text + "\n")
    except OSError:
        return None
    return path
