"""What samples are called, and which samples a name that somebody wrote stands for."""

from __future__ import annotations

import fnmatch
import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from engine.datasets.base import Dataset
from engine.errors import SpecError
from engine.forget_sets.index_text import Place
from engine.storage.paths import is_file, place

LONGEST = 64  # characters of a name in a sentence or a title
MOST_PATTERNS = 1000  # of one list; each is compared with every name
UNKNOWN, DOUBTFUL = "name no sample", "may mean several samples"
TESTED = "are test samples or held out as such"
SINGULAR = {UNKNOWN: "names no sample", TESTED: "is a test sample or held out as such"}
TRAINING = ("train", "training")  # folders that a list may name though the data have none


def called(sample: int | None, dataset: Dataset | None) -> str:
    """The words for a sample wherever one is shown: 'sample 17 (train/cat/03.png)'.

    Without a dataset at hand, its number alone.
    """
    if sample is None:
        return "no sample"
    if dataset is None or not 0 <= sample < len(dataset):
        return f"sample {sample}"
    return f"sample {sample} ({short(dataset.name_of(sample))})"


def titled(sample: int | None, dataset: Dataset | None) -> str:
    """`called` as a title or a sentence begins."""
    words = called(sample, dataset)
    return words[0].upper() + words[1:]


def short(name: str) -> str:
    """A name on one line: its end where it is long, and nothing that cannot be printed."""
    shown = "".join(letter if letter.isprintable() else "\ufffd" for letter in name)
    return shown if len(shown) <= LONGEST else f"…{shown[1 - LONGEST :]}"


