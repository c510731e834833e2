"""Parse a description of a forget set into explicit indices into the training set."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from engine.datasets.base import Dataset
from engine.errors import SpecError, unknown
from engine.forget_sets import index_files
from engine.forget_sets.groups import Groups, of_group
from engine.forget_sets.index_text import Listing, Place, expand_ranges, spans
from engine.forget_sets.sample_names import SampleNames
from engine.runtime.seeds import numpy_generator
from engine.storage.paths import is_file, typed_path

LISTS = ("indices:", "files:")  # prefixes of forget sets given as a list
_WRITTEN = re.compile(r"[0-9][0-9.eE+,;\s\u2010-\u2014\u2212-]*")

FORMS = (
    "class:8, class:8:0.5, class:8:100, random:100, random:10%, group:patient=17, group:patient:5, "
    "indices:FILE, indices:3,17,40-52 or files:FILE"
)


@dataclass(frozen=True)
class ForgetSet:
    """Sorted, distinct indices into the training set, and the number of repeated entries.

    most: the largest number of times a sample was listed; beside: samples of the chosen groups that
    no model learns, and none can forget.
    """

    indices: tuple[int, ...]
    repeated: int = 0
    most: int = 1
    beside: int = 0

    @property
    def words(self) -> str:
        """'57 samples (3 listed twice)'."""
        count = f"{len(self.indices):,} {'sample' if len(self.indices) == 1 else 'samples'}"
        frequency = "twice" if self.most == 2 else "more than once"
        if self.beside:
            were = "was" if self.beside == 1 else "were"
            return f"{count} ({self.beside:,} more of the same group {were} never learned)"
        return f"{count} ({self.repeated:,} listed {frequency})" if self.repeated else count


def forget_set(text: str, dataset: Dataset, seed: int) -> ForgetSet:
    """The forget set that `text` describes: like `parse_forget`, but also resolves sample names.

    `files:FILE` reads names of training samples (see `SampleNames.find`); `indices:FILE` may
    contain names too.
    """
    named = text.strip().startswith(LISTS)
    names = SampleNames(dataset) if named else None
    held, groups = dataset.validation, dataset.groups
    return _forget_set(text, dataset.train_y, dataset.classes, seed, held, names, groups)


def parse_forget(
    text: str,
    labels: np.ndarray,
    classes: Sequence[str],
    seed: int,
    held: np.ndarray | Sequence[int] = (),
) -> tuple[int, ...]:
    """Sorted indices of the forget set that `text` describes.

    labels: (n,) int64 of the training set; classes: their names. `class:C[:SHARE]` takes all of
    class C (number or name), a share of it (0.5 or 50%) or a count (100); `random:N` and
    `random:P%` draw from the whole set; `indices:FILE` reads a list in any format that
    `index_files.read` supports; `indices:3,17,40-52` is an inline list; groups need `forget_set`.
    Samples `held` out of training are never selected. Draws depend on `text`, `seed` and the
    held-out samples. Raises SpecError as `check_forget` does, and if the file cannot be read.
    """
    return _forget_set(text, labels, classes, seed, held, None).indices


def _forget_set(
    text: str,
    labels: np.ndarray,
    classes: Sequence[str],
    seed: int,
    held: np.ndarray | Sequence[int],
    names: SampleNames | None,
    groups: Groups = MappingProxyType({}),
) -> ForgetSet:
    pool = np.setdiff1d(np.arange(len(labels)), np.asarray(held, np.int64))
    kind, _, rest = text.strip().partition(":")
    rng, beside = numpy_generator(seed, "forget", text.strip()), 0
    if kind == "class" and rest:
        name, colon, share = rest.rpartition(":") if _has_share(rest, classes) else (rest, "", "")
        members = pool[labels[pool] == _class_number(name, classes)]
        if not len(members):
            raise SpecError(f"'{text}': class '{name}' has no training samples.")
        selected = _draw(members, share, text, rng) if colon else members
    elif kind == "random" and rest:
        selected = _draw(pool, rest, text, rng)
    elif kind == "group" and re.search("[=:]", rest):
        chosen = of_group(rest, groups, pool, functools.partial(_draw, text=text, rng=rng))
        selected = pool[chosen[pool]]
        beside = int(chosen.sum()) - len(selected)
    elif f"{kind}:" in LISTS and rest.strip():
        selected = _listed(kind, rest.strip(), len(labels), names)
    else:
        raise SpecError(f"'{text}' is not a forget set. Write {FORMS}.")
    counts = np.unique(selected, return_counts=True)[1]
    most = int(counts.max(initial=1))
    repeated = int((counts > 1).sum())
    return ForgetSet(check_forget(selected, labels, held), repeated, most, beside)


def _listed(kind: str, rest: str, n: int, names: SampleNames | None) -> np.ndarray:
    """The samples listed in a file, or inline: '3,17,40-52'."""
    path = typed_path(rest)
    if kind == "indices" and _WRITTEN.fullmatch(rest) and not is_file(path):
        return expand_ranges(f"indices:{rest[:40]}", spans("indices", "as written", rest))
    return _from_file(path, n, names, by_name=kind == "files")


def check_forget(
    indices: np.ndarray | Sequence[int],
    labels: np.ndarray,
    held: np.ndarray | Sequence[int] = (),
) -> tuple[int, ...]:
    """Sorted, distinct indices; SpecError if empty, out of range, or nothing is left to retain.

    held: indices held out of training, which no model has learned; SpecError if one is included.
    """
    selected = np.unique(np.asarray(indices, dtype=np.int64))
    if not len(selected):
        raise SpecError(
            "The forget set is empty: choose at least one training sample. Forms: " + FORMS + "."
        )
    out_of_range = selected[(selected < 0) | (selected >= len(labels))]
    if len(out_of_range):
        raise SpecError(
            f"Index {out_of_range[0]} is not in the training set, whose indices run from 0 to "
            f"{len(labels) - 1}."
        )
    unlearned = np.intersect1d(selected, held)
    if len(unlearned):
        raise SpecError(
            f"Sample {unlearned[0]} is held out for validation, so no model has learned it and "
            f"none can forget it ({len(unlearned):,} of the {len(selected):,} selected samples are "
            "held out). Leave these samples out, or hold nothing out (--validation 0)."
        )
    retained = np.setdiff1d(np.arange(len(labels)), np.union1d(selected, held).astype(np.int64))
    if not len(retained):
        raise SpecError(
            "The forget set is the entire training set, so the retain set S_r is empty. "
            "Forget fewer samples."
        )
    if len(np.unique(labels[retained])) < 2:
        raise SpecError(
            "The retain set has only one class, and no model can be trained on a single class. "
            "Forget fewer samples."
        )
    return tuple(int(i) for i in selected)


def unretained_classes(
    indices: Sequence[int], labels: np.ndarray, held: np.ndarray | Sequence[int] = ()
) -> list[int]:
    """Classes without retain samples: class unlearning, where r is mostly undefined."""
    retained = np.delete(labels, np.union1d(indices, held).astype(np.int64))
    return sorted(set(np.unique(labels).tolist()) - set(np.unique(retained).tolist()))


def read_indices(path: Path) -> list[int]:
    """The indices listed in a file, in order; SpecError if it lists anything else."""
    listing = index_files.read(path)
    if listing.mask is not None:
        return [int(i) for i in np.flatnonzero(listing.mask)]
    if listing.indices is None and listing.names:
        where, name = listing.names[0]
        raise SpecError(f"{path}, {where}: '{name[:40]}' is not an index (0, 1, 2, ...).")
    return [] if listing.indices is None else [int(i) for i in listing.indices]


def _from_file(path: Path, n: int, names: SampleNames | None, by_name: bool) -> np.ndarray:
    """(k,) int64 indices of the training samples listed in a file, in order; n: their number."""
    listing = index_files.read(path, by_name)
    if listing.mask is not None:
        return _marked(path, listing.mask, n)
    if by_name and listing.indices is not None and len(listing.indices):
        raise SpecError(f"{path} lists indices, not names. Use indices: instead of files:.")
    if listing.indices is None or by_name:
        return _named(path, listing.names, names)
    _check_no_mask(path, listing.indices, n)
    if listing.names and names is not None:
        _check_same(path, listing, names)
    return listing.indices


def _named(path: Path, places: Sequence[Place], names: SampleNames | None) -> np.ndarray:
    if not places:
        return np.empty(0, np.int64)
    if names is None:
        raise SpecError(f"{path} lists names, but this dataset's sample names are unknown.")
    return np.array(names.training(places, str(path)), np.int64)


def _marked(path: Path, mask: np.ndarray, n: int) -> np.ndarray:
    if len(mask) != n:
        raise SpecError(
            f"{path} is a mask of {len(mask):,} values, but there are {n:,} training samples."
        )
    return np.flatnonzero(mask)


def _check_no_mask(path: Path, indices: np.ndarray, n: int) -> None:
    """SpecError for a mask written as numbers, which would be read as samples 0 and 1."""
    if len(indices) > 2 and indices.max() <= 1:
        raise SpecError(
            f"{path} lists {len(indices):,} numbers that are all 0 or 1. If it is a mask of the "
            f"{n:,} training samples, save it as booleans; otherwise list each index once."
        )


def _check_same(path: Path, listing: Listing, names: SampleNames) -> None:
    """SpecError if a table's indices and file names refer to different samples."""
    assert listing.indices is not None
    if len(listing.indices) != len(listing.names):  # a range in the column of indices
        return
    for index, (where, name) in zip(listing.indices.tolist(), listing.names, strict=True):
        matches = names.find(name)
        if len(matches) == 1 and matches[0] != index:
            raise SpecError(
                f"{path}, {where}: index {index} and '{name[:60]}', which is index {matches[0]} "
                "here, are different samples: the table was written with the data in another "
                "order. Use files: instead of indices: to select by name."
            )


