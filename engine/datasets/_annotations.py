"""Class labels from text files: Tiny ImageNet's val_annotations.txt and words.txt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.datasets._folders import image_count, images_of, is_or_are
from engine.errors import DataError
from engine.storage import plain_files
from engine.storage.schema import is_name

WORDS_FILE, IDS_FILE = "words.txt", "wnids.txt"
MAX_TEXT_BYTES = 1 << 26  # size limit of these text files; Tiny ImageNet's largest has 2.6 million


@dataclass(frozen=True)
class Annotations:
    """The labels of one part.

    file: where they come from; classes: file name -> class; images: the image files present.
    """

    file: Path
    classes: Mapping[str, str]
    images: Sequence[Path]


def read(folder: Path) -> Annotations | None:
    """Read the annotations of a part, such as val/val_annotations.txt; None if it has no such file.

    Each line holds a file name, a tab, a class name, and possibly more columns. Raises DataError
    for any other line.
    """
    file = _file_of(folder)
    if not file.is_file():
        return None
    classes = {}
    for number, line in enumerate(_lines(file), 1):
        cells = line.split("\t")
        if len(cells) < 2:
            raise DataError(
                f"{file}, line {number}, is not a file name and a class separated by a tab. Fix "
                "it, or remove the file and sort the images into class folders."
            )
        classes[cells[0].strip()] = cells[1].strip()
    return Annotations(file, classes, images_of(folder))


def grouped(
    annotations: Annotations, folder: Path, train: Mapping[str, Sequence[Path]]
) -> tuple[dict[str, list[Path]], tuple[str, ...]]:
    """The part's images by class, in the order of `train`, and notes on images without a class."""
    groups: dict[str, list[Path]] = {name: [] for name in train}
    omitted: Counter[str] = Counter()
    for path in annotations.images:
        name = annotations.classes.get(path.name)
        if name in groups:
            groups[name].append(path)
        else:
            omitted[
                "of classes that are not in the training part" if name else "without a class"
            ] += 1
    missing = len(annotations.classes.keys() - {path.name for path in annotations.images})
    notes = [f"The class labels of {folder.name}/ come from {annotations.file.name}."]
    notes += [
        f"{image_count(count)} of {folder.name}/ {why} {is_or_are(count)} ignored."
        for why, count in omitted.items()
    ]
    if missing:
        notes.append(
            f"{image_count(missing)} listed in {annotations.file.name} {is_or_are(missing)} "
            "missing."
        )
    return groups, tuple(notes)


def words(root: Path, names: Sequence[str]) -> dict[str, str]:
    """WordNet ID -> readable class name from Tiny ImageNet's words.txt; {} for any other folder.

    words.txt is read only next to wnids.txt, as Tiny ImageNet is distributed. The name is the first
    synonym, with the ID appended where several classes share it.
    """
    file = root / WORDS_FILE
    if not file.is_file() or not (root / IDS_FILE).is_file():
        return {}
    lines = (line.partition("\t") for line in _lines(file))
    synonyms = {name.strip(): text.partition(",")[0].strip() for name, _, text in lines}
    first_synonyms = {name: synonyms.get(name, "") for name in names}
    frequency = Counter(first_synonyms.values())
    unique = {name: word if frequency[word] == 1 else f"{word} ({name})" for name, word in
              first_synonyms.items() if word}  # fmt: skip
    return {name: word for name, word in unique.items() if is_name(word) and word not in names}


def files(root: Path, parts: Sequence[Path]) -> list[Path]:
    """Paths at which the label files of a folder and its parts would be."""
    return [root / WORDS_FILE, root / IDS_FILE, *map(_file_of, parts)]


def _file_of(folder: Path) -> Path:
    return folder / f"{folder.name.lower()}_annotations.txt"


def _lines(file: Path) -> list[str]:
    """The non-empty lines of a text file; DataError if it cannot be read."""
    try:
        text = plain_files.read_text(file, MAX_TEXT_BYTES, "utf-8-sig")
    except (OSError, ValueError) as error:
        raise DataError(
            f"{file} cannot be read as text: {plain_files.error_reason(error)}. Fix or remove it."
        ) from error
    return [line for line in text.splitlines() if line.strip()]
