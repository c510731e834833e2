"""The image files of a folder tree, by class and part."""

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
    content_notes,
    direct_image_count,
    files_of,
    folders_of,
    image_count,
    images_of,
    is_or_are,
    listing,
    shown_name,
)
from engine.errors import DataError
from engine.spec import REFUSE

TRAIN_PARTS = ("train", "training")
TEST_PARTS = (  # case-insensitive; ImageNet's labeled held-out part is called val
    "test", "testing", "val", "valid", "validation", "eval", "evaluation", "dev",
)  # fmt: skip
PART_WORDS = re.compile(
    r"(?:^|[^a-z])(train|training|test|testing|val|valid|validation|eval)(?:[^a-z]|$)", re.I
)


@dataclass(frozen=True)
class Tree:
    """Sorted image files of each class; `test` is empty if the folder has no test part.

    labels: class names that differ from the folder names; notes: sentences that count what was
    ignored, merged or read from an unusual place; linked: files outside the root that are reached
    through links.
    """

    root: Path
    train: Mapping[str, Sequence[Path]]
    test: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    linked: frozenset[Path] = frozenset()

    def names(self, paths: Sequence[Path]) -> tuple[str, ...]:
        """The paths relative to the root, with '/': 'train/cat/03.png'."""
        top = os.path.join(self.root, "")
        return tuple(shown_name(self._name(os.fspath(path), top)) for path in paths)

    def _name(self, path: str, top: str) -> str:
        """The path below `top`; many times faster than `relative_to` for what lies there."""
        if path.startswith(top):
            return path[len(top) :].replace(os.sep, "/")
        return Path(path).relative_to(self.root).as_posix()

    def count_linked(self, paths: Sequence[Path]) -> int:
        """Number of these files that lie outside the root."""
        return sum(path in self.linked for path in paths) if self.linked else 0


