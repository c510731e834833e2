"""The example study that comes with the program, in assets/example: what made it, and its key.

Nothing here imports h5py or torch: a window asks for the key before either is loaded.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

DATASET = "fashion"  # the dataset of the study, built in
BUNDLE, FACTS = "fashion.rkx", "example.json"
COPIES = "copies"  # folder: pixels of neighborhoods, as `engine.pipeline.copy_cache` keeps them
SOURCE = "the example that comes with RK Explorer"  # its origin, as studies state it


def bundle() -> Traversable:
    """The installed bundle."""
    return files("assets") / "example" / BUNDLE


def copies() -> Iterator[Traversable]:
    """The files of the perturbed copies that the window shows first."""
    folder = files("assets") / "example" / COPIES
    return (one for one in folder.iterdir() if one.is_file()) if folder.is_dir() else iter(())


def command() -> list[str]:
    """The words of the command that makes the study: rk-engine, run, --dataset, fashion ..."""
    return shlex.split(_facts()["command"])


def key() -> str:
    """The key of the study; '' where the example is not installed."""
    try:
        return _facts()["key"]
    except (OSError, ValueError, LookupError):
        return ""


def describe(folder: Path, words: Sequence[str], study: str) -> None:
    """Write the command and the key of the study beside its bundle."""
    facts = {"command": shlex.join(words), "key": study}
    (folder / FACTS).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def _facts() -> dict[str, str]:
    text = (files("assets") / "example" / FACTS).read_text("utf-8")
    facts: dict[str, str] = json.loads(text)
    return facts
