"""Display names of samples, and lookup of samples by a name that the user typed."""

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
from engine.storage.paths import is_file, typed_path

LONGEST = 64  # characters of a name in a sentence or a title
MOST_PATTERNS = 1000  # in one list; each is compared with every name
UNKNOWN, AMBIGUOUS = "match no sample", "may match several samples"
TEST = "are test samples"
SINGULAR = {UNKNOWN: "matches no sample", TEST: "is a test sample"}
TRAINING = ("train", "training")  # folders that a list may name although the data have none


def sample_label(sample: int | None, dataset: Dataset | None) -> str:
    """The display text of a sample, 'sample 17 (train/cat/03.png)'; without dataset, its index."""
    if sample is None:
        return "no sample"
    if dataset is None or not 0 <= sample < len(dataset):
        return f"sample {sample}"
    return f"sample {sample} ({shortened_name(dataset.name_of(sample))})"


def sample_title(sample: int | None, dataset: Dataset | None) -> str:
    """`sample_label`, capitalized for a title or the start of a sentence."""
    words = sample_label(sample, dataset)
    return words[0].upper() + words[1:]


def shortened_name(name: str) -> str:
    """A name on one line: long names keep their end, unprintable characters are replaced."""
    shown = "".join(letter if letter.isprintable() else "\ufffd" for letter in name)
    return shown if len(shown) <= LONGEST else f"…{shown[1 - LONGEST :]}"


class SampleNames:
    """An index of a dataset's sample names, for lookup of user input."""

    def __init__(self, dataset: Dataset) -> None:
        self._root = typed_path(dataset.spec.root).absolute() if dataset.spec.root else None
        self._training = len(dataset.train_y)
        self._dataset = dataset
        self._names = [_plain(dataset.name_of(index)) for index in range(len(dataset))]
        self._numbers = {name: index for index, name in reversed(list(enumerate(self._names)))}
        self._folder = _common(self._names[: self._training]) if dataset.files else ""
        self._by_file_name: dict[str, list[int]] = defaultdict(list)
        for index, name in enumerate(self._names):
            self._by_file_name[name.rpartition("/")[2]].append(index)

    def find(self, text: str) -> list[int]:
        """Indices of the samples that `text` matches; [] for none.

        Accepts a path relative to the root, with or without the folder of the training part or the
        root's own name, relative to the current folder, or absolute; with '/' or '\\'; the end of a
        path; or a pattern such as cat/*. Training samples take precedence over test samples.
        """
        for name in self._path_variants(text):
            for lookup in (self._exact_match, self._suffix_matches, self._pattern_matches):
                if matches := self._preferred(lookup(name)):
                    return matches
        return []

    def one(self, text: str) -> int:
        """The single sample that `text` matches; SpecError for none or several."""
        matches = self.find(text)
        if not matches:
            raise SpecError(f"There is no sample named '{shortened_name(text)}'. {self.example}")
        if len(matches) > 1:
            raise SpecError(f"{self._ambiguity(text, matches)} Give more of the path.")
        return matches[0]

    def listed(self, text: str) -> tuple[int, ...]:
        """The distinct samples matched by a name, a pattern, or comma-separated names."""
        samples: dict[int, None] = {}
        for name, indices in self._matches_in_line(text):
            samples.update(
                dict.fromkeys(indices if is_pattern(name) and indices else [self.one(name)])
            )
        return tuple(samples)

    def training(self, places: Sequence[Place], source: str) -> list[int]:
        """The training samples that these names match, in order.

        source: the file that lists them. SpecError counts the names that are unknown, ambiguous or
        not of training samples, and shows the first.
        """
        if sum(is_pattern(name) for _, name in places) > MOST_PATTERNS:
            raise SpecError(
                f"{source} has more than {MOST_PATTERNS} patterns. List the files instead."
            )
        entries = [
            (where, *entry) for where, line in places for entry in self._matches_in_line(line)
        ]
        self._refuse(source, UNKNOWN, [entry for entry in entries if not entry[2]], self._unknown)
        ambiguous = [entry for entry in entries if len(entry[2]) > 1 and not is_pattern(entry[1])]
        self._refuse(source, AMBIGUOUS, ambiguous, self._ambiguity)
        test_entries = [entry for entry in entries if entry[2][0] >= self._training]
        self._refuse(source, TEST, test_entries, self._test_sample)
        return [index for _, _, indices in entries for index in indices]

    @property
    def example(self) -> str:
        """A sentence with an example of a sample name."""
        return f"Names look like '{shortened_name(self._names[0])}'."

    def _matches_in_line(self, line: str) -> list[tuple[str, list[int]]]:
        """(name, matches) of one name, or of several separated by comma, semicolon or tab."""
        matches = self.find(line)
        parts = [part for part in re.split("[,;\t]", line) if part.strip()]
        if matches or not 1 < len(parts) < MOST_PATTERNS:
            return [(line, matches)]
        matches_of_parts = [(part, self.find(part)) for part in parts]
        return (
            matches_of_parts
            if all(indices for _, indices in matches_of_parts)
            else [(line, matches)]
        )

    # -- reading a name -------------------------------------------------------------------
    def _path_variants(self, text: str) -> Iterator[str]:
        """Possible paths below the root: the text as it is, then without leading folders."""
        for name in dict.fromkeys((_plain(text), _plain(text.replace("\\", "/")))):
            inside = self._relative_to_root(_tidy(name))
            yield inside
            parts = inside.split("/")
            for count in range(len(parts) - 1, 0, -1):
                if self._is_prefix(parts[:count]):
                    yield "/".join(parts[count:])
            yield from [" ".join([self._dataset.spec.name, *name.split()])] * (" " in name)

    def _relative_to_root(self, name: str) -> str:
        """An absolute path, or one with '..', made relative to the root; others unchanged."""
        absolute = name.startswith(("/", "~")) or re.match("[A-Za-z]:/", name) or ".." in name
        if self._root is None or not absolute:
            return name
        path = typed_path(name).absolute()
        for root, file in (
            (self._root, Path(os.path.normpath(path))),
            (Path(os.path.realpath(self._root)), Path(os.path.realpath(path))),
        ):
            if file.is_relative_to(root):
                return _plain(file.relative_to(root).as_posix())
        return name

    def _is_prefix(self, parts: Sequence[str]) -> bool:
        """Whether these folders are the end of the root's path or the training part."""
        ends = self._root is not None and tuple(parts) == self._root.parts[-len(parts) :]
        return ends or (len(parts) == 1 and parts[0].lower() in TRAINING)

    # -- looking it up --------------------------------------------------------------------
    def _exact_match(self, name: str) -> list[int]:
        in_folder = f"{self._folder}/{name}" if self._folder else name
        return [
            self._numbers[candidate]
            for candidate in (name, in_folder)
            if candidate in self._numbers
        ][:1]

    def _suffix_matches(self, name: str) -> list[int]:
        if not self._dataset.files or name.startswith("/"):
            return []
        candidates = self._by_file_name.get(name.rpartition("/")[2], [])
        return [index for index in candidates if self._names[index].endswith(f"/{name}")]

    def _pattern_matches(self, name: str) -> list[int]:
        if not is_pattern(name):
            return []
        matches = _matcher(name)
        start = len(self._folder) + 1 if self._folder else 0
        return [
            index
            for index, candidate in enumerate(self._names)
            if matches(candidate)
            or (start and candidate.startswith(self._folder) and matches(candidate[start:]))
        ]

    def _preferred(self, matches: list[int]) -> list[int]:
        return [index for index in matches if index < self._training] or matches

    # -- sentences ------------------------------------------------------------------------
    def _refuse(
        self,
        source: str,
        problem: str,
        entries: Sequence[tuple[str, str, list[int]]],
        words: Callable[[str, list[int]], str],
    ) -> None:
        if entries:
            where, name, indices = entries[0]
            count = f"{len(entries):,} {'entry' if len(entries) == 1 else 'entries'}"
            verb = SINGULAR.get(problem, problem) if len(entries) == 1 else problem
            raise SpecError(f"{source}: {count} {verb}; the first, {where}: {words(name, indices)}")

    def _unknown(self, name: str, indices: list[int]) -> str:
        tidy = self._relative_to_root(_tidy(_plain(name.replace("\\", "/"))))
        quoted = f"'{shortened_name(name)}'"
        if self._root is not None and self._dataset.files:
            if tidy.startswith("/"):
                return f"{quoted} is outside {self._root}. {self.example}"
            if is_file(self._root / tidy):
                return f"{quoted} is a file, but it is held out or was not read. {self.example}"
        if not self._dataset.files and "/" in tidy:
            return f"{quoted}. This dataset has no files. {self.example}"
        return f"{quoted}. {self.example}"

    def _ambiguity(self, name: str, indices: list[int]) -> str:
        first, second = (shortened_name(self._names[index]) for index in indices[:2])
        more = f" or {len(indices) - 2:,} more" if len(indices) > 2 else ""
        return f"'{shortened_name(name)}' may be '{first}' or '{second}'{more}."

    def _test_sample(self, name: str, indices: list[int]) -> str:
        return f"'{shortened_name(name)}'. Only training samples can be forgotten."


