"""The contents of folders of image files: images, and counts of everything else."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import DataError
from engine.storage.schema import JOINERS

SUFFIXES = frozenset((
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".dib", ".webp", ".gif",
    ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm",
))  # fmt: skip
NO_CLASSES = frozenset(("__MACOSX", "@eaDir", "lost+found", "$RECYCLE.BIN"))  # system folders
SHOWN = 4  # names or kinds listed in a sentence


@dataclass
class Content:
    """Counts of what one or several class folders hold: images, nested images, other files."""

    images: int = 0
    deeper: int = 0
    example: str = ""  # a folder below a class folder
    strays: Counter[str] = field(default_factory=Counter)  # suffix -> number of non-image files
    links: int = 0  # links to folders, which are not followed

    def add(self, other: Content) -> None:
        """Add the counts of `other`."""
        self.images += other.images
        self.deeper += other.deeper
        self.example = self.example or other.example
        self.strays.update(other.strays)
        self.links += other.links


def files_of(folder: Path, content: Content, may_be_empty: bool = False) -> list[Path]:
    """The sorted images in and below a class folder; `content` counts everything found there."""
    files: list[Path] = []
    in_order = os.name != "nt"  # paths of one folder sort as their names, but for case there
    for place, names in _walk(folder, content):
        suffixes = list(map(_suffix, names))
        images = [name for name, suffix in zip(names, suffixes, strict=True) if suffix in SUFFIXES]
        in_order = in_order and not (files and images)
        files += map(place.joinpath, images)
        content.strays.update(suffix for suffix in suffixes if suffix not in SUFFIXES)
        content.images += len(images)
        if place != folder and images:
            content.deeper += len(images)
            content.example = content.example or f"{folder.name}/{place.name}"
    if not files and not may_be_empty:
        raise DataError(f"The class folder {folder} contains no images (png, jpg, webp, bmp, ...).")
    return files if in_order else sorted(files)


def _walk(folder: Path, content: Content) -> Iterator[tuple[Path, list[str]]]:
    """Walk this folder and those below it, skipping hidden entries; links are not followed."""

    def stop(error: OSError) -> None:
        raise DataError(f"The folder {error.filename} cannot be read: {error.strerror}.") from error

    for place, folders, names in os.walk(folder, onerror=stop):
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]
        content.links += sum(map(_is_eligible, links))
        folders[:] = sorted(name for name in folders if _is_eligible(name) and name not in links)
        yield Path(place), sorted(name for name in names if not name.startswith("."))


def images_of(folder: Path) -> list[Path]:
    """The sorted images in and below a folder."""
    return files_of(folder, Content(), may_be_empty=True)


def folders_of(top: Path) -> list[str]:
    """The sorted names of the subfolders, without hidden and system folders."""
    return sorted(
        entry.name
        for entry in _entries(top)
        if _is_eligible(entry.name) and _entry_is(entry.is_dir)
    )


def direct_image_count(folder: Path) -> int:
    """Number of images in the folder itself, not below it."""
    return sum(_is_image(entry.name) and _entry_is(entry.is_file) for entry in _entries(folder))


def _entry_is(kind: Callable[[], bool]) -> bool:
    """Whether an entry is of this kind; False for circular links."""
    try:
        return kind()
    except OSError:
        return False


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        raise DataError(f"The folder {folder} cannot be read: {error.strerror}.") from error


def _is_eligible(name: str) -> bool:
    return not name.startswith(".") and name not in NO_CLASSES


def _is_image(name: str) -> bool:
    return _suffix(name) in SUFFIXES


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower() or "no suffix"


def content_notes(content: Content) -> Iterator[str]:
    """Notes on class folders: nested images, and everything that is ignored."""
    if content.deeper:
        yield (
            f"{content.deeper:,} of {image_count(content.images)} lie in subfolders of their class "
            f"folder (such as {shown_name(content.example)}/) and are assigned to that class."
        )
    if content.strays:
        count = content.strays.total()
        kinds = [f"{number:,} {shown_name(kind)}" for kind, number in content.strays.most_common()]
        files = "1 file" if count == 1 else f"{count:,} files"
        yield (
            f"{files} in class folders {is_or_are(count)} ignored, not images by suffix: "
            f"{listing(kinds)}."
        )
    if content.links:
        links = "1 link" if content.links == 1 else f"{content.links:,} links"
        yield f"{links} to folders below class folders {is_or_are(content.links)} not followed."


def shown_name(name: str) -> str:
    """A file name as one printable line; unprintable characters become escape codes."""
    if name.isprintable():
        return name
    return "".join(
        letter
        if letter.isprintable() or letter in JOINERS
        else letter.encode("unicode_escape").decode()
        for letter in name
    )


def image_count(count: int) -> str:
    """'1 image', '2 images'."""
    return "1 image" if count == 1 else f"{count:,} images"


def is_or_are(count: int) -> str:
    """The verb that agrees with this count."""
    return "is" if count == 1 else "are"


def listing(names: Sequence[str]) -> str:
    """The first names and the number of further ones, e.g. 'a, b, c, d and 2 more'."""
    shown = ", ".join(map(shown_name, names[:SHOWN]))
    return f"{shown} and {len(names) - SHOWN:,} more" if len(names) > SHOWN else shown
