"""Classes that a text file gives: Tiny ImageNet's val_annotations.txt and words.txt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.datasets._folders import are, image_count, images_of
from engine.errors import DataError
from engine.storage import plain_files
from engine.storage.schema import is_name

WORDS, NUMBERS = "words.txt", "wnids.txt"
LARGEST = 1 << 26  # bytes of such a text file; Tiny ImageNet's largest has 2.6 million


@dataclass(frozen=True)
class Annotations:
    """file: where they are from; classes: of each file's name; images: the files that are there."""

    file: Path
    classes: Mapping[str, str]
    images: Sequence[Path]


def read(folder: Path) -> Annotations | None:
    """The annotations of a part, such as val/val_annotations.txt; None where it has no such file.

    Lines are: name of the file, tab, name of the class, and perhaps more. DataError for others.
    """
    file = _file_of(folder)
    if not file.is_file():
        return None
    classes = {}
    for number, line in enumerate(_lines(file), 1):
        cells = line.split("\t")
        if len(cells) < 2:
            raise DataError(
                f"{file}, line {number}, names no file and class with a tab between them. Mend "
                "it, or take the file away and sort the images into folders of classes."
            )
        classes[cells[0].strip()] = cells[1].strip()
    return Annotations(file, classes, images_of(folder))


def grouped(
    noted: Annotations, folder: Path, train: Mapping[str, Sequence[Path]]
) -> tuple[dict[str, list[Path]], tuple[str, ...]]:
    """The part's images by class, in the order of `train`; sentences on those without one."""
    groups: dict[str, list[Path]] = {name: [] for name in train}
    apart: Counter[str] = Counter()
    for path in noted.images:
        name = noted.classes.get(path.name)
        if name in groups:
            groups[name].append(path)
        else:
            apart["of classes that are not trained" if name else "of no class"] += 1
    absent = len(noted.classes.keys() - {path.name for path in noted.images})
    notes = [f"The classes of {folder.name}/ are those of {noted.file.name}."]
    notes += [
        f"{image_count(count)} of {folder.name}/ {why} {are(count)} left out."
        for why, count in apart.items()
    ]
    if absent:
        notes.append(f"{image_count(absent)} that {noted.file.name} names {are(absent)} not there.")
    return groups, tuple(notes)


def words(root: Path, names: Sequence[str]) -> dict[str, str]:
    """What the classes of Tiny ImageNet are called in words.txt; {} where `root` is none.

    Only beside wnids.txt, as it is downloaded. The first synonym, where no other class has it.
    """
    file = root / WORDS
    if not file.is_file() or not (root / NUMBERS).is_file():
        return {}
    lines = (line.partition("\t") for line in _lines(file))
    known = {name.strip(): text.partition(",")[0].strip() for name, _, text in lines}
    found = {name: known.get(name, "") for name in names}
    often = Counter(found.values())
    single = {name: word if often[word] == 1 else f"{word} ({name})" for name, word in
              found.items() if word}  # fmt: skip
    return {name: word for name, word in single.items() if is_name(word) and word not in names}


def files(root: Path, parts: Sequence[Path]) -> list[Path]:
    """Where text files that give classes would lie, in the folder and its parts."""
    return [root / WORDS, root / NUMBERS, *map(_file_of, parts)]


def _file_of(folder: Path) -> Path:
    return folder / f"{folder.name.lower()}_annotations.txt"


def _lines(file: Path) -> list[str]:
    """The lines of a text file that are not empty; DataError where it cannot be read."""
    try:
        text = plain_files.read_text(file, LARGEST, "utf-8-sig")
    except (OSError, ValueError) as error:
        raise DataError(
            f"{file} cannot be read as text: {plain_files.why(error)}. Mend it or take it away."
        ) from error
    return [line for line in text.splitlines() if line.strip()]