def is_pattern(name: str) -> bool:
    """Whether a name has wildcards and may match several samples."""
    return any(letter in name for letter in "*?[")


def _plain(name: str) -> str:
    """Unicode in composed form (NFC); some file systems return decomposed names."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def _tidy(name: str) -> str:
    """A path without quotes and './', with a single '/' between folders."""
    bare = name.strip()
    if len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "\"'":
        bare = bare[1:-1].strip()
    bare = re.sub("/+", "/", bare.removeprefix("file://"))
    while bare.startswith("./"):
        bare = bare[2:]
    return bare.replace("/./", "/")


def _common(names: Iterable[str]) -> str:
    """The folder that contains all these files; '' if there is none."""
    folders = {name.rpartition("/")[0] for name in names}
    return os.path.commonpath(folders) if all(folders) else ""


def _matcher(pattern: str) -> Callable[[str], bool]:
    """A predicate for names: '*' and '?' match within a folder, '**' matches any folders."""
    parts = [
        None if part == "**" else re.compile(fnmatch.translate(part)).match
        for part in re.sub(r"(\*\*/)+", "**/", pattern).split("/")
    ]

    def matches_from(position: int, names: Sequence[str]) -> bool:
        if position == len(parts):
            return not names
        match = parts[position]
        if match is None:
            return any(matches_from(position + 1, names[skip:]) for skip in range(len(names) + 1))
        return bool(names and match(names[0])) and matches_from(position + 1, names[1:])

    return lambda name: matches_from(0, name.split("/"))