@dataclass(frozen=True)
class Part:
    """A folder that may hold the test images: its files by class, or a count of unlabeled ones."""

    folder: Path
    groups: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    unlabeled: int = 0
    unknown: str = ""  # a folder in it that is not a class of the training part
    content: Content = field(default_factory=Content)
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Number of labeled images."""
        return sum(map(len, self.groups.values()))


def scan(root: Path, classes: Sequence[str] = (), links: str = REFUSE) -> Tree:
    """The images of root/train/<class>/ and of a test part next to it, or of root/<class>/.

    `classes` restricts the tree to these; otherwise the classes are the folder names, sorted.
    Images in subfolders of a class folder belong to the class. Parts may have any name in
    `TRAIN_PARTS` and `TEST_PARTS`. Raises DataError if a folder is missing or has no images, or if
    there is only one class, and LinkError for links out of `root` unless `links` is FOLLOW.
    """
    if not root.is_dir():
        raise DataError(
            f"The folder '{root}' does not exist. Give the folder that contains "
            "train/<class>/*.png (or .jpg, .webp, ...)."
        )
    train_folder = training_part(root) or root
    parts = _test_parts(root, train_folder)
    names = list(classes) or [
        name for name in folders_of(train_folder) if train_folder / name not in parts
    ]
    _check_classes(root, train_folder, parts, names)
    _links.check(
        root, _examined_paths(root, train_folder, parts, names), links
    )  # before reading any of them
    content = Content()
    train = {name: files_of(train_folder / name, content) for name in names}
    _check_not_parts(train_folder, train, content)
    candidates = [_read_part(part, train_folder, train, strict=bool(classes)) for part in parts]
    test_part = _labeled_part(candidates, train_folder)
    if test_part:
        content.add(test_part.content)
    notes = [
        *_unused_folder_notes(root, train_folder, parts, names),
        *_part_notes(candidates, test_part, names),
        *content_notes(content),
    ]
    test = dict(test_part.groups) if test_part else {}
    files = [path for part in (train, test) for group in part.values() for path in group]
    linked = _links.check(root, files, links)
    notes += _link_notes(root, len(linked), len(files))
    return Tree(root, train, test, _annotations.words(root, names), tuple(notes), linked)


def has_classes(root: Path, classes: Sequence[str]) -> bool:
    """Whether `root` looks like an image folder with one of these classes."""
    tops = [*_folders_named(root, TRAIN_PARTS), root] if root.is_dir() else [root]
    return any((top / name).is_dir() for top in tops for name in classes)


def labeled(
    groups: Mapping[str, Sequence[Path]], classes: Sequence[str]
) -> tuple[list[Path], np.ndarray]:
    """All files in the order of `classes`, and their labels (n,) int64."""
    paths = [path for name in classes for path in groups.get(name, ())]
    sizes = [len(groups.get(name, ())) for name in classes]
    return paths, np.repeat(np.arange(len(classes), dtype=np.int64), sizes)


def training_part(root: Path) -> Path | None:
    """The folder of training images in `root`; None if `root` itself holds the classes."""
    candidates = _folders_named(root, TRAIN_PARTS)
    with_classes = next((folder for folder in candidates if folders_of(folder)), None)
    others = [name for name in folders_of(root) if name.lower() not in TRAIN_PARTS + TEST_PARTS]
    if with_classes is None and candidates and others and direct_image_count(candidates[0]):
        return None  # it is one class among others
    return with_classes or next(iter(candidates), None)


# -- parts ----------------------------------------------------------------------------------------


def _folders_named(root: Path, names: Sequence[str]) -> list[Path]:
    """The subfolders of `root` with these names, case-insensitive, in the order of the names."""
    folders = [name for name in folders_of(root) if name.lower() in names]
    order = sorted(
        folders, key=lambda name: (names.index(name.lower()), name != name.lower(), name)
    )
    return [root / name for name in order]


def _test_parts(root: Path, train_folder: Path) -> list[Path]:
    """Folders that may be the test part; next to class folders, only those with class folders."""
    candidates = _folders_named(root, TEST_PARTS)
    if train_folder != root:
        return candidates
    classes = set(folders_of(root)) - {part.name for part in candidates}
    if not classes and candidates:
        raise DataError(
            f"{root} has {listing([part.name for part in candidates])} but no training part. Name "
            "the folder of the training images 'train'."
        )
    return [part for part in candidates if set(folders_of(part)) & classes]


def _read_part(
    folder: Path, train_folder: Path, train: Mapping[str, Sequence[Path]], strict: bool
) -> Part:
    """The contents of a folder named like a test part; strict: it must have all classes."""
    annotations = _annotations.read(folder)
    if annotations is not None:
        groups, notes = _annotations.grouped(annotations, folder, train)
        return Part(folder, groups, notes=notes)
    folders = folders_of(folder)
    present = [name for name in train if name in folders]
    if not present:
        unlabeled = len(images_of(folder))
        return Part(folder, unlabeled=unlabeled, unknown=folders[0] if len(folders) > 1 else "")
    unknown = [name for name in folders if name not in train]
    if unknown and not strict:
        raise DataError(f"{folder} has a class '{unknown[0]}' that {train_folder} does not have.")
    missing = [name for name in train if name not in folders]
    if missing and strict:
        raise DataError(f"{folder} has no folder for the class '{missing[0]}'.")
    content = Content()
    groups = {name: files_of(folder / name, content, may_be_empty=True) for name in present}
    return Part(folder, groups, content=content, notes=tuple(_loose_image_notes(folder)))


def _labeled_part(candidates: Sequence[Part], train_folder: Path) -> Part | None:
    """The first part that has labels; DataError if none has and one has unknown class folders."""
    labeled = next((part for part in candidates if part.size), None)
    unlabeled = next((part for part in candidates if part.unlabeled and part.unknown), None)
    if labeled is None and unlabeled is not None:
        raise DataError(
            f"{unlabeled.folder} has a class '{unlabeled.unknown}' that {train_folder} does not "
            "have."
        )
    return labeled


def _part_notes(
    candidates: Sequence[Part], chosen: Part | None, names: Sequence[str]
) -> Iterator[str]:
    """One sentence for each part: the one that is used, and the images ignored in the others."""
    instead = f"{chosen.folder.name}/ is the test part" if chosen else ""
    for part in candidates:
        name = f"{part.folder.name}/"
        if part is chosen:
            yield from _test_part_notes(part, names)
        elif part.size:
            yield f"{name} with {image_count(part.size)} is ignored: {instead}."
        elif part.unlabeled:
            reason = "no class folders" if chosen is None else f"no labels, and {instead}"
            yield f"{name} with {image_count(part.unlabeled)} is ignored: it has {reason}."


def _test_part_notes(part: Part, names: Sequence[str]) -> Iterator[str]:
    if part.folder.name.lower() != TEST_PARTS[0]:
        yield f"{part.folder.name}/ with {image_count(part.size)} is the test part."
    yield from part.notes
    missing = [name for name in names if not part.groups.get(name)]
    if missing:
        yield (
            f"{part.folder.name}/ has no images for {len(missing)} of {len(names)} classes: "
            f"{listing(missing)}."
        )


# -- folders --------------------------------------------------------------------------------------


def _check_classes(
    root: Path, train_folder: Path, parts: Sequence[Path], names: Sequence[str]
) -> None:
    if not names:
        raise DataError(
            f"{train_folder} has no class folders. Put the images into {train_folder}/<class>/."
        )
    missing = [name for name in names if not (train_folder / name).is_dir()]
    if missing:
        raise DataError(f"{train_folder} has no folder for the class '{missing[0]}'.")
    if len(names) == 1:
        inner = train_folder / names[0]
        within = _folders_named(inner, TRAIN_PARTS) if train_folder == root and not parts else []
        advice = f" Did you mean '{inner}', which contains {within[0].name}/?" if within else ""
        raise DataError(
            f"{train_folder} has only one class folder, '{names[0]}'; at least two are "
            f"needed.{advice}"
        )


def _examined_paths(
    root: Path, train_folder: Path, parts: Sequence[Path], names: Sequence[str]
) -> Iterator[Path]:
    """The folders in which images are read or counted, and the files that name classes."""
    yield from (train_folder, *parts) if train_folder != root else parts
    yield from (train_folder / name for name in names)
    yield from (part / name for part in parts for name in folders_of(part))
    yield from filter(os.path.lexists, _annotations.files(root, parts))


def _check_not_parts(
    train_folder: Path, train: Mapping[str, Sequence[Path]], content: Content
) -> None:
    """DataError if the class folders look like parts with unrecognized names."""
    suspicious = [name for name in train if PART_WORDS.search(name)]
    if content.deeper < content.images or not suspicious:
        return
    inside = [set(folders_of(train_folder / name)) for name in train]
    if len(set.intersection(*inside)) > 1:
        raise DataError(
            f"{train_folder} has the same subfolders in each of {listing(list(train))}, which look "
            "like parts of the data rather than classes. Name them train and test, or give the one "
            "that contains the classes."
        )


# -- notes ----------------------------------------------------------------------------------------


def _unused_folder_notes(
    root: Path, train_folder: Path, parts: Sequence[Path], names: Sequence[str]
) -> Iterator[str]:
    """Notes on everything next to the parts, and next to the classes of the training part."""
    if train_folder != root:
        others = [name for name in folders_of(root) if root / name not in (train_folder, *parts)]
        if others:
            yield _ignored_folders(len(others), f"of {shown_name(root.name)}/", others)
        yield from _loose_image_notes(root)
    unused = [
        name
        for name in folders_of(train_folder)
        if name not in names and train_folder / name not in parts
    ]
    if unused:
        yield _ignored_folders(len(unused), f"of {shown_name(train_folder.name)}/", unused)
    for name in names if train_folder == root else ():
        if name.lower() in TRAIN_PARTS + TEST_PARTS:
            yield f"{name}/ is read as a class, like the folders next to it."
    yield from _loose_image_notes(train_folder)


def _link_notes(root: Path, count: int, total: int) -> Iterator[str]:
    """A note on the number of images outside the root."""
    if count:
        yield (
            f"{count:,} of {image_count(total)} {is_or_are(count)} read through links that lead "
            f"out of {shown_name(root.name)}/."
        )


def _ignored_folders(count: int, where: str, names: Sequence[str]) -> str:
    folders = "1 folder" if count == 1 else f"{count:,} folders"
    return f"{folders} {where} {is_or_are(count)} ignored: {listing(names)}."


def _loose_image_notes(folder: Path) -> Iterator[str]:
    """A note on images that are not in a class folder."""
    count = direct_image_count(folder)
    if count:
        yield (
            f"{image_count(count)} directly in {shown_name(folder.name)}/ {is_or_are(count)} "
            "ignored: not in a class folder."
        )
