"""Parse lists of samples in text: one or several per line, ranges, table columns, file names."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from engine.errors import SpecError
from engine.storage.spreadsheet import escape_formula

Place = tuple[str, str]  # the position of a name, such as 'line 3', and the name

LONGEST = 10_000_000  # samples in a list; more than in any dataset held in memory
INDEX_WORDS = frozenset({
    "index", "indexes", "indices", "idx", "idxs", "id", "ids", "sample", "samples", "sample_id",
    "sample_ids", "sample_idx", "sample_index", "sample_indices",
})  # fmt: skip
FORGET_WORDS = frozenset({
    "forget", "forget_set", "forget_id", "forget_ids", "forget_idx", "forget_idxs", "forget_index",
    "forget_indexes", "forget_indices", "forget_samples", "unlearn", "unlearn_idx",
    "unlearn_index", "unlearn_indices",
})  # fmt: skip
FILE_WORDS = (
    "sample_name", "file", "files", "filename", "filenames", "file_name", "file_names", "path",
    "paths", "filepath", "file_path", "relative_path", "image", "images", "image_path",
    "image_file", "image_name", "img", "img_path", "name", "names",
)  # fmt: skip
UNNAMED = ("", "unnamed:_0")  # pandas' header of the column of row labels
COMMENTS = ("#", "//")
_WHOLE = re.compile(r"[0-9]{1,15}")
_RANGE = re.compile(r"([0-9]{1,15})[-\u2010-\u2014\u2212]([0-9]{1,15})")
_NUMBER = re.compile(r"\+?(?:[0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,2})?")
_SPACED = re.compile(r"(?<=[0-9])\s+[-\u2010-\u2014\u2212]\s+(?=[0-9])")
_FILE = re.compile(r"[^\s/\\]*[/\\]\S|.*\.[A-Za-z][A-Za-z0-9]{1,4}$|(.*\s)?(train|test)\s[0-9]+$")


@dataclass(frozen=True, eq=False)
class Listing:
    """The contents of a list: indices (n,) int64, or a mask (n,) bool, or names with positions.

    Indices and names are both present if a table has a column of each; they should agree.
    """

    indices: np.ndarray | None = None
    mask: np.ndarray | None = None
    names: tuple[Place, ...] = ()


def parse_list(source: str, text: str, by_name: bool = False) -> Listing:
    """Parse the lines of `text`; by_name: entries are names, even if they look like indices.

    A table has a header with a column of indices (`index`, `idx`, `id`, `sample` ...) or of files
    (`file`, `path`, `name` ...); lines that start with '#' or '//' are comments. SpecError names
    `source` and the line that cannot be parsed.
    """
    rows = [
        (number, line.strip())
        for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1)
        if line.strip() and not line.lstrip().startswith(COMMENTS)
    ]
    if not rows:
        return Listing()
    delimiter = next((mark for mark in "\t;," if mark in rows[0][1]), _gaps(rows[0][1]))
    header = [word(cell) for cell in cells(source, *rows[0], delimiter)]
    index, name = columns(source, header, by_name)
    if index is None and name is not None and not by_name:
        first = cells(source, *rows[1], delimiter) if len(rows) > 1 else []
        name = name if looks_like_name(_cell(first, name)) else None  # it may be a class name
    if index is None and name is None:
        return _without_header(source, rows, len(header), by_name)
    table = [(number, cells(source, number, line, delimiter)) for number, line in rows[1:]]
    return _from_table(source, table, index, name)


def columns(source: str, header: Sequence[str], by_name: bool) -> tuple[int | None, int | None]:
    """(column of indices, column of files), each None if the header has no such column.

    SpecError if the choice is ambiguous.
    """
    index_columns = [column for column in header if column in INDEX_WORDS | FORGET_WORDS]
    if "index" in index_columns:
        index_columns = ["index"]
    if len(index_columns) > 1 and not by_name:
        raise SpecError(
            f"{source} has several index columns: {_series(index_columns)}. Keep one, or name the "
            "intended one 'index'."
        )
    name = next((header.index(column) for column in FILE_WORDS if column in header), None)
    if by_name:
        return None, name
    if not index_columns and name is None and header[0] in UNNAMED and len(header) > 1:
        return (1 if header[1:] == ["0"] else 0), None
    return (header.index(index_columns[0]) if index_columns else None), name


def word(cell: str) -> str:
    """A column or array name, normalized for comparison."""
    return re.sub(r"[\s-]+", "_", cell.strip().strip("\"'").lower())


def cells(source: str, number: int, line: str, delimiter: str) -> list[str]:
    """The cells of a line; delimiter ' ' means any white space, '' a single cell."""
    if delimiter == " ":
        return line.split()
    try:
        return next(csv.reader([line], delimiter=delimiter or ","))
    except csv.Error as error:
        raise SpecError(f"{source}, line {number} is not a CSV row: {error}.") from error


def _gaps(line: str) -> str:
    """' ' if the first line is a header separated by white space, otherwise ''."""
    words = {word(one) for one in line.split()}
    return " " if len(words) > 1 and words & (INDEX_WORDS | FORGET_WORDS) else ""


def spans(source: str, where: str, text: str) -> Iterator[tuple[int, int]]:
    """(first, last) of each index or range in `text`: '3, 17 40-52'.

    SpecError names `source` and `where` for anything else.
    """
    for part in index_parts(text):
        yield span(source, where, part)


def index_parts(text: str) -> list[str]:
    """The indices and ranges of a line, as text."""
    return re.split(r"[,;\s]+", _SPACED.sub("-", text.strip()).strip(",; \t"))


def span(source: str, where: str, part: str) -> tuple[int, int]:
    """(first, last) of '17', '17.0', '1.7e1' or '17-20'; SpecError for anything else."""
    if _WHOLE.fullmatch(part):
        return int(part), int(part)
    if ends := _RANGE.fullmatch(part):
        first, last = int(ends[1]), int(ends[2])
        if first <= last and last - first < LONGEST:
            return first, last
    elif _NUMBER.fullmatch(part):
        value = Decimal(part)
        if value == value.to_integral_value() and value < 10**15:
            return int(value), int(value)
    raise SpecError(f"{source}, {where}: '{part[:40]}' is not an index (0, 1, 2, ...).")


def expand_ranges(source: str, ranges: Iterable[tuple[int, int]]) -> np.ndarray:
    """(n,) int64: every index in these spans; SpecError for more than `LONGEST`."""
    values: list[int] = []
    for first, last in ranges:
        if len(values) + last - first >= LONGEST:
            raise SpecError(f"{source} lists more than {LONGEST:,} samples.")
        values.extend(range(first, last + 1))
    return np.array(values, np.int64)


def looks_like_name(text: str) -> bool:
    """Whether a line looks like a sample name rather than a malformed index."""
    bare = text.strip().strip("\"'")
    return _FILE.match(bare) is not None and not _NUMBER.fullmatch(bare)


def parse_booleans(parts: Sequence[str]) -> np.ndarray | None:
    """(n,) bool from 'True' and 'False', case-insensitive; None if there is anything else."""
    values = [part.lower() for part in parts]
    return (
        np.array([value == "true" for value in values]) if {*values} <= {"true", "false"} else None
    )


def _without_header(
    source: str, rows: Sequence[tuple[int, str]], heads: int, by_name: bool
) -> Listing:
    if by_name or looks_like_name(rows[0][1]):
        return Listing(names=tuple((f"line {number}", line) for number, line in rows))
    bare = [(number, _bare(line)) for number, line in rows]
    counts = [len(index_parts(line)) for _, line in bare]
    wrapped = all(line.endswith((",", ";")) for _, line in bare[:-1])
    if min(counts) == max(counts) > 1 and len(rows) > 1 and not wrapped:
        raise SpecError(
            f"{source} has several columns but none named 'index'. Add a header line with column "
            "names, or write one index per line."
        )
    if (mask := parse_booleans([line for _, line in bare])) is not None:
        return Listing(mask=mask)
    return Listing(
        expand_ranges(
            source,
            (
                one
                for number, line in bare
                for one in (spans(source, f"line {number}", line) if line else ())
            ),
        )
    )


def _bare(line: str) -> str:
    """A line without the brackets, quotes and comments that other programs write around numbers."""
    inner = re.sub(r"\s+(#|//).*$", "", line)
    inner = re.sub(r"^\w+\s*=\s*", "", inner)
    inner = re.sub(r"^(?:(?:np|numpy|torch)\.)?(?:array|tensor)\(", "", inner)
    return inner.replace('"', "").replace("'", "").strip("[](){} \t")


def _from_table(
    source: str, rows: Sequence[tuple[int, list[str]]], index: int | None, name: int | None
) -> Listing:
    indices = None
    if index is not None:
        texts = [(f"line {number}", _cell(row, index)) for number, row in rows]
        mask = parse_booleans([text for _, text in texts]) if texts else None
        if mask is not None:
            return Listing(mask=mask)
        indices = expand_ranges(source, (span(source, where, text) for where, text in texts))
    names = () if name is None else tuple((f"line {n}", _cell(row, name)) for n, row in rows)
    return Listing(indices, names=names)


def _cell(row: Sequence[str], column: int) -> str:
    """A cell, without the apostrophe that prevents a spreadsheet from evaluating it."""
    cell = row[column].strip() if column < len(row) else ""
    return cell[1:] if cell.startswith("'") and escape_formula(cell[1:]) == cell else cell


def _series(names: Sequence[str]) -> str:
    shown = [f"'{name[:40]}'" for name in names[:4]]
    return ", ".join(shown) + (" ..." if len(names) > 4 else "")
