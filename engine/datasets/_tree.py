"""Image files in folders of classes: which are there, of which class, in which part."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from engine.datasets import _annotations, _links
from engine.datasets._folders import (
    Content,
    are,
    direct,
    files_of,
    folders_of,
    image_count,
    images_of,
    listing,
    sentences,
    shown_name,
)
from engine.errors import DataError
from engine.spec import REFUSE

TRAIN_PARTS = ("train", "training")
TEST_PARTS = (  # in any case; ImageNet's labeled held-out part is called val
    "test", "testing", "val", "valid", "validation", "eval", "evaluation", "dev",
)  # fmt: skip
PART_WORDS = re.compile(
    r"(?:^|[^a-z])(train|training|test|testing|val|valid|validation|eval)(?:[^a-z]|$)", re.I
)


@dataclass(frozen=True)
class Tree:
    """Sorted image files of each class; `test` is empty where the folder has no such part.

    labels: what classes are called where that is not their folder's name; notes: sentences that
    count what was left out, merged or read from an unusual place; linked: files that lie elsewhere,
    which links lead to.
    """

    root: Path
    train: Mapping[str, Sequence[Path]]
    test: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    linked: frozenset[Path] = frozenset()

    def names(self, paths: Sequence[Path]) -> tuple[str, ...]:
        """The paths below the root, with '/': 'train/cat/03.png'."""
        return tuple(shown_name(path.relative_to(self.root).as_posix()) for path in paths)

    def count_linked(self, paths: Sequence[Path]) -> int:
        """How many of these files lie elsewhere."""
        return sum(path in self.linked for path in paths) if self.linked else 0


@dataclass(frozen=True)
class Part:
    """A folder that may hold the test images: by class, or how many that have none."""

    folder: Path
    groups: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    unlabeled: int = 0
    strange: str = ""  # a folder in it that is no class of the training part
    content: Content = field(default_factory=Content)
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Number of labeled images."""
        return sum(map(len, self.groups.values()))


def scan(root: Path, classes: Sequence[str] = (), links: str = REFUSE) -> Tree:
    """The images of root/train/<class>/ and of a test part beside it, or of root/<class>/.

    `classes` restricts the tree to these; otherwise they are the folders' names, sorted. Images
    in folders below a class's belong to it. Parts may be called as in `TRAIN_PARTS` and
    `TEST_PARTS`. Raises DataError where a folder is missing or holds no images, or where there
    is only one class, and LinkError for links out of `root` unless `links` is FOLLOW.
    """
    if not root.is_dir():
        raise DataError(
            f"There is no folder '{root}'. Give the folder that holds train/<class>/*.png "
            "(or .jpg, .webp, ...)."
        )
    top = training_part(root) or root
    parts = _test_parts(root, top)
    names = list(classes) or [name for name in folders_of(top) if top / name not in parts]
    _check_classes(root, top, parts, names)
    _links.check(root, _looked_into(root, top, parts, names), links)  # before any is gone through
    content = Content()
    train = {name: files_of(top / name, content) for name in names}
    _check_no_parts(top, train, content)
    looked = [_part(part, top, train, strict=bool(classes)) for part in parts]
    chosen = _chosen(looked, top)
    if chosen:
        content.add(chosen.content)
    notes = [
        *_beside(root, top, parts, names),
        *_of_parts(looked, chosen, names),
        *sentences(content),
    ]
    test = dict(chosen.groups) if chosen else {}
    files = [path for part in (train, test) for group in part.values() for path in group]
    linked = _links.check(root, files, links)
    notes += _followed(root, len(linked), len(files))
    return Tree(root, train, test, _annotations.words(root, names), tuple(notes), linked)


def has_classes(root: Path, classes: Sequence[str]) -> bool:
    """Whether `root` looks like an image folder with one of these classes."""
    tops = [*_called(root, TRAIN_PARTS), root] if root.is_dir() else [root]
    return any((top / name).is_dir() for top in tops for name in classes)


