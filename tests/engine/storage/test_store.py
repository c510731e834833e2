from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from engine.errors import StoreError
from engine.storage.store import Store, default_store


def put(store: Store, key: str = "abc", **more: object) -> None:
    arrays = {"counts/gd": np.arange(6, dtype=np.int32).reshape(2, 3), "taus": np.array([0.0, 0.1])}
    store.put("things", key, arrays, spec={"seed": 1}, seed=1, seconds=0.5, device="cpu", **more)


def test_a_stored_result_is_read_back_with_its_attributes(tmp_path: Path) -> None:
    store = Store(tmp_path)
    put(store, draws=10)
    record = store.get("things", "abc")
    assert record is not None
    assert record.arrays["counts/gd"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert record.arrays["counts/gd"].dtype == np.int32
    assert record.plain("spec") == {"seed": 1}
    assert record.attributes["draws"] == 10
    assert {"created", "device", "seconds", "versions"} <= set(record.attributes)


def test_the_file_is_plain_hdf5(tmp_path: Path) -> None:
    put(Store(tmp_path))
    with h5py.File(tmp_path / "things" / "abc.h5") as file:
        assert file["counts/gd"][1, 2] == 5
        assert json.loads(file.attrs["versions"])["rk-explorer"]


def test_an_absent_result_is_none_and_leaves_no_trace(tmp_path: Path) -> None:
    assert Store(tmp_path).get("things", "nothing") is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["cut", "text", "renamed", "unfinished"])
def test_a_damaged_file_is_set_aside_and_reported(tmp_path: Path, damage: str) -> None:
    said: list[str] = []
    store = Store(tmp_path, said.append)
    put(store)
    path = store.path("things", "abc")
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:900])
    elif damage == "text":
        path.write_text("no HDF5 at all")
    elif damage == "renamed":
        path = path.rename(path.with_name("other.h5"))
    else:
        with h5py.File(path, "a") as file:
            file.attrs["complete"] = False
    assert store.get("things", path.stem) is None
    assert not path.exists()
    assert (tmp_path / "damaged" / f"things-{path.name}").exists()
    assert len(said) == 1
    assert str(path) in said[0]


def test_a_failed_write_leaves_the_old_result_and_no_temporary_file(tmp_path: Path) -> None:
    store = Store(tmp_path)
    put(store)
    with pytest.raises(TypeError):
        store.put(
            "things", "abc", {"x": np.array([object()])}, spec={}, seed=1, seconds=0, device="cpu"
        )
    record = store.get("things", "abc")
    assert record is not None
    assert "taus" in record.arrays
    assert [path.name for path in (tmp_path / "things").iterdir()] == ["abc.h5"]


def test_an_unusable_store_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match=r"can be neither written .*--store"):
        Store(tmp_path / "file" / "store")


def test_find_accepts_the_beginning_of_a_key(tmp_path: Path) -> None:
    store = Store(tmp_path)
    put(store, "abc1")
    put(store, "abd2")
    assert store.find("things", "abc") == "abc1"
    with pytest.raises(StoreError, match="matches 2 results"):
        store.find("things", "ab")
    with pytest.raises(StoreError, match="has the key 'zz'"):
        store.find("things", "zz")


def test_the_default_store_can_be_configured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RK_EXPLORER_STORE", str(tmp_path / "x"))
    assert default_store() == tmp_path / "x"
    monkeypatch.delenv("RK_EXPLORER_STORE")
    assert default_store().name == "store"
