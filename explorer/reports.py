"""Reports of errors nobody foresaw: a file with the traceback, and a sentence that names it."""

from __future__ import annotations

import platform
import sys
import tempfile
import time
import traceback
from pathlib import Path

from engine import __version__


def save_report(folder: Path, doing: str, error: BaseException) -> str:
    """Write `error` with its traceback into `folder`; the sentence that tells people of it."""
    text = (
        f"RK Explorer {__version__}, Python {platform.python_version()}, {platform.platform()}\n"
        f"While: {doing}\n\n{''.join(traceback.format_exception(error))}"
    )
    kind = f"{type(error).__name__}: {error}"
    path = _write(folder, text) or _write(Path(tempfile.gettempdir()), text)
    if path is None:
        print(text, file=sys.stderr)
        return f"{doing} failed ({kind}). No report could be written; see the terminal."
    return f"{doing} failed ({kind}). What was finished is kept. The report is in {path}."


def _write(folder: Path, text: str) -> Path | None:
    path = folder / time.strftime("error-%Y%m%d-%H%M%S.txt")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(text + "\n")
    except OSError:
        return None
    return path