def labeled(
    groups: Mapping[str, Sequence[Path]], classes: Sequence[str]
) -> tuple[list[Path], np.ndarray]:
    """All files in the order of `classes`, and their labels (n,) int64."""
    paths = [path for name in classes for path in groups.get(name, ())]
    sizes = [len(groups.get(name, ())) for name in classes]
    return paths, np.repeat(np.arange(len(classes), dtype=np.int64), sizes)


def training_part(root: Path) -> Path | None:
    """The folder of training images in `root`; None where `root` itself holds the classes."""
    found = _called(root, TRAIN_PARTS)
    full = next((one for one in found if folders_of(one)), None)
    others = [name for name in folders_of(root) if name.lower() not in TRAIN_PARTS + TEST_PARTS]
    if full is None and found and others and direct(found[0]):
        return None  # a class of that name, among others
    return full or next(iter(found), None)


# -- parts ----------------------------------------------------------------------------------------


def _called(root: Path, names: Sequence[str]) -> list[Path]:
    """The folders in `root` of these names in any case, in the order of the names."""
    found = [name for name in folders_of(root) if name.lower() in names]
    order = sorted(found, key=lambda name: (names.index(name.lower()), name != name.lower(), name))
    return [root / name for name in order]


def _test_parts(root: Path, top: Path) -> list[Path]:
    """Folders that may be a test part. Beside class folders only what holds folders of classes."""
    found = _called(root, TEST_PARTS)
    if top != root:
        return found
    classes = set(folders_of(root)) - {part.name for part in found}
    if not classes and found:
        raise DataError(
            f"{root} has {listing([part.name for part in found])} but no training part. Call the "
            "folder of the training images train."
        )
    return [part for part in found if set(folders_of(part)) & classes]


def _part(folder: Path, top: Path, train: Mapping[str, Sequence[Path]], strict: bool) -> Part:
    """What lies in a folder that is called like a test part; strict: all classes must be there."""
    noted = _annotations.read(folder)
    if noted is not None:
        groups, notes = _annotations.grouped(noted, folder, train)
        return Part(folder, groups, notes=notes)
    folders = folders_of(folder)
    known = [name for name in train if name in folders]
    if not known:
        unlabeled = len(images_of(folder))
        return Part(folder, unlabeled=unlabeled, strange=folders[0] if len(folders) > 1 else "")
    strange = [name for name in folders if name not in train]
    if strange and not strict:
        raise DataError(f"{folder} has a class '{strange[0]}' that {top} does not have.")
    missing = [name for name in train if name not in folders]
    if missing and strict:
        raise DataError(f"{folder} has no folder for the class '{missing[0]}'.")
    content = Content()
    groups = {name: files_of(folder / name, content, may_be_empty=True) for name in known}
    return Part(folder, groups, content=content, notes=tuple(_loose(folder)))


def _chosen(looked: Sequence[Part], top: Path) -> Part | None:
    """The first part that has labels; DataError where folders in one are of no class at all."""
    found = next((part for part in looked if part.size), None)
    odd = next((part for part in looked if part.unlabeled and part.strange), None)
    if found is None and odd is not None:
        raise DataError(f"{odd.folder} has a class '{odd.strange}' that {top} does not have.")
    return found


def _of_parts(looked: Sequence[Part], chosen: Part | None, names: Sequence[str]) -> Iterator[str]:
    """One sentence for each part: which is used, and how many images of the others are not."""
    instead = f"{chosen.folder.name}/ is the test part" if chosen else ""
    for part in looked:
        name = f"{part.folder.name}/"
        if part is chosen:
            yield from _of_chosen(part, names)
        elif part.size:
            yield f"{name} with {image_count(part.size)} is left out: {instead}."
        elif part.unlabeled:
            why = "no folders of classes" if chosen is None else f"no labels, and {instead}"
            yield f"{name} with {image_count(part.unlabeled)} is left out: it has {why}."


