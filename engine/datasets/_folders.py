"""What lies in folders of image files: the images, and a count of all that is none."""

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
NO_CLASSES = frozenset(("__MACOSX", "@eaDir", "lost+found", "$RECYCLE.BIN"))  # systems' own
SHOWN = 4  # names or kinds that a sentence lists


@dataclass
class Content:
    """What a class folder holds, or several: images, those of them that lie deeper, the rest."""

    images: int = 0
    deeper: int = 0
    example: str = ""  # a folder below a class folder
    strays: Counter[str] = field(default_factory=Counter)  # suffix -> files that are no images
    links: int = 0  # folders that are links, which are not followed

    def add(self, other: Content) -> None:
        """Count what `other` counted as well."""
        self.images += other.images
        self.deeper += other.deeper
        self.example = self.example or other.example
        self.strays.update(other.strays)
        self.links += other.links


def files_of(folder: Path, content: Content, may_be_empty: bool = False) -> list[Path]:
    """The sorted images in and below a class folder, which `content` counts with all the rest."""
    files = []
    for place, names in _walk(folder, content):
        images = [name for name in names if _is_image(name)]
        files += [place / name for name in images]
        content.strays.update(_suffix(name) for name in names if not _is_image(name))
        content.images += len(images)
        if place != folder and images:
            content.deeper += len(images)
            content.example = content.example or f"{folder.name}/{place.name}"
    if not files and not may_be_empty:
        raise DataError(f"The class folder {folder} holds no images (png, jpg, webp, bmp, ...).")
    return sorted(files)


def _walk(folder: Path, content: Content) -> Iterator[tuple[Path, list[str]]]:
    """Every folder from this one down with its files, hidden ones aside; links are not followed."""

    def stop(error: OSError) -> None:
        raise DataError(f"The folder {error.filename} cannot be read: {error.strerror}.") from error

    for place, folders, names in os.walk(folder, onerror=stop):
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]
        content.links += sum(map(_counts, links))
        folders[:] = sorted(name for name in folders if _counts(name) and name not in links)
        yield Path(place), sorted(name for name in names if not name.startswith("."))


def images_of(folder: Path) -> list[Path]:
    """The sorted images in and below a folder."""
    return files_of(folder, Content(), may_be_empty=True)


def folders_of(top: Path) -> list[str]:
    """The sorted names of the folders in a folder, without hidden ones and systems' own."""
    return sorted(entry.name for entry in _inside(top) if _counts(entry.name) and _is(entry.is_dir))


def direct(folder: Path) -> int:
    """How many images lie in the folder itself."""
    return sum(_is_image(entry.name) and _is(entry.is_file) for entry in _inside(folder))


def _is(kind: Callable[[], bool]) -> bool:
    """Whether an entry is of a kind; a link in a circle is of none."""
    try:
        return kind()
    except OSError:
        return False


def _inside(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        raise DataError(f"The folder {folder} cannot be read: {error.strerror}.") from error


def _counts(name: str) -> bool:
    return not name.startswith(".") and name not in NO_CLASSES


def _is_image(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in SUFFIXES


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower() or "no suffix"


def sentences(content: Content) -> Iterator[str]:
    """What is to be said of class folders: images that lie deeper, and whatever is left out."""
    if content.deeper:
        yield (
            f"{content.deeper:,} of {image_count(content.images)} lie deeper than their class's "
            f"folder (such as in {shown_name(content.example)}/) and are read as of that class."
        )
    if content.strays:
        count = content.strays.total()
        kinds = [f"{number:,} {shown_name(kind)}" for kind, number in content.strays.most_common()]
        files = "1 file" if count == 1 else f"{count:,} files"
        yield (
            f"{files} in class folders {are(count)} left out, no images by name: {listing(kinds)}."
        )
    if content.links:
        links = "1 link" if content.links == 1 else f"{content.links:,} links"
        yield f"{links} to folders below class folders {are(content.links)} not followed."


def shown_name(name: str) -> str:
    """The name of a file as one line that can be shown: what cannot be is written as its code."""
    if name.isprintable():
        return name
    return "".join(
        one if one.isprintable() or one in JOINERS else one.encode("unicode_escape").decode()
        for one in name
    )


def image_count(count: int) -> str:
    """'1 image', '2 images'."""
    return "1 image" if count == 1 else f"{count:,} images"


def are(count: int) -> str:
    """The verb that goes with so many."""
    return "is" if count == 1 else "are"


def listing(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    shown = ", ".join(map(shown_name, names[:SHOWN]))
    return f"{shown} and {len(names) - SHOWN:,} more" if len(names) > SHOWN else shown
