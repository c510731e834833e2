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

from engine.storage import hdf5

SHAPES: tuple[Any, ...] = ((), (0,), (1,), (3,), (2, 2), (3, 2), (1, 3, 5), (10_000,), (0, 0))
TYPES = ("u1", "i8", "f4", "f8", ">f4", "u8", "c8", "?", "S4", "V3")
MOST = 3  # changes of one file
REFUSED = (OSError, KeyError, ValueError, RuntimeError, TypeError)  # by h5py: no harm that way


Changed = h5py.Group | h5py.Dataset | None  # what a way changed, or what that is in
GROUP, ARRAY = h5py.h5o.TYPE_GROUP, h5py.h5o.TYPE_DATASET


def harmed(rng: Random, path: Path) -> None:
    """Change the file in one to three ways; half the time its hashes are made to fit."""
    with h5py.File(path, "a") as file:
        marked: list[h5py.Group] = []  # groups with a hash that what was changed is part of
        for _ in range(rng.randint(1, MOST)):
            with contextlib.suppress(*REFUSED):
                marked += _marked(rng.choice(WAYS)(rng, file))
        within, top = rng.random() < 0.5, rng.random() < 0.5
        chosen = [one for one in marked if (top if one.name == "/" else within)]
        for one in sorted(chosen, key=_depth, reverse=True):
            _with_hash(one)


def _marked(place: Changed) -> list[h5py.Group]:
    """The groups with a hash that this is part of, itself among them."""
    found = [] if place is None else [place]
    while found and found[-1].name != "/":
        found.append(found[-1].parent)
    return [one for one in found if isinstance(one, h5py.Group) and hdf5.HASH in one.attrs]


def _depth(group: h5py.Group) -> int:
    return str(group.name or "").count("/")  # no name: it was removed since


def _with_hash(group: h5py.Group) -> None:
    """Give a record's group the hash of what is in it now."""
    with contextlib.suppress(*REFUSED, AttributeError):  # a hash of what it is refused for
        sets = (name for name, kind in _items(group) if kind == ARRAY)
        items = {name.decode(): group[name] for name in sets}
        found = {name: one[()] for name, one in items.items() if one.size < 10**6}
        group.attrs[hdf5.HASH] = hdf5.digest(hdf5.GroupContent(dict(group.attrs), found))


def _items(place: h5py.Group) -> list[tuple[bytes, int]]:
    """The names of all groups and arrays within, and what they are."""
    found: list[tuple[bytes, int]] = []
    h5py.h5o.visit(place.id, lambda name, info: found.append((name, info.type)), info=True)
    return found


def _names(file: h5py.File) -> list[bytes]:
    return [name for name, _ in _items(file)]


def _some(rng: Random, file: h5py.File, kind: int) -> Any:
    names = [name for name, found in _items(file) if found == kind]
    if kind == GROUP and rng.random() < 0.3:  # the file itself is one too
        return file["/"]
    return file[rng.choice(names)] if names else file["/"]


def _bearer(rng: Random, file: h5py.File) -> h5py.Group:
    """A group that has attributes, if any has: a record, or the file itself."""
    place = _some(rng, file, GROUP)
    while not len(place.attrs) and place.name != "/":
        place = place.parent
    return place


def _remove(rng: Random, file: h5py.File) -> Changed:
    names = _names(file)
    if not names:
        return None
    name = rng.choice(names)
    parent = file[name].parent
    del file[name]
    return parent


def _rename(rng: Random, file: h5py.File) -> Changed:
    names = _names(file)
    if not names:
        return None
    old = rng.choice(names)
    above, _, last = old.rpartition(b"/")
    parent = file[above or b"/"]
    word = f"{rng.choice(WORDS)}{rng.randrange(99)}".replace("\0", "")[:300]
    name = word.encode("utf-8", "surrogatepass")
    parent.move(last, name)
    return parent


def _retype(rng: Random, file: h5py.File) -> Changed:
    one = _some(rng, file, ARRAY)
    if not isinstance(one, h5py.Dataset):
        return None
    name, parent = one.name, one.parent
    shape = rng.choice([*SHAPES, one.shape if one.size < 10**6 else ()])  # not what it claims
    del file[name]
    return parent.create_dataset(name, data=np.zeros(shape, rng.choice([*TYPES, one.dtype])))