def _of_chosen(part: Part, names: Sequence[str]) -> Iterator[str]:
    if part.folder.name.lower() != TEST_PARTS[0]:
        yield f"{part.folder.name}/ with {image_count(part.size)} is the test part."
    yield from part.notes
    missing = [name for name in names if not part.groups.get(name)]
    if missing:
        yield (
            f"{part.folder.name}/ has no images of {len(missing)} of {len(names)} classes: "
            f"{listing(missing)}."
        )


# -- folders --------------------------------------------------------------------------------------


def _check_classes(root: Path, top: Path, parts: Sequence[Path], names: Sequence[str]) -> None:
    if not names:
        raise DataError(f"{top} has no class folders. Put the images into {top}/<class>/.")
    missing = [name for name in names if not (top / name).is_dir()]
    if missing:
        raise DataError(f"{top} has no folder for the class '{missing[0]}'.")
    if len(names) == 1:
        inner = top / names[0]
        within = _called(inner, TRAIN_PARTS) if top == root and not parts else []
        advice = f" Did you mean '{inner}', which has {within[0].name}/ in it?" if within else ""
        raise DataError(
            f"{top} has one class folder, '{names[0]}'; at least two classes are needed.{advice}"
        )


def _looked_into(
    root: Path, top: Path, parts: Sequence[Path], names: Sequence[str]
) -> Iterator[Path]:
    """The folders that images are taken from or counted in, and the files that name classes."""
    yield from (top, *parts) if top != root else parts
    yield from (top / name for name in names)
    yield from (part / name for part in parts for name in folders_of(part))
    yield from filter(os.path.lexists, _annotations.files(root, parts))


def _check_no_parts(top: Path, train: Mapping[str, Sequence[Path]], content: Content) -> None:
    """DataError where folders look like parts under names that are not known, not like classes."""
    odd = [name for name in train if PART_WORDS.search(name)]
    if content.deeper < content.images or not odd:
        return
    inside = [set(folders_of(top / name)) for name in train]
    if len(set.intersection(*inside)) > 1:
        raise DataError(
            f"{top} holds the same folders in each of {listing(list(train))}, which look like "
            "parts of the data rather than classes. Call them train and test, or give the one "
            "that holds the classes."
        )


# -- what is said ---------------------------------------------------------------------------------


def _beside(root: Path, top: Path, parts: Sequence[Path], names: Sequence[str]) -> Iterator[str]:
    """What lies beside the parts, and beside the classes of the training part."""
    if top != root:
        others = [name for name in folders_of(root) if root / name not in (top, *parts)]
        if others:
            yield _left_out(len(others), f"of {shown_name(root.name)}/", others)
        yield from _loose(root)
    extra = [name for name in folders_of(top) if name not in names and top / name not in parts]
    if extra:
        yield _left_out(len(extra), f"of {shown_name(top.name)}/", extra)
    for name in names if top == root else ():
        if name.lower() in TRAIN_PARTS + TEST_PARTS:
            yield f"{name}/ is read as a class like the folders beside it."
    yield from _loose(top)


def _followed(root: Path, count: int, of: int) -> Iterator[str]:
    """How many images lie elsewhere."""
    if count:
        yield (
            f"{count:,} of {image_count(of)} {are(count)} read through links that lead out of "
            f"{shown_name(root.name)}/."
        )


def _left_out(count: int, where: str, names: Sequence[str]) -> str:
    folders = "1 folder" if count == 1 else f"{count:,} folders"
    return f"{folders} {where} {are(count)} left out: {listing(names)}."


def _loose(folder: Path) -> Iterator[str]:
    """Images that lie in no class folder."""
    count = direct(folder)
    if count:
        yield (
            f"{image_count(count)} directly in {shown_name(folder.name)}/ {are(count)} left out: "
            "they lie in no class folder."
        )
