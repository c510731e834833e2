"""What parsers are tried on: a small study with all its files, made once a process."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

from engine.datasets import base as datasets
from engine.datasets.base import Dataset
from engine.pipeline.bundle import open_bundle
from engine.pipeline.pipeline import Pipeline
from engine.results import Study
from engine.runtime.progress import Reporter
from engine.spec import DataSpec, RunSpec
from engine.storage import hdf5, store
from engine.storage.store import Record, Store

MEMORY = Path("/dev/shm")  # a folder in memory, where there is one: nothing need reach a disk


@dataclass(frozen=True)
class Scene:
    """A folder, a study in a store within it, the study's bundle, and a store to open it in.

    files: those of the store, by name; sound: what they hold, and what the bundle leads to.
    """

    folder: Path
    pipeline: Pipeline
    spec: RunSpec
    study: Study
    bundle: bytes
    files: Mapping[str, bytes]
    sound: frozenset[bytes]

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
    files = _files(pipeline.store)
    there = Store(folder / "there")
    open_bundle(there, out, Reporter())
    sound = frozenset([*files.values(), *_files(there).values()])
    return Scene(folder, pipeline, spec, study, out.read_bytes(), files, sound)


def _files(one: Store) -> dict[str, bytes]:
    found = (path for path in sorted(one.root.rglob("*")) if path.suffix in (".h5", ".pt"))
    return {str(path.relative_to(one.root)): path.read_bytes() for path in found}


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Warnings are errors, nothing is printed, and nothing is waited for until it is on a disk.

    Meanwhile an empty folder is the working one: see `left`. What nobody harmed is read and
    written once.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.chdir(scene().here))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", module="PIL")  # it warns of what it then reads or not
        stack.enter_context(mock.patch.object(os, "fsync", _no_wait))
        stack.enter_context(mock.patch.object(store, "read", _remembering(store.read)))
        stack.enter_context(mock.patch.object(hdf5, "write", _writing(hdf5.write)))
        stack.enter_context(mock.patch.object(datasets, "load", _loaded(datasets.load)))
        nowhere = stack.enter_context(
            open(os.devnull, "w", encoding="utf-8", errors="backslashreplace")
        )
        stack.enter_context(contextlib.redirect_stdout(nowhere))
        stack.enter_context(contextlib.redirect_stderr(nowhere))
        yield


def _remembering(read: Callable[..., Record]) -> Callable[..., Record]:
    """store.read, which opens a file that is as it was made only the first time."""
    held: dict[tuple[str, str, bool, bytes], Record] = {}
    sizes = {len(one) for one in scene().sound}

    def found(path: Path, *, arrays: bool = True) -> Record:
        if path.stat().st_size not in sizes:  # nor is it read here: it may have no end
            return read(path, arrays=arrays)
        content = path.read_bytes()
        if content not in scene().sound:
            return read(path, arrays=arrays)
        mark = (path.parent.name, path.stem, arrays, content)
        if mark not in held:
            held[mark] = read(path, arrays=arrays)
        one = held[mark]
        own = {name: array.copy() for name, array in one.arrays.items()}
        return Record(one.kind, one.key, dict(one.attributes), own)

    return found


def _writing(write: Callable[..., None]) -> Callable[..., None]:
    """hdf5.write, which composes a file of what nobody harmed only the first time."""
    held: dict[str, bytes] = {}

    def written(path: Path, groups: Iterable[tuple[str, hdf5.GroupContent]]) -> None:
        given = list(groups)
        mark = hdf5.digest(given[0][1]) if len(given) == 1 and not given[0][0] else ""
        if mark in held:
            path.write_bytes(held[mark])
            return
        write(path, given)
        if (content := path.read_bytes()) in scene().sound:
            held[mark] = content

    return written


def _loaded(load: Callable[..., Dataset]) -> Callable[..., Dataset]:
    """datasets.load, which loads the study's dataset only the first time."""
    known = replace(scene().spec.data, fingerprint="")
    held = functools.cache(lambda: load(known, Reporter()))
    return lambda spec, report=None: held() if spec == known else load(spec, report)


def left() -> list[str]:
    """The files that parsers made out of the names they were given; they are removed."""
    found = sorted(scene().here.iterdir())
    for path in found:
        path.unlink() if path.is_file() else shutil.rmtree(path)
    return [path.name for path in found]


def _no_wait(file: object) -> None:
    """Instead of os.fsync."""


HELD = contextlib.ExitStack()
