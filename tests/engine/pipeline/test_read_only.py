"""Stores that may not be written to, and files in them that cannot be read at the moment."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import h5py
import pytest

from engine.__main__ import main
from engine.errors import StoreError
from engine.pipeline.pipeline import Pipeline
from engine.results import Study
from engine.runtime.progress import Reporter
from engine.spec import DataSpec, RunSpec
from engine.storage.store import INEXPENSIVE_KINDS, Store

ROOT = Path(__file__).parents[3]
REFUSED = "is read-only (Permission denied) and does not contain the requested result."


def powerless() -> None:
    """Before exec: file modes bind the superuser as well (Linux)."""
    if os.geteuid() == 0:
        for power in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            ctypes.CDLL(None).prctl(24, power, 0, 0, 0)  # PR_CAPBSET_DROP


def bound(*words: object) -> subprocess.CompletedProcess[str]:
    """A Python that file modes bind, whoever runs it."""
    return subprocess.run(
        [sys.executable, *map(str, words)], cwd=ROOT, capture_output=True, text=True, check=False,
        preexec_fn=powerless, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


COMMANDS = """
import contextlib, io, json, sys
from engine.__main__ import main
answers = []
for words in json.loads(sys.argv[1]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(words)
    answers.append((code, out.getvalue(), err.getvalue()))
print(json.dumps(answers))
"""


class Answer(NamedTuple):
    """What a command came to."""

    code: int
    out: str
    err: str


def engine(store: Path, *commands: Sequence[object]) -> list[Answer]:
    """Commands of `rk-engine`, one after another in a process that file modes bind."""
    words = [[*map(str, command), "--store", str(store)] for command in commands]
    done = bound("-c", COMMANDS, json.dumps(words))
    assert done.returncode == 0, done.stderr
    return [Answer(*one) for one in json.loads(done.stdout.splitlines()[-1])]


def close(root: Path) -> None:
    """Take away the right to write anything there."""
    for path in [*root.rglob("*"), root]:
        path.chmod(0o555 if path.is_dir() else 0o444)


def open_again(root: Path) -> None:
    """Give the right to write back, from the top on."""
    root.chmod(0o755)
    for path in root.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Study]:
    """A store with a small study of iris."""
    root = tmp_path_factory.mktemp("made") / "store"
    pipeline = Pipeline(Store(root), "cpu")
    return root, pipeline.run(spec_in(pipeline), Reporter())


@pytest.fixture
def closed(made: tuple[Path, Study], tmp_path: Path) -> Iterator[Path]:
    """A copy of that store that may not be written to; file modes are all that closes it."""
    root = tmp_path / "closed"
    shutil.copytree(made[0], root)
    close(root)
    probe = f"import pathlib; pathlib.Path({str(root / 'x')!r}).touch()"
    if bound("-c", probe).returncode == 0:
        pytest.skip("file modes bind nobody here")
    yield root
    open_again(root)


def spec_in(pipeline: Pipeline, methods: tuple[str, ...] = ("gd",)) -> RunSpec:
    data = pipeline.dataset(DataSpec("iris"), Reporter())
    return pipeline.compose(
        data, methods=methods, retrains=1, draws=10, taus="0,0.1", training={"epochs": 2}
    )


def content(root: Path) -> dict[str, bytes]:
    """All files there."""
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_store_that_may_not_be_written_is_listed_read_and_looked_at(
    made: tuple[Path, Study], closed: Path, tmp_path: Path
) -> None:
    key, before = made[1].key, content(closed)
    out = tmp_path / "out"
    out.mkdir()
    listed, *others = engine(
        closed,
        ("ls",), ("table", key), ("verify", "--sample", 1), ("info",),
        ("samples", key, "--model", "gd", "--csv", out / "s.csv"),
        ("figure", key, "--kind", "curves", "--out", out / "c.svg"),
        ("figure", key, "--kind", "neighborhood", "--out", out / "n.svg"),
        ("checkpoint", key, "--model", "gd", "--out", out / "gd.pt"),
    )  # fmt: skip
    assert key in listed.out
    for one in (listed, *others):
        assert (one.code, one.err) == (0, ""), one
    assert {path.name for path in out.iterdir()} >= {"s.csv", "c.svg", "n.svg", "gd.pt"}
    assert content(closed) == before


def test_what_has_to_be_made_is_refused_before_any_work(
    made: tuple[Path, Study], closed: Path
) -> None:
    few = ("--dataset", "iris", "--retrains", 1, "--draws", 10, "--set", "train.epochs=2")
    for one in engine(
        closed,
        ("run", *few, "--methods", "ga"), ("watch", made[1].key, "--model", "gd"),
        ("run", *few, "--methods", "gd", "--taus", "0,0.1", "--measures", "relearn-epochs"),
    ):  # fmt: skip
        assert (one.code, one.out) == (2, "")
        assert one.err.startswith(f"rk-engine: The store {closed} {REFUSED}")
        assert len(one.err.splitlines()) == 1


def test_a_stored_study_is_answered_by_a_closed_store(
    made: tuple[Path, Study], closed: Path, tmp_path: Path
) -> None:
    words = ("--dataset", "iris", "--methods", "gd", "--retrains", 1, "--draws", 10)
    more = ("--taus", "0,0.1", "--set", "train.epochs=2", "--json", tmp_path / "a.json")
    (done,) = engine(closed, ("run", *words, *more))
    assert done.code == 0, done.err
    assert json.loads((tmp_path / "a.json").read_text())["key"] == made[1].key


def test_sights_of_a_closed_store_are_computed_and_not_kept(
    made: tuple[Path, Study], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "store"
    shutil.copytree(made[0], root)
    monkeypatch.setattr("engine.storage.store._refusal", lambda root: "Permission denied")
    store = Store(root)
    pipeline, before = Pipeline(store, "cpu"), content(root)
    spec = spec_in(pipeline)
    sample = spec.forget[0]
    seen = pipeline.neighborhood(spec, sample, "", -1.0, Reporter())
    again = pipeline.neighborhood(spec, sample, "", -1.0, Reporter())
    assert seen.counts == again.counts and set(seen.counts) == {"original", "retrain-0", "gd"}
    pipeline.slice(spec, sample, "random", 0.1, 5, Reporter())
    assert pipeline.recognition(spec, "gd", Reporter()).samples.tolist() == list(spec.forget)
    assert pipeline.similarity(spec, "gd", "original", Reporter()).lines
    with pytest.raises(StoreError, match="does not contain the requested result"):
        pipeline.run(replace(spec, seed=7), Reporter())
    assert content(root) == before
    assert not any((root / kind).exists() for kind in INEXPENSIVE_KINDS)


def test_a_bundle_of_a_closed_store_opens_elsewhere(
    made: tuple[Path, Study], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.storage import store as stores

    can = stores._refusal
    monkeypatch.setattr(stores, "_refusal", lambda r: "No" if r == made[0] else can(r))
    study = made[1]
    pipeline = Pipeline(Store(made[0]), "cpu")
    file = pipeline.save_bundle(study, tmp_path / "a.rkx", {}, Reporter())
    there = Pipeline(Store(tmp_path / "there"), "cpu")
    assert there.open_bundle(file, Reporter()).key == study.key


def test_a_folder_that_cannot_even_be_read_is_no_store(closed: Path) -> None:
    closed.chmod(0o000)
    (done,) = engine(closed, ("ls",))
    assert done.code == 2 and "can be neither written (Permission denied) nor read" in done.err
    closed.chmod(0o555)
    (closed / "studies").chmod(0o000)
    (done,) = engine(closed, ("ls",))
    assert done.code == 2
    assert done.err == (
        f"rk-engine: The folder {closed / 'studies'} cannot be read (Permission denied). Resolve "
        "this and try again.\n"
    )


# -- single files ---------------------------------------------------------------------------------


@pytest.fixture
def two(made: tuple[Path, Study], tmp_path: Path) -> tuple[Path, Path]:
    """(store, file of another study in it)."""
    root = tmp_path / "store"
    shutil.copytree(made[0], root)
    pipeline = Pipeline(Store(root), "cpu")
    other = pipeline.run(spec_in(pipeline, ("ga",)), Reporter())
    return root, root / "studies" / f"{other.key}.h5"


HOLD = """
import sys, h5py
with h5py.File(sys.argv[1], "r+"):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def written_to(file: Path) -> Iterator[None]:
    """Another program has the file open for writing meanwhile, and locked."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None and other.stdout.readline()
        yield
        other.communicate()


def test_a_study_that_another_program_writes_to_does_not_stop_the_list(
    made: tuple[Path, Study], two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    root, file = two
    with written_to(file):
        assert main(["ls", "--store", str(root)]) == 0
        listed = capsys.readouterr()
        assert main(["table", file.stem, "--store", str(root)]) == 2
        alone = capsys.readouterr()
    assert made[1].key in listed.out and file.stem not in listed.out
    assert len(listed.err.splitlines()) == 1 and str(file) in listed.err
    assert "cannot be read now (Resource temporarily unavailable)" in listed.err
    assert alone.err.startswith(f"rk-engine: {file} cannot be read now")
    assert main(["ls", "--store", str(root)]) == 0
    assert file.stem in capsys.readouterr().out


def test_the_same_is_not_told_twice(two: tuple[Path, Path]) -> None:
    root, file = two
    heard: list[str] = []
    pipeline = Pipeline(Store(root, heard.append), "cpu")
    with written_to(file):
        assert len(pipeline.studies()) == len(pipeline.studies()) == 1
    assert len(heard) == 1 and str(file) in heard[0]
    assert len(pipeline.studies()) == 2


def test_a_study_that_may_not_be_read_does_not_stop_the_list(
    made: tuple[Path, Study], closed: Path
) -> None:
    other = closed / "studies" / f"{'0' * 20}.h5"
    (closed / "studies").chmod(0o755)
    other.write_bytes(b"somebody else's")
    other.chmod(0o000)
    (closed / "studies").chmod(0o555)
    done, verified = engine(closed, ("ls",), ("verify", "--sample", 0))
    assert done.code == 0 and made[1].key in done.out
    assert done.err == (
        f"rk-engine: {other} cannot be read now (Permission denied). Resolve this and try again; "
        "the file is left unchanged.\n"
    )
    assert verified.code == 0 and "nothing is wrong" in verified.out
    assert f"studies/{other.name} cannot be read now (Permission denied)." in verified.out


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "other"])
def test_a_damaged_study_does_not_stop_the_list(
    made: tuple[Path, Study],
    two: tuple[Path, Path],
    damage: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root, file = two
    whole = file.read_bytes()
    if damage == "other":
        with h5py.File(file, "w") as found:
            found.attrs["complete"] = True
    else:
        halves = {"cut": whole[: len(whole) // 2], "empty": b"", "text": b"x" * 999}
        file.write_bytes(halves[damage])
    assert main(["ls", "--store", str(root)]) == 0
    listed = capsys.readouterr()
    assert made[1].key in listed.out and file.stem not in listed.out
    assert len(listed.err.splitlines()) == 1 and f"{file} is damaged" in listed.err


def test_a_damaged_study_in_a_closed_store_stays(made: tuple[Path, Study], closed: Path) -> None:
    other = closed / "studies" / f"{'0' * 20}.h5"
    (closed / "studies").chmod(0o755)
    other.write_bytes(b"no file of this kind")
    (closed / "studies").chmod(0o555)
    (done,) = engine(closed, ("ls",))
    assert done.code == 0 and made[1].key in done.out
    assert done.err.startswith(f"rk-engine: {other} is damaged (")
    assert done.err.endswith("and is left in place: the store is read-only.\n") and other.is_file()