def _has_share(rest: str, classes: Sequence[str]) -> bool:
    return ":" in rest and rest not in classes


def _class_number(name: str, classes: Sequence[str]) -> int:
    if name in classes:
        return list(classes).index(name)
    if re.fullmatch(r"\d{1,9}", name) and int(name) < len(classes):
        return int(name)
    raise unknown("class", name, [*classes, *map(str, range(len(classes)))])


def _draw(pool: np.ndarray, share: str, text: str, rng: np.random.Generator) -> np.ndarray:
    """A sorted draw from samples, or from the values of groups."""
    try:
        if share.endswith("%"):
            fraction: float | None = float(share[:-1]) / 100
        else:
            fraction = None if re.fullmatch(r"\d+", share) else float(share)
        count = int(share) if fraction is None else 0
    except ValueError:
        raise SpecError(f"'{text}': '{share}' is neither a count nor a share (0.5, 50%).") from None
    if fraction is not None:
        if not 0 < fraction <= 1:
            raise SpecError(f"'{text}': a share must be above 0 and at most 1 (100 %).")
        count = max(1, round(fraction * len(pool)))
    if not 1 <= count <= len(pool):
        things = "samples" if pool.dtype.kind in "iu" else "groups"
        raise SpecError(f"'{text}' requests {count} {things}; choose 1 to {len(pool)}.")
    return np.sort(rng.choice(pool, count, replace=False))
