"""A study in one file: it arrives elsewhere as it was, and nothing else arrives with it."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from engine.errors import DataError, StoreError
from engine.pipeline import bundle
from engine.pipeline.pipeline import Pipeline
from engine.results import Study
from engine.runtime.progress import Reporter
from engine.spec import RunSpec
from engine.storage.annotations import annotation
from engine.storage.store import Store

SESSION = {"views": {"curves": {"tab": "loss"}}, "current": 7}


@pytest.fixture
def spec(pipeline: Pipeline) -> RunSpec:
    from engine.spec import DataSpec

    iris = pipeline.dataset(DataSpec("iris"), Reporter())
    return pipeline.compose(
        iris, forget="class:1:7", methods=("gd",), training={"epochs": 3}, retrains=2, draws=10
    )


@pytest.fixture
def study(pipeline: Pipeline, spec: RunSpec) -> Study:
    return pipeline.run(spec, Reporter())


def elsewhere(tmp_path: Path) -> Pipeline:
    return Pipeline(Store(tmp_path / "another machine"), "cpu")


def save(pipeline: Pipeline, study: Study, tmp_path: Path, images: bool = True) -> Path:
    out = tmp_path / "study.rkx"
    return pipeline.save_bundle(study, out, SESSION, Reporter(), images=images)


def test_a_bundle_opens_elsewhere_as_it_was(
    pipeline: Pipeline, study: Study, spec: RunSpec, tmp_path: Path
) -> None:
    worst = study.residual.worst_sample()
    near = pipeline.neighborhood(spec, worst, "", -1, Reporter())
    path = save(pipeline, study, tmp_path)
    other = elsewhere(tmp_path)
    opened = other.open_bundle(path, Reporter())
    assert opened.key == study.key
    assert opened.session == SESSION
    again = other.study(opened.key)
    assert again.metrics == study.metrics
    for name, counts in study.residual.counts.items():
        np.testing.assert_array_equal(again.residual.counts[name], counts)
    for name, model in pipeline.models(spec).items():
        np.testing.assert_array_equal(other.models(spec)[name].train_logits, model.train_logits)
    assert other.store.imported.keys("neighborhoods") == pipeline.store.keys("neighborhoods")
    there = other.neighborhood(spec, worst, "", -1, Reporter())
    np.testing.assert_array_equal(there.copies, near.copies)
    # computed there, from the weights, and on a processor where this was on a GPU
    fresh = other.neighborhood(spec, 3, "", -1, Reporter())
    here = pipeline.neighborhood(spec, 3, "", -1, Reporter())
    for name, said in here.confidence.items():
        apart = 0 if pipeline.work.device.type == "cpu" else 1e-4
        np.testing.assert_allclose(fresh.confidence[name], said, rtol=0, atol=apart)


def test_with_its_samples_a_bundle_needs_no_folder(
    pipeline: Pipeline, study: Study, spec: RunSpec, tmp_path: Path
) -> None:
    from dataclasses import replace

    path = save(pipeline, study, tmp_path)
    other = elsewhere(tmp_path)
    other.open_bundle(path, Reporter())
    gone = replace(spec.data, name="cifar10", root=str(tmp_path / "nowhere"))
    mine = pipeline.dataset(spec.data, Reporter())
    there = other.dataset(gone, Reporter())  # known by its fingerprint alone
    np.testing.assert_array_equal(there.train_x, mine.train_x)
    assert there.classes == mine.classes
    assert there.features == mine.features
    assert there.recommended == mine.recommended


def test_without_its_samples_a_bundle_asks_for_them(
    pipeline: Pipeline, study: Study, spec: RunSpec, tmp_path: Path
) -> None:
    from dataclasses import replace

    path = save(pipeline, study, tmp_path, images=False)
    other = elsewhere(tmp_path)
    other.open_bundle(path, Reporter())
    assert other.store.keys("datasets") == []
    gone = replace(spec.data, name="folder", root=str(tmp_path / "nowhere"))
    with pytest.raises(DataError):
        other.dataset(gone, Reporter())


def test_data_that_moved_are_found_again_by_their_fingerprint(
    pipeline: Pipeline, study: Study, tmp_path: Path
) -> None:
    found = pipeline.find_data(study.key, "", Reporter())
    assert pipeline.store.keys("places") == [found.spec.fingerprint]


def test_opening_twice_changes_nothing(pipeline: Pipeline, study: Study, tmp_path: Path) -> None:
    path = save(pipeline, study, tmp_path)
    before = {
        p: p.read_bytes() for p in pipeline.store.root.rglob("*.h5") if "datasets" not in p.parts
    }
    pipeline.open_bundle(path, Reporter())
    assert all(file.read_bytes() == content for file, content in before.items())


def _soft(file: h5py.File) -> None:
    file["records/counts"]["aaaaaaaaaaaa"] = h5py.SoftLink("/records")


def _outside(file: h5py.File) -> None:
    file["records"]["counts"]["aaaaaaaaaaaa"] = h5py.ExternalLink("/etc/hostname", "/")


def _objects(file: h5py.File) -> None:
    record = next(iter(file["records/counts"].values()))
    record.create_dataset("words", data=["a", "b"], dtype=h5py.string_dtype())


def _external(file: h5py.File) -> None:
    record = next(iter(file["records/counts"].values()))
    record.create_dataset("x", (4,), dtype="u1", external=[("/etc/hostname", 0, 4)])


def _huge(file: h5py.File) -> None:
    record = next(iter(file["records/counts"].values()))
    record.create_dataset("x", (1 << 40,), dtype="f8", chunks=(1 << 20,), compression="gzip")


def _place(file: h5py.File) -> None:
    file.move("records/counts", "records/partial")


def _climbing(file: h5py.File) -> None:
    file["checkpoints"]["..evil"] = np.zeros(4, np.uint8)


def _unknown(file: h5py.File) -> None:
    file.create_group("programs")


def _mislabeled(file: h5py.File) -> None:
    next(iter(file["records/counts"].values())).attrs["key"] = "ffffffffffff"


def _later(file: h5py.File) -> None:
    file.attrs["schema"] = 99


def _another(file: h5py.File) -> None:
    file.attrs["format"] = "something else"


def _no_group(file: h5py.File) -> None:
    name = next(iter(file["records/counts"]))
    del file["records/counts"][name]
    file["records/counts"][name] = np.zeros(0)


def _keyless(file: h5py.File) -> None:
    file.attrs["key"] = "../../etc"


def _wild_session(file: h5py.File) -> None:
    file.attrs["session"] = "[1, 2"


@pytest.mark.parametrize(
    "harm",
    [
        _soft, _outside, _objects, _external, _huge, _place, _climbing, _unknown, _mislabeled,
        _later, _another, _no_group, _keyless, _wild_session,
    ],
)  # fmt: skip
def test_a_tampered_bundle_is_refused_with_a_sentence_and_leaves_nothing(
    harm: Callable[[h5py.File], None], pipeline: Pipeline, study: Study, tmp_path: Path
) -> None:
    path = save(pipeline, study, tmp_path)
    with h5py.File(path, "a") as file:
        harm(file)
    other = elsewhere(tmp_path)
    with pytest.raises(StoreError, match="cannot be opened as a bundle") as caught:
        other.open_bundle(path, Reporter())
    assert str(caught.value).endswith(".")
    assert not list(other.store.root.rglob("*.*"))


def test_a_session_of_any_length_is_not_taken_along(
    pipeline: Pipeline, study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(pipeline, study, tmp_path)
    monkeypatch.setattr(bundle, "LARGEST_SESSION", 1)
    with pytest.raises(StoreError, match="not text of reasonable length"):
        elsewhere(tmp_path).open_bundle(path, Reporter())


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 zip", b"\x89HDF\r\n\x1a\n cut"])
def test_what_is_no_hdf5_file_is_refused(
    content: bytes, pipeline: Pipeline, tmp_path: Path
) -> None:
    path = tmp_path / "x.rkx"
    path.write_bytes(content)
    with pytest.raises(StoreError, match="cannot be opened as a bundle"):
        pipeline.open_bundle(path, Reporter())


class Payload:
    """Unpickling this writes a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (Path.touch, (self.target,))


