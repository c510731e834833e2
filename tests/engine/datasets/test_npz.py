"""Arrays in an .npz file: what is read, and the sentence each bad file gets."""

from __future__ import annotations

import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from needs import shared_data

from engine.__main__ import main
from engine.datasets.base import Dataset, load
from engine.errors import DataError, SpecError
from engine.forget_sets.forget_set import forget_set
from engine.pipeline.bundled_data import dataset_of, record_of
from engine.spec import DataSpec

RNG = np.random.default_rng(0)


def images(n: int, *shape: int) -> np.ndarray:
    return RNG.integers(0, 256, (n, *shape), np.uint8)


def medical(**changes: Any) -> dict[str, Any]:
    """Arrays as MedMNIST has them: 12 training, 4 validation and 6 test images, two classes."""
    arrays: dict[str, Any] = {}
    for part, n in (("train", 12), ("val", 4), ("test", 6)):
        arrays[f"{part}_images"] = images(n, 8, 8)
        arrays[f"{part}_labels"] = (np.arange(n) % 2).astype(np.uint8)[:, None]
    return {**arrays, **changes}


def plain(**changes: Any) -> dict[str, Any]:
    x, y = images(12, 8, 8, 3), np.arange(12) % 3
    return {"x_train": x, "y_train": y, "x_test": x[:6], "y_test": y[:6], **changes}


def saved(path: Path, arrays: dict[str, Any]) -> Path:
    np.savez(path, **{name: one for name, one in arrays.items() if one is not None})
    return path


def opened(path: Path, **fields: Any) -> Dataset:
    return load(DataSpec("npz", str(path), **fields))


def test_the_form_of_medmnist_holds_its_validation_part_out(tmp_path: Path) -> None:
    arrays = medical()
    data = opened(saved(tmp_path / "chest.npz", arrays))
    assert data.label == "chest" and data.classes == ("0", "1") and data.shape == (1, 8, 8)
    assert len(data.train_y) == 16 and data.validation.tolist() == [12, 13, 14, 15]
    assert np.array_equal(data.raw(13)[0], arrays["val_images"][1])
    assert np.array_equal(data.raw(17)[0], arrays["test_images"][1])
    assert np.array_equal(data.train_y[:12], arrays["train_labels"][:, 0])
    assert data.name_of(3) == "chest train 3" and data.name_of(17) == "chest test 1"
    assert "4 samples) is held out: indices 12 to 15" in data.notes[0]
    assert max(forget_set("random:10", data, 1).indices) < 12
    mean, _ = data.statistics()  # of the samples that models learn
    assert mean[0] == pytest.approx(arrays["train_images"].mean() / 255)


def test_its_own_validation_part_comes_along_in_a_bundle(tmp_path: Path) -> None:
    data = opened(saved(tmp_path / "chest.npz", medical()))
    again = dataset_of(record_of(data))
    assert np.array_equal(again.validation, data.validation)
    assert again.spec.fingerprint == data.spec.fingerprint


def test_another_share_cannot_be_held_out_beside_it(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"validation part of its own \(4 samples\)"):
        opened(saved(tmp_path / "chest.npz", medical()), validation=0.2)


@pytest.mark.parametrize(
    ("x", "shape"),
    [
        (images(12, 8, 6), (1, 8, 6)),
        (images(12, 8, 6, 1), (1, 8, 6)),
        (images(12, 8, 6, 3), (3, 8, 6)),
        (images(12, 3, 8, 6), (3, 8, 6)),
        (images(12, 8, 6) / np.float32(255), (1, 8, 6)),
        (images(12, 8, 6) > 100, (1, 8, 6)),
        (images(12, 8, 6).astype(np.int64), (1, 8, 6)),
    ],
)
def test_images_of_every_form_have_one_shape(
    x: np.ndarray, shape: tuple[int, ...], tmp_path: Path
) -> None:
    data = opened(saved(tmp_path / "a.npz", plain(x_train=x, x_test=x[:6])))
    assert data.shape == shape and data.train_x.dtype == np.uint8 and not data.notes
    first = x[0] if x.ndim == 3 else x[0].reshape(8, 6, -1) if x.shape[3] < 4 else None
    if first is not None:
        scale = 1 if x.dtype.kind in "iu" else 255
        expected = first.reshape(8, 6, shape[0]).transpose(2, 0, 1) * scale
        assert np.array_equal(data.train_x[0], np.rint(expected))
    else:
        assert np.array_equal(data.train_x, x)


def test_features_stay_as_they_are(tmp_path: Path) -> None:
    x = RNG.random((12, 5))
    data = opened(saved(tmp_path / "a.npz", plain(x_train=x, x_test=x[:6])))
    assert data.shape == (5,) and np.array_equal(data.train_x, x.astype(np.float32))


def test_classes_may_have_names(tmp_path: Path) -> None:
    names = np.array(["cat", "dog", "eel"])
    assert opened(saved(tmp_path / "a.npz", plain(classes=names))).classes == tuple(names)
    labels = np.array(["eel", "cat", "dog"] * 4)
    data = opened(saved(tmp_path / "b.npz", plain(y_train=labels, y_test=labels[:6])))
    assert data.classes == ("cat", "dog", "eel") and data.train_y[:3].tolist() == [2, 0, 1]


