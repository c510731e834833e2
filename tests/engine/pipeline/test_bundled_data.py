"""Datasets as bundles carry them: the names of samples come along, a stranger's are looked at."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.datasets.base import Dataset, Origin, Recommended, check
from engine.errors import DataError
from engine.pipeline.bundled_data import dataset_of, record_of
from engine.spec import DataSpec, TrainSpec
from engine.storage.store import Record, Store


def dataset(n: int = 6, **changes: Any) -> Dataset:
    """n training and two test images of two classes."""
    x = np.random.default_rng(0).integers(0, 256, (n + 2, 1, 2, 2), np.uint8)
    y = np.arange(n + 2) % 2
    made = Dataset(
        DataSpec("folder", "/home/somebody/secret"), "pets", ("cat", "dog"), x[:n], y[:n], x[n:],
        y[n:], Recommended("cnn", TrainSpec(), "class:0:1"), **changes,
    )  # fmt: skip
    return check(made)


def names(n: int) -> tuple[str, ...]:
    return tuple(f"train/cät {number}/{number:09d}.png" for number in range(n))


def through(store: Store, one: Dataset) -> Dataset:
    """The dataset as it comes back from a file of the store."""
    store.adopt(record_of(one))
    record = store.get("datasets", one.spec.fingerprint)
    assert record is not None
    return dataset_of(record)


@pytest.mark.parametrize("n", [6, 50_000])
def test_names_of_files_survive(n: int, tmp_path: Path) -> None:
    given = dataset(n, files=names(n + 2))
    found = through(Store(tmp_path), given)
    assert found.files == given.files and found.name_of(n + 1) == given.files[-1]


def test_places_in_another_dataset_survive(tmp_path: Path) -> None:
    given = dataset(origin=Origin("cifar10", np.array([4, 9, 17, 20, 31, 44, 3, 8])))
    found = through(Store(tmp_path), given)
    assert found.name_of(2) == "cifar10 train 17" and found.name_of(7) == "cifar10 test 8"


def test_what_was_kept_without_names_still_opens(tmp_path: Path) -> None:
    given = dataset()
    record = record_of(given)
    plain = dict(record.attributes)
    plain["spec"] = plain["spec"].replace(', "channels": "rgb"', "")
    assert "channels" not in plain["spec"]
    found = dataset_of(Record(record.kind, record.key, plain, record.arrays))
    assert found.files == () and found.origin is None and found.name_of(1) == "folder train 1"
    assert found.spec.channels == "rgb" and found.spec.fingerprint == given.spec.fingerprint


def test_notes_on_a_folder_stay_behind(tmp_path: Path) -> None:
    given = dataset(notes=("1 folder of /home/somebody/secret/ is left out: diary.",))
    record = record_of(given)
    assert not any("secret/ is" in str(value) for value in record.attributes.values())
    assert through(Store(tmp_path), given).notes == ()


@pytest.mark.parametrize(
    "files",
    [
        ("a\x1b[2J.png", *names(7)),
        ("\u202egnp.exe", *names(7)),
        ("", *names(7)),
        ("x" * 5000, *names(7)),
        (names(1)[0], *names(7)),  # twice
        names(7),
    ],
)
def test_names_that_cannot_be_are_refused(files: tuple[str, ...]) -> None:
    record = record_of(dataclasses.replace(dataset(), files=files))
    with pytest.raises(DataError, match=r"whose name cannot be|same name|names 7 files"):
        dataset_of(record)


@pytest.mark.parametrize(
    "arrays",
    [
        {"files": np.frombuffer(b"\xff\xfe\n", np.uint8)},
        {"files": np.zeros((2, 2), np.uint8)},
        {"files": np.zeros(8, np.int64)},
        {"origin/numbers": np.arange(3)},
        {"origin/numbers": np.arange(8.0)},
        {"origin/numbers": np.arange(8) - 1},
    ],
)
def test_arrays_that_name_no_samples_are_refused(arrays: dict[str, np.ndarray]) -> None:
    record = record_of(dataset())
    facts = {**record.attributes, "origin": "cifar10"}
    with pytest.raises(DataError, match=r"is damaged|has an invalid origin"):
        dataset_of(Record(record.kind, record.key, facts, {**record.arrays, **arrays}))


@pytest.mark.parametrize("name", ["", "cifar\n10", None])
def test_places_in_what_has_no_name_are_refused(name: str | None) -> None:
    record = record_of(dataset(origin=Origin("cifar10", np.arange(8))))
    facts = {key: value for key, value in record.attributes.items() if key != "origin"}
    facts |= {} if name is None else {"origin": name}
    with pytest.raises(DataError, match=r"is damaged|has an invalid origin"):
        dataset_of(Record(record.kind, record.key, facts, record.arrays))
