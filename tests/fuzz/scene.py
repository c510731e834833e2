"""What parsers are tried on: a small study with all its files, made once a process."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from engine.pipeline import Pipeline
from engine.report import Reporter
from engine.results import Study
from engine.spec import DataSpec, RunSpec
from engine.store import Store

MEMORY = Path("/dev/shm")  # a folder in memory, where there is one: nothing need reach a disk


@dataclass(frozen=True)
class Scene:
    """A folder, a study in a store within it, the study's bundle, and a store to open it in."""

    folder: Path
    pipeline: Pipeline
    spec: RunSpec
    study: Study
    bundle: bytes

    @property
    def file(self) -> Path:
        """Where an input is written before it is opened."""
        return self.folder / "input"

    @property
    def here(self) -> Path:
        """The working folder while inputs are tried, which nothing may be written to."""
        return self.folder / "here"

    def write(self, content: bytes) -> Path:
        """Put an input where it is opened from."""
        self.file.write_bytes(content)
        return self.file

    def fresh_store(self) -> Store:
        """An empty store."""
        root = self.folder / "fresh"
        shutil.rmtree(root, ignore_errors=True)
        return Store(root)


@functools.cache
def scene() -> Scene:
    """The one of this process; its folder is removed when the process ends."""
    holder = tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
    HELD.callback(holder.cleanup)
    folder = Path(holder.name)
    (folder / "here").mkdir()
    pipeline = Pipeline(Store(folder / "store"), "cpu")
    HELD.callback(pipeline.close)
    data = pipeline.dataset(DataSpec("iris"), Reporter())
    spec = pipeline.compose(
        data, forget="class:1:3", methods=("ga",), training={"epochs": 1}, retrains=1, draws=10,
        taus="0,0.2",
    )  # fmt: skip
    study = pipeline.run(spec, Reporter())
    pipeline.neighborhood(spec, 3, "", -1, Reporter())
    pipeline.slice(spec, 3, "random", 0.2, 3, Reporter())
    out = folder / "study.rkx"
    pipeline.save_bundle(study, out, {"views": {}}, Reporter())
    return Scene(folder, pipeline, spec, study, out.read_bytes())


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Warnings are errors, nothing is printed, and nothing is waited for until it is on a disk.

    Meanwhile an empty folder is the working one: see `left`.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.chdir(scene().here))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", module="PIL")  # it warns of what it then reads or not
        stack.enter_context(mock.patch.object(os, "fsync", _no_wait))
        nowhere = stack.enter_context(
            open(os.devnull, "w", encoding="utf-8", errors="backslashreplace")
        )
        stack.enter_context(contextlib.redirect_stdout(nowhere))
        stack.enter_context(contextlib.redirect_stderr(nowhere))
        yield


def left() -> list[str]:
    """The files that parsers made out of the names they were given; they are removed."""
    found = sorted(scene().here.iterdir())
    for path in found:
        path.unlink() if path.is_file() else shutil.rmtree(path)
    return [path.name for path in found]


def _no_wait(file: object) -> None:
    """Instead of os.fsync."""


HELD = contextlib.ExitStack()
