"""Disks that are full, folders that may not be written, files that vanish, and long odd paths."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.__main__ import main
from engine.errors import OutOfMemory, StoreError
from engine.figures import catalog
from engine.pipeline.bundle import open_bundle
from engine.pipeline.pipeline import Pipeline
from engine.results import Study
from engine.runtime import memory
from engine.runtime.progress import Reporter
from engine.spec import DataSpec
from engine.storage import atomic_files, hdf5
from engine.storage.store import Store, read
from engine.study.compose import model_keys
from engine.training import checkpoints

ODD = (
    "with spaces",
    "ünïcödé 目录",
    "'quotes' & $signs",
    *("long" * 25 + str(i) for i in range(3)),
)
SENTENCE = r"^Cannot write .*(Free some space|--store).*is intact\.$"


@contextlib.contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Limit the size of files in bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a separate file system of a size such as '200k'."""
    at = tmp_path / "tiny"
    at.mkdir()

    def mount(options: str) -> Path:
        asked = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(at)]
        try:
            done = subprocess.run(asked, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            pytest.skip("there is no mount here")
        if done.returncode:
            pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
        return at

    yield mount
    subprocess.run(["umount", str(at)], capture_output=True, check=False)


def leftovers(root: Path) -> list[Path]:
    """Temporary files and locks."""
    return [*root.rglob("*.tmp"), *root.rglob("*.lock")]


def study_in(pipeline: Pipeline) -> Study:
    """A small study of iris, computed or from the store."""
    data = pipeline.dataset(DataSpec("iris"), Reporter())
    spec = pipeline.compose(
        data, methods=("gd",), retrains=1, draws=10, taus="0,0.1", training={"epochs": 2}
    )
    return pipeline.run(spec, Reporter())


# -- full -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 700, 5_000, 20_000])
def test_a_failed_write_of_a_record_is_reported_and_keeps_the_old_one(
    tmp_path: Path, size: int
) -> None:
    store, rng = Store(tmp_path), np.random.default_rng(0)
    facts = {"spec": {}, "seed": 1, "seconds": 0.0, "device": "cpu"}
    store.put("things", "abc", {"x": np.arange(3)}, **facts)
    with file_size_limit(size), pytest.raises(StoreError, match=SENTENCE):
        store.put("things", "abc", {"x": rng.random(20_000), "y": rng.random((9, 9))}, **facts)
    record = store.get("things", "abc")
    assert record is not None and record.arrays["x"].tolist() == [0, 1, 2]
    assert leftovers(tmp_path) == []


def test_hdf5_survives_a_full_disk_any_number_of_times(tmp_path: Path) -> None:
    code = """
import gc, resource, sys
from pathlib import Path
import numpy as np
from engine.storage import hdf5
failed = 0
resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, -1))
for count in range(1, 60):
    arrays = {str(i): np.random.rand(count * 9) for i in range(9)}
    group = hdf5.GroupContent({"a": "x" * 900}, arrays)
    try:
        hdf5.write(Path(sys.argv[1]), [("", group)])
    except OSError:
        failed += 1
    gc.collect()
print(failed)
"""
    words = [sys.executable, "-c", code, str(tmp_path / "a.h5")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")  # HDF5 itself aborts the process
    assert 10 < int(done.stdout) < 59


@pytest.mark.parametrize("size", [0, 100, 900])
def test_a_failed_write_of_a_checkpoint_is_reported_and_keeps_the_old_one(
    tmp_path: Path, size: int
) -> None:
    path, store = tmp_path / "m.pt", Store(tmp_path)
    checkpoints.save(path, torch.nn.Linear(2, 2), {"a": 1}, store.replacing)
    before = path.read_bytes()
    with file_size_limit(size), pytest.raises(StoreError, match=SENTENCE):
        checkpoints.save(path, torch.nn.Linear(200, 200), {"a": 2}, store.replacing)
    assert path.read_bytes() == before
    assert leftovers(tmp_path) == []


def test_a_study_on_a_full_disk_resumes_once_there_is_space(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, store = tmp_path / "a.json", tmp_path / "store"
    line = [
        "run", "--dataset", "iris", "--methods", "gd", "--retrains", "1", "--draws", "10", "--taus",
        "0,0.1", "--set", "train.epochs=2", "--device", "cpu", "--json", str(out), "--store",
        str(store),
    ]  # fmt: skip
    tried = []
    for size in (100, 3_000, 9_000, 40_000):
        with file_size_limit(size):
            tried.append(main(line))
        said = capsys.readouterr().err.strip().splitlines()
        assert not tried[-1] or said[-1].startswith("rk-engine: Cannot write "), said
        assert all(read(path).arrays for path in store.glob("*/*.h5"))  # each is complete
        assert leftovers(store) == []
    assert tried[0] == 2
    assert main(line) == 0
    assert out.exists()


@pytest.mark.parametrize("size", ["40k", "64k", "88k", "112k"])
def test_a_study_on_a_tiny_file_system_fails_with_a_message_and_resumes(
    tiny: Callable[[str], Path], tmp_path: Path, size: str
) -> None:
    root = tiny(f"size={size}")
    pipeline = Pipeline(Store(root / "store"), "cpu")
    with pytest.raises(StoreError, match=SENTENCE):
        study_in(pipeline)
    whole = {path.name: read(path).key for path in root.glob("store/*/*.h5")}
    assert leftovers(root) == []
    subprocess.run(["mount", "-o", "remount,size=8m", str(root)], check=True)
    found = study_in(Pipeline(Store(root / "store"), "cpu"))
    assert whole.keys() <= {path.name for path in root.glob("store/*/*.h5")}
    fresh = study_in(Pipeline(Store(tmp_path / "fresh"), "cpu"))
    assert np.array_equal(found.residual.counts["gd"], fresh.residual.counts["gd"])


def test_figures_and_their_data_are_written_atomically(tmp_path: Path) -> None:
    pipeline = Pipeline(Store(tmp_path / "store"), "cpu")
    study, out = study_in(pipeline), tmp_path / "figure.pdf"
    catalog.figure(pipeline, study, "curves", out)
    before = {path.name: path.read_bytes() for path in tmp_path.glob("figure.*")}
    assert set(before) == {"figure.pdf", "figure.csv", "figure.txt"}
    with file_size_limit(500), pytest.raises(StoreError, match=SENTENCE):
        catalog.figure(pipeline, study, "curves", out)
    assert {path.name: path.read_bytes() for path in tmp_path.glob("figure.*")} == before
    assert leftovers(tmp_path) == []


def test_a_bundle_is_written_atomically(tmp_path: Path) -> None:
    pipeline = Pipeline(Store(tmp_path / "store"), "cpu")
    study, out = study_in(pipeline), tmp_path / "study.rkx"
    with file_size_limit(20_000), pytest.raises(StoreError, match=SENTENCE):
        pipeline.save_bundle(study, out, {}, Reporter())
    assert not out.exists()
    assert leftovers(tmp_path) == []
    pipeline.save_bundle(study, out, {}, Reporter())
    with file_size_limit(2_000), pytest.raises(StoreError, match=SENTENCE):
        open_bundle(Store(tmp_path / "other"), out, Reporter())
    assert leftovers(tmp_path) == []
    assert open_bundle(Store(tmp_path / "other"), out, Reporter()).key == study.key


# -- read-only or unreadable ----------------------------------------------------------------------


def test_a_store_that_turns_read_only_is_reported_and_readable(
    tiny: Callable[[str], Path],
) -> None:
    root = tiny("size=8m")
    pipeline = Pipeline(Store(root / "store"), "cpu")
    study = study_in(pipeline)
    subprocess.run(["mount", "-o", "remount,ro", str(root)], check=True)
    assert pipeline.study(study.key).key == study.key
    assert study_in(pipeline).key == study.key  # everything is in the store
    spec = pipeline.spec_of(study)
    with pytest.raises(StoreError, match=r"Cannot write .*Read-only file system"):
        pipeline.neighborhood(spec, spec.forget[0], "", -1.0, Reporter())
    later = Pipeline(Store(root / "store"), "cpu")
    said = f"The store {root / 'store'} is read-only (Read-only file system): its"
    assert later.store.refusal.startswith(said)
    assert [one.key for one in later.studies()] == [study.key]


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_missing_permissions_are_reported(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.path("things", "a").parent.mkdir()
    store.path("things", "a").parent.chmod(0o500)
    with pytest.raises(StoreError, match=r"Cannot write .*Permission denied"):
        store.put("things", "a", {}, spec={}, seed=1, seconds=0, device="cpu")


@pytest.mark.parametrize(
    ("number", "said"),
    [(errno.EACCES, "Permission denied"), (errno.EMFILE, "Too many open files"), (errno.EIO, "I")],
)
def test_transient_read_errors_do_not_count_as_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:
    told: list[str] = []
    store = Store(tmp_path, told.append)
    store.put("things", "a", {}, spec={}, seed=1, seconds=0, device="cpu")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(hdf5, "read", refuse)
    with pytest.raises(StoreError, match=f"cannot be read now .{said}"):
        store.get("things", "a")
    assert store.path("things", "a").exists()
    assert told == []


def test_too_many_open_files_are_a_transient_error(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put("things", "a", {"x": np.arange(3)}, spec={}, seed=1, seconds=0, device="cpu")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        with pytest.raises(StoreError, match=r"cannot be read now .Too many open files"):
            store.get("things", "a")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert store.get("things", "a") is not None


# -- missing, odd and huge ------------------------------------------------------------------------


def test_a_folder_in_place_of_a_file_is_set_aside(tmp_path: Path) -> None:
    study = study_in(Pipeline(Store(tmp_path / "sound"), "cpu"))
    files = [
        path.relative_to(tmp_path / "sound")
        for path in sorted((tmp_path / "sound").glob("*/*"))
        if path.suffix in (".h5", ".pt")
    ]
    assert {path.parts[0] for path in files} >= {"studies", "models", "checkpoints", "counts"}
    root = tmp_path / "folders"
    for file in files:
        (root / file).mkdir(parents=True)
        (root / file / "mine.txt").write_text("kept")
        (root / "partial" / f"{file.stem}.pt").mkdir(parents=True, exist_ok=True)
    lines: list[str] = []
    pipeline = Pipeline(Store(root, lines.append), "cpu")
    again = study_in(pipeline)
    assert {name: one.tolist() for name, one in again.residual.counts.items()} == {
        name: one.tolist() for name, one in study.residual.counts.items()
    }
    for file in files:
        assert (root / file).is_file()
        aside = root / "damaged" / f"{file.parts[0]}-{file.name}"
        assert (aside / "mine.txt").read_text() == "kept"
        assert any(str(file) in line and "it is a folder" in line for line in lines)
    assert [one.key for one in pipeline.studies()] == [study.key]


def test_a_file_removed_meanwhile_is_recomputed_silently(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    store = Store(tmp_path, told.append)
    store.put("things", "a", {}, spec={}, seed=1, seconds=0, device="cpu")
    plain = hdf5.read

    def vanish(path: Path, *words: object, **more: bool) -> hdf5.GroupContent:
        path.unlink()
        return plain(path)

    monkeypatch.setattr(hdf5, "read", vanish)
    assert store.get("things", "a") is None
    assert told == []


def test_a_store_removed_while_open_is_created_again(tmp_path: Path) -> None:
    pipeline = Pipeline(Store(tmp_path / "store"), "cpu")
    study = study_in(pipeline)
    for path in sorted((tmp_path / "store").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (tmp_path / "store").rmdir()
    assert study_in(pipeline).key == study.key
    assert pipeline.store.has("studies", study.key)


def test_a_removed_checkpoint_is_trained_again(tmp_path: Path) -> None:
    first = Pipeline(Store(tmp_path / "store"), "cpu")
    study = study_in(first)
    for path in tmp_path.glob("store/checkpoints/*.pt"):
        path.unlink()
    again = Pipeline(Store(tmp_path / "store"), "cpu")
    spec = again.spec_of(study)
    again.neighborhood(spec, spec.forget[0], "", -1.0, Reporter())
    assert len(list(tmp_path.glob("store/checkpoints/*.pt"))) == 3


def test_a_long_path_with_unusual_characters_works(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path.joinpath(*ODD)
    assert len(str(root)) > 400
    pipeline = Pipeline(Store(root), "cpu")
    study, name = study_in(pipeline), "f" * 240
    for suffix in (".pdf", ".svg", ".png"):
        found = catalog.figure(pipeline, study, "curves", root / "out" / f"{name}{suffix}")
        assert all(path.stat().st_size for path in found)
    bundle = pipeline.save_bundle(study, root / f"{name}.rkx", {}, Reporter())
    assert open_bundle(Store(root / "second"), bundle, Reporter()).key == study.key
    assert main(["ls", "--store", str(root)]) == 0
    assert main(["verify", "--store", str(root), "--sample", "1", "--device", "cpu"]) == 0
    assert "nothing is wrong" in capsys.readouterr().out
    assert leftovers(root) == []


def test_an_invalid_file_name_is_reported(tmp_path: Path) -> None:
    with (
        pytest.raises(StoreError, match=r"Cannot write .*File name too long"),
        atomic_files.atomic_write(tmp_path / ("n" * 300)) as aside,
    ):
        aside.write_text("text")
    assert leftovers(tmp_path) == []


def test_a_record_larger_than_memory_is_refused_before_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    store = Store(tmp_path, told.append)
    huge = {"x": np.zeros(1 << 24, np.uint8)}  # 16 MiB of zeros in a file of a few KiB
    store.put("things", "a", huge, spec={}, seed=1, seconds=0, device="cpu")
    assert store.path("things", "a").stat().st_size < 1 << 18
    monkeypatch.setattr(memory, "free", lambda: 1 << 20)
    expected = r"Reading a\.h5 takes 16\.0 MiB of memory, but only 1\.0 MiB"
    with pytest.raises(OutOfMemory, match=expected):
        store.get("things", "a")
    assert store.path("things", "a").exists()  # the file is not damaged
    assert store.get("things", "a", arrays=False) is not None
    assert told == []


def test_the_partial_training_of_a_killed_process_is_removed(tmp_path: Path) -> None:
    pipeline = Pipeline(Store(tmp_path), "cpu")
    study = study_in(pipeline)
    spec = pipeline.spec_of(study)
    mark = model_keys(spec)["gd"]
    partial = tmp_path / "partial" / f"{mark}.pt"
    partial.parent.mkdir(exist_ok=True)
    partial.write_bytes(b"the last epoch")
    with pipeline.store.making("models", [mark], "gd", Reporter()):  # in use
        pipeline.work.model(pipeline.plan(spec), "gd", Reporter())
        assert partial.exists()
    pipeline.work.model(pipeline.plan(spec), "gd", Reporter())
    assert not partial.exists()
