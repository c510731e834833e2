"""Harm done to HDF5 files within their own grammar: what a stranger with h5py would try."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import h5py
import numpy as np
from inputs import VALUES, WORDS, plain

from engine import hdf5

SHAPES: tuple[Any, ...] = ((), (0,), (1,), (3,), (2, 2), (3, 2), (1, 3, 5), (10_000,), (0, 0))
TYPES = ("u1", "i8", "f4", "f8", ">f4", "u8", "c8", "?", "S4", "V3")
MOST = 3  # changes of one file
REFUSED = (OSError, KeyError, ValueError, RuntimeError, TypeError)  # by h5py: no harm that way


def harmed(rng: Random, path: Path) -> None:
    """Change the file in one to three ways; half the time its hashes are made to fit."""
    with h5py.File(path, "a") as file:
        for _ in range(rng.randint(1, MOST)):
            with contextlib.suppress(*REFUSED):
                rng.choice(WAYS)(rng, file)
        if rng.random() < 0.5:
            file.visititems(_with_hash)
    if rng.random() < 0.5:
        with h5py.File(path, "a") as file:
            _with_hash("", file)


def _with_hash(name: str, item: Any) -> None:
    """Give a record's group the hash of what is in it now."""
    if not isinstance(item, h5py.Group) or hdf5.HASH not in item.attrs:
        return
    with contextlib.suppress(*REFUSED, AttributeError):  # a hash of what it is refused for
        found: dict[str, np.ndarray] = {}
        item.visititems(lambda at, one: found.update(_array(at, one)))
        item.attrs[hdf5.HASH] = hdf5.digest(hdf5.Group(dict(item.attrs), found))


def _array(name: str, item: Any) -> dict[str, np.ndarray]:
    return {name: item[()]} if isinstance(item, h5py.Dataset) and item.size < 10**6 else {}


def _items(file: h5py.File) -> list[str]:
    names: list[str] = []
    file.visit(names.append)
    return names


def _some(rng: Random, file: h5py.File, kind: type) -> Any:
    names = [name for name in _items(file) if isinstance(file.get(name), kind)]
    return file[rng.choice(names)] if names else file


def _remove(rng: Random, file: h5py.File) -> None:
    names = _items(file)
    if names:
        del file[rng.choice(names)]


def _rename(rng: Random, file: h5py.File) -> None:
    names = _items(file)
    if names:
        old = rng.choice(names)
        parent, _, _ = old.rpartition("/")
        word = f"{rng.choice(WORDS)}{rng.randrange(99)}".replace("\0", "")[:300]
        name = word.encode("utf-8", "surrogatepass")
        file[parent or "/"].move(old.rpartition("/")[2].encode(), name)


def _retype(rng: Random, file: h5py.File) -> None:
    one = _some(rng, file, h5py.Dataset)
    if isinstance(one, h5py.Dataset):
        name, parent = one.name, one.parent
        shape = rng.choice([*SHAPES, one.shape if one.size < 10**6 else ()])  # not what it claims
        del file[name]
        parent.create_dataset(name, data=np.zeros(shape, rng.choice([*TYPES, one.dtype])))


def _values(rng: Random, file: h5py.File) -> None:
    one = _some(rng, file, h5py.Dataset)
    if isinstance(one, h5py.Dataset) and 0 < one.size < 10**6 and one.dtype.kind in "iuf":
        wild = (0, -1, np.nan, np.inf, 1e300, 2**40)
        with np.errstate(all="ignore"):
            values = np.array(one[()])
            values.reshape(-1)[rng.randrange(values.size)] = np.array(rng.choice(wild)).astype(
                values.dtype
            )
            one[...] = values


def _fact(rng: Random, file: h5py.File) -> None:
    """An attribute: text as changed JSON where it is JSON, else anything."""
    place = _some(rng, file, h5py.Group)
    names = list(place.attrs)
    if not names:
        return
    name = rng.choice(names)
    value = place.attrs[name]
    if isinstance(value, str) and value[:1] in "{[" and value:
        place.attrs[name] = json.dumps(plain(rng, json.loads(value)))
    else:
        place.attrs[name] = _storable(rng)


def _storable(rng: Random) -> Any:
    found = rng.choice([*VALUES, *WORDS[:60], np.zeros(3), np.zeros((2, 2)), np.bytes_(b"\xff")])
    if isinstance(found, str):
        return found.replace("\0", "").encode("utf-8", "replace").decode()
    whole = isinstance(found, int) and abs(found) < 2**63
    return found if whole or isinstance(found, (bool, float, np.ndarray, bytes)) else "[" * 5000


def _link(rng: Random, file: h5py.File) -> None:
    place, name = _some(rng, file, h5py.Group), f"link{rng.randrange(10**6)}"
    kinds = (
        h5py.SoftLink("/"),
        h5py.SoftLink("/nowhere"),
        h5py.ExternalLink("/etc/hostname", "/"),
        file["/"],
        place,
        _some(rng, file, h5py.Dataset),
    )
    place[name] = rng.choice(kinds)


def _claim(rng: Random, file: h5py.File) -> None:
    """An array that says it is huge, or is packed in odd ways."""
    place, name = _some(rng, file, h5py.Group), f"claim{rng.randrange(10**6)}"
    ways: tuple[dict[str, Any], ...] = (
        {"shape": (1 << 40,), "chunks": (1 << 20,), "compression": "gzip"},
        {"shape": (1 << 30, 1 << 20), "chunks": (1, 1)},
        {"shape": (4,), "maxshape": (None,), "chunks": (1 << 28,), "compression": "gzip"},
        {"shape": (100,), "compression": "lzf"},
        {"shape": (100,), "chunks": (10,), "scaleoffset": 2},
        {"shape": (4,), "external": [("/etc/hostname", 0, 4)], "dtype": "u1"},
    )
    place.create_dataset(name, **{"dtype": "f4", **rng.choice(ways)})


def _strange(rng: Random, file: h5py.File) -> None:
    place, name = _some(rng, file, h5py.Group), f"strange{rng.randrange(10**6)}"
    made = (
        ("a", "b"),
        h5py.Empty("f4"),
        np.dtype("f8"),
        np.zeros(2, np.dtype([("a", "f4")])),
        np.array([b"x"]),
    )
    place[name] = rng.choice(made)


def _group(rng: Random, file: h5py.File) -> None:
    place = _some(rng, file, h5py.Group)
    for _ in range(rng.choice((1, 1, 20))):
        place = place.create_group(f"deep{rng.randrange(10**6)}")


WAYS: tuple[Callable[[Random, h5py.File], None], ...] = (
    _remove, _rename, _retype, _retype, _values, _values, _fact, _fact, _fact, _link, _claim,
    _strange, _group,
)  # fmt: skip