class SampleNames:
    """The names of a dataset's samples, to look up what somebody wrote."""

    def __init__(self, dataset: Dataset) -> None:
        self._root = place(dataset.spec.root).absolute() if dataset.spec.root else None
        self._training = len(dataset.train_y)
        self._dataset = dataset
        self._names = [_plain(dataset.name_of(index)) for index in range(len(dataset))]
        self._numbers = {name: index for index, name in reversed(list(enumerate(self._names)))}
        self._folder = _common(self._names[: self._training]) if dataset.files else ""
        self._last: dict[str, list[int]] = defaultdict(list)
        for index, name in enumerate(self._names):
            self._last[name.rpartition("/")[2]].append(index)

    def find(self, text: str) -> list[int]:
        """The samples that `text` may stand for, counted through; [] for none.

        A path below the root, with or without the folder of the training part, from the root's
        own name on, from the current folder or absolute; '/' or '\\'; the end of a path; a pattern
        such as cat/* (of several). Training samples come before test samples of the same name.
        """
        for name in self._readings(text):
            for way in (self._whole, self._ending, self._pattern):
                if found := self._preferred(way(name)):
                    return found
        return []

    def one(self, text: str) -> int:
        """The one sample that `text` stands for; SpecError where it is none or several."""
        found = self.find(text)
        if not found:
            raise SpecError(f"There is no sample called '{short(text)}'. {self.example}")
        if len(found) > 1:
            raise SpecError(f"{self._doubt(text, found)} Write more of the path.")
        return found[0]

    def listed(self, text: str) -> tuple[int, ...]:
        """The distinct samples of a name, a pattern, or several names with commas between."""
        found: dict[int, None] = {}
        for name, indices in self._on_a_line(text):
            found.update(
                dict.fromkeys(indices if is_pattern(name) and indices else [self.one(name)])
            )
        return tuple(found)

    def training(self, places: Sequence[Place], source: str) -> list[int]:
        """The training samples that these names stand for, one after the other.

        source: the file they stand in. SpecError counts those that are unknown, ambiguous or no
        training samples, and shows the first.
        """
        if sum(is_pattern(name) for _, name in places) > MOST_PATTERNS:
            raise SpecError(f"{source} has more than {MOST_PATTERNS} patterns. List the files.")
        found = [(where, *one) for where, line in places for one in self._on_a_line(line)]
        self._refuse(source, UNKNOWN, [one for one in found if not one[2]], self._unknown)
        doubtful = [one for one in found if len(one[2]) > 1 and not is_pattern(one[1])]
        self._refuse(source, DOUBTFUL, doubtful, self._doubt)
        tested = [one for one in found if one[2][0] >= self._training]
        self._refuse(source, TESTED, tested, self._tested)
        return [index for _, _, indices in found for index in indices]

    @property
    def example(self) -> str:
        """A sentence that shows what names look like."""
        return f"Names look like '{short(self._names[0])}'."

    def _on_a_line(self, line: str) -> list[tuple[str, list[int]]]:
        """A name with what it stands for, or several that commas or the like divide."""
        whole = self.find(line)
        parts = [part for part in re.split("[,;\t]", line) if part.strip()]
        if whole or not 1 < len(parts) < MOST_PATTERNS:
            return [(line, whole)]
        found = [(part, self.find(part)) for part in parts]
        return found if all(indices for _, indices in found) else [(line, whole)]

    # -- reading a name -------------------------------------------------------------------
    def _readings(self, text: str) -> Iterator[str]:
        """What the text may be below the root: as it stands, then without what leads there."""
        for name in dict.fromkeys((_plain(text), _plain(text.replace("\\", "/")))):
            inside = self._inside(_tidy(name))
            yield inside
            parts = inside.split("/")
            for count in range(len(parts) - 1, 0, -1):
                if self._leads(parts[:count]):
                    yield "/".join(parts[count:])
            yield from [" ".join([self._dataset.spec.name, *name.split()])] * (" " in name)

    def _inside(self, name: str) -> str:
        """An absolute path, or one with '..', below the root; others as they are."""
        absolute = name.startswith(("/", "~")) or re.match("[A-Za-z]:/", name) or ".." in name
        if self._root is None or not absolute:
            return name
        path = place(name).absolute()
        for root, file in (
            (self._root, Path(os.path.normpath(path))),
            (Path(os.path.realpath(self._root)), Path(os.path.realpath(path))),
        ):
            if file.is_relative_to(root):
                return _plain(file.relative_to(root).as_posix())
        return name

    def _leads(self, parts: Sequence[str]) -> bool:
        """Whether these folders are the end of the root's path, or name the training part."""
        ends = self._root is not None and tuple(parts) == self._root.parts[-len(parts) :]
        return ends or (len(parts) == 1 and parts[0].lower() in TRAINING)

    # -- looking it up --------------------------------------------------------------------
    def _whole(self, name: str) -> list[int]:
        below = f"{self._folder}/{name}" if self._folder else name
        return [self._numbers[one] for one in (name, below) if one in self._numbers][:1]

    def _ending(self, name: str) -> list[int]:
        if not self._dataset.files or name.startswith("/"):
            return []
        last = self._last.get(name.rpartition("/")[2], [])
        return [index for index in last if self._names[index].endswith(f"/{name}")]

    def _pattern(self, name: str) -> list[int]:
        if not is_pattern(name):
            return []
        matches = _matcher(name)
        start = len(self._folder) + 1 if self._folder else 0
        return [
            index
            for index, one in enumerate(self._names)
            if matches(one) or (start and one.startswith(self._folder) and matches(one[start:]))
        ]

    def _preferred(self, found: list[int]) -> list[int]:
        return [index for index in found if index < self._training] or found

    # -- sentences ------------------------------------------------------------------------
    def _refuse(
        self,
        source: str,
        what: str,
        wrong: Sequence[tuple[str, str, list[int]]],
        words: Callable[[str, list[int]], str],
    ) -> None:
        if wrong:
            where, name, indices = wrong[0]
            count = f"{len(wrong):,} {'entry' if len(wrong) == 1 else 'entries'}"
            verb = SINGULAR.get(what, what) if len(wrong) == 1 else what
            raise SpecError(f"{source}: {count} {verb}; the first, {where}: {words(name, indices)}")

    def _unknown(self, name: str, indices: list[int]) -> str:
        tidy = self._inside(_tidy(_plain(name.replace("\\", "/"))))
        shown = f"'{short(name)}'"
        if self._root is not None and self._dataset.files:
            if tidy.startswith("/"):
                return f"{shown} lies outside of {self._root}. {self.example}"
            if is_file(self._root / tidy):
                return f"{shown} is a file, but held out from training or not read. {self.example}"
        if not self._dataset.files and "/" in tidy:
            return f"{shown}. This dataset has no files. {self.example}"
        return f"{shown}. {self.example}"

    def _doubt(self, name: str, indices: list[int]) -> str:
        first, second = (short(self._names[index]) for index in indices[:2])
        more = f" or {len(indices) - 2:,} more" if len(indices) > 2 else ""
        return f"'{short(name)}' may be '{first}' or '{second}'{more}."

    def _tested(self, name: str, indices: list[int]) -> str:
        return f"'{short(name)}'. Only training samples can be forgotten."


def is_pattern(name: str) -> bool:
    """Whether a name has wildcards, so that it may stand for several samples."""
    return any(letter in name for letter in "*?[")


def _plain(name: str) -> str:
    """Composed letters, as most systems write them; some file systems take them apart."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def _tidy(name: str) -> str:
    """Without quotes and './', and with one '/' between folders."""
    bare = name.strip()
    if len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "\"'":
        bare = bare[1:-1].strip()
    bare = re.sub("/+", "/", bare.removeprefix("file://"))
    while bare.startswith("./"):
        bare = bare[2:]
    return bare.replace("/./", "/")


def _common(names: Iterable[str]) -> str:
    """The folder in which all these files lie, '' where there is none."""
    folders = {name.rpartition("/")[0] for name in names}
    return os.path.commonpath(folders) if all(folders) else ""


def _matcher(pattern: str) -> Callable[[str], bool]:
    """Whether a name fits: '*' and '?' stay within a folder, '**' stands for any folders."""
    parts = [
        None if part == "**" else re.compile(fnmatch.translate(part)).match
        for part in re.sub(r"(\*\*/)+", "**/", pattern).split("/")
    ]

    def fits(at: int, names: Sequence[str]) -> bool:
        if at == len(parts):
            return not names
        match = parts[at]
        if match is None:
            return any(fits(at + 1, names[skip:]) for skip in range(len(names) + 1))
        return bool(names and match(names[0])) and fits(at + 1, names[1:])

    return lambda name: fits(0, name.split("/"))