def test_a_checkpoint_with_code_in_it_is_never_run(
    pipeline: Pipeline, study: Study, spec: RunSpec, tmp_path: Path
) -> None:
    target = tmp_path / "owned"
    path = save(pipeline, study, tmp_path)
    with h5py.File(path, "a") as file:
        content = np.frombuffer(pickle.dumps(Payload(target)), np.uint8)
        for name in list(file["checkpoints"]):
            del file["checkpoints"][name]
            file["checkpoints"][name] = content
    other = elsewhere(tmp_path)
    other.open_bundle(path, Reporter())
    there = other.neighborhood(spec, 3, "", -1, Reporter())  # set aside, and trained again
    assert not target.exists()
    assert list(other.store.root.glob("damaged/*.pt"))
    assert there.counts == pipeline.neighborhood(spec, 3, "", -1, Reporter()).counts
    pickle.loads(pickle.dumps(Payload(target)))
    assert target.exists()  # what would have happened


def test_a_bundle_carries_name_tags_and_notes_unless_one_has_written_others(
    pipeline: Pipeline, study: Study, tmp_path: Path
) -> None:
    written = annotation("For the paper", ["good"], "Line one\nand two")
    pipeline.catalog.annotate(study.key, written)
    path = save(pipeline, study, tmp_path)
    other = elsewhere(tmp_path)
    assert other.open_bundle(path, Reporter()).annotation == written
    assert other.study(study.key).name == "For the paper"
    assert [(one.name, one.tags, one.notes) for one in other.studies()] == [
        (written.name, written.tags, written.notes)
    ]
    own = annotation("Theirs")
    other.catalog.annotate(study.key, own)
    other.open_bundle(path, Reporter())
    assert other.catalog.annotations.get(study.key) == own