def _values(rng: Random, file: h5py.File) -> Changed:
    one = _some(rng, file, ARRAY)
    if isinstance(one, h5py.Dataset) and 0 < one.size < 10**6 and one.dtype.kind in "iuf":
        wild = (0, -1, np.nan, np.inf, 1e300, 2**40)
        with np.errstate(all="ignore"):
            values = np.array(one[()])
            values.reshape(-1)[rng.randrange(values.size)] = np.array(rng.choice(wild)).astype(
                values.dtype
            )
            one[...] = values
    return one


def _fact(rng: Random, file: h5py.File) -> Changed:
    """An attribute: text as changed JSON where it is JSON, else anything."""
    place = _bearer(rng, file)
    names = list(place.attrs)
    if not names:
        return None
    name = rng.choice(names)
    value = place.attrs[name]
    if isinstance(value, str) and value[:1] in "{[" and value:
        place.attrs[name] = json.dumps(plain(rng, json.loads(value)))
    else:
        place.attrs[name] = _storable(rng)
    return place


def _new_fact(rng: Random, file: h5py.File) -> Changed:
    """An attribute that there is not, of any name."""
    place, word = _bearer(rng, file), rng.choice(WORDS).encode("utf-8", "surrogatepass")
    name = rng.choice((word[:300], rng.randbytes(3), b"spec", b"content")).replace(b"\0", b"0")
    place.attrs[name] = _storable(rng)
    return place


def _no_fact(rng: Random, file: h5py.File) -> Changed:
    place = _bearer(rng, file)
    names = list(place.attrs)
    if names:
        del place.attrs[rng.choice(names)]
    return place


def _storable(rng: Random) -> Any:
    found = rng.choice([*VALUES, *WORDS[:60], np.zeros(3), np.zeros((2, 2)), np.bytes_(b"\xff")])
    if isinstance(found, str):
        return found.replace("\0", "").encode("utf-8", "replace").decode()
    whole = isinstance(found, int) and abs(found) < 2**63
    return found if whole or isinstance(found, (bool, float, np.ndarray, bytes)) else "[" * 5000


def _link(rng: Random, file: h5py.File) -> Changed:
    place, name = _some(rng, file, GROUP), f"link{rng.randrange(10**6)}"
    kinds = (
        h5py.SoftLink("/"),
        h5py.SoftLink("/nowhere"),
        h5py.ExternalLink("/etc/hostname", "/"),
        file["/"],
        place,
        _some(rng, file, ARRAY),
    )
    place[name] = rng.choice(kinds)
    return place


def _claim(rng: Random, file: h5py.File) -> Changed:
    """An array that says it is huge, or is packed in odd ways."""
    place, name = _some(rng, file, GROUP), f"claim{rng.randrange(10**6)}"
    ways: tuple[dict[str, Any], ...] = (
        {"shape": (1 << 40,), "chunks": (1 << 20,), "compression": "gzip"},
        {"shape": (1 << 30, 1 << 20), "chunks": (1, 1)},
        {"shape": (4,), "maxshape": (None,), "chunks": (1 << 28,), "compression": "gzip"},
        {"shape": (100,), "compression": "lzf"},
        {"shape": (100,), "chunks": (10,), "scaleoffset": 2},
        {"shape": (4,), "external": [("/etc/hostname", 0, 4)], "dtype": "u1"},
    )
    return place.create_dataset(name, **{"dtype": "f4", **rng.choice(ways)})


def _strange(rng: Random, file: h5py.File) -> Changed:
    place, name = _some(rng, file, GROUP), f"strange{rng.randrange(10**6)}"
    made = (
        ("a", "b"),
        h5py.Empty("f4"),
        np.dtype("f8"),
        np.zeros(2, np.dtype([("a", "f4")])),
        np.array([b"x"]),
    )
    place[name] = rng.choice(made)
    return place


def _group(rng: Random, file: h5py.File) -> Changed:
    place = _some(rng, file, GROUP)
    for _ in range(rng.choice((1, 1, 20))):
        place = place.create_group(f"deep{rng.randrange(10**6)}")
    return place


WAYS: tuple[Callable[[Random, h5py.File], Changed], ...] = (
    _remove, _rename, _retype, _retype, _values, _values, _fact, _fact, _fact, _new_fact, _no_fact,
    _link, _claim, _strange, _group,
)  # fmt: skip