def test_labels_need_not_begin_at_zero(tmp_path: Path) -> None:
    labels = np.array([-1, 5, 10.0] * 4)
    data = opened(saved(tmp_path / "a.npz", plain(y_train=labels, y_test=labels[:6])))
    assert data.classes == ("-1", "5", "10") and data.train_y[:3].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        (plain(x_train=np.array([{"run": "me"}] * 12)), "'x_train' in .*is pickled"),
        (plain(y_train=np.array([1, None] * 6)), "'y_train' in .*is pickled"),
        (plain(y_test=None), "lacks the array 'y_test'. It has x_test, x_train, y_train"),
        (medical(val_labels=None), "lacks the array 'val_labels'"),
        ({"pixels": images(4, 8, 8)}, "has the arrays 'pixels'. Save train_images"),
        (plain(y_train=np.linspace(0, 1, 12)), "are float64, but labels must be whole numbers"),
        (plain(y_train=np.zeros((12, 4), int)), "has shape 12x4: several labels for each"),
        (plain(y_train=np.arange(11) % 3), "has 11 labels for 12 samples"),
        (plain(x_train=images(12, 8, 8, 8)), "has shape 12x8x8x8.*Volumes"),
        (plain(x_train=images(12, 8, 8, 8, 1)), "has shape 12x8x8x8x1"),
        (plain(x_train=images(12, 8, 8) / 2.0), "is float64 from .* but pixels must be whole"),
        (plain(x_train=np.arange(768).reshape(12, 8, 8)), "is int64 from 0 to 767, but"),
        (plain(x_train=np.full((12, 4, 4), np.nan)), "is float64 from nan to nan, but"),
        (plain(x_train=np.full((12, 4), 3.0), x_test=np.zeros((6, 4))), "that is not a number in"),
        (plain(x_train=np.array([["a"] * 4] * 12)), "is <U1, but samples must be numbers"),
        (plain(x_test=images(6, 9, 9, 3)), "different shapes: 3x8x8 and 3x9x9"),
        (plain(classes=np.array(["cat"])), "must be 3 texts"),
        (plain(y_train=np.zeros(12, int), y_test=np.zeros(6, int)), "has only 1 class"),
    ],
)  # fmt: skip
def test_a_bad_file_gets_a_sentence(arrays: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=says):
        opened(saved(tmp_path / "bad.npz", arrays))


class Trap:
    """Leaves a trace when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.trace,)


def test_nothing_is_ever_unpickled(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    traps = np.array([Trap(trace)] * 12)
    path = saved(tmp_path / "trap.npz", plain(x_train=traps))
    with pytest.raises(DataError, match="may run code when loaded, so it is not loaded"):
        opened(path)
    (tmp_path / "raw.npz").write_bytes(pickle.dumps(Trap(trace)))
    with pytest.raises(DataError, match=r"is not an \.npz file or is damaged"):
        opened(tmp_path / "raw.npz")
    assert not trace.exists()


def test_a_file_that_declares_more_than_it_has_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "short.npz", plain())
    with zipfile.ZipFile(path) as archive:
        members = {one: archive.read(one) for one in archive.namelist()}
    header = members["x_train.npy"]
    members["x_train.npy"] = header.replace(b"(12, 8, 8, 3)", b"(99999999, 8)")
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(DataError, match="'x_train' is shorter than it declares"):
        opened(path)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("none.npz", "cannot be read: No such file"),
        ("", "Give the .npz file as its root"),
        (".", "cannot be read: Is a directory"),
    ],
)
def test_a_missing_file_gets_a_sentence(name: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=says):
        load(DataSpec("npz", str(tmp_path / name) if name else ""))


def test_a_study_runs_on_the_command_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path, out = saved(tmp_path / "chest.npz", medical()), tmp_path / "out.json"
    words = ["run", "--dataset", "npz", "--root", str(path), "--model", "mlp", "--set"]
    words += ["train.epochs=2", "--forget", "0-1", "--methods", "gd", "--draws", "10"]
    words[words.index("0-1")] = "indices:0-1"
    assert main([*words, "--store", str(tmp_path / "store"), "--json", str(out)]) == 0
    assert json.loads(out.read_text())["spec"]["forget"] == [0, 1]
    assert "validation part (4 samples) is held out" in capfd.readouterr().err
    bad = saved(tmp_path / "bad.npz", plain(x_train=np.array([{}] * 12)))
    words[words.index(str(path))] = str(bad)
    assert main([*words, "--store", str(tmp_path / "store")]) == 2
    assert "is pickled" in capfd.readouterr().err


def test_pneumoniamnist_is_read_whole() -> None:
    data = opened(shared_data("pneumoniamnist.npz"))
    assert data.shape == (1, 28, 28) and data.classes == ("0", "1")
    assert len(data.pool) == 3882 and len(data.validation) == 524 and len(data.test_y) == 624
    assert 0.4 < data.statistics()[0][0] < 0.7
